//! The tables of the snapshot that waste is found in.

use std::any::Any;
use std::sync::Arc;

use crate::model::clock::Timestamp;
use crate::model::inventory::floating_ip::FloatingIps;
use crate::model::inventory::guest::Guests;
use crate::model::inventory::load_balancer::LoadBalancers;
use crate::model::inventory::project::{EveryProject, Projects};
use crate::model::inventory::provider::Providers;
use crate::model::inventory::server::Servers;
use crate::model::inventory::volume::Volumes;
use crate::model::inventory::volume_snapshot::VolumeSnapshots;
use crate::model::part::Origin;
use crate::model::snapshot::Snapshot;

/// Tables of one region; none for what is not collected.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) servers: Option<Arc<Servers>>,
    pub(super) guests: Option<Arc<Guests>>,
    pub(super) volumes: Option<Arc<Volumes>>,
    pub(super) snapshots: Option<Arc<VolumeSnapshots>>,
    pub(super) floating_ips: Option<Arc<FloatingIps>>,
    pub(super) load_balancers: Option<Arc<LoadBalancers>>,
    /// Only where these are all of the cloud's.
    pub(super) projects: Option<Arc<Projects>>,
    pub(super) providers: Option<Arc<Providers>>,
    /// When the oldest of these was collected.
    pub(super) oldest: Option<Timestamp>,
}

/// Which of them are collected.
pub(super) type Known = [bool; 8];

impl Facts {
    pub(super) fn known(&self) -> Known {
        [
            self.servers.is_some(),
            self.guests.is_some(),
            self.volumes.is_some(),
            self.snapshots.is_some(),
            self.floating_ips.is_some(),
            self.load_balancers.is_some(),
            self.projects.is_some(),
            self.providers.is_some(),
        ]
    }

    pub(super) fn of(snapshot: &Snapshot, origin: &Origin) -> Self {
        let mut oldest = None;
        let every = snapshot.table::<EveryProject>(origin).is_some();
        Self {
            servers: table(snapshot, origin, &mut oldest),
            guests: table(snapshot, origin, &mut oldest),
            volumes: table(snapshot, origin, &mut oldest),
            snapshots: table(snapshot, origin, &mut oldest),
            floating_ips: table(snapshot, origin, &mut oldest),
            load_balancers: table(snapshot, origin, &mut oldest),
            projects: snapshot.table(origin).filter(|_| every),
            providers: snapshot.table(origin),
            oldest,
        }
    }
}

fn table<T: Any + Send + Sync>(snapshot: &Snapshot, origin: &Origin, oldest: &mut Option<Timestamp>) -> Option<Arc<T>> {
    let mut parts = snapshot.parts().filter(|part| part.key.origin == *origin);
    let (table, at) = parts.find_map(|part| Some((part.tables.get::<T>()?, part.collected_at)))?;
    *oldest = Some(oldest.map_or(at, |oldest| oldest.min(at)));
    Some(table)
}
