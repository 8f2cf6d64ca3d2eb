//! `stackcast forecast`: the next steps of any series, from CSV to CSV.
//!
//! A folder in gives a file out for each file in. One bad file does not stop the others; it fails the command.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::failure::{FAILED, Failure};
use super::output;
use super::series_csv::{Rows, files};
use crate::analyse::forecast::{Engine, Forecast, ForecastError, Options, Series};

/// Faults printed; the rest is counted.
const FAULTS_SHOWN: usize = 20;

/// Flags of `forecast`.
#[derive(Debug, clap::Args)]
pub(super) struct ForecastFlags {
    /// CSV `timestamp,value` (ISO 8601 or seconds since 1970), or a folder of such files
    #[arg(long = "in", value_name = "FILE|DIR")]
    input: PathBuf,
    /// Where the answer goes; `-` is standard output; a folder when the input is one
    #[arg(long = "out", value_name = "FILE|DIR")]
    output: PathBuf,
    #[command(flatten)]
    question: Question,
}

/// What is asked about each series.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Question {
    /// Steps ahead
    #[arg(long, value_name = "N", default_value_t = 24)]
    pub(super) horizon: usize,
    /// Seconds between steps [default: the usual distance between rows]
    #[arg(long, value_name = "SECONDS")]
    pub(super) step: Option<i64>,
    /// The interval holds what happens with this probability: 0.8 or 80
    #[arg(long, value_name = "LEVEL", default_value = "0.8", value_parser = level)]
    pub(super) level: f64,
    /// The value never goes below; empty: no bound
    #[arg(long, value_name = "X", default_value = "", value_parser = bound, allow_hyphen_values = true)]
    pub(super) min: Bound,
    /// The value never goes above; empty: no bound
    #[arg(long, value_name = "X", default_value = "", value_parser = bound, allow_hyphen_values = true)]
    pub(super) max: Bound,
}

/// A bound that may be absent. (A plain `Option` would make clap treat the flag, not its value, as optional.)
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound(Option<f64>);

fn bound(text: &str) -> Result<Bound, String> {
    if text.is_empty() {
        return Ok(Bound(None));
    }
    match text.parse::<f64>() {
        Ok(value) if !value.is_nan() => Ok(Bound(Some(value).filter(|v| v.is_finite()))),
        _ => Err("not a number; leave it empty for no bound".to_owned()),
    }
}

/// A share, or percent: above 1.
fn level(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let share = if value > 1.0 { value / 100.0 } else { value };
    if share > 0.0 && share < 1.0 { Ok(share) } else { Err("must be between 0 and 1, or 1 and 100 percent".to_owned()) }
}

impl Question {
    /// Reads a file and forecasts it; the error names the file.
    pub(super) fn ask(&self, path: &Path) -> Result<(String, Forecast), String> {
        let rows = Rows::read(path)?;
        let named = |message: String| format!("{}: {message}", path.display());
        let series = rows.series(self.step).map_err(named)?;
        let forecast = self.about(&series).map_err(|error| named(error.to_string()))?;
        Ok((rows.answer(&series, &forecast), forecast))
    }

    /// Forecasts a series.
    pub(super) fn about(&self, series: &Series) -> Result<Forecast, ForecastError> {
        let options = Options { horizon: self.horizon, min: self.min.0, max: self.max.0 };
        Engine::fit(series, &options)?.forecast(self.horizon, self.level)
    }
}

/// Calls `work` on every item, on all cores, with a counter on a terminal; answers in the items' order.
pub(super) fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, usize::from).min(items.len().max(1));
    let next = AtomicUsize::new(0);
    let show = std::io::stderr().is_terminal() && items.len() > 1;
    let one_thread = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            done.push((index, work(item)));
            if show {
                let _ = write!(std::io::stderr(), "\r{}/{}", (index + 1).min(items.len()), items.len());
            }
        }
    };
    let mut all = thread::scope(|scope| {
        let threads: Vec<_> = (1..cores).map(|_| scope.spawn(one_thread)).collect();
        let mut all = one_thread();
        all.extend(threads.into_iter().filter_map(|t| t.join().ok()).flatten());
        all
    });
    if show {
        let _ = writeln!(std::io::stderr());
    }
    all.sort_unstable_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Prints what is wrong with some files, and the command's outcome.
