//! The simulated cloud's past: filled into the history at the start of `demo`, or written to a file instead of serving.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{DemoFlags, Folder};
use crate::app::{self, Past};
use crate::cli::failure::Failure;
use crate::config::Settings as AppSettings;
use crate::demo::{Demo, Settings};
use crate::model::clock::{Clock, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3600);
/// Days of history that a demo starts with.
const HISTORY_DAYS: u32 = 45;
/// What the start of a demo waits for; of larger or slower clouds the past takes minutes.
const QUICK_HYPERVISORS: usize = 50;
const QUICK_INSTANCES: usize = 1000;

/// Flags about the past.
#[derive(Debug, clap::Args)]
pub(super) struct PastFlags {
    /// Days of history to start with [default: 45; 0 for clouds that are large or slow]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=400))]
    history: Option<u32>,
    /// Write what would have been published over such a time, up to now, and serve nothing: 45d, 36h
    #[arg(long, value_name = "TIME", value_parser = time, requires = "openmetrics", conflicts_with_all = ["cloud_only", "history", "listen_addresses"])]
    backfill: Option<Duration>,
    /// The file to write, for `promtool tsdb create-blocks-from openmetrics`
    #[arg(long, value_name = "FILE", requires = "backfill")]
    openmetrics: Option<PathBuf>,
    /// From one page of it to the next: 1h, 5m
    #[arg(long, value_name = "TIME", value_parser = time, requires = "backfill", default_value = "1h")]
    step: Duration,
}

impl PastFlags {
    /// What to write in place of serving.
    pub(super) fn file(&self) -> Option<(&Path, Duration)> {
        Some((self.openmetrics.as_deref()?, self.backfill?))
    }

    /// Days of history that a served cloud starts with.
    fn days(&self, settings: &Settings) -> u32 {
        let quick = settings.hypervisors <= QUICK_HYPERVISORS
            && settings.instances <= QUICK_INSTANCES
            && settings.delay_ms + settings.jitter_ms == 0;
        self.history.unwrap_or(if quick { HISTORY_DAYS } else { 0 })
    }
}

/// The present as the past's grid has it: a full hour.
fn present() -> Timestamp {
    let hour = i64::try_from(HOUR.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(Clock::system().now().millis().div_euclid(hour) * hour)
}

/// Starts the simulated cloud; with a history, far enough back and with all that happened since in the exporter's store.
pub(super) async fn start(flags: &DemoFlags, folder: &Folder, exporter: &AppSettings) -> Result<Demo, Failure> {
    let settings = flags.settings();
    let days = if flags.cloud_only { 0 } else { flags.past.days(&settings) };
    if days == 0 {
        return begin(settings, Clock::system(), folder).await;
    }
    let to = present();
    let past = Past { from: to.minus(DAY * days), to, step: HOUR };
    let clock = Clock::manual(past.from);
    let demo = begin(Settings { lead_days: days, ..settings }, clock.clone(), folder).await?;
    tracing::info!(days, "replaying the cloud's past; --history=0 starts without");
    let started = clock.instant();
    app::fill_history(exporter, &clock, past).await?;
    clock.release();
    tracing::info!(seconds = started.elapsed().as_secs(), "the past has met the present");
    Ok(demo)
}

/// Writes the file.
pub(super) async fn write(flags: &DemoFlags, folder: &Folder, exporter: &AppSettings) -> Result<(), Failure> {
    let Some((path, span)) = flags.past.file() else { return Ok(()) };
    let to = present();
    let past = Past { from: to.minus(span), to, step: flags.past.step };
    let days = u32::try_from(span.as_secs() / DAY.as_secs()).unwrap_or(u32::MAX);
    let failed = |error: std::io::Error| Failure::new(format!("cannot write {}: {error}", path.display()));
    // Not after minutes of work.
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(failed)?);
    let clock = Clock::manual(past.from);
    let _demo = begin(Settings { lead_days: days, ..flags.settings() }, clock.clone(), folder).await?;
    let started = clock.instant();
    let recording = app::record(exporter, &clock, past).await?;
    let samples = recording.write(&mut file).and_then(|samples| file.flush().map(|()| samples)).map_err(failed)?;
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    tracing::info!(samples, bytes, seconds = started.elapsed().as_secs(), path = %path.display(), "written");
    Ok(())
}

async fn begin(settings: Settings, clock: Clock, folder: &Folder) -> Result<Demo, Failure> {
    let demo = Demo::start(settings, clock).await.map_err(|error| Failure::new(error.to_string()))?;
    folder.write(&demo.clouds_yaml())?;
    tracing::info!(address = %demo.address(), "simulated cloud listens");
    Ok(demo)
}

/// A time as Prometheus writes it, of one unit.
fn time(text: &str) -> Result<Duration, String> {
    let units = [('d', DAY), ('h', HOUR), ('m', Duration::from_secs(60)), ('s', Duration::from_secs(1))];
    let found = units.iter().find_map(|(unit, duration)| Some((text.strip_suffix(*unit)?, *duration)));
    let number = found.and_then(|(number, unit)| unit.checked_mul(number.parse().ok()?));
    number.filter(|time| !time.is_zero()).ok_or_else(|| "expected a number and d, h, m or s, such as 45d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_number_and_a_unit() {
        assert_eq!(time("45d"), Ok(45 * DAY));
        assert_eq!(time("90m"), Ok(Duration::from_secs(5400)));
        for wrong in ["", "d", "45", "0d", "-1d", "1.5h", "1d12h", "99999999999999999999s", "9999999999999999999d"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
