//! `stackcast backtest`: how far off the forecasts of a user's own series would have been, beside the
//! seasonal naive, from the same rolling origins that weigh the models.
//!
//! The series come from CSV files, from a Prometheus-compatible store, or from stackcast's own history.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::backup::Source;
use super::failure::Failure;
use super::forecast::{Question, conclude, on_all_cores};
use super::output;
use super::series_csv::files;
use crate::analyse::forecast::{Forecast, Series};
use crate::history::{self, History, PrometheusHistory, Selection, Want};
use crate::model::clock::{Clock, Timestamp};
use crate::model::metric::Unit;
use crate::model::signal::{Basis, Direction, Query, Scope, SeriesKey, Signal};

/// Seconds between the values that are forecast, unless said otherwise; for files, the usual distance of their rows.
const STEP: i64 = 3600;
const DAY: Duration = Duration::from_secs(86_400);

/// Flags of `backtest`.
#[derive(Debug, clap::Args)]
pub(super) struct BacktestFlags {
    /// CSV `timestamp,value` (ISO 8601 or seconds since 1970), or a folder of such files [default: the history]
    #[arg(long = "in", value_name = "FILE|DIR", conflicts_with_all = ["url", "query", "config", "data"])]
    input: Option<PathBuf>,
    /// Prometheus-compatible store to ask [default: history.prometheus.url]; credentials as in history.prometheus
    #[arg(long, value_name = "URL", requires = "query")]
    url: Option<String>,
    /// PromQL expression; each of its series is tried
    #[arg(long, value_name = "EXPRESSION")]
    query: Option<String>,
    /// Signal of the history to try, repeatable [default: all]
    #[arg(long = "signal", value_name = "NAME", conflicts_with_all = ["input", "query"])]
    signals: Vec<String>,
    /// Entity of the history to try, repeatable [default: all]
    #[arg(long = "entity", value_name = "NAME", conflicts_with_all = ["input", "query"])]
    entities: Vec<String>,
    /// Days of the past to read, of the history or the store
    #[arg(long, value_name = "DAYS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(2..=3650))]
    days: u32,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    question: Question,
}

/// A series to try.
enum Subject {
    File(PathBuf),
    Read { name: String, rows: Vec<(i64, f64)> },
}

/// Runs the command.
pub(super) fn run(flags: &BacktestFlags) -> Result<ExitCode, Failure> {
    let (subjects, mut faults) = match (&flags.input, &flags.query) {
        (Some(input), _) => {
            let pairs = files(input, Path::new(""))?;
            (pairs.into_iter().map(|(file, _)| Subject::File(file)).collect(), Vec::new())
        }
        (None, Some(query)) => asked(flags, query)?,
        (None, None) => kept(flags)?,
    };
    if subjects.is_empty() && faults.is_empty() {
        return Err(Failure::new(
            "there is no series in this range; try --days, or another --signal or --query".to_owned(),
        ));
    }
    let results = on_all_cores(&subjects, |subject| try_one(&flags.question, subject));
    let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let good: Vec<(String, Forecast)> = good.into_iter().filter_map(Result::ok).collect();
    output::write(&table(&good))?;
    faults.extend(bad.into_iter().filter_map(Result::err));
    conclude(faults)
}

fn try_one(question: &Question, subject: &Subject) -> Result<(String, Forecast), String> {
    match subject {
        Subject::File(file) => {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            question.ask(file).map(|(_, forecast)| (name, forecast))
        }
        Subject::Read { name, rows } => {
            let series = Series::from_rows(rows, question.step.unwrap_or(STEP));
            let forecast = series.and_then(|series| question.about(&series));
            forecast.map(|forecast| (name.clone(), forecast)).map_err(|error| format!("{name}: {error}"))
        }
    }
}

/// The range that is read.
fn range(flags: &BacktestFlags) -> (Timestamp, Timestamp) {
    let to = Clock::system().now();
    (to.minus(DAY * flags.days), to)
}

/// Series of a Prometheus-compatible store, and what it says is lacking.
fn asked(flags: &BacktestFlags, query: &str) -> Result<(Vec<Subject>, Vec<String>), Failure> {
    let mut settings = flags.source.flags().sources().load()?.settings.history.prometheus;
    if flags.url.is_some() {
        settings.url.clone_from(&flags.url);
    }
    if settings.url.is_none() {
        return Err(Failure::usage("--query has no store to ask", "give --url, or set history.prometheus.url"));
    }
    if let Some((key, fault)) = settings.faults().into_iter().next() {
        return Err(Failure::new(format!("history.prometheus.{key}: {fault}")));
    }
    let failed = |error: history::HistoryError| Failure::new(error.to_string());
    let store = PrometheusHistory::new(&settings).map_err(|error| failed(error.into()))?;
    let (from, to) = range(flags);
    let step = flags.question.step.unwrap_or(STEP).max(1);
    let step = Duration::from_secs(step.unsigned_abs());
    let want = Want { signal: Arc::new(signal(query)), only: None, from, to, step };
    let answer = super::block_on(store.read(&want))?.map_err(failed)?;
    let subject = |stretch: history::Stretch| {
        let times = (0_i64..).map(|index| stretch.start.plus(stretch.step * u32::try_from(index).unwrap_or(u32::MAX)));
        let seconds = times.map(|at| at.millis().div_euclid(1000));
        Subject::Read {
            name: stretch.key.entity.to_string(),
            rows: seconds.zip(stretch.values.iter().copied()).collect(),
        }
    };
    Ok((answer.stretches.into_iter().map(subject).collect(), answer.warnings))
}

