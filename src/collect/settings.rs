//! What the configuration says of collecting: how often, what of, and what not.
//!
//! Settings of one collector alone stand beside it, and are only named here. Reading and checking them is `config`'s business.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::compute::diagnostics;
use super::{Cadence, host, load_balancer, textfile};

/// What is collected, and how often.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Seconds between collections, by kind of facts.
    pub interval: Intervals,
    /// Instances.
    pub servers: Servers,
    /// Counters of each instance's guest, read from its compute host.
    pub diagnostics: diagnostics::Settings,
    /// Load balancers.
    pub load_balancer: load_balancer::Settings,
    /// Services to leave out or to insist on, by name (identity, compute, placement, ...).
    pub services: BTreeMap<String, ServiceSettings>,
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
    pub(super) fn holds_project(&self, project: &str) -> bool {
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

/// Instances.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Servers {
    /// Whether families with a series per instance are exported (openstack_nova_server_status, server_local_gb,
    /// resource_provider_allocations).
    pub per_instance: bool,
    /// Labels added to openstack_nova_server_status: the label's name, and the key of the instance's metadata whose
    /// value it carries (empty where the instance has no such key).
    pub metadata_labels: BTreeMap<String, String>,
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
        Self { per_instance: true, metadata_labels: BTreeMap::new() }
    }
}

/// One service.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceSettings {
    /// Unset: collected when the catalog has it. True: its absence is a failure. False: left out.
    pub enabled: Option<bool>,
}
