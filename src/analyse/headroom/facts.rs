//! The tables of the snapshot that headroom is counted from.

use std::any::Any;
use std::sync::Arc;

use crate::model::clock::Timestamp;
use crate::model::inventory::aggregate::Aggregates;
use crate::model::inventory::flavor::Flavors;
use crate::model::inventory::hypervisor::Hypervisors;
use crate::model::inventory::project::Projects;
use crate::model::inventory::provider::Providers;
use crate::model::inventory::quota::ComputeQuotas;
use crate::model::inventory::server::Servers;
use crate::model::part::Origin;
use crate::model::snapshot::Snapshot;

/// Tables of one region.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) providers: Arc<Providers>,
    pub(super) hypervisors: Arc<Hypervisors>,
    pub(super) flavors: Arc<Flavors>,
    pub(super) aggregates: Option<Arc<Aggregates>>,
    pub(super) servers: Option<Arc<Servers>>,
    pub(super) quotas: Option<Arc<ComputeQuotas>>,
    pub(super) projects: Option<Arc<Projects>>,
}

impl Facts {
    /// None unless providers, hypervisors and flavors are there: the time is that of the oldest of these.
    pub(super) fn of(snapshot: &Snapshot, origin: &Origin) -> Option<(Self, Timestamp)> {
        let (providers, first) = found(snapshot, origin)?;
        let (hypervisors, second) = found(snapshot, origin)?;
        let (flavors, third) = found(snapshot, origin)?;
        let facts = Self {
            providers,
            hypervisors,
            flavors,
            aggregates: snapshot.table(origin),
            servers: snapshot.table(origin),
            quotas: snapshot.table(origin),
            projects: snapshot.table(origin),
        };
        Some((facts, first.min(second).min(third)))
    }

    /// Whether these are the same tables.
    pub(super) fn are(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.providers, &other.providers)
            && Arc::ptr_eq(&self.hypervisors, &other.hypervisors)
            && Arc::ptr_eq(&self.flavors, &other.flavors)
            && same(&self.aggregates, &other.aggregates)
            && same(&self.servers, &other.servers)
            && same(&self.quotas, &other.quotas)
            && same(&self.projects, &other.projects)
    }

    /// Whether none has come and none has gone.
    pub(super) fn are_as_many(&self, other: &Self) -> bool {
        let known = |facts: &Self| {
            let Self { aggregates, servers, quotas, projects, .. } = facts;
            (aggregates.is_some(), servers.is_some(), quotas.is_some(), projects.is_some())
        };
        known(self) == known(other)
    }
}

fn same<T>(one: &Option<Arc<T>>, other: &Option<Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

fn found<T: Any + Send + Sync>(snapshot: &Snapshot, origin: &Origin) -> Option<(Arc<T>, Timestamp)> {
    let own = snapshot.parts().filter(|part| part.key.origin == *origin);
    own.filter_map(|part| Some((part.tables.get::<T>()?, part.collected_at))).next()
}
