//! Series and their numbers: each signal numbers its series from 0 in the order in which they appear, so that series that
//! came together lie in one block. Numbers are never given again; an entry costs about 100 bytes.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use crate::model::part::Origin;
use crate::model::signal::{Basis, Scope, SeriesKey};

/// Every series of the store.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    slots: HashMap<Arc<SeriesKey>, u32>,
    next: HashMap<Arc<str>, u32>,
}

impl Dictionary {
    /// Reads it.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut dictionary = Self::default();
        let mut statement = connection
            .prepare("SELECT slot, signal, cloud, region, scope, entity, resource, basis FROM series ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Some((slot, key)) = entry(row)? {
                dictionary.insert(Arc::new(key), slot);
            }
        }
        // Entries that this version cannot read keep their numbers all the same.
        let mut statement = connection.prepare("SELECT signal, max(slot) FROM series GROUP BY signal")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (signal, last) = (row.get::<_, String>(0)?, row.get::<_, u32>(1)?);
            dictionary.next.insert(signal.into(), last.saturating_add(1));
        }
        Ok(dictionary)
    }

    /// Number of series.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The number of a series; a new one is written down.
    pub(super) fn slot(&mut self, connection: &Connection, key: &Arc<SeriesKey>) -> rusqlite::Result<u32> {
        if let Some(slot) = self.slots.get(key) {
            return Ok(*slot);
        }
        let slot = self.next.get(&key.signal).copied().unwrap_or(0);
        let mut statement = connection.prepare_cached(
            "INSERT INTO series (slot, signal, cloud, region, scope, entity, resource, basis) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        statement.execute(params![
            slot,
            &*key.signal,
            key.origin.cloud.as_deref(),
            key.origin.region.as_deref(),
            key.scope.as_str(),
            &*key.entity,
            &*key.resource,
            key.basis.map(Basis::as_str),
        ])?;
        self.insert(Arc::clone(key), slot);
        Ok(slot)
    }

    fn insert(&mut self, key: Arc<SeriesKey>, slot: u32) {
        let next = self.next.entry(Arc::clone(&key.signal)).or_default();
        *next = slot.saturating_add(1).max(*next);
        self.slots.insert(key, slot);
    }
}

/// The series of one signal by number.
pub(super) fn of_signal(connection: &Connection, signal: &str) -> rusqlite::Result<HashMap<u32, Arc<SeriesKey>>> {
    let mut statement = connection
        .prepare("SELECT slot, signal, cloud, region, scope, entity, resource, basis FROM series WHERE signal = ?1")?;
    let mut rows = statement.query([signal])?;
    let mut found = HashMap::new();
    while let Some(row) = rows.next()? {
        if let Some((slot, key)) = entry(row)? {
            found.insert(slot, Arc::new(key));
        }
    }
    Ok(found)
}

/// A row of the table; none if a newer version wrote what this one does not know.
fn entry(row: &Row<'_>) -> rusqlite::Result<Option<(u32, SeriesKey)>> {
    let text = |column: usize| row.get::<_, String>(column).map(Arc::<str>::from);
    let maybe = |column: usize| row.get::<_, Option<String>>(column);
    let (Some(scope), basis) = (Scope::parse(&text(4)?), maybe(7)?) else { return Ok(None) };
    let known = basis.as_deref().map(Basis::parse);
    if known == Some(None) {
        return Ok(None);
    }
    let origin = Origin { cloud: maybe(2)?.map(Arc::from), region: maybe(3)?.map(Arc::from) };
    let key =
        SeriesKey { signal: text(1)?, origin, scope, entity: text(5)?, resource: text(6)?, basis: known.flatten() };
    Ok(Some((row.get(0)?, key)))
}
