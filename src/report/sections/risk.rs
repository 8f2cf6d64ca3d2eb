//! Places at risk and why, and what to do about it.

use std::cmp::Reverse;

use serde::Deserialize;

use super::super::ask::{AskError, Page, get};
use super::super::document::{Cell, Section, Tone};
use super::super::figures::{Place, day, percent, risk};
use super::{Desk, things};

pub(super) const TITLE: &str = "Risk and recommendations";
pub(super) const PATH: &str = "/api/analysis";

const PLACES_MAX: usize = 12;
const ADVICE_MAX: usize = 8;

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(flatten)]
    place: Place,
    overall_risk: String,
    resources: Vec<Resource>,
    recommendations: Vec<Advice>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    resource: String,
    utilization_ratio: f64,
    day_ahead_ratio: Option<f64>,
    full_at: Option<String>,
    risk: String,
}

#[derive(Debug, Deserialize)]
struct Advice {
    severity: String,
    text: String,
}

pub(super) async fn fill(section: &mut Section, desk: &Desk<'_>) -> Result<(), AskError> {
    let answer = get::<Page<Row>>(desk.answers, &format!("{PATH}?limit=10000")).await?;
    let mut rows = answer.body.items;
    if rows.is_empty() {
        section.note("Not known yet: nothing has been analysed.");
        return Ok(());
    }
    let of = |level: &str| rows.iter().filter(|row| row.overall_risk == level).count();
    let (critical, high, medium) = (of("critical"), of("high"), of("medium"));
    let value = format!("{critical} critical, {high} high, {medium} medium of {}", things(rows.len(), "place", "places"));
    let tone = match (critical, high) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Warning,
        _ => Tone::Critical,
    };
    section.fact("Places at risk", value, tone);
    // Whole clouds and zones before single hosts of the same level.
    rows.sort_by_key(|row| (Reverse(rank(&row.overall_risk)), breadth(&row.place.scope)));
    let at_risk = rows.iter().filter(|row| rank(&row.overall_risk) > 0);
    let table: Vec<_> = at_risk.clone().take(PLACES_MAX).map(|row| told(row, desk)).collect();
    let shown = table.len();
    section.table(&["Place", "Risk", "Why"], table);
    let all = at_risk.count();
    if all > shown {
        section.note(format!("{} further places are at risk.", all - shown));
    } else if all == 0 {
        section.note("No place is at medium risk or above.");
    }
    let mut advice: Vec<(&Row, &Advice)> =
        rows.iter().flat_map(|row| row.recommendations.iter().map(move |advice| (row, advice))).collect();
    advice.sort_by_key(|(_, advice)| Reverse(rank(&advice.severity)));
    let table = advice.iter().take(ADVICE_MAX).map(|(row, advice)| {
        let severity = Cell::toned(&advice.severity, risk(&advice.severity));
        vec![Cell::new(row.place.name(desk.several)), severity, Cell::new(&advice.text)]
    });
    let table = table.collect();
    section.table(&["Place", "Severity", "What to do"], table);
    Ok(())
}

fn rank(level: &str) -> u8 {
    match level {
        "critical" => 3,
        "high" => 2,
        "medium" => 1,
        _ => 0,
    }
}

fn breadth(scope: &str) -> u8 {
    match scope {
        "cloud" => 0,
        "az" => 1,
        "aggregate" | "pool" | "network" => 2,
        "host" | "custom" => 3,
        _ => 4,
    }
}

fn told(row: &Row, desk: &Desk<'_>) -> Vec<Cell> {
    let worst = row.resources.iter().filter(|resource| resource.risk == row.overall_risk).take(3);
    let why = worst.map(|resource| {
        let mut text = format!("{} {}", resource.resource, percent(resource.utilization_ratio));
        if let Some(ahead) = resource.day_ahead_ratio {
            text.push_str(&format!(", {} in a day", percent(ahead)));
        }
        if let Some(at) = &resource.full_at {
            text.push_str(&format!(", full {}", day(at)));
        }
        text
    });
    let why = why.collect::<Vec<_>>().join("; ");
    vec![
        Cell::new(row.place.name(desk.several)),
        Cell::toned(&row.overall_risk, risk(&row.overall_risk)),
        Cell::new(why),
    ]
}
