//! `stackcast once`: every collector once, the page to standard output.

use std::process::ExitCode;
use std::time::Duration;

use super::failure::{FAILED, Failure, UNUSABLE};
use super::flags::Flags;
use crate::app::{self, Collected};
use crate::expose::Format as PageFormat;

/// Flags of `once`.
#[derive(Debug, clap::Args)]
pub(super) struct OnceFlags {
    /// Text format of the page
    #[arg(long, value_enum, default_value_t = Format::Classic)]
    format: Format,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    flags: Flags,
}

/// How long collectors may take.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Patience {
    /// Seconds after which a collector that has not finished is given up
    #[arg(long = "patience", value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
}

impl Patience {
    pub(super) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Prometheus text format 0.0.4
    Classic,
    /// OpenMetrics 1.0
    #[value(name = "openmetrics")]
    OpenMetrics,
}

pub(super) fn run(flags: &OnceFlags) -> Result<ExitCode, Failure> {
    let loaded = super::start(&flags.flags)?;
    let format = match flags.format {
        Format::Classic => PageFormat::Text,
        Format::OpenMetrics => PageFormat::OpenMetrics,
    };
    let collected = super::block_on(app::collect_once(&loaded.settings, flags.patience.duration(), format))??;
    super::output::write(&collected.page)?;
    Ok(verdict(&collected))
}

/// The page is printed in any case; the code says whether it is whole.
pub(super) fn verdict(collected: &Collected) -> ExitCode {
    if collected.clouds.iter().any(|cloud| cloud.session.is_err()) {
        return ExitCode::from(UNUSABLE);
    }
    let whole = collected.health.entries().iter().all(|entry| entry.state().success == Some(true));
    if whole { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}
