//! Series as CSV: `timestamp,value` in, for forecasts `timestamp,forecast,lower,upper` out.
//!
//! Reading is strict about what a row says and lenient about which rows there are: a cell that is neither a
//! time nor a number stops with file and line; rows may be uneven, unordered, repeated or missing, and an
//! empty value (or NaN, null) is a missing one. Nothing here resamples: that is the engine's.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::analyse::forecast::{Forecast, Series};
use crate::model::clock::Timestamp;

/// A longer file is not read.
const BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Numbers above this are milliseconds since the epoch: as seconds they would be beyond the year 5138.
const MILLIS_FROM: f64 = 1e11;

/// The rows of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Rows {
    /// Seconds since the epoch, and the value (`NaN` where missing).
    rows: Vec<(i64, f64)>,
    /// Whether times were numbers; the answer writes them as they came.
    epoch: bool,
}

/// Files to read, with where each answer goes: one pair for a file, one per `*.csv` for a folder.
pub(super) fn files(input: &Path, output: &Path) -> Result<Vec<(PathBuf, PathBuf)>, Failure> {
    if !input.is_dir() {
        return Ok(vec![(input.to_owned(), output.to_owned())]);
    }
    let failed = |error: std::io::Error| Failure::new(format!("cannot list {}: {error}", input.display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(input).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
            names.push(path);
        }
    }
    if names.is_empty() {
        return Err(Failure::usage(format!("no *.csv in {}", input.display()), "name a file, or a folder with some"));
    }
    names.sort();
    let place = |path: PathBuf| path.file_name().map(|name| (path.clone(), output.join(name)));
    Ok(names.into_iter().filter_map(place).collect())
}

/// One row, as it was written and as it is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row<'a> {
    /// The time as it was written.
    pub(super) stamp: &'a str,
    /// The time in seconds since the epoch.
    pub(super) at: i64,
    /// The value; `NaN` where missing.
    pub(super) value: f64,
    /// Whether the time was a number.
    epoch: bool,
}

/// What is wrong with a line.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    line: usize,
    what: String,
}

impl Fault {
    /// In words, with the file.
    pub(super) fn at(&self, path: &Path) -> String {
        format!("{}:{}: {}", path.display(), self.line, self.what)
    }
}

/// The text of a file.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{}: cannot be read: {error}", path.display());
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > BYTES_MAX {
        return Err(format!("{}: {size} bytes, more than the {BYTES_MAX} that are read: split it", path.display()));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    String::from_utf8(bytes)
        .map_err(|error| format!("{}: not UTF-8 text (byte {})", path.display(), error.utf8_error().valid_up_to()))
}

/// The rows of a text in their order; a header tells where time and value stand.
pub(super) fn rows(text: &str) -> impl Iterator<Item = Result<Row<'_>, Fault>> {
    let mut columns = (0, 1);
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    lines.filter(|(_, line)| !line.trim().is_empty()).filter_map(move |(index, line)| {
        if index == 0 && cells(line).all(|cell| time(cell).is_none()) {
            match header(cells(line)) {
                Some(named) => columns = named,
                None => {
                    let what = "the header has no columns `timestamp` and `value`".to_owned();
                    return Some(Err(Fault { line: 1, what }));
                }
            }
            return None;
        }
        Some(row(line, columns).map_err(|what| Fault { line: index + 1, what }))
    })
}

fn row(line: &str, (time_at, value_at): (usize, usize)) -> Result<Row<'_>, String> {
    let cell = |column: usize| cells(line).nth(column).ok_or_else(|| format!("`{line}` has no column {}", column + 1));
    let (stamp, text) = (cell(time_at)?, cell(value_at)?);
    let (at, epoch) = time(stamp).ok_or_else(|| format!("`{stamp}` is no time: use ISO 8601 or seconds since 1970"))?;
    let value = value(text).ok_or_else(|| format!("`{text}` is no number; leave a missing value empty"))?;
    Ok(Row { stamp, at, value, epoch })
}

fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|cell| cell.trim().trim_matches('"'))
}

