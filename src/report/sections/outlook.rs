//! How full the clouds are and will be, as bars with the interval of the forecast.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::ask::{AskError, Page, get};
use super::super::document::{Bar, Section, Tone};
use super::super::figures::{Place, percent};
use super::Desk;

pub(super) const TITLE: &str = "Outlook";
pub(super) const PATH: &str = "/api/forecasts";

/// Places that are drawn at most, and how far ahead.
const BARS_MAX: usize = 24;
const AHEAD: [(&str, i64); 4] = [("in an hour", 1), ("in a day", 24), ("in a week", 168), ("in 30 days", 720)];
/// Where the tone of a bar changes; the tiers of forecasts.
const WARNING: f64 = 0.8;
const CRITICAL: f64 = 0.9;

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(flatten)]
    place: Place,
    timestamp: String,
    resource: Option<String>,
    basis: Option<String>,
    forecast: f64,
    lower_bound: f64,
    upper_bound: f64,
    confidence: f64,
    unit: Option<String>,
    ready: bool,
}

pub(super) async fn fill(section: &mut Section, desk: &Desk<'_>) -> Result<(), AskError> {
    let question = format!("{PATH}?scope=cloud&horizon=30d&limit=10000");
    let rows = get::<Page<Row>>(desk.answers, &question).await?.body.items;
    let level = rows.first().map_or(0.8, |row| row.confidence);
    let mut series: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.ready && row.unit.as_deref() == Some("ratio")) {
        let Some(resource) = &row.resource else { continue };
        let used = if row.basis.as_deref() == Some("demand") { " in use" } else { "" };
        series.entry(format!("{}, {resource}{used}", row.place.name(desk.several))).or_default().push(row);
    }
    if series.is_empty() {
        section.note("No forecast of a cloud may be acted upon yet.");
        return Ok(());
    }
    let mut bars = Vec::new();
    for (name, rows) in &series {
        for (place, (when, hours)) in AHEAD.iter().enumerate() {
            // Hourly for a day, then one a day.
            let at = if *hours <= 24 { *hours - 1 } else { 23 + hours / 24 - 1 };
            let Some(row) = usize::try_from(at).ok().and_then(|at| rows.get(at)) else { continue };
            let label = if place == 0 { format!("{name}: {when}") } else { format!("· {when}") };
            bars.push(bar(label, row));
        }
        if bars.len() >= BARS_MAX {
            break;
        }
    }
    let until = series.values().flatten().map(|row| row.timestamp.as_str()).max().unwrap_or_default();
    section.bars(bars);
    section.note(format!(
        "Solid up to the lower end of the {} interval, light up to its upper end. The curves reach to {}.",
        percent(level),
        super::super::figures::day(until)
    ));
    Ok(())
}

fn bar(label: String, row: &Row) -> Bar {
    let text = format!("{} ({} to {})", percent(row.forecast), percent(row.lower_bound), percent(row.upper_bound));
    let tone = match row.forecast {
        value if value >= CRITICAL => Tone::Critical,
        value if value >= WARNING => Tone::Warning,
        _ => Tone::Good,
    };
    Bar { label, low: row.lower_bound, high: row.upper_bound, text, tone }
}
