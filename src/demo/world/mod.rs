//! The model of one region: what exists at a moment of simulated time.
//!
//! It follows from the settings, the seed and the time alone: [`World::advance`] applies the events that are due,
//! in the same order however the way is cut into steps. It does no I/O, reads no clock and knows nothing of HTTP.

pub(crate) mod anomaly;
mod build;
mod event;
pub(crate) mod flavor;
pub(crate) mod host;
pub(crate) mod identity;
pub(crate) mod load;
pub(crate) mod network;
pub(crate) mod platform;
pub(crate) mod seed;
pub(crate) mod server;
pub(crate) mod storage;
mod truth;

use std::collections::BinaryHeap;
use std::sync::Arc;

use hashbrown::HashMap;

pub use anomaly::{Anomaly, AnomalyKind};
pub use flavor::{Flavor, Image};
pub use host::{Aggregate, Host, Resources};
pub use identity::{Domain, Identity, Project, User};
pub use load::{LoadClass, LoadProfile};
pub use server::{Server, Status};
pub use truth::Counts;

use super::settings::Settings;
use crate::model::clock::Timestamp;

/// What a project's instances take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProjectUse {
    /// Instances, those in ERROR included.
    pub instances: u64,
    /// vCPUs.
    pub cores: u64,
    /// MiB.
    pub ram: u64,
}

/// What a project may have; -1 is without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Instances.
    pub instances: i64,
    /// vCPUs.
    pub cores: i64,
    /// MiB.
    pub ram: i64,
}

/// Nova's default quota.
pub(crate) const QUOTA_DEFAULT: Quota = Quota { instances: 100, cores: 400, ram: 1_048_576 };

/// One region's compute and placement state.
#[derive(Debug)]
pub struct World {
    pub(crate) seed: u64,
    pub(crate) region: String,
    pub(crate) identity: Arc<Identity>,
    pub(crate) flavors: Vec<Flavor>,
    pub(crate) images: Vec<Image>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) aggregates: Vec<Aggregate>,
    pub(crate) servers: Vec<Server>,
    pub(crate) by_id: HashMap<u128, u32>,
    pub(crate) quotas: Vec<Quota>,
    pub(crate) usage: Vec<ProjectUse>,
    pub(crate) anomalies: Vec<Anomaly>,
    settings: Settings,
    scheduler: host::Scheduler,
    /// Rows of the servers that are not deleted, in no order.
    alive: Vec<u32>,
    /// Every change as (second, row), ascending: what `changes-since` reads.
    changes: Vec<(u32, u32)>,
    pending: BinaryHeap<event::Event>,
    sequence: u64,
    minute: i64,
    started: Timestamp,
    now: Timestamp,
}

impl World {
    /// The moment up to which events have been applied.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The moment at which the cloud was set up.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// Name of the region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// All servers ever, oldest first, deleted ones included.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// All hypervisors.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// All flavors.
    pub fn flavors(&self) -> &[Flavor] {
        &self.flavors
    }

    /// Domains, projects, users.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What is planted, with start and end.
    pub fn anomalies(&self) -> &[Anomaly] {
        &self.anomalies
    }

    /// What a project's instances take, by index of the project.
    pub fn project_use(&self, project: usize) -> ProjectUse {
        self.usage.get(project).copied().unwrap_or_default()
    }

    /// The quota of a project, by index of the project.
    pub fn quota(&self, project: usize) -> Quota {
        self.quotas.get(project).copied().unwrap_or(QUOTA_DEFAULT)
    }

    /// Row of a server, deleted ones included.
    pub fn find(&self, id: u128) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// A server by its row.
    pub fn server(&self, row: u32) -> Option<&Server> {
        self.servers.get(row as usize)
    }

    /// A host by its row.
    pub fn host(&self, row: u32) -> Option<&Host> {
        self.hosts.get(row as usize)
    }

    /// The flavor of a server.
    pub fn flavor_of(&self, server: &Server) -> Option<&Flavor> {
        self.flavors.get(server.flavor as usize)
    }

    /// The project of a server.
    pub fn project_of(&self, server: &Server) -> Option<&Project> {
        self.identity.projects.get(server.project as usize)
    }

    /// What a server takes of a host.
    pub fn need_of(&self, server: &Server) -> Resources {
        self.flavor_of(server).map(|flavor| Resources::of(flavor, server.from_volume())).unwrap_or_default()
    }

    /// Rows of servers whose last change is not earlier than a second, newest row first.
    pub(crate) fn changed_since(&self, second: u32) -> Vec<u32> {
        let from = self.changes.partition_point(|(at, _)| *at < second);
        let mut rows: Vec<u32> = self.changes.iter().skip(from).map(|(_, row)| *row).collect();
        rows.sort_unstable_by(|a, b| b.cmp(a));
        rows.dedup();
        rows
    }

    /// When a compute service reported last, and whether Nova takes it for up.
    pub(crate) fn heartbeat(&self, host: u32, at: Timestamp) -> (u32, bool) {
        const INTERVAL: u32 = 10;
        const DOWN_AFTER: u32 = 60;
        let second = seconds(at);
        match anomaly::ongoing(&self.anomalies, AnomalyKind::StuckAgent, host, at) {
            Some(stuck) => (seconds(stuck.from), second.saturating_sub(seconds(stuck.from)) <= DOWN_AFTER),
            None => (second - (second + host) % INTERVAL, true),
        }
    }

    /// The load of a server, its host's anomalies included.
    pub(crate) fn load(&self, server: &Server, at: Timestamp) -> LoadProfile {
        let mut profile = LoadProfile::of(server.id);
        let odd = |host| anomaly::ongoing(&self.anomalies, AnomalyKind::OddHost, host, at).is_some();
        if server.host.is_some_and(odd) {
            profile.scale *= 2.5;
        }
        profile
    }

    /// Fraction of its memory that a server uses, its host's leak included.
    pub(crate) fn memory_used(&self, server: &Server, at: Timestamp) -> f64 {
        let base = self.load(server, at).memory(seconds(at));
        let leak = |host| anomaly::ongoing(&self.anomalies, AnomalyKind::MemoryLeak, host, at);
        match server.host.and_then(leak) {
            // One percent of the memory every hour.
            Some(leak) => (base + at.since(leak.from).as_secs_f64() / 360_000.0).min(0.99),
            None => base,
        }
    }
}

/// Whole seconds since the epoch, as databases keep them.
pub(crate) fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.millis().div_euclid(1000)).unwrap_or(0)
}
