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
mod quota;
mod quota_rounds;
mod quota_set;
pub mod runner;
mod scope;
#[cfg(test)]
mod sealed;
pub mod share;
mod sight;
pub mod textfile;
pub mod volume;

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::clock::Clock;
use crate::model::metric::{Descriptor, Metric};
use crate::model::part::{Origin, Part, PartBuilder};
use crate::model::snapshot::{Snapshot, SnapshotStore};
use crate::openstack::client::{Listed, ServiceClient};
use crate::openstack::error::Error;
use health::Report;

/// What is collected, and how often.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Seconds between collections, by kind of facts.
    pub interval: Intervals,
    /// Instances.
    pub servers: Servers,
    /// Counters of each instance's guest, read from its compute host.
    pub diagnostics: compute::diagnostics::Settings,
    /// Load balancers.
    pub load_balancer: load_balancer::Settings,
    /// Services to leave out or to insist on, by name (identity, compute, placement, ...).
    pub services: std::collections::BTreeMap<String, ServiceSettings>,
    /// Restriction to one project or domain.
    pub scope: Scope,
    /// Take every service that is not switched off as present, whatever the catalog says.
    pub ignore_catalog: bool,
    /// Export how long each family took to collect (`openstack_metric_collect_seconds`).
    pub metric_time: bool,
    /// Reachability and latency of each endpoint in the catalog.
    pub api: Api,
    /// Custom metrics from text files.
    pub textfile: textfile::Settings,
    /// Values, labels and quirks exactly as openstack-exporter's, also where it is wrong.
    pub compat: bool,
    /// Figures of the local host.
    pub host: host::Settings,
}

/// Restriction to a part of a cloud, for credentials that may not or shall not see all of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// Only this project, by id: its own lists, and its quotas.
    pub project_id: Option<String>,
    /// Only this domain, by id: its projects, users and groups, and their quotas.
    pub domain_id: Option<String>,
}

impl Settings {
    /// Services that settings and flags may name: openstack-exporter's.
    pub const SERVICE_NAMES: [&str; 15] = [
        "network",
        "compute",
        "image",
        "volume",
        "identity",
        "object-store",
        "load-balancer",
        "container-infra",
        "dns",
        "baremetal",
        "gnocchi",
        "database",
        "orchestration",
        "placement",
        "sharev2",
    ];

    /// Whether something of this project is exported where a list cannot be asked for by project.
    /// openstack-exporter does not restrict such lists.
    fn holds_project(&self, project: &str) -> bool {
        self.compat || self.scope.project_id.as_deref().is_none_or(|only| only == project)
    }
}

impl Scope {
    /// Whether a project lies within it.
    pub fn includes(&self, project: &str, domain: &str) -> bool {
        self.project_id.as_deref().is_none_or(|chosen| chosen == project)
            && self.domain_id.as_deref().is_none_or(|chosen| chosen == domain)
    }

    /// Whether every project lies within it.
    pub fn includes_all(&self) -> bool {
        self.project_id.is_none() && self.domain_id.is_none()
    }
}

/// Reachability and latency of each endpoint in the catalog.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    /// Whether each endpoint is asked for its version document once per `interval.fast_seconds`.
    pub enabled: bool,
}

impl Default for Api {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Seconds between collections.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Intervals {
    /// Hypervisors, instances, services, agents, resource providers.
    pub fast_seconds: u64,
    /// Volumes, ports, floating IPs, images.
    pub medium_seconds: u64,
    /// Quotas, projects, users, flavors.
    pub slow_seconds: u64,
    /// Full re-read of what is otherwise followed by its changes (instances, resource providers); quotas of shares.
    pub full_seconds: u64,
    /// Facts older than this many intervals are withheld.
    pub max_age_intervals: u32,
}

impl Default for Intervals {
    fn default() -> Self {
        Self { fast_seconds: 60, medium_seconds: 300, slow_seconds: 900, full_seconds: 3600, max_age_intervals: 5 }
    }
}

/// Instances.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Servers {
    /// Whether families with a series per instance are exported (openstack_nova_server_status, server_local_gb,
    /// resource_provider_allocations).
    pub per_instance: bool,
    /// Labels added to openstack_nova_server_status: the label's name, and the key of the instance's metadata whose
    /// value it carries (empty where the instance has no such key).
    pub metadata_labels: std::collections::BTreeMap<String, String>,
}

impl Servers {
    /// Labels that openstack_nova_server_status has of its own.
    pub const STATUS_LABELS: [&str; 13] = [
        "id",
        "status",
        "name",
        "tenant_id",
        "user_id",
        "address_ipv4",
        "address_ipv6",
        "host_id",
        "hypervisor_hostname",
        "uuid",
        "availability_zone",
        "flavor_id",
        "instance_libvirt",
    ];
}

impl Default for Servers {
    fn default() -> Self {
        Self { per_instance: true, metadata_labels: std::collections::BTreeMap::new() }
    }
}

/// One service.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceSettings {
    /// Unset: collected when the catalog has it. True: its absence is a failure. False: left out.
    pub enabled: Option<bool>,
}

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

impl Intervals {
    /// The interval of a cadence.
    pub fn of(&self, cadence: Cadence) -> Duration {
        let seconds = match cadence {
            Cadence::Fast => self.fast_seconds,
            Cadence::Medium => self.medium_seconds,
            Cadence::Slow => self.slow_seconds,
        };
        Duration::from_secs(seconds.max(1))
    }
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
