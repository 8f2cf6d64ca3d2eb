//! The command line: parse, load the configuration, run a command, turn its outcome into an exit code.
//!
//! Commands: `serve` (the default), `once`, `check`, `demo`, `forecast`, `backtest`, `anomaly`, `what-if`, `export`, `backup`,
//! `health`, `report`, `reference`, `render`, `systemd-unit`. Flags of openstack-exporter keep their meaning. Data goes to
//! standard output, logs and errors to standard error; nothing here depends on colour.

mod anomaly;
mod backtest;
mod backup;
mod check;
mod demo;
mod export;
mod failure;
mod flags;
mod forecast;
mod health;
mod logging;
mod once;
mod output;
mod reference;
mod render;
mod report;
mod series_csv;
mod serve;
mod systemd_unit;
mod what_if;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{Loaded, Settings};
use failure::Failure;
use flags::Flags;

/// The Prometheus exporter for OpenStack that sees ahead.
#[derive(Debug, Parser)]
#[command(name = "stackcast", version, about, args_conflicts_with_subcommands = true, max_term_width = 120)]
#[command(
    after_help = "Without a command, `serve` runs; `stackcast mycloud` serves the cloud `mycloud` of clouds.yaml."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Collect in the background and serve the metrics (the default command)
    Serve(Flags),
    /// Run every collector once and print the metrics page
    Once(once::OnceFlags),
    /// Say what works: configuration, logins, and each collector with what to do when it is blind or fails
    Check(check::CheckFlags),
    /// Serve the metrics of a simulated cloud, without any OpenStack
    Demo(demo::DemoFlags),
    /// Forecast any series: CSV in, CSV with intervals out
    Forecast(forecast::ForecastFlags),
    /// Say how far off forecasts of a series would have been, beside the seasonal naive
    Backtest(backtest::BacktestFlags),
    /// Score recorded series: CSV in, CSV out; a score above 1 is an anomaly
    Anomaly(anomaly::Args),
    /// Say what would be so if ratios were others, hosts came or went, or instances came, beside what is so now
    WhatIf(what_if::WhatIfFlags),
    /// Write readings of the history as CSV, or without a range the current state as JSON
    Export(export::ExportFlags),
    /// Copy the history and the workload records to new files, while the server runs
    Backup(backup::BackupFlags),
    /// Ask the server on this machine whether it is alive, or ready: for health checks of containers
    Health(health::HealthFlags),
    /// Make a report for people: when what is full, what fits, what is wasted, what is odd; to a file or by mail
    Report(report::ReportFlags),
    /// Print the reference of metrics, of the configuration, or its JSON schema
    Reference(reference::ReferenceFlags),
    /// Write files of the bundle that depend on where it runs: Alertmanager's configuration and secrets
    Render(render::RenderFlags),
    /// Print the systemd unit
    SystemdUnit(systemd_unit::UnitFlags),
}

/// Runs the program with its arguments, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version arrive here too. A pipe that closed early is no fault.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    let outcome = match cli.command {
        None => serve::run(&cli.flags),
        Some(Command::Serve(flags)) => serve::run(&flags),
        Some(Command::Once(flags)) => once::run(&flags),
        Some(Command::Check(flags)) => check::run(&flags),
        Some(Command::Demo(flags)) => demo::run(&flags),
        Some(Command::Forecast(flags)) => forecast::run(&flags),
        Some(Command::Backtest(flags)) => backtest::run(&flags),
        Some(Command::Anomaly(flags)) => anomaly::run(&flags),
        Some(Command::WhatIf(flags)) => what_if::run(&flags),
        Some(Command::Export(flags)) => export::run(&flags),
        Some(Command::Backup(flags)) => backup::run(&flags),
        Some(Command::Health(flags)) => health::run(&flags),
        Some(Command::Reference(flags)) => reference::run(&flags),
        Some(Command::Render(flags)) => render::run(&flags),
        Some(Command::SystemdUnit(flags)) => systemd_unit::run(&flags),
        Some(Command::Report(flags)) => report::run(&flags),
    };
    outcome.unwrap_or_else(|failure| {
        failure.print();
        ExitCode::from(failure.code)
    })
}

/// Parses the command line. A command behind a flag would be taken for a cloud of that name, so it is refused.
fn parse<T: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = T>) -> Result<Cli, clap::Error> {
    let cli = Cli::try_parse_from(arguments)?;
    let mut command = Cli::command();
    match &cli.flags.cloud {
        Some(cloud) if command.find_subcommand(cloud).is_some() => Err(command.error(
            clap::error::ErrorKind::ArgumentConflict,
            format!("write the flags behind `{cloud}`; a cloud of that name is served by `stackcast serve {cloud}`"),
        )),
        _ => Ok(cli),
    }
}

/// Runs a command's asynchronous part.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("cannot start the runtime: {error}")))?;
    Ok(runtime.block_on(work))
}

/// Loads the settings and starts the log as they say.
fn start(flags: &Flags) -> Result<Loaded, Failure> {
    let loaded = flags.sources().load()?;
    logging::start(&loaded.settings.log);
    let Settings { clouds, .. } = &loaded.settings;
    tracing::debug!(sources = ?loaded.sources, clouds = ?clouds.names, "configuration loaded");
    Ok(loaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_first_word_is_a_command_or_a_cloud() {
        let parse = |words: &[&str]| super::parse(words.iter().copied()).unwrap();
        assert_eq!(parse(&["stackcast", "mycloud"]).flags.cloud.as_deref(), Some("mycloud"));
        assert!(parse(&["stackcast", "mycloud"]).command.is_none());
        let Some(Command::Serve(flags)) = parse(&["stackcast", "serve", "check"]).command else { panic!() };
        assert_eq!(flags.cloud.as_deref(), Some("check"), "a cloud named as a command");
        assert!(matches!(parse(&["stackcast", "check", "--prefix", "x"]).command, Some(Command::Check(_))));
        assert!(super::parse(["stackcast", "--prefix", "x", "check"]).is_err());
    }
}
