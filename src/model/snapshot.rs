//! The snapshot: every current part, swapped as a whole so that readers never wait and never see half.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::part::{Dropped, Origin, Part, PartKey};

/// Every current part. Immutable; a new one is made for each change.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    parts: BTreeMap<PartKey, Arc<Part>>,
}

impl Snapshot {
    /// All parts, ordered by group, origin and source.
    pub fn parts(&self) -> impl Iterator<Item = &Arc<Part>> {
        self.parts.values()
    }

    /// The parts of one exposition group.
    pub fn group(&self, group: &str) -> impl Iterator<Item = &Arc<Part>> {
        self.parts.values().filter(move |part| part.key.group == group)
    }

    /// The part in a slot.
    pub fn part(&self, key: &PartKey) -> Option<&Arc<Part>> {
        self.parts.get(key)
    }

    /// The typed table of an origin, whichever part carries it.
    pub fn table<T: Any + Send + Sync>(&self, origin: &Origin) -> Option<Arc<T>> {
        self.parts.values().filter(|part| part.key.origin == *origin).find_map(|part| part.tables.get::<T>())
    }

    /// The typed tables of an origin of which each service has one.
    pub fn tables<T: Any + Send + Sync>(&self, origin: &Origin) -> impl Iterator<Item = Arc<T>> {
        self.parts.values().filter(move |part| part.key.origin == *origin).filter_map(|part| part.tables.get::<T>())
    }

    /// Number of samples in all parts.
    pub fn samples(&self) -> usize {
        self.parts.values().map(|part| part.samples()).sum()
    }
}

/// Limits against explosions, not against big clouds.
#[derive(Clone, Copy, Debug)]
pub struct SeriesLimits {
    /// Samples of one family in one part.
    pub per_family: usize,
    /// Samples in all.
    pub total: usize,
}

impl Default for SeriesLimits {
    fn default() -> Self {
        Self { per_family: 1_000_000, total: 5_000_000 }
    }
}

/// Holds the current [`Snapshot`]; publishers swap it, readers load it.
#[derive(Debug)]
pub struct SnapshotStore {
    current: ArcSwap<Snapshot>,
    limits: SeriesLimits,
    publish: Mutex<Tally>,
    changed: watch::Sender<u64>,
}

/// What was dropped so far, by (family, reason).
#[derive(Debug, Default)]
struct Tally(BTreeMap<(Cow<'static, str>, &'static str), u64>);

impl SnapshotStore {
    /// An empty store.
    pub fn new(limits: SeriesLimits) -> Arc<Self> {
        Arc::new(Self {
            current: ArcSwap::default(),
            limits,
            publish: Mutex::default(),
            changed: watch::Sender::new(0),
        })
    }

    /// The limits in force.
    pub fn limits(&self) -> SeriesLimits {
        self.limits
    }

    /// The current snapshot.
    pub fn load(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Counts up with every change of the snapshot.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Puts a part in its slot. Samples over the total limit are dropped; `dropped` (from sealing) and those are counted.
    pub fn publish(&self, mut part: Part, mut dropped: Vec<Dropped>) {
        let mut tally = self.lock();
        let mut next = Snapshot::clone(&self.current.load());
        if let Some(before) = next.parts.remove(&part.key) {
            part.share(&before);
        }
        let budget = self.limits.total.saturating_sub(next.samples());
        if part.samples() > budget {
            dropped.extend(part.truncate(budget));
        }
        for drop in dropped {
            *tally.0.entry((drop.family, drop.reason)).or_default() += drop.samples;
        }
        next.parts.insert(part.key.clone(), Arc::new(part));
        self.swap(next);
    }

    /// Empties a slot, e.g. because its facts have become too old.
    pub fn withdraw(&self, key: &PartKey) {
        let _tally = self.lock();
        let mut next = Snapshot::clone(&self.current.load());
        if next.parts.remove(key).is_some() {
            self.swap(next);
        }
    }

    /// Samples dropped since the start, by family and reason (`duplicate`, `limit`).
    pub fn dropped(&self) -> Vec<(Cow<'static, str>, &'static str, u64)> {
        self.lock().0.iter().map(|((family, reason), samples)| (family.clone(), *reason, *samples)).collect()
    }

    fn swap(&self, next: Snapshot) {
        self.current.store(Arc::new(next));
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// A publisher that panicked left the tally whole (it only adds), so poison is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.publish.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Timestamp;
    use super::super::part::PartBuilder;
    use super::*;

    crate::metrics! {
        /// Things.
        THINGS = gauge "openstack_nova_snapshot_things" [id], Count, "GET /things";
    }

    fn part(source: &'static str, count: usize) -> (Part, Vec<Dropped>) {
        assert_eq!(METRICS.len(), 1);
        let mut builder = PartBuilder::new();
        for id in 0..count {
            builder.put(&THINGS, [&id.to_string()], 1.0);
        }
        builder.table(Arc::new(source));
        let key = PartKey { group: "test", origin: Origin::new("c", "r"), source: source.into() };
        builder.seal(key, Timestamp::default(), 100)
    }

    #[test]
    fn the_total_limit_drops_and_counts() {
        let store = SnapshotStore::new(SeriesLimits { per_family: 100, total: 10 });
        let (a, none) = part("a", 7);
        store.publish(a.clone(), none);
        let (b, none) = part("b", 7);
        store.publish(b, none);
        assert_eq!(store.load().samples(), 10);
        assert_eq!(store.dropped(), vec![("openstack_nova_snapshot_things".into(), "limit", 4)]);
        store.publish(a.clone(), Vec::new());
        assert_eq!(store.load().samples(), 10, "replacing a part frees its own samples first");
        store.withdraw(&a.key);
        assert_eq!(store.load().samples(), 3);
    }

    #[test]
    fn tables_are_found_by_origin() {
        let store = SnapshotStore::new(SeriesLimits::default());
        let (a, none) = part("a", 1);
        store.publish(a, none);
        assert_eq!(*store.load().table::<&str>(&Origin::new("c", "r")).unwrap(), "a");
        assert!(store.load().table::<&str>(&Origin::new("c", "other")).is_none());
    }
}
