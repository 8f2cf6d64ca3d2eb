//! What workload records look like from outside: counts by cloud, and how reports fared.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::attributes;
use crate::model::clock::Timestamp;
use crate::model::part::{Origin, PartBuilder};
use crate::model::workload::{Change, Fate, ResourceType};

crate::metrics! {
    /// Resources of a type (vm, flavor, volume, image, tenant, keystone_user) in the newest workload record.
    RESOURCES = gauge "stackcast_workload_resources" [type], Count, "workload records";
    /// Resources added, modified or removed since the start, as noticed; those found by the first comparison are none.
    CHANGES = counter "stackcast_workload_changes_total" [type change], Count, "workload records";
    /// Modifications since the start, by the attribute that changed.
    ATTRIBUTE_CHANGES = counter "stackcast_workload_attribute_changes_total" [type attribute], Count, "workload records";
    /// When a change of a type was last noticed; absent before the first one.
    LAST_CHANGE = gauge "stackcast_workload_last_change_timestamp_seconds" [type], Timestamp, "workload records";
    /// Whether resources of a type could be compared: 0 while their collector fails, is blind, or sees less than before. Then nothing is recorded.
    FETCH_SUCCESS = gauge "stackcast_workload_fetch_success" [type], Bool, "workload records";
    /// Records sent to the collector, by what became of them there (added, updated, failed).
    REPORTS = counter "stackcast_workload_reports_total" [result], Count, "workload records";
    /// Records that other installations reported here, by what became of them (added, updated, failed).
    RECEIVED = counter "stackcast_workload_received_reports_total" [result], Count, "workload records";
    /// Bytes of the store of workload records on disk, its write-ahead log included.
    STORE_SIZE = gauge "stackcast_workload_store_size_bytes" [], Bytes, "workload records";
}

/// What is known of a type in a region.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) success: bool,
    pub(super) resources: Option<u64>,
    pub(super) last_change: Option<Timestamp>,
    pub(super) changes: [u64; 3],
    pub(super) attributes: BTreeMap<&'static str, u64>,
}

/// Counts of this process.
#[derive(Debug, Default)]
pub struct Telemetry(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    told: BTreeMap<(Origin, ResourceType), Told>,
    sent: BTreeMap<Fate, u64>,
    received: BTreeMap<Fate, u64>,
}

impl Telemetry {
    /// Changes what is known of a type in a region.
    pub(super) fn tell(&self, origin: &Origin, kind: ResourceType, change: impl FnOnce(&mut Told)) {
        change(self.lock().told.entry((origin.clone(), kind)).or_default());
    }

    /// Counts records that a collector answered for.
    pub(super) fn sent(&self, fate: Fate) {
        *self.lock().sent.entry(fate).or_default() += 1;
    }

    /// Counts records of others.
    pub(super) fn received(&self, fate: Fate) {
        *self.lock().received.entry(fate).or_default() += 1;
    }

    /// The families about a region.
    pub fn part(&self, origin: &Origin) -> PartBuilder {
        let mut part = PartBuilder::new();
        let counts = self.lock();
        for kind in ResourceType::ALL {
            let Some(told) = counts.told.get(&(origin.clone(), kind)) else { continue };
            let name = kind.as_str();
            part.put(&FETCH_SUCCESS, [name], f64::from(u8::from(told.success)));
            let Some(resources) = told.resources else { continue };
            part.put(&RESOURCES, [name], resources as f64);
            for (change, count) in Change::ALL.iter().zip(told.changes) {
                part.put(&CHANGES, [name, change.as_str()], count as f64);
            }
            for attribute in attributes(kind) {
                let count = told.attributes.get(attribute).copied().unwrap_or(0);
                part.put(&ATTRIBUTE_CHANGES, [name, attribute], count as f64);
            }
            if let Some(at) = told.last_change {
                part.put(&LAST_CHANGE, [name], at.seconds());
            }
        }
        part
    }

    /// The families about this process.
    pub(super) fn own_part(&self, store_bytes: u64, sends: bool, takes: bool) -> PartBuilder {
        let mut part = PartBuilder::new();
        let counts = self.lock();
        for fate in [Fate::Added, Fate::Updated, Fate::Failed] {
            let count = |of: &BTreeMap<Fate, u64>| of.get(&fate).copied().unwrap_or(0) as f64;
            if sends {
                part.put(&REPORTS, [fate.as_str()], count(&counts.sent));
            }
            if takes {
                part.put(&RECEIVED, [fate.as_str()], count(&counts.received));
            }
        }
        part.put(&STORE_SIZE, [], store_bytes as f64);
        part
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
