//! What commands take out of the file while a server may be writing to it: readings for a CSV, and a copy of all.

use std::path::Path;
use std::sync::Arc;

use super::error::StoreError;
use super::reader::{self, Span};
use super::writer::Entries;
use super::{dictionary, file, schema};
use crate::history::grid::Take;
use crate::model::clock::Timestamp;
use crate::model::signal::SeriesKey;

/// Which readings are exported.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The first time.
    pub from: Timestamp,
    /// The end, exclusive.
    pub to: Timestamp,
    /// These signals; empty: all.
    pub signals: Vec<String>,
    /// Series about these only; empty: all.
    pub entities: Vec<String>,
}

/// One reading as it was kept: raw, or the mean of an hour where raw readings are too old to be kept.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// When.
    pub at: Timestamp,
    /// Of which series.
    pub key: &'a SeriesKey,
    /// The value.
    pub value: f64,
}

/// Hands out readings by signal and day until `take` answers false; tells what was damaged and left out.
pub fn export(
    path: &Path,
    selection: &Selection,
    take: &mut dyn FnMut(Reading<'_>) -> bool,
) -> Result<Vec<String>, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let connection = schema::reader(path)?;
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    let mut warnings = Vec::new();
    let mut going = true;
    for signal in signals(&transaction).map_err(failed)? {
        if !going || !(selection.signals.is_empty() || selection.signals.contains(&signal)) {
            continue;
        }
        let keys = dictionary::of_signal(&transaction, &signal).map_err(failed)?;
        let entities = &selection.entities;
        let wanted =
            |key: &&Arc<SeriesKey>| entities.is_empty() || entities.iter().any(|entity| *entity == *key.entity);
        let (from, to) = (selection.from.millis(), selection.to.millis().saturating_sub(1));
        let span = Span { signal: &signal, from, to, slots: None, hourly: false, take: Take::Mean };
        let told = reader::visit(&transaction, &span, &mut |block| {
            let times = block.times().to_vec();
            block.each(|slot, values| {
                let key = usize::try_from(slot).ok().and_then(|slot| keys.get(slot)?.as_ref());
                let Some(key) = key.filter(wanted) else { return true };
                let inside =
                    times.iter().zip(values).filter(|(at, value)| (from..=to).contains(*at) && !value.is_nan());
                for (at, value) in inside {
                    going = going && take(Reading { at: Timestamp::from_millis(*at), key, value: *value });
                }
                going
            });
            going
        });
        warnings.extend(told.map_err(failed)?);
    }
    Ok(warnings)
}

/// What is remembered under a name space, by key.
pub fn kept_state(path: &Path, namespace: &str) -> Result<Entries, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let connection = schema::reader(path)?;
    let sql = "SELECT key, value FROM state WHERE namespace = ?1 ORDER BY key";
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let found = statement.query_map([namespace], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

/// Copies the store to a new file, whole and as of one moment, while others read and write it.
pub fn backup(path: &Path, to: &Path) -> Result<(), StoreError> {
    file::copy(&schema::reader(path)?, to)
}

fn signals(connection: &rusqlite::Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT DISTINCT signal FROM series ORDER BY signal")?;
    let found = statement.query_map([], |row| row.get(0))?;
    found.collect()
}