pub(super) fn conclude(faults: Vec<String>) -> Result<ExitCode, Failure> {
    if faults.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let more = faults.len().saturating_sub(FAULTS_SHOWN);
    let mut lines: Vec<(String, Option<String>)> = faults.into_iter().take(FAULTS_SHOWN).map(|f| (f, None)).collect();
    if more > 0 {
        lines.push((format!("{more} more files failed"), None));
    }
    Err(Failure { lines, code: FAILED })
}

/// Runs the command.
pub(super) fn run(flags: &ForecastFlags) -> Result<ExitCode, Failure> {
    let pairs = files(&flags.input, &flags.output)?;
    if flags.input.is_dir() {
        std::fs::create_dir_all(&flags.output)
            .map_err(|error| Failure::new(format!("cannot create {}: {error}", flags.output.display())))?;
    }
    let results = on_all_cores(&pairs, |(input, output)| {
        let (text, forecast) = flags.question.ask(input)?;
        if output == Path::new("-") {
            output::write(&text).map_err(|_| "standard output: cannot be written".to_owned())?;
        } else {
            std::fs::write(output, text)
                .map_err(|error| format!("{}: cannot be written: {error}", output.display()))?;
        }
        Ok(forecast)
    });
    let unready = results.iter().filter(|r| r.as_ref().is_ok_and(|f| !f.ready)).count();
    if unready > 0 {
        let _ = writeln!(
            std::io::stderr(),
            "note: {unready} of {} series not ready (under two seasons, more than 20 % missing, or not \
             backtested): take their forecast as a guess",
            pairs.len()
        );
    }
    conclude(results.into_iter().filter_map(Result::err).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_bounds_as_people_write_them() {
        assert_eq!(level("0.8"), Ok(0.8));
        assert_eq!(level("95"), Ok(0.95));
        assert!(level("0").is_err() && level("100").is_err() && level("x").is_err());
        assert_eq!(bound(""), Ok(Bound(None)));
        assert_eq!(bound("-5"), Ok(Bound(Some(-5.0))));
        assert_eq!(bound("inf"), Ok(Bound(None)));
        assert!(bound("none").is_err());
    }

    #[test]
    fn answers_keep_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(on_all_cores(&items, |i| i * 2), items.iter().map(|i| i * 2).collect::<Vec<_>>());
        assert!(on_all_cores(&[], |_: &usize| ()).is_empty());
    }

    #[test]
    fn a_file_in_gives_a_file_out_and_a_bad_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let row = |h: i64| format!("{},{}\n", h * 3600, 50 + (h % 24) * 2);
        let good: String = (0..240).map(row).collect();
        std::fs::create_dir(dir.path().join("in")).unwrap();
        std::fs::write(dir.path().join("in/a.csv"), format!("timestamp,value\n{good}")).unwrap();
        std::fs::write(dir.path().join("in/b.csv"), "timestamp,value\n0,1\n60,oops\n").unwrap();
        let question = Question { horizon: 24, step: Some(3600), level: 0.8, min: Bound(None), max: Bound(Some(90.0)) };
        let flags = ForecastFlags { input: dir.path().join("in"), output: dir.path().join("out"), question };
        let failure = run(&flags).unwrap_err();
        assert_eq!(failure.lines.len(), 1);
        assert!(failure.lines[0].0.ends_with("b.csv:3: `oops` is no number; leave a missing value empty"));
        let out = std::fs::read_to_string(dir.path().join("out/a.csv")).unwrap();
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!((lines.len(), lines[0]), (25, "timestamp,forecast,lower,upper"));
        assert!(lines[1].starts_with("864000,5"), "{}", lines[1]);
    }
}
