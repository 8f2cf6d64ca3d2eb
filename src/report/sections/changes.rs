//! What came, changed and went in the time that the report looks back at.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::ask::{AskError, Page, get};
use super::super::document::{Cell, Section, Tone};
use super::super::figures::count;
use super::{Desk, things};

pub(super) const TITLE: &str = "Changes";
pub(super) const PATH: &str = "/api/v1/changes";

/// Changes that are counted one by one.
const COUNTED: usize = 10_000;

#[derive(Debug, Deserialize)]
struct Row {
    r#type: String,
    change: String,
}

pub(super) async fn fill(section: &mut Section, desk: &Desk<'_>) -> Result<(), AskError> {
    let question = format!("{PATH}?from_date={}&limit={COUNTED}", desk.since);
    let page = get::<Page<Row>>(desk.answers, &question).await?.body;
    section.fact("Changes", format!("{} since {}", things(page.total, "resource", "resources"), desk.since), Tone::Plain);
    if page.total == 0 {
        section.note(format!("Nothing came, changed or went since {}.", desk.since));
    }
    let mut sums: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for row in &page.items {
        *sums.entry(&row.r#type).or_default().entry(&row.change).or_default() += 1;
    }
    let table = sums.iter().map(|(kind, changes)| {
        let of = |change: &str| Cell::new(count(changes.get(change).copied().unwrap_or(0) as f64));
        vec![Cell::new(kind.replace('_', " ")), of("added"), of("modified"), of("removed")]
    });
    let table = table.collect();
    section.table(&["Type", "Added", "Modified", "Removed"], table);
    if page.total > page.items.len() {
        section.note(format!("The latest {} of {} are counted.", count(COUNTED as f64), count(page.total as f64)));
    }
    Ok(())
}
