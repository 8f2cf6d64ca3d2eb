//! Which projects meet their quota next.

use serde::Deserialize;

use super::super::ask::{AskError, Page, get};
use super::super::document::{Cell, Section, Tone};
use super::super::figures::{Date, change, percent};
use super::{Desk, things};

pub(super) const TITLE: &str = "Projects near their quota";
pub(super) const PATH: &str = "/api/v1/projects";

const ROWS_MAX: usize = 8;
/// From so full on, a quota is worth a line whatever its growth.
const FULL: f64 = 0.9;

#[derive(Debug, Deserialize)]
struct Row {
    project: String,
    name: Option<String>,
    resource: String,
    utilization_ratio: f64,
    growth_30d_ratio: Option<f64>,
    exhausted_at: Option<String>,
    exhaustion_seconds: Option<f64>,
}

pub(super) async fn fill(section: &mut Section, desk: &Desk<'_>) -> Result<(), AskError> {
    let rows = get::<Page<Row>>(desk.answers, &format!("{PATH}?limit=1000")).await?.body.items;
    if rows.is_empty() {
        section.note("Not known yet: no quotas have been read.");
        return Ok(());
    }
    let near: Vec<&Row> =
        rows.iter().filter(|row| row.exhaustion_seconds.is_some() || row.utilization_ratio >= FULL).collect();
    if near.is_empty() {
        section.note("No quota is nearly used up, or in sight of it.");
        return Ok(());
    }
    let value = format!("{} nearly used up or in sight of it", things(near.len(), "quota", "quotas"));
    section.fact("Quotas", value, Tone::Plain);
    let table = near.iter().take(ROWS_MAX).map(|row| {
        let date = Date { at: row.exhausted_at.clone(), seconds: row.exhaustion_seconds };
        let growth = row.growth_30d_ratio.map_or_else(|| "–".to_owned(), change);
        vec![
            Cell::new(row.name.as_deref().unwrap_or(&row.project)),
            Cell::new(format!("{} {}", row.resource, percent(row.utilization_ratio))),
            Cell::new(growth),
            Cell::toned(date.text(), date.tone()),
        ]
    });
    let table = table.collect();
    section.table(&["Project", "Used", "30 days", "Used up"], table);
    Ok(())
}
