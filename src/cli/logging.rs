//! The program's log: text or JSON on standard error, at the level of the settings or of RUST_LOG.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts the log; the first start of a process counts.
pub(super) fn start(log: &Log) {
    // Once nobody reads standard error, there is nowhere to say so either: the library's own note of a failed write
    // would panic, and take the task with it that logs.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter(log)).with_writer(std::io::stderr).log_internal_errors(false);
    // A second start, as tests do, leaves the first one in force.
    let _ = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            builder.with_ansi(colour).with_target(false).try_init()
        }
    };
}

/// RUST_LOG when it is set and sound; otherwise our own lines at the level asked for, and of the libraries
/// what is odd only: hyper and rustls would fill the log at debug.
fn filter(log: &Log) -> EnvFilter {
    match EnvFilter::try_from_default_env() {
        Ok(filter) => filter,
        Err(_) => EnvFilter::new(directives(log)),
    }
}

fn directives(log: &Log) -> String {
    let level = log.level.name();
    match level {
        "error" | "trace" => level.to_owned(),
        _ => format!("warn,stackcast={level}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogLevel;

    #[test]
    fn libraries_are_quiet_unless_everything_is_asked_for() {
        let at = |level| directives(&Log { level, ..Log::default() });
        assert_eq!(at(LogLevel::Debug), "warn,stackcast=debug");
        assert_eq!(at(LogLevel::Trace), "trace");
        assert_eq!(at(LogLevel::Error), "error");
    }
}
