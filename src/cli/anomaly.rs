//! `stackcast anomaly`: scores recorded series from files, one row per reading, as the exporter would have scored them at
//! the time. No configuration, no cloud, no state between runs.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::analyse::anomaly::{Detector, Options, Reading};

/// Score recorded series: CSV `timestamp,value` in, `timestamp,score` out; a score above 1 is an anomaly.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// CSV file with `timestamp,value`, or a folder of them.
    #[arg(long = "in", value_name = "FILE|DIR")]
    input: PathBuf,
    /// File or folder to write `timestamp,score` to.
    #[arg(long = "out", value_name = "FILE|DIR", required_unless_present = "explain")]
    output: Option<PathBuf>,
    /// Print each anomaly with its reason.
    #[arg(long)]
    explain: bool,
    /// Multiplies the score: 2 reports more, 0.5 reports less.
    #[arg(long, default_value_t = 1.0)]
    sensitivity: f64,
    /// A deviation smaller than this, in the unit of the series, is no anomaly.
    #[arg(long, value_name = "VALUE", default_value_t = 0.0)]
    absolute_floor: f64,
    /// A deviation smaller than this share of the expected value is no anomaly.
    #[arg(long, value_name = "RATIO", default_value_t = 0.0)]
    relative_floor: f64,
    /// The values are those of a counter: look at the increase per second.
    #[arg(long)]
    counter: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.sensitivity > 0.0 && args.sensitivity.is_finite(), "--sensitivity must be a number above 0");
    for (flag, floor) in [("--absolute-floor", args.absolute_floor), ("--relative-floor", args.relative_floor)] {
        ensure!(floor >= 0.0 && floor.is_finite(), "{flag} must be a number, 0 or above");
    }
    if !args.input.is_dir() {
        return one(args, &args.input, args.output.as_deref());
    }
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(&args.input)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot list {}", args.input.display()))?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "csv"))
        .collect();
    files.sort();
    ensure!(!files.is_empty(), "no .csv file in {}", args.input.display());
    for file in &files {
        let output = args.output.as_ref().zip(file.file_name()).map(|(folder, name)| folder.join(name));
        one(args, file, output.as_deref())?;
    }
    Ok(())
}

fn one(args: &Args, input: &Path, output: Option<&Path>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(input).with_context(|| format!("cannot read {}", input.display()))?;
    let name = input.display();
    let options = Options {
        sensitivity: args.sensitivity,
        absolute_floor: args.absolute_floor,
        relative_floor: args.relative_floor,
        counter: args.counter,
    };
    let mut detector = Detector::new(&options);
    let (mut scores, mut reasons) = (String::from("timestamp,score\n"), String::new());
    for row in rows(&text) {
        let (line, stamp, value) = row.with_context(|| name.to_string())?;
        let timestamp = seconds(stamp).with_context(|| format!("{name}: line {line}"))?;
        // An empty cell, NaN or a word is a reading without a value: it keeps its row.
        let value = value.parse().unwrap_or(f64::NAN);
        let reading = detector.step(timestamp, value);
        writeln!(scores, "{stamp},{:.6}", reading.score)?;
        if args.explain && reading.score > 1.0 {
            writeln!(reasons, "{}", explain(stamp, value, &reading))?;
        }
    }
    if let Some(output) = output {
        std::fs::write(output, scores).with_context(|| format!("cannot write {}", output.display()))?;
    }
    if args.explain {
        let count = reasons.lines().count();
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{name}: {count} alarms in {} episodes\n{reasons}", detector.episodes())?;
    }
    Ok(())
}

/// The data rows: line number, timestamp, value.
fn rows(text: &str) -> impl Iterator<Item = anyhow::Result<(usize, &str, &str)>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.filter(|(i, line)| *i > 0 || !line.trim_start_matches('\u{feff}').starts_with("timestamp")).map(
        |(i, line)| match line.split_once(',') {
            Some((stamp, value)) => Ok((i + 1, stamp.trim(), value.split(',').next().unwrap_or_default().trim())),
            None => bail!("line {}: no comma; each line must be timestamp,value", i + 1),
        },
    )
}

/// Seconds since the epoch; a time without a zone is UTC.
fn seconds(stamp: &str) -> anyhow::Result<i64> {
    if let Ok(number) = stamp.parse::<f64>() {
        return Ok(number as i64);
    }
    if let Ok(timestamp) = stamp.parse::<jiff::Timestamp>() {
        return Ok(timestamp.as_second());
    }
    let civil: jiff::civil::DateTime = stamp
        .parse()
        .with_context(|| format!("'{stamp}' is no time; use 2026-01-31T12:00:00Z or seconds since 1970"))?;
    Ok(civil.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp().as_second())
}

fn explain(stamp: &str, value: f64, reading: &Reading) -> String {
    let what = reading.feature.map_or("unusual", |f| f.describe());
    let side = match reading.direction {
        1 => " (high)",
        -1 => " (low)",
        _ => "",
    };
    let band = reading.expected.map_or_else(String::new, |(low, high)| format!(", expected {low:.4} to {high:.4}"));
    let odds = 1.0 / reading.rarity.max(1e-12);
    format!("{stamp}  score {:.2}  value {value:.4}{band}: {what}{side}, one reading in {odds:.0}", reading.score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_all_forms_are_utc() {
        let expected = 1_396_310_400;
        for stamp in ["2014-04-01 00:00:00", "2014-04-01T00:00:00Z", "2014-04-01T02:00:00+02:00", "1396310400"] {
            assert_eq!(seconds(stamp).unwrap(), expected, "{stamp}");
        }
        assert!(seconds("yesterday").unwrap_err().to_string().contains("yesterday"));
    }

    #[test]
    fn rows_skip_the_header_and_name_the_bad_line() {
        let good: Vec<_> = rows("timestamp,value\n1,2\n\n3,\n").map(Result::unwrap).collect();
        assert_eq!(good, [(2, "1", "2"), (4, "3", "")]);
        assert!(rows("1,2\nx\n").nth(1).unwrap().unwrap_err().to_string().contains("line 2"));
    }

    #[test]
    fn a_folder_gives_a_folder_with_a_row_per_row() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::create_dir(&input).unwrap();
        let mut text = String::from("timestamp,value\n");
        for i in 0..1000 {
            let value = if i == 5 { "NaN".to_owned() } else { f64::from(i % 7 + i / 900 * 50).to_string() };
            writeln!(text, "{},{value}", i * 300).unwrap();
        }
        std::fs::write(input.join("a.csv"), text).unwrap();
        let mut args = Args {
            input,
            output: Some(output.clone()),
            explain: true,
            sensitivity: 1.0,
            absolute_floor: 0.0,
            relative_floor: 0.0,
            counter: false,
        };
        run(&args).unwrap();
        let scores = std::fs::read_to_string(output.join("a.csv")).unwrap();
        let scores: Vec<f64> = scores.lines().skip(1).map(|l| l.split_once(',').unwrap().1.parse().unwrap()).collect();
        assert_eq!(scores.len(), 1000);
        assert!(scores[900..].iter().any(|s| *s > 1.0), "the step at 900 is found");
        args.sensitivity = 0.0;
        assert!(run(&args).unwrap_err().to_string().contains("--sensitivity"));
    }
}
