//! What to ask: one file (or folder) per OpenStack service, the local host, and ourselves.
//!
//! Adding a service is one file with its table of metrics, its collectors and a `SERVICE`, and one word
//! in `services!`. The [`runner`] gives every collector, for free: its own pace, a deadline, success,
//! duration, last success, items, rejected items, errors by kind, visibility, and withdrawal when too old.

pub mod baremetal;
pub mod compute;
pub mod container_infra;
pub mod database;
mod decode;
pub mod dns;
pub mod gnocchi;
pub mod health;
pub mod host;
pub mod identity;
pub mod image;
pub mod load_balancer;
pub mod network;
pub mod object_store;
pub mod orchestration;
pub mod own;
pub mod placement;
pub(crate) mod quota;
mod quota_rounds;
mod quota_set;
pub mod runner;
mod scope;
#[cfg(test)]
mod sealed;
mod settings;
pub mod share;
mod sight;
pub mod textfile;
pub mod volume;

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::model::clock::Clock;
use crate::model::metric::{Descriptor, Metric};
use crate::model::part::{Origin, Part, PartBuilder};
use crate::model::snapshot::{Snapshot, SnapshotStore};
use crate::openstack::client::{Listed, ServiceClient};
use crate::openstack::error::Error;
use health::Report;
pub use settings::{Api, Intervals, Scope, Servers, ServiceSettings, Settings};

/// How often a collector runs; the seconds are settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// `fast_seconds`.
    Fast,
    /// `medium_seconds`.
    Medium,
    /// `slow_seconds`.
    Slow,
}

/// An OpenStack service: its metrics and collectors.
#[derive(Debug)]
pub struct Service {
    /// Name as in `--disable-service.<name>` and the exposition group.
    pub name: &'static str,
    /// Catalog types, the preferred one first.
    pub catalog_types: &'static [&'static str],
    /// Tables of metrics, one per file.
    pub tables: &'static [&'static [&'static Descriptor]],
    /// The service's `_up`.
    pub up: &'static Metric<0>,
    /// Its collectors.
    pub collectors: &'static [CollectorSpec],
}

/// A collector's registration.
#[derive(Debug)]
pub struct CollectorSpec {
    /// Name, e.g. `compute.servers`: the `collector` label.
    pub name: &'static str,
    /// How often it runs.
    pub cadence: Cadence,
    /// Makes one for a region of a cloud; it keeps its state between runs.
    pub make: fn() -> Box<dyn Collect>,
}

/// Which families are wanted; what the configuration's filter leaves out is not even asked for where that saves calls.
#[derive(Clone)]
pub struct Keep {
    wants: Arc<dyn Fn(&Descriptor) -> bool + Send + Sync>,
    drops_label: Arc<LabelTest>,
}

/// Says yes or no to a label of a family.
type LabelTest = dyn Fn(&Descriptor, &str) -> bool + Send + Sync;

impl Keep {
    /// Keeps the families that satisfy the test.
    pub fn new(test: impl Fn(&Descriptor) -> bool + Send + Sync + 'static) -> Self {
        Self { wants: Arc::new(test), drops_label: Arc::new(|_, _| false) }
    }

    /// Leaves out the labels that satisfy the test.
    pub fn without_labels(self, test: impl Fn(&Descriptor, &str) -> bool + Send + Sync + 'static) -> Self {
        Self { drops_label: Arc::new(test), ..self }
    }

    /// Leaves out of a part what is not wanted; to be done ahead of sealing it.
    pub fn apply(&self, part: &mut PartBuilder) {
        part.retain(|row| self.wants(row));
        part.drop_labels(|row, label| (self.drops_label)(row, label));
    }

    /// Whether a family is wanted.
    pub fn wants(&self, row: &Descriptor) -> bool {
        (self.wants)(row)
    }
}

impl std::fmt::Debug for Keep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keep")
    }
}

/// The future of one run.
pub type Collecting<'a> = Pin<Box<dyn Future<Output = Result<PartBuilder, Error>> + Send + 'a>>;

/// A collector: asks, and fills a part. State between runs (deltas, generations) is its own.
pub trait Collect: Send {
    /// One run. An error leaves the previous part in place until it is too old.
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a>;
}

/// What a collector is given for one run.
#[derive(Clone, Debug)]
pub struct Cx {
    /// The service it asks.
    pub client: ServiceClient,
    /// The region of the cloud it asks about.
    pub origin: Origin,
    /// Where parts of other collectors are found.
    pub store: Arc<SnapshotStore>,
    /// The time of day.
    pub clock: Clock,
    /// Collection settings.
    pub settings: Arc<Settings>,
    /// Which families are wanted.
    pub keep: Keep,
    /// Its interval.
    pub interval: Duration,
    /// What it says about this run.
    pub report: Arc<Report>,
}

/// How long a first run waits for a table of another collector.
const TABLE_WAIT: Duration = Duration::from_secs(20);

impl Cx {
    /// The present snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.store.load()
    }

    /// A table that another collector of this region fills, if it is there now.
    pub fn table<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.snapshot().table::<T>(&self.origin)
    }

    /// The same, but waits a moment for it when it is not there yet (after the start).
    pub async fn wait_for_table<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let mut changes = self.store.subscribe();
        let deadline = tokio::time::Instant::now() + TABLE_WAIT;
        loop {
            if let Some(table) = self.table::<T>() {
                return Some(table);
            }
            match tokio::time::timeout_at(deadline, changes.changed()).await {
                Ok(Ok(())) => {}
                _ => return None,
            }
        }
    }

    /// Whether the token carries the role `admin`; not, where none can be had.
    pub(crate) async fn is_admin(&self) -> bool {
        self.client.cloud().session().await.is_ok_and(|session| session.is_admin())
    }

    /// The part of this region that carries a table, for a collector that goes on from what it published.
    pub fn part_with<T: Any + Send + Sync>(&self, table: &Arc<T>) -> Option<Arc<Part>> {
        let carries = |part: &&Arc<Part>| part.tables.get::<T>().is_some_and(|found| Arc::ptr_eq(&found, table));
        self.snapshot().parts().filter(|part| part.key.origin == self.origin).find(carries).cloned()
    }

    /// Notes how a list came out: its rejected items are counted and the first of each reason logged once.
    pub fn note(&self, listed: &Listed) {
        self.report.add_items(listed.items);
        for (reason, detail) in &listed.rejected {
            self.report.reject(reason, detail);
        }
    }
}

/// Declares the service modules' registry, in exposition order.
macro_rules! services {
    ($($service:ident),+ $(,)?) => {
        /// Every service, in exposition order.
        pub static SERVICES: &[&Service] = &[$(&$service::SERVICE),+];
    };
}

services![
    identity,
    compute,
    placement,
    network,
    volume,
    image,
    object_store,
    load_balancer,
    container_infra,
    dns,
    baremetal,
    orchestration,
    database,
    share,
    gnocchi,
];

/// Every table of metrics that collectors fill, for the reference.
pub fn tables() -> Vec<&'static [&'static Descriptor]> {
    let services = SERVICES.iter().flat_map(|service| service.tables.iter().copied());
    let local = host::tables().into_iter().chain([textfile::METRICS]);
    services.chain([quota::METRICS, runner::API_METRICS]).chain(local).chain(own::tables()).collect()
}
