//! Compares what collectors have found with the newest record, and records what changed.
//!
//! A listing is compared only when it is as complete as the one before: a table that is missing, or that credentials
//! with fewer rights have filled, removes nothing. What more rights let appear is a new baseline, not an addition.

use std::collections::HashMap;
use std::sync::Arc;

use super::diff::{self, Changes};
use super::listing::{self, Item};
use super::record::attributes;
use super::store::{Head, Row, Store};
use super::telemetry::Telemetry;
use crate::history::StoreError;
use crate::model::clock::Timestamp;
use crate::model::day::Day;
use crate::model::part::Origin;
use crate::model::snapshot::Snapshot;
use crate::model::workload::{Change, ResourceType};

/// What credentials let a collector see, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Nothing, or the collector fails.
    Nothing,
    /// One project.
    Project,
    /// Everything.
    All,
}

impl Sight {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Project => "project",
            Self::All => "all",
        }
    }

    fn parse(name: &str) -> Self {
        [Self::Project, Self::All].into_iter().find(|sight| sight.as_str() == name).unwrap_or(Self::Nothing)
    }
}

/// What one look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// It could not be compared.
    Blind,
    /// Nothing to write.
    Same,
    /// The first listing, or the first of more rights.
    Baseline,
    /// Changes were recorded.
    Changed,
}

/// Compares and records. One at a time.
#[derive(Debug)]
pub struct Tracker {
    store: Arc<Store>,
    telemetry: Arc<Telemetry>,
    /// Checksums that led to no change, although they are not the record's (see `record::STICKY`).
    settled: HashMap<(i64, ResourceType), String>,
}

impl Tracker {
    /// Over a store.
    pub fn new(store: Arc<Store>, telemetry: Arc<Telemetry>) -> Self {
        Self { store, telemetry, settled: HashMap::new() }
    }

    /// Compares one kind of resource of a region. For a thread that may compute and wait for the disk.
    pub fn look(
        &mut self,
        snapshot: &Snapshot,
        origin: &Origin,
        kind: ResourceType,
        sight: Sight,
        at: Timestamp,
    ) -> Result<Looked, StoreError> {
        let looked = self.compare(snapshot, origin, kind, sight, at);
        let success = looked.as_ref().is_ok_and(|looked| *looked != Looked::Blind);
        self.telemetry.tell(origin, kind, |told| told.success = success);
        looked
    }

    /// Removes records that are too old.
    pub fn expire(&self, own_days: u32, received_days: u32, today: Day) -> Result<usize, StoreError> {
        Ok(self.store.expire(today.minus(own_days))? + self.store.expire_received(today.minus(received_days))?)
    }

    fn compare(
        &mut self,
        snapshot: &Snapshot,
        origin: &Origin,
        kind: ResourceType,
        sight: Sight,
        at: Timestamp,
    ) -> Result<Looked, StoreError> {
        let (Some(cloud), Some(region)) = (&origin.cloud, &origin.region) else { return Ok(Looked::Blind) };
        if sight == Sight::Nothing {
            return Ok(Looked::Blind);
        }
        let Some(mut items) = listing::listing(kind, snapshot, origin) else { return Ok(Looked::Blind) };
        let cluster = self.store.cluster(cloud, region)?;
        let before = self.store.head(cluster, kind)?;
        let seen = before.as_ref().map(|head| Sight::parse(&head.visibility));
        if seen.is_some_and(|seen| sight < seen) {
            return Ok(Looked::Blind);
        }
        let current = listing::array(&items);
        let checksum = listing::checksum(&current);
        // A clock that went back does not make a second newest row.
        let day = before.as_ref().map_or(Day::of(at), |head| head.day.max(Day::of(at)));
        let place = Place { cluster, kind, sight, day, at };
        let last_change = before.as_ref().and_then(|head| head.last_change);
        let resources = items.len() as u64;
        self.telemetry.tell(origin, kind, |told| (told.resources, told.last_change) = (Some(resources), last_change));
        let looked = match before {
            None => {
                self.put(&place, &items, &Changes::default(), None)?;
                Looked::Baseline
            }
            Some(head) if seen != Some(sight) => {
                self.put(&place, &items, &self.changes_of(&place, &head)?, None)?;
                Looked::Baseline
            }
            Some(head) if head.checksum == checksum || self.settled.get(&(cluster, kind)) == Some(&checksum) => {
                Looked::Same
            }
            Some(head) => match self.record(&place, &head, &mut items)? {
                None => {
                    self.settled.insert((cluster, kind), checksum);
                    Looked::Same
                }
                Some(changes) => {
                    self.count(origin, kind, &changes, at);
                    Looked::Changed
                }
            },
        };
        self.store.sighted(cluster, kind, day)?;
        Ok(looked)
    }

    /// Writes what leads from the newest row to these resources, if anything does.
    fn record(&self, place: &Place, head: &Head, items: &mut [Item]) -> Result<Option<Changes>, StoreError> {
        let (current, _) = self.store.texts(head.id)?;
        let old = diff::items(&current).map_err(|error| self.store.damaged_row(head.id, &error))?;
        let news = diff::compare(&old, items, place.at);
        if news.is_empty() {
            return Ok(None);
        }
        let mut of_day = self.changes_of(place, head)?;
        of_day.extend(news.clone());
        self.put(place, items, &of_day, Some(place.at))?;
        Ok(Some(news))
    }

    /// What the row holds already, where it is of the same day.
    fn changes_of(&self, place: &Place, head: &Head) -> Result<Changes, StoreError> {
        if head.day != place.day {
            return Ok(Changes::default());
        }
        let (_, changes) = self.store.texts(head.id)?;
        serde_json::from_str(&changes).map_err(|error| self.store.damaged_row(head.id, &error))
    }

    fn put(
        &self,
        place: &Place,
        items: &[Item],
        changes: &Changes,
        last_change: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let current = listing::array(items);
        self.store.put(&Row {
            cluster: place.cluster,
            kind: place.kind,
            day: place.day,
            at: place.at,
            checksum: &listing::checksum(&current),
            resources: u32::try_from(items.len()).unwrap_or(u32::MAX),
            baseline: last_change.is_none(),
            visibility: place.sight.as_str(),
            last_change,
            current: &current,
            // Texts and numbers can always be written.
            changes: &serde_json::to_string(changes).unwrap_or_default(),
        })
    }

    fn count(&self, origin: &Origin, kind: ResourceType, changes: &Changes, at: Timestamp) {
        self.telemetry.tell(origin, kind, |told| {
            told.last_change = Some(at);
            for (count, change) in told.changes.iter_mut().zip(Change::ALL) {
                *count += changes.of(change).len() as u64;
            }
            let changed = changes.modified.iter().flat_map(|event| event.before.keys());
            for name in changed {
                if let Some(known) = attributes(kind).iter().find(|known| *known == name) {
                    *told.attributes.entry(known).or_default() += 1;
                }
            }
        });
    }
}

/// Where and when a row belongs.
struct Place {
    cluster: i64,
    kind: ResourceType,
    sight: Sight,
    day: Day,
    at: Timestamp,
}
