//! How far off the forecasts of the clouds were, beside the seasonal naive.

use serde::Deserialize;

use super::super::ask::{AskError, Page, get};
use super::super::document::{Cell, Section, Tone};
use super::super::figures::{Place, percent};
use super::Desk;

pub(super) const TITLE: &str = "Forecast quality";
pub(super) const PATH: &str = "/api/v1/accuracy";

const ROWS_MAX: usize = 12;
/// Shares of what happened inside the 80 % interval that are as they should be.
const COVERED: std::ops::RangeInclusive<f64> = 0.65..=0.95;

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(flatten)]
    place: Place,
    resource: Option<String>,
    signal: String,
    horizon: String,
    mase: Option<f64>,
    naive_mase: Option<f64>,
    coverage_ratio: Option<f64>,
    ready: bool,
}

pub(super) async fn fill(section: &mut Section, desk: &Desk<'_>) -> Result<(), AskError> {
    let mut rows = Vec::new();
    for horizon in ["24h", "7d"] {
        let question = format!("{PATH}?scope=cloud&horizon={horizon}&limit=1000");
        rows.extend(get::<Page<Row>>(desk.answers, &question).await?.body.items);
    }
    rows.retain(|row| row.ready && row.mase.is_some());
    if rows.is_empty() {
        section.note("Not known yet: a backtest needs three times as much history as it looks ahead.");
        return Ok(());
    }
    let better = rows.iter().filter(|row| row.mase.zip(row.naive_mase).is_some_and(|(own, naive)| own <= naive)).count();
    let value = format!("better than the seasonal naive in {better} of {} backtests", rows.len());
    let tone = if better * 2 >= rows.len() { Tone::Good } else { Tone::Warning };
    section.fact("Forecasts", value, tone);
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    let table = rows.iter().take(ROWS_MAX).map(|row| {
        let what = row.resource.as_ref().map_or_else(|| row.signal.clone(), |resource| format!("{resource} {}", row.signal));
        let covered = row.coverage_ratio.is_none_or(|ratio| COVERED.contains(&ratio));
        let coverage = row.coverage_ratio.map_or_else(|| "–".to_owned(), percent);
        vec![
            Cell::new(format!("{}: {}", row.place.name(desk.several), what.replace('_', " "))),
            Cell::new(&row.horizon),
            Cell::new(format!("{} (naive {})", number(row.mase), number(row.naive_mase))),
            Cell::toned(coverage, if covered { Tone::Plain } else { Tone::Warning }),
        ]
    });
    let table = table.collect();
    section.table(&["Series", "Ahead", "MASE", "In the 80 % interval"], table);
    section.note("MASE is the error over that of a seasonal naive inside the history: below 1 is better than that.");
    Ok(())
}
