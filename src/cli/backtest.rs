//! `stackcast backtest`: how far off the forecasts of a user's own series would have been, beside the
//! seasonal naive, from the same rolling origins that weigh the models.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::failure::Failure;
use super::forecast::{Question, conclude, on_all_cores};
use super::output;
use super::series_csv::files;
use crate::analyse::forecast::Forecast;

/// Flags of `backtest`.
#[derive(Debug, clap::Args)]
pub(super) struct BacktestFlags {
    /// CSV `timestamp,value` (ISO 8601 or seconds since 1970), or a folder of such files
    #[arg(long = "in", value_name = "FILE|DIR")]
    input: PathBuf,
    #[command(flatten)]
    question: Question,
}

/// Runs the command.
pub(super) fn run(flags: &BacktestFlags) -> Result<ExitCode, Failure> {
    let pairs = files(&flags.input, Path::new(""))?;
    let results = on_all_cores(&pairs, |(input, _)| flags.question.ask(input).map(|answer| (input.clone(), answer.1)));
    let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let good: Vec<(PathBuf, Forecast)> = good.into_iter().filter_map(Result::ok).collect();
    output::write(&table(&good))?;
    conclude(bad.into_iter().filter_map(Result::err).collect())
}

/// A line per series, and the medians.
fn table(results: &[(PathBuf, Forecast)]) -> String {
    let mut out = format!(
        "{:24} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>7}  {}\n",
        "series", "MASE", "naive", "WAPE", "bias", "cov80", "origins", "ready", "model"
    );
    let mut columns: [Vec<f64>; 5] = Default::default();
    for (path, forecast) in results {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let ready = if forecast.ready { "yes" } else { "no" };
        let model = forecast.leading.first().map_or(forecast.model, |lead| lead.0);
        // Writing to a string cannot fail.
        let _ = match &forecast.backtest {
            None => writeln!(out, "{name:24} {:>8} {:>56} {ready:>7}  {model}", "-", "too little history to try"),
            Some(e) => {
                let cells = [e.mase, e.naive_mase, e.wape, e.bias, e.coverage];
                columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
                let cells = cells.map(|cell| format!("{cell:8.3}")).join(" ");
                writeln!(out, "{name:24} {cells} {:>7} {ready:>7}  {model}", e.origins)
            }
        };
    }
    if columns.iter().all(|column| column.len() > 1) {
        let medians = columns.each_mut().map(|column| {
            column.sort_unstable_by(f64::total_cmp);
            format!("{:8.3}", column.get(column.len() / 2).copied().unwrap_or(f64::NAN))
        });
        let _ = writeln!(out, "{:24} {}", "median", medians.join(" "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::forecast::{Engine, Options, Series};

    #[test]
    fn the_table_shows_the_naive_beside_ours() {
        let wave: Vec<f64> = (0..700).map(|i| f64::from(i % 24) + f64::from(i * 7919 % 101) / 50.0).collect();
        let series = Series::from_values(&wave, 1_700_000_000, 3600).unwrap();
        let options = Options { horizon: 24, min: None, max: None };
        let forecast = Engine::fit(&series, &options).unwrap().forecast(24, 0.8).unwrap();
        let text = table(&[(PathBuf::from("x/a.csv"), forecast.clone()), (PathBuf::from("b.csv"), forecast)]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("MASE    naive"), "{text}");
        assert!(lines[1].starts_with("a ") && lines[3].starts_with("median"), "{text}");
    }
}
