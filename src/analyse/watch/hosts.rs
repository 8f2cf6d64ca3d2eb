//! What the snapshot says of hypervisors: which exist, which are in maintenance, and which belong together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::inventory::hypervisor::{Hypervisor, Hypervisors};
use crate::model::part::Origin;
use crate::model::signal::{Scope, SeriesKey};
use crate::model::snapshot::Snapshot;

/// Hypervisors of every region.
#[derive(Debug, Default)]
pub(super) struct Hosts(BTreeMap<Origin, BTreeMap<Arc<str>, Host>>);

/// A hypervisor.
#[derive(Debug)]
pub(super) struct Host {
    /// Availability zone, aggregates and CPU model.
    pub(super) group: Arc<str>,
    /// Availability zone; empty when none is defined.
    pub(super) zone: Arc<str>,
    /// Whether somebody has taken it out of service.
    pub(super) maintenance: bool,
}

impl Hosts {
    /// Reads the snapshot.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let origins: BTreeSet<&Origin> = snapshot.parts().map(|part| &part.key.origin).collect();
        let read = |origin: &Origin| {
            let table = snapshot.table::<Hypervisors>(origin)?;
            let hosts = table.0.iter().map(|host| (Arc::clone(&host.name), Host::of(host))).collect();
            Some((origin.clone(), hosts))
        };
        Self(origins.into_iter().filter_map(read).collect())
    }

    /// The hypervisor that a series is about, if it is one and known.
    pub(super) fn of_series(&self, key: &SeriesKey) -> Option<&Host> {
        if key.scope != Scope::Hypervisor {
            return None;
        }
        self.0.get(&key.origin)?.get(&key.entity)
    }

    /// Whether a hypervisor is known not to exist any more: its series have ended, they are not missing.
    pub(super) fn removed(&self, key: &SeriesKey) -> bool {
        let known = self.0.get(&key.origin);
        key.scope == Scope::Hypervisor && known.is_some_and(|hosts| !hosts.contains_key(&key.entity))
    }
}

impl Host {
    fn of(host: &Hypervisor) -> Self {
        let mut group = if host.zone.is_empty() { "no zone".to_owned() } else { host.zone.to_string() };
        for part in host.aggregates.iter().chain(&host.cpu_model) {
            group.push('/');
            group.push_str(part);
        }
        // A host that is down without having been disabled is no maintenance, but an incident.
        let maintenance = &*host.status != "enabled";
        Self { group: Arc::from(group), zone: Arc::clone(&host.zone), maintenance }
    }
}
