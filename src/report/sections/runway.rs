//! When what is full, soonest first, and by when to order.

use serde::Deserialize;

use super::super::ask::{AskError, Page, get};
use super::super::document::{Cell, Section, Tone};
use super::super::figures::{Date, Place, duration, percent};
use super::Desk;

pub(super) const TITLE: &str = "Runway";
pub(super) const PATH: &str = "/api/v1/runway";

/// Scopes that are told, and how many rows of each are looked at. Hypervisors are many and mostly full on purpose.
const SCOPES: [(&str, usize); 8] = [
    ("cloud", 50),
    ("az", 50),
    ("aggregate", 50),
    ("pool", 50),
    ("network", 50),
    ("host", 20),
    ("custom", 50),
    ("hypervisor", 3),
];
const ROWS_MAX: usize = 12;

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(flatten)]
    place: Place,
    resource: Option<String>,
    basis: Option<String>,
    utilization_ratio: Option<f64>,
    pessimistic: Date,
    mid: Date,
    act_by: Date,
    window_seconds: f64,
    ready: bool,
}

pub(super) async fn fill(section: &mut Section, desk: &Desk<'_>) -> Result<(), AskError> {
    let mut rows: Vec<Row> = Vec::new();
    let lead = desk.lead_time_days;
    for (scope, limit) in SCOPES {
        let question = format!("{PATH}?scope={scope}&limit={limit}&lead_time={lead}d");
        rows.extend(get::<Page<Row>>(desk.answers, &question).await?.body.items);
    }
    let learning = rows.iter().filter(|row| !row.ready).count();
    rows.retain(|row| row.ready);
    rows.sort_by(|a, b| a.pessimistic.rank().total_cmp(&b.pessimistic.rank()));
    let Some(first) = rows.first() else {
        section.fact("Runway", "not known yet", Tone::Plain);
        section.note("No forecast may be acted upon yet: at least two full seasons of history are needed.");
        return Ok(());
    };
    if first.pessimistic.seconds.is_some() {
        let value = format!(
            "{} of {}: {}",
            first.resource.as_deref().unwrap_or_default(),
            first.place.name(desk.several),
            first.pessimistic.text()
        );
        section.fact("Full first", value, first.pessimistic.tone());
    } else {
        section.fact("Full first", "nothing within the window of the forecasts", Tone::Good);
    }
    let dated: Vec<&Row> = rows.iter().filter(|row| row.pessimistic.seconds.is_some()).collect();
    let mut head = vec!["Place", "Resource", "Full at the soonest", "Expected"];
    if lead > 0 {
        head.push("Order by");
    }
    let table = dated.iter().take(ROWS_MAX).map(|row| told(row, desk)).collect();
    section.table(&head, table);
    let window = rows.iter().map(|row| row.window_seconds).fold(0.0, f64::max);
    let further = rows.len() - dated.len();
    let mut note = format!("Forecasts look {} ahead; {further} series are not full by then.", duration(window));
    if learning > 0 {
        note.push_str(&format!(" {learning} further series have too little history to be told."));
    }
    section.note(note);
    Ok(())
}

fn told(row: &Row, desk: &Desk<'_>) -> Vec<Cell> {
    let resource = row.resource.as_deref().unwrap_or_default();
    let used = if row.basis.as_deref() == Some("demand") { " in use" } else { "" };
    let now = row.utilization_ratio.map_or_else(String::new, |ratio| format!(", now {}", percent(ratio)));
    let mut cells = vec![
        Cell::new(row.place.name(desk.several)),
        Cell::new(format!("{resource}{used}{now}")),
        Cell::toned(row.pessimistic.text(), row.pessimistic.tone()),
        Cell::new(row.mid.text()),
    ];
    if desk.lead_time_days > 0 {
        cells.push(Cell::toned(row.act_by.text(), row.act_by.tone()));
    }
    cells
}
