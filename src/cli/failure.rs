//! How a command fails towards the user: `error: ...` and `hint: ...`, an exit code, never a backtrace.

use std::error::Error as _;
use std::io::Write;

use crate::app;
use crate::config;

/// The exit code when the configuration or a login cannot be used.
pub(super) const UNUSABLE: u8 = 2;

/// The exit code of everything else that fails.
pub(super) const FAILED: u8 = 1;

/// Why a command failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// Message and hint, one per fault.
    pub(super) lines: Vec<(String, Option<String>)>,
    /// Exit code of the program.
    pub(super) code: u8,
}

impl Failure {
    /// A failure while running.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { lines: vec![(message.into(), None)], code: FAILED }
    }

    /// A command line that cannot be used.
    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { lines: vec![(message.into(), Some(hint.into()))], code: UNUSABLE }
    }

    /// Writes it to standard error; when even that is gone, there is nobody to tell.
    pub(super) fn print(&self) {
        let _ = std::io::stderr().lock().write_all(self.text().as_bytes());
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (message, hint) in &self.lines {
            text.push_str(&format!("error: {message}\n"));
            if let Some(hint) = hint {
                text.push_str(&format!("hint: {hint}\n"));
            }
        }
        text
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        let lines = error.faults.into_iter().map(|fault| (fault.to_string(), fault.hint)).collect();
        Self { lines, code: UNUSABLE }
    }
}

impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            message.push_str(&format!(": {next}"));
            cause = next.source();
        }
        match error {
            app::Error::Config(config) => config.into(),
            _ => Self::new(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_a_line_with_its_hint_below() {
        let fault = |place: &str, hint: Option<&str>| config::Fault {
            place: place.to_owned(),
            message: "is wrong".to_owned(),
            hint: hint.map(str::to_owned),
        };
        let failure =
            Failure::from(config::Error { faults: vec![fault("a.toml:1:2", Some("do this")), fault("b", None)] });
        assert_eq!(failure.text(), "error: a.toml:1:2: is wrong\nhint: do this\nerror: b: is wrong\n");
        assert_eq!(failure.code, UNUSABLE);
    }
}
