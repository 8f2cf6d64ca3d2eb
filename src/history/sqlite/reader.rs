//! Reading: a connection of its own and one read transaction, so that a day being rewritten is seen once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use rusqlite::Connection;

use super::block::CHUNK;
use super::error::StoreError;
use super::rewrite::DAY;
use super::rows::{self, Found};
use super::{dictionary, schema};
use crate::history::grid::{Gather, Grid, Take};
use crate::history::{Answer, HistoryError, Want};

/// Which readings of a signal are visited; times in milliseconds, both ends inclusive.
#[derive(Clone, Debug)]
pub(super) struct Span<'a> {
    pub(super) signal: &'a str,
    pub(super) from: i64,
    pub(super) to: i64,
    /// Some series only.
    pub(super) slots: Option<BTreeSet<u32>>,
    /// Closed days by the hour will do.
    pub(super) hourly: bool,
    /// What a roll-up stands for.
    pub(super) take: Take,
}

/// Takes a series' number, times and values, one for each; whether to go on.
pub(super) type Visit<'a> = dyn FnMut(u32, &[i64], &[f64]) -> bool + 'a;

/// Rows of a day in each of the forms.
#[derive(Debug, Default)]
struct Rows {
    whole: Vec<Found>,
    hours: Vec<Found>,
    ticks: Vec<Found>,
}

/// Answers a question from the file.
pub(super) fn answer(path: &Path, want: &Want) -> Result<Answer, HistoryError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let grid = Grid::new(want)?;
    let connection = schema::reader(path)?;
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    let mut keys = dictionary::of_signal(&transaction, &want.signal.name).map_err(failed)?;
    if let Some(only) = &want.only {
        keys.retain(|_, key| only.contains(key));
    }
    let slots = want.only.is_some().then(|| keys.keys().copied().collect());
    if keys.is_empty() {
        return Ok(Answer::default());
    }
    let take = if want.signal.counter { Take::Last } else { Take::Mean };
    let (from, to) = (want.from.millis(), want.to.millis().saturating_sub(1));
    let span = Span { signal: &want.signal.name, from, to, slots, hourly: grid.whole_hours(), take };
    let mut gathered: HashMap<u32, Gather> = HashMap::new();
    let mut excess = None;
    let warnings = visit(&transaction, &span, &mut |slot, times, values| {
        if let Err(error) = grid.allow(gathered.len()) {
            excess = Some(error);
            return false;
        }
        if keys.contains_key(&slot) {
            let gather = gathered.entry(slot).or_insert_with(|| Gather::new(&grid, take));
            gather.add_all(&grid, times, values);
        }
        true
    })
    .map_err(failed)?;
    if let Some(excess) = excess {
        return Err(excess);
    }
    let finish = |(slot, gather): (u32, Gather)| gather.finish(&grid, keys.remove(&slot)?);
    let mut stretches: Vec<_> = gathered.into_iter().filter_map(finish).collect();
    stretches.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(Answer { stretches, warnings })
}

/// Calls for each series and stretch of time, in order of time for each series, until the answer is false; tells damage.
///
/// Raw readings where there are any, else roll-ups; with `hourly`, roll-ups of days without late ticks.
pub(super) fn visit(connection: &Connection, span: &Span<'_>, visit: &mut Visit<'_>) -> rusqlite::Result<Vec<String>> {
    let mut damage = Vec::new();
    for rows in by_day(connection, span)?.into_values() {
        let hourly = !rows.hours.is_empty() && (rows.whole.is_empty() || (span.hourly && rows.ticks.is_empty()));
        let mut going = true;
        let table = if hourly { rows::HOUR_BLOCKS } else { rows::DAY_BLOCKS };
        let closed = if hourly { &rows.hours } else { &rows.whole };
        for (table, row) in closed.iter().map(|row| (table, row)).chain(rows.ticks.iter().map(|row| (rows::TICKS, row)))
        {
            let Some(mut block) = rows::block(connection, table, span.signal, row, &mut damage) else { continue };
            if table == rows::HOUR_BLOCKS {
                // A counter's highest reading of an hour is its last, but where it was reset.
                let means = block.slots.len().min(block.columns.len());
                let peaks = block.columns.split_off(means);
                block.columns = if span.take == Take::Last { peaks } else { block.columns };
            }
            block.each(|slot, values| {
                if going && span.slots.as_ref().is_none_or(|slots| slots.contains(&slot)) {
                    going = visit(slot, &block.times, values);
                }
            });
            if !going {
                return Ok(damage);
            }
        }
    }
    Ok(damage)
}

/// Rows of the span by day.
fn by_day(connection: &Connection, span: &Span<'_>) -> rusqlite::Result<BTreeMap<i64, Rows>> {
    let (first, last) = (span.from.div_euclid(DAY), span.to.div_euclid(DAY));
    let chunks = span.slots.as_ref().map(|slots| slots.iter().map(|slot| slot / CHUNK).collect::<BTreeSet<u32>>());
    let mine = |row: &Found| chunks.as_ref().is_none_or(|chunks| chunks.contains(&row.chunk));
    let mut days: BTreeMap<i64, Rows> = BTreeMap::new();
    for row in rows::list(connection, rows::DAY_BLOCKS, span.signal, first, last)?.into_iter().filter(mine) {
        days.entry(row.at).or_default().whole.push(row);
    }
    for row in rows::list(connection, rows::HOUR_BLOCKS, span.signal, first, last)?.into_iter().filter(mine) {
        days.entry(row.at).or_default().hours.push(row);
    }
    for row in rows::list(connection, rows::TICKS, span.signal, span.from, span.to)? {
        days.entry(row.at.div_euclid(DAY)).or_default().ticks.push(row);
    }
    Ok(days)
}
