//! Rows that hold blocks: first they are listed, from an index alone, then each is fetched for itself, so that a damaged
//! one costs nothing but itself.

use rusqlite::{Connection, OptionalExtension, Row};

use super::block::{Block, Packed};
use super::codec::Scratch;
use super::rewrite::DAY;
use crate::model::clock::Timestamp;

/// One tick of a signal.
pub(super) const TICKS: &str = "tick";
/// A chunk of series over a day.
pub(super) const DAY_BLOCKS: &str = "day";
/// Roll-ups of a chunk of series over a day.
pub(super) const HOUR_BLOCKS: &str = "hours";

/// A row that was listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Its number in the table.
    pub(super) id: i64,
    /// Its time (ticks) or day.
    pub(super) at: i64,
    /// Its chunk of series; 0 for ticks.
    pub(super) chunk: u32,
}

/// Rows of a signal between two times or days, both inclusive, in order.
pub(super) fn list(
    connection: &Connection,
    table: &str,
    signal: &str,
    from: i64,
    to: i64,
) -> rusqlite::Result<Vec<Found>> {
    let (time, chunk) = if table == TICKS { ("at", "0 AS chunk") } else { ("day", "chunk") };
    let sql = format!(
        "SELECT id, {time}, {chunk} FROM {table} WHERE signal = ?1 AND {time} BETWEEN ?2 AND ?3 ORDER BY {time}, 3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map(rusqlite::params![signal, from, to], |row| {
        Ok(Found { id: row.get(0)?, at: row.get(1)?, chunk: row.get(2)? })
    })?;
    found.collect()
}

/// A row's block; one that cannot be read is named and left out.
pub(super) fn block(
    connection: &Connection,
    table: &str,
    signal: &str,
    row: &Found,
    scratch: &mut Scratch,
    damage: &mut Vec<String>,
) -> Option<Packed> {
    let sql = format!("SELECT block FROM {table} WHERE id = ?1");
    let read = connection.prepare_cached(&sql).and_then(|mut statement| {
        let read = |row: &Row<'_>| Ok(Packed::read(row.get_ref(0)?.as_blob()?, scratch));
        statement.query_row([row.id], read).optional()
    });
    let reason = match read {
        Ok(Some(Ok(block))) => return Some(block),
        Ok(None) => return None,
        Ok(Some(Err(damage))) => damage.to_string(),
        Err(error) => error.to_string(),
    };
    let at = if table == TICKS { row.at } else { row.at.saturating_mul(DAY) };
    let when = Timestamp::from_millis(at);
    damage.push(format!("a block of `{signal}` is left out ({table}, {when}, series from {}): {reason}", row.chunk));
    None
}

impl Block {
    /// Calls for each series with its values, one per time; roll-ups have others, see [`super::rewrite`].
    pub(super) fn each(&self, mut visit: impl FnMut(u32, &[f64])) {
        match self.columns.as_slice() {
            [values] if self.times.len() == 1 && values.len() == self.slots.len() => {
                self.slots.iter().zip(values).for_each(|(slot, value)| visit(*slot, std::slice::from_ref(value)));
            }
            columns => self.slots.iter().zip(columns).for_each(|(slot, values)| visit(*slot, values)),
        }
    }
}
