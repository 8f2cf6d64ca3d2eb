//! Waste: what holds capacity without using it; and pressure, the contrary.
//!
//! ```text
//! guests ─► Usage (a sketch a day for each instance) ─┬─► instances   idle, oversized, and those off or in error
//! servers ────────────────────────────────────────────┼─► pressure    who has too little
//! volumes, snapshots, addresses, load balancers ──────┴─► things      what nobody uses
//! ```
//! Each thing is in one class, the first that fits. Without a source of demand idle and oversized are unknown: absent,
//! and the API says so; nothing is called idle because nobody looked. What to do about waste is said elsewhere.

mod emit;
mod facts;
mod instances;
mod pressure;
mod settings;
mod sketch;
#[cfg(test)]
mod tests;
mod things;
mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use facts::{Facts, Known};
pub use settings::Settings;
use usage::Usage;

use crate::model::clock::Timestamp;
use crate::model::headroom::FactsAt;
use crate::model::metric::Descriptor;
use crate::model::part::{Origin, PartBuilder};
use crate::model::snapshot::Snapshot;
use crate::model::waste::Waste;

/// The families of this folder.
pub(super) static METRICS: &[&Descriptor] = emit::METRICS;

/// How often it is looked for: it is a matter of days, and every instance is looked at.
const EVERY: Duration = Duration::from_secs(300);

/// Finds waste, and remembers what instances used.
#[derive(Debug, Default)]
pub struct Auditor {
    usage: BTreeMap<Origin, Usage>,
    /// When it was looked for last, and of what was known then.
    audited: BTreeMap<Origin, (Timestamp, Known)>,
}

impl Auditor {
    /// With what was saved; and how many entries could not be read.
    pub fn restore(entries: Vec<(String, Vec<u8>)>) -> (Self, usize) {
        let mut auditor = Self::default();
        let mut unread = 0;
        for (key, bytes) in entries {
            match usage::parse_key(&key) {
                Some((origin, day)) => auditor.usage.entry(origin).or_default().restore(day, &bytes),
                None => unread += 1,
            }
        }
        (auditor, unread)
    }

    /// Days whose sketches have changed since the last time, for the store.
    pub fn save(&mut self) -> Vec<(String, Vec<u8>)> {
        self.usage.iter_mut().flat_map(|(origin, usage)| usage.save(origin)).collect()
    }

    /// All days, to replace what is in the store.
    pub fn save_all(&mut self) -> Vec<(String, Vec<u8>)> {
        self.usage.iter_mut().flat_map(|(origin, usage)| usage.save_all(origin)).collect()
    }

    /// Gauges and tables of every region for which it was time; what guests report is taken in each time.
    pub fn audit(&mut self, snapshot: &Snapshot, settings: &Settings, at: Timestamp) -> Vec<(Origin, PartBuilder)> {
        let origins = snapshot.parts().map(|part| &part.key.origin).filter(|origin| origin.cloud.is_some());
        let origins: BTreeSet<&Origin> = origins.collect();
        self.audited.retain(|origin, _| origins.contains(origin));
        let parts = origins.into_iter().filter_map(|origin| {
            let facts = Facts::of(snapshot, origin);
            if let Some(guests) = facts.guests.as_deref().filter(|guests| !guests.0.is_empty()) {
                self.usage.entry(origin.clone()).or_default().observe(guests);
            }
            let last = self.audited.get(origin);
            if last.is_some_and(|(last, known)| at.since(*last) < EVERY && *known == facts.known()) {
                return None;
            }
            self.audited.insert(origin.clone(), (at, facts.known()));
            Some((origin.clone(), self.region(origin, &facts, settings, at)))
        });
        parts.collect()
    }

    fn region(&self, origin: &Origin, facts: &Facts, settings: &Settings, at: Timestamp) -> PartBuilder {
        let mut part = PartBuilder::new();
        let nothing = Usage::default();
        let usage = self.usage.get(origin).unwrap_or(&nothing);
        let measured = !usage.is_empty();
        let (things, known) = things::things(facts, settings, at);
        let mut waste = Waste { instances: None, things, known, coverage: None };
        let mut zones = BTreeSet::new();
        if let Some(servers) = &facts.servers {
            let (wasted, coverage) = instances::instances(servers, usage, settings, at);
            waste.instances = Some(wasted);
            waste.coverage = measured.then_some(coverage);
            // Where an instance that got no host would be, is not known: that is no zone.
            zones = servers.0.values().map(|server| &*server.zone).filter(|zone| !zone.is_empty()).collect();
            if measured {
                let pressure = pressure::pressure(servers, usage, facts.providers.as_deref(), settings);
                emit::pressure(&mut part, &pressure);
                part.table(Arc::new(pressure));
            }
        }
        emit::waste(&mut part, &waste, &zones, facts.projects.is_some());
        if waste.instances.is_some() || !waste.known.is_empty() {
            part.table(Arc::new(waste));
            part.table(Arc::new(FactsAt(facts.oldest.unwrap_or(at))));
        }
        part
    }
}