impl Rows {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = text(path)?;
        let mut read = Self { rows: Vec::with_capacity(text.len() / 28), epoch: false };
        for row in rows(&text) {
            let row = row.map_err(|fault| fault.at(path))?;
            read.epoch |= row.epoch;
            read.rows.push((row.at, row.value));
        }
        Ok(read)
    }

    /// On a grid of `step` seconds; without one, of the usual distance between rows.
    pub(super) fn series(&self, step: Option<i64>) -> Result<Series, String> {
        Series::from_rows(&self.rows, step.unwrap_or_else(|| self.usual_step())).map_err(|error| error.to_string())
    }

    /// The median distance between neighbouring times.
    fn usual_step(&self) -> i64 {
        let mut times: Vec<i64> = self.rows.iter().map(|row| row.0).collect();
        times.sort_unstable();
        times.dedup();
        let mut gaps: Vec<i64> = times.iter().zip(times.iter().skip(1)).map(|(a, b)| b.saturating_sub(*a)).collect();
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).copied().unwrap_or(3600).max(1)
    }

    /// The forecast as CSV, times written as they came.
    pub(super) fn answer(&self, series: &Series, forecast: &Forecast) -> String {
        let mut out = String::with_capacity(64 * (forecast.steps.len() + 1));
        out.push_str("timestamp,forecast,lower,upper\n");
        let mut at = series.last();
        for step in &forecast.steps {
            at = at.saturating_add(series.step());
            // Writing to a string cannot fail.
            let _ = if self.epoch { write!(out, "{at}") } else { write!(out, "{}", Timestamp::from_seconds(at)) };
            let _ = writeln!(out, ",{},{},{}", number(step.mean), number(step.lower), number(step.upper));
        }
        out
    }
}

/// Nine significant digits: more than any forecast knows.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.8e}").parse().unwrap_or(value);
    zmij::Buffer::new().format_finite(rounded).to_owned()
}

/// Where time and value stand in a header: by name, else the first two columns.
fn header<'a>(cells: impl Iterator<Item = &'a str>) -> Option<(usize, usize)> {
    let names: Vec<String> = cells.map(str::to_ascii_lowercase).collect();
    let find = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
    let at = find(&["timestamp", "time", "date", "datetime", "ds"]);
    let value = find(&["value", "y"]);
    match (at, value) {
        (Some(at), Some(value)) => Some((at, value)),
        (None, None) if names.len() >= 2 => Some((0, 1)),
        _ if names.len() == 2 => Some((0, 1)),
        _ => None,
    }
}

/// Seconds since the epoch, and whether they were written as a number.
fn time(cell: &str) -> Option<(i64, bool)> {
    if let Ok(number) = cell.parse::<f64>() {
        let seconds = if number.abs() >= MILLIS_FROM { number / 1000.0 } else { number };
        return seconds.is_finite().then(|| (seconds.round() as i64, true));
    }
    Timestamp::parse(cell).map(|at| (at.millis().div_euclid(1000), false))
}

fn value(cell: &str) -> Option<f64> {
    match cell {
        "" | "null" | "None" | "NA" => Some(f64::NAN),
        _ => cell.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Rows, Fault> {
        let all: Vec<Row<'_>> = rows(text).collect::<Result<_, _>>()?;
        Ok(Rows { rows: all.iter().map(|row| (row.at, row.value)).collect(), epoch: all.iter().any(|row| row.epoch) })
    }

    #[test]
    fn reads_the_usual_forms() {
        let text = "timestamp,value\n2026-11-20T16:00:00Z,1.5\n2026-11-20 17:00:00,\n1795197600,NaN\n";
        let rows = parse(text).unwrap();
        assert_eq!(rows.rows[0], (1_795_190_400, 1.5));
        assert!(rows.rows[1].1.is_nan() && rows.rows[2].1.is_nan());
        assert_eq!(rows.usual_step(), 3600);
        for stamp in ["2014-04-01 00:00:00", "2014-04-01T02:00:00+02:00", "1396310400"] {
            let text = format!("{stamp},1\n");
            let row = super::rows(&text).next().unwrap().unwrap();
            assert_eq!((row.at, row.stamp), (1_396_310_400, stamp), "a time without a zone is UTC");
        }
        assert_eq!(parse("1700000000000,2").unwrap().rows, vec![(1_700_000_000, 2.0)]);
        assert_eq!(parse("value,host,timestamp\n3,a,60\n").unwrap().rows, vec![(60, 3.0)]);
    }

    #[test]
    fn a_bad_row_is_named_with_its_line() {
        let error = |text: &str| parse(text).map_err(|fault| (fault.line, fault.what)).unwrap_err();
        assert_eq!(
            error("timestamp,value\n60,1\n120,x\n"),
            (3, "`x` is no number; leave a missing value empty".to_owned())
        );
        assert_eq!(error("timestamp,value\nyesterday,1\n").0, 2);
        assert_eq!(error("60,1\n\n120\n"), (3, "`120` has no column 2".to_owned()));
        assert_eq!(error("a,b,value\n").0, 1);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = parse(&text);
        }
    }
}