/// Any expression, its series told apart by all their labels.
fn signal(query: &str) -> Signal {
    Signal {
        name: "query".into(),
        help: "A query.".into(),
        unit: Unit::None,
        min: None,
        max: None,
        ceiling: None,
        counter: false,
        season: None,
        direction: Direction::Both,
        query: Query {
            expression: query.to_owned().into(),
            scope: Some(Scope::Custom),
            entity_label: "".into(),
            resource: Some("".into()),
            basis: None,
        },
    }
}

/// Series of stackcast's own history, as means over steps, and what of it is damaged.
fn kept(flags: &BacktestFlags) -> Result<(Vec<Subject>, Vec<String>), Failure> {
    let (from, to) = range(flags);
    let selection = Selection { from, to, signals: flags.signals.clone(), entities: flags.entities.clone() };
    let step = flags.question.step.unwrap_or(STEP).max(1);
    // Sum and number of the readings of a step, by its beginning.
    let mut series: BTreeMap<SeriesKey, Vec<(i64, f64, u32)>> = BTreeMap::new();
    let damage = history::export(&flags.source.file()?, &selection, &mut |reading| {
        let at = reading.at.millis().div_euclid(1000).div_euclid(step) * step;
        let steps = match series.get_mut(reading.key) {
            Some(steps) => steps,
            None => series.entry(reading.key.clone()).or_default(),
        };
        match steps.last_mut().filter(|(last, _, _)| *last == at) {
            Some((_, sum, count)) => (*sum, *count) = (*sum + reading.value, *count + 1),
            None => steps.push((at, reading.value, 1)),
        }
        true
    });
    let damage = damage.map_err(|error| Failure::new(error.to_string()))?;
    let subject = |(key, steps): (SeriesKey, Vec<(i64, f64, u32)>)| {
        let rows = steps.into_iter().map(|(at, sum, count)| (at, sum / f64::from(count))).collect();
        Subject::Read { name: name(&key), rows }
    };
    Ok((series.into_iter().map(subject).collect(), damage))
}

/// A series in a few words.
fn name(key: &SeriesKey) -> String {
    let basis = key.basis.map_or("", Basis::as_str);
    let words = [&*key.signal, key.scope.as_str(), &*key.entity, &*key.resource, basis];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Columns of a name.
const NAME_LEAST: usize = 24;
const NAME_MOST: usize = 80;

/// A line per series, and the medians.
fn table(results: &[(String, Forecast)]) -> String {
    let width = results.iter().map(|(name, _)| name.chars().count()).fold(NAME_LEAST, usize::max).min(NAME_MOST);
    let mut out = format!(
        "{:width$} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>7}  {}\n",
        "series", "MASE", "naive", "WAPE", "bias", "cov80", "origins", "ready", "model"
    );
    let mut columns: [Vec<f64>; 5] = Default::default();
    for (name, forecast) in results {
        let ready = if forecast.ready { "yes" } else { "no" };
        let model = forecast.leading.first().map_or(forecast.model, |lead| lead.0);
        // Writing to a string cannot fail.
        let _ = match &forecast.backtest {
            None => writeln!(out, "{name:width$} {:>8} {:>56} {ready:>7}  {model}", "-", "too little history to try"),
            Some(e) => {
                let cells = [e.mase, e.naive_mase, e.wape, e.bias, e.coverage];
                columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
                let cells = cells.map(|cell| format!("{cell:8.3}")).join(" ");
                writeln!(out, "{name:width$} {cells} {:>7} {ready:>7}  {model}", e.origins)
            }
        };
    }
    if columns.iter().all(|column| column.len() > 1) {
        let medians = columns.each_mut().map(|column| {
            column.sort_unstable_by(f64::total_cmp);
            format!("{:8.3}", column.get(column.len() / 2).copied().unwrap_or(f64::NAN))
        });
        let _ = writeln!(out, "{:width$} {}", "median", medians.join(" "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::forecast::{Engine, Options};

    #[test]
    fn the_table_shows_the_naive_beside_ours() {
        let wave: Vec<f64> = (0..700).map(|i| f64::from(i % 24) + f64::from(i * 7919 % 101) / 50.0).collect();
        let series = Series::from_values(&wave, 1_700_000_000, 3600).unwrap();
        let options = Options { horizon: 24, min: None, max: None };
        let forecast = Engine::fit(&series, &options).unwrap().forecast(24, 0.8).unwrap();
        let text = table(&[("a".to_owned(), forecast.clone()), ("b".to_owned(), forecast)]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("MASE    naive"), "{text}");
        assert!(lines[1].starts_with("a ") && lines[3].starts_with("median"), "{text}");
    }
}
