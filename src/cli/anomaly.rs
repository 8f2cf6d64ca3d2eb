//! `stackcast anomaly`: scores recorded series from files, one row per reading, as the exporter would have scored them at
//! the time. No configuration, no cloud, no state between runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::failure::Failure;
use super::forecast::conclude;
use super::output;
use super::series_csv::{files, rows, text};
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
pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if !(args.sensitivity > 0.0 && args.sensitivity.is_finite()) {
        return Err(Failure::usage("--sensitivity is no number above 0", "1 is the usual one, 0.8 reports less"));
    }
    for (flag, floor) in [("--absolute-floor", args.absolute_floor), ("--relative-floor", args.relative_floor)] {
        if !(floor >= 0.0 && floor.is_finite()) {
            return Err(Failure::usage(format!("{flag} is no floor"), "use a number, 0 or above"));
        }
    }
    // Without an output, the places of answers are not used.
    let output = args.output.as_deref();
    let pairs = files(&args.input, output.unwrap_or(&args.input))?;
    if let Some(folder) = output.filter(|_| args.input.is_dir()) {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::new(format!("cannot create {}: {error}", folder.display())))?;
    }
    let results = pairs.iter().map(|(input, answer)| one(args, input, output.map(|_| answer.as_path())));
    conclude(results.filter_map(Result::err).collect())
}

/// Scores a file; the error names it.
fn one(args: &Args, input: &Path, output: Option<&Path>) -> Result<(), String> {
    let text = text(input)?;
    let options = Options {
        sensitivity: args.sensitivity,
        absolute_floor: args.absolute_floor,
        relative_floor: args.relative_floor,
        counter: args.counter,
    };
    let mut detector = Detector::new(&options);
    let (mut scores, mut reasons) = (String::from("timestamp,score\n"), String::new());
    for row in rows(&text) {
        let row = row.map_err(|fault| fault.at(input))?;
        // A missing value keeps its row.
        let reading = detector.step(row.at, row.value);
        // Writing to a string cannot fail.
        let _ = writeln!(scores, "{},{:.6}", row.stamp, reading.score);
        if args.explain && reading.score > 1.0 {
            let _ = writeln!(reasons, "{}", explain(row.stamp, row.value, &reading));
        }
    }
    if let Some(output) = output {
        std::fs::write(output, scores).map_err(|error| format!("{}: cannot be written: {error}", output.display()))?;
    }
    if args.explain {
        let (name, count) = (input.display(), reasons.lines().count());
        let told = format!("{name}: {count} alarms in {} episodes\n{reasons}\n", detector.episodes());
        output::write(&told).map_err(|_| "standard output: cannot be written".to_owned())?;
    }
    Ok(())
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
        assert!(run(&args).unwrap_err().lines[0].0.contains("--sensitivity"));
    }
}
