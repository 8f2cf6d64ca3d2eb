//! What is unusual now, the strongest first.

use serde::Deserialize;

use super::super::ask::{AskError, Page, get};
use super::super::document::{Cell, Section, Tone};
use super::super::figures::{Place, duration, minute};
use super::{Desk, things};

pub(super) const TITLE: &str = "Anomalies";
pub(super) const PATH: &str = "/api/v1/anomalies";

const ROWS_MAX: usize = 10;

#[derive(Debug, Deserialize)]
struct Body {
    series: Counts,
    #[serde(flatten)]
    page: Page<Row>,
}

#[derive(Debug, Deserialize)]
struct Counts {
    watched: usize,
    learning: usize,
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(flatten)]
    place: Place,
    signal_label: String,
    since: String,
    duration_seconds: f64,
    score: f64,
    reason: String,
}

pub(super) async fn fill(section: &mut Section, desk: &Desk<'_>) -> Result<(), AskError> {
    let body = get::<Body>(desk.answers, &format!("{PATH}?limit={ROWS_MAX}")).await?.body;
    let watched = things(body.series.watched, "series is watched", "series are watched");
    let found = body.page.total;
    if found > 0 {
        section.fact("Unusual now", format!("{found} of {} watched series", body.series.watched), Tone::Warning);
    } else if body.series.watched > 0 {
        section.fact("Unusual now", format!("nothing; {watched}"), Tone::Good);
        section.note(format!("Nothing is unusual now; {watched}."));
    } else {
        section.note(format!("Not known yet: no series is watched, {} are learning.", body.series.learning));
    }
    let table = body.page.items.iter().map(|row| {
        let what = format!("{}: {}", row.place.name(desk.several), row.signal_label.replace('_', " "));
        let since = format!("{} ({})", minute(&row.since), duration(row.duration_seconds));
        vec![Cell::new(what), Cell::new(since), Cell::new(format!("{:.1}", row.score)), Cell::new(&row.reason)]
    });
    let table = table.collect();
    section.table(&["What", "Since (UTC)", "Score", "Why"], table);
    Ok(())
}
