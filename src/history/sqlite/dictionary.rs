//! Series and their numbers: each signal numbers its series from 0 in the order in which they appear, so that series that
//! came together lie in one block. Numbers are never given again; an entry costs about 100 bytes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{Connection, Row, params};

use super::codec::VALUES_MAX;
use crate::model::part::Origin;
use crate::model::signal::{Basis, Scope, SeriesKey};

/// Every series of the store.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    slots: HashMap<Arc<SeriesKey>, u32>,
    signals: HashMap<Arc<str>, Numbered>,
}

/// The series of one signal.
#[derive(Debug, Default)]
struct Numbered {
    /// By number; shared with readers, who are done before the next series comes.
    keys: Arc<Keys>,
    /// The next number to be given.
    next: u32,
}

/// Series by number; none where a newer version wrote what this one does not know.
pub(super) type Keys = Vec<Option<Arc<SeriesKey>>>;

/// The dictionary of the thread that writes, which readers look into: reading it from the file takes longer than a question
/// of a few days. None before the first tick and after a fault.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<RwLock<Option<Dictionary>>>);

impl Shared {
    /// The series of a signal by number, with all that the file knew when the question was asked; from the file where there
    /// is nothing else.
    pub(super) fn of_signal(&self, connection: &Connection, signal: &str) -> rusqlite::Result<Arc<Keys>> {
        // What a thread that failed left behind is as good as what any fault leaves: it is read anew after the next one.
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref() {
            Some(known) => Ok(known.signals.get(signal).map(|signal| Arc::clone(&signal.keys)).unwrap_or_default()),
            None => of_signal(connection, signal).map(Arc::new),
        }
    }

    /// Works on it, read from the file where it is not known.
    pub(super) fn with<T>(
        &self,
        connection: &Connection,
        work: impl FnOnce(&mut Dictionary) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        work(match &mut *known {
            Some(known) => known,
            none => none.insert(Dictionary::load(connection)?),
        })
    }

    /// Forgets it after a fault, which may have left series in it that are not in the file.
    pub(super) fn forget(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
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
            dictionary.signals.entry(signal.into()).or_default().next = last.saturating_add(1);
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
        let slot = self.signals.get(&key.signal).map_or(0, |signal| signal.next);
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
        let signal = self.signals.entry(Arc::clone(&key.signal)).or_default();
        signal.next = slot.saturating_add(1).max(signal.next);
        number(Arc::make_mut(&mut signal.keys), slot, &key);
        self.slots.insert(key, slot);
    }
}

fn number(keys: &mut Keys, slot: u32, key: &Arc<SeriesKey>) {
    // No block holds more: beyond is damage, for which no memory is taken.
    let Some(slot) = usize::try_from(slot).ok().filter(|slot| *slot < VALUES_MAX) else { return };
    if keys.len() <= slot {
        keys.resize(slot + 1, None);
    }
    if let Some(place) = keys.get_mut(slot) {
        *place = Some(Arc::clone(key));
    }
}

/// The series of one signal by number, from the file.
pub(super) fn of_signal(connection: &Connection, signal: &str) -> rusqlite::Result<Keys> {
    let mut statement = connection
        .prepare("SELECT slot, signal, cloud, region, scope, entity, resource, basis FROM series WHERE signal = ?1")?;
    let mut rows = statement.query([signal])?;
    let mut found = Keys::new();
    while let Some(row) = rows.next()? {
        if let Some((slot, key)) = entry(row)? {
            number(&mut found, slot, &Arc::new(key));
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
