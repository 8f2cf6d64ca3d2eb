//! Reading: a connection of its own and one read transaction, so that a day being rewritten is seen once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::block::{CHUNK, Packed};
use super::codec::Scratch;
use super::dictionary::Shared;
use super::error::StoreError;
use super::rewrite::DAY;
use super::rows::{self, Found};
use super::schema;
use crate::history::grid::{Gather, Grid, Take};
use crate::history::{Answer, HistoryError, Want};
use crate::model::signal::SeriesKey;

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

/// Takes a block's times and its wanted series; whether to go on.
pub(super) type Visit<'a> = dyn FnMut(&mut Wanted<'_>) -> bool + 'a;

/// What a block holds of the wanted series.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    block: &'a Packed,
    slots: Option<&'a BTreeSet<u32>>,
    /// Of roll-ups, the peaks.
    peaks: bool,
    scratch: &'a mut Scratch,
}

impl Wanted<'_> {
    /// The times of every series, in milliseconds.
    pub(super) fn times(&self) -> &[i64] {
        &self.block.times
    }

    /// Calls with each series' number and values, one for each time, until the answer is false.
    pub(super) fn each(&mut self, visit: impl FnMut(u32, &[f64]) -> bool) {
        let wanted = |slot| self.slots.is_none_or(|slots| slots.contains(&slot));
        self.block.each(self.peaks, self.scratch, wanted, visit);
    }
}

/// Rows of a day in each of the forms.
#[derive(Debug, Default)]
struct Rows {
    whole: Vec<Found>,
    hours: Vec<Found>,
    ticks: Vec<Found>,
}

/// Answers a question from the file.
pub(super) fn answer(path: &Path, dictionary: &Shared, want: &Want) -> Result<Answer, HistoryError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let grid = Grid::new(want)?;
    let connection = schema::reader(path)?;
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    let keys = dictionary.of_signal(&transaction, &want.signal.name).map_err(failed)?;
    let wanted: Option<BTreeSet<u32>> = want.only.as_ref().map(|only| {
        let wanted = |key: &Option<Arc<SeriesKey>>| key.as_ref().is_some_and(|key| only.contains(key));
        (0..).zip(keys.iter()).filter(|(_, key)| wanted(key)).map(|(slot, _)| slot).collect()
    });
    if keys.is_empty() || wanted.as_ref().is_some_and(BTreeSet::is_empty) {
        return Ok(Answer::default());
    }
    let take = if want.signal.counter { Take::Last } else { Take::Mean };
    let (from, to) = (want.from.millis(), want.to.millis().saturating_sub(1));
    let span = Span { signal: &want.signal.name, from, to, slots: wanted, hourly: grid.whole_hours(), take };
    // By number, since numbers have few gaps and every tick visits all of them.
    let mut gathered: Vec<Option<Gather>> = Vec::new();
    gathered.resize_with(keys.len(), || None);
    let (mut series, mut excess) = (0, None);
    let warnings = visit(&transaction, &span, &mut |block| {
        let runs = grid.runs(block.times());
        block.each(|slot, values| {
            // A number beyond is a series that came after the list was read.
            let Some(place) = usize::try_from(slot).ok().and_then(|slot| gathered.get_mut(slot)) else { return true };
            if place.is_none() {
                series += 1;
                excess = grid.allow(series).err();
            }
            place.get_or_insert_with(|| Gather::new(&grid, take)).add_runs(&runs, values);
            excess.is_none()
        });
        excess.is_none()
    })
    .map_err(failed)?;
    if let Some(excess) = excess {
        return Err(excess);
    }
    let finish =
        |(key, gather): (&Option<Arc<SeriesKey>>, Option<Gather>)| gather?.finish(&grid, Arc::clone(key.as_ref()?));
    let mut stretches: Vec<_> = keys.iter().zip(gathered).filter_map(finish).collect();
    stretches.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(Answer { stretches, warnings })
}

/// Calls for each block, in order of time for each series, until the answer is false; tells damage.
///
/// Raw readings where there are any, else roll-ups; with `hourly`, roll-ups of days without late ticks.
pub(super) fn visit(connection: &Connection, span: &Span<'_>, visit: &mut Visit<'_>) -> rusqlite::Result<Vec<String>> {
    let (mut damage, mut scratch) = (Vec::new(), Scratch::default());
    for rows in by_day(connection, span)?.into_values() {
        let hourly = !rows.hours.is_empty() && (rows.whole.is_empty() || (span.hourly && rows.ticks.is_empty()));
        let table = if hourly { rows::HOUR_BLOCKS } else { rows::DAY_BLOCKS };
        let closed = if hourly { &rows.hours } else { &rows.whole };
        for (table, row) in closed.iter().map(|row| (table, row)).chain(rows.ticks.iter().map(|row| (rows::TICKS, row)))
        {
            let block = rows::block(connection, table, span.signal, row, &mut scratch, &mut damage);
            let Some(block) = &block else { continue };
            // A counter's highest reading of an hour is its last, but where it was reset.
            let peaks = table == rows::HOUR_BLOCKS && span.take == Take::Last;
            if !visit(&mut Wanted { block, slots: span.slots.as_ref(), peaks, scratch: &mut scratch }) {
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
