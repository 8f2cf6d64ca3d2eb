//! `/api/metrics`: this host and every hypervisor as plain records, utilisations in percent.
//!
//! A node's totals are what the scheduler may give away: (total - reserved) x allocation ratio, of Placement.

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Extent, Moment, write};
use super::asked::{Asked, CLOUD, LIMIT, OFFSET, Parameter, REGION};
use super::facts::{facts, single};
use super::problem::Problem;
use super::{Now, Route, Work};
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::hypervisor::{Hypervisor, Hypervisors};
use crate::model::inventory::provider::Providers;
use crate::model::inventory::server::Servers;
use crate::model::part::{Origin, Part};

const NODE: Parameter = Parameter::text("node", "Only the hypervisor of this name.");
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
/// Where the fill of the host's disk is read.
const ROOT: &str = "/";

pub(super) static ROUTE: Route = Route {
    path: "/api/metrics",
    summary: "The host that stackcast runs on, and all hypervisors with their capacity and use; percent, MB and GB.",
    parameters: &[CLOUD, REGION, NODE, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Metrics<'static>>>(),
    work: Work::Memory(answer),
};

/// The host and a page of the hypervisors.
#[derive(Debug, Serialize, JsonSchema)]
struct Metrics<'a> {
    #[serde(flatten)]
    host: Host,
    #[serde(flatten)]
    extent: Extent,
    /// The hypervisors.
    nodes: Vec<Node<'a>>,
}

/// The host that stackcast runs on; null is not known (yet).
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Host {
    /// When the host was last read.
    timestamp: Option<Moment>,
    /// Its name.
    hostname: Option<String>,
    /// Busy share of all CPUs, in percent.
    cpu: Option<f64>,
    /// Logical CPUs.
    cpu_cores: Option<usize>,
    /// Memory in use, in percent.
    memory: Option<f64>,
    /// Memory, in GiB.
    memory_total_gb: Option<f64>,
    /// Memory in use, in GiB.
    memory_used_gb: Option<f64>,
    /// Root file system in use, in percent.
    disk: Option<f64>,
    /// Size of the root file system, in GiB.
    disk_total_gb: Option<f64>,
    /// Used space of the root file system, in GiB.
    disk_used_gb: Option<f64>,
    /// Free space of the root file system, in GiB.
    disk_free_gb: Option<f64>,
    /// Running and sleeping processes.
    processes: Option<u64>,
}

/// A hypervisor; null is not known: without Placement's figures there is no capacity.
#[derive(Debug, Serialize, JsonSchema)]
struct Node<'a> {
    /// When the hypervisor was last read.
    timestamp: Moment,
    /// Its name.
    node: &'a str,
    /// Cloud.
    cloud: Option<&'a str>,
    /// Region of the cloud.
    region: Option<&'a str>,
    /// Availability zone; empty for none.
    availability_zone: &'a str,
    /// vCPUs in use.
    vcpus_used: Option<f64>,
    /// vCPUs that may be used.
    vcpus_total: Option<f64>,
    /// Memory in use, in MiB.
    memory_used_mb: Option<f64>,
    /// Memory that may be used, in MiB.
    memory_total_mb: Option<f64>,
    /// Disk in use, in GiB.
    disk_used_gb: Option<f64>,
    /// Disk that may be used, in GiB.
    disk_total_gb: Option<f64>,
    /// GPUs (resource classes with GPU in their name) in use.
    gpus_used: Option<f64>,
    /// GPUs that may be used.
    gpus_total: Option<f64>,
    /// Instances; null where they cannot be listed.
    instances: Option<usize>,
    /// Used over usable vCPUs, in percent; may pass 100.
    cpu_utilization: Option<f64>,
    /// Used over usable memory, in percent.
    memory_utilization: Option<f64>,
    /// Used over usable disk, in percent.
    disk_utilization: Option<f64>,
    /// up or down.
    state: &'a str,
    /// enabled or disabled.
    status: &'a str,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let regions: Vec<Region<'_>> = now.snapshot.parts().filter_map(|part| Region::of(now, part)).collect();
    let mut rows: Vec<(&Region<'_>, &Hypervisor)> = Vec::new();
    for region in regions.iter().filter(|region| region.is_wanted(asked)) {
        rows.extend(region.hypervisors.0.iter().map(|row| (region, row)));
    }
    if let Some(node) = asked.text(&NODE) {
        rows.retain(|(_, row)| *row.name == *node);
    }
    if rows.is_empty() && regions.iter().any(|region| !region.hypervisors.0.is_empty()) {
        return Err(Problem::not_found("there is no such hypervisor, cloud or region"));
    }
    let host_part = now.snapshot.group("host").next();
    let oldest = regions.iter().map(|region| region.read_at).chain(host_part.map(|part| part.collected_at)).min();
    let extent = Extent::of(rows.len(), asked);
    let nodes = extent.cut(rows.iter().map(|(region, row)| region.node(row)));
    write(now, oldest, now.status.ready.is_ok(), Metrics { host: host(now), extent, nodes })
}

/// The tables of a region, looked up once.
struct Region<'a> {
    origin: &'a Origin,
    read_at: Timestamp,
    hypervisors: Arc<Hypervisors>,
    /// By the name of the tree's root.
    capacity: HashMap<Arc<str>, [Amount; 4]>,
    /// By hypervisor.
    instances: Option<HashMap<Arc<str>, usize>>,
}

/// vCPUs, memory in MiB, disk in GiB, GPUs.
const VCPUS: usize = 0;
const MEMORY: usize = 1;
const DISK: usize = 2;
const GPUS: usize = 3;

/// What may be used, and what is.
#[derive(Clone, Copy, Debug, Default)]
struct Amount {
    total: f64,
    used: f64,
    is_there: bool,
}

impl Amount {
    fn total(self) -> Option<f64> {
        self.is_there.then_some(self.total)
    }

    fn used(self) -> Option<f64> {
        self.is_there.then_some(self.used)
    }

    fn percent(self) -> Option<f64> {
        (self.total > 0.0).then(|| self.used / self.total * 100.0)
    }
}

impl<'a> Region<'a> {
    fn of(now: &Now, part: &'a Part) -> Option<Self> {
        let hypervisors = part.tables.get::<Hypervisors>()?;
        let origin = &part.key.origin;
        let capacity = now.snapshot.table::<Providers>(origin).map(|providers| capacity(&providers));
        let instances = now.snapshot.table::<Servers>(origin).map(|servers| {
            let mut counts: HashMap<Arc<str>, usize> = HashMap::new();
            for server in servers.0.values().filter(|server| !server.hypervisor.is_empty()) {
                *counts.entry(Arc::clone(&server.hypervisor)).or_default() += 1;
            }
            counts
        });
        let capacity = capacity.unwrap_or_default();
        Some(Self { origin, read_at: part.collected_at, hypervisors, capacity, instances })
    }

    fn is_wanted(&self, asked: &Asked) -> bool {
        asked.text(&CLOUD).is_none_or(|cloud| self.origin.cloud.as_deref() == Some(cloud))
            && asked.text(&REGION).is_none_or(|region| self.origin.region.as_deref() == Some(region))
    }

    fn node<'b>(&'b self, row: &'b Hypervisor) -> Node<'b> {
        let amounts = self.capacity.get(&row.name).copied().unwrap_or_default();
        let amount = |place: usize| amounts.get(place).copied().unwrap_or_default();
        let (vcpus, memory, disk, gpus) = (amount(VCPUS), amount(MEMORY), amount(DISK), amount(GPUS));
        Node {
            timestamp: Moment(self.read_at),
            node: &row.name,
            cloud: self.origin.cloud.as_deref(),
            region: self.origin.region.as_deref(),
            availability_zone: &row.zone,
            vcpus_used: vcpus.used(),
            vcpus_total: vcpus.total(),
            memory_used_mb: memory.used(),
            memory_total_mb: memory.total(),
            disk_used_gb: disk.used(),
            disk_total_gb: disk.total(),
            gpus_used: gpus.used(),
            gpus_total: gpus.total(),
            instances: self.instances.as_ref().map(|counts| counts.get(&row.name).copied().unwrap_or(0)),
            cpu_utilization: vcpus.percent(),
            memory_utilization: memory.percent(),
            disk_utilization: disk.percent(),
            state: &row.state,
            status: &row.status,
        }
    }
}

/// Sums of each provider tree.
fn capacity(providers: &Providers) -> HashMap<Arc<str>, [Amount; 4]> {
    let mut trees: HashMap<&Id, [Amount; 4]> = HashMap::new();
    for provider in providers.0.values() {
        let tree = trees.entry(&provider.root).or_default();
        for (class, inventory) in &provider.inventories {
            let place = match &**class {
                "VCPU" => VCPUS,
                "MEMORY_MB" => MEMORY,
                "DISK_GB" => DISK,
                other if other.contains("GPU") => GPUS,
                _ => continue,
            };
            let Some(amount) = tree.get_mut(place) else { continue };
            amount.is_there = true;
            amount.total += inventory.total.saturating_sub(inventory.reserved) as f64 * inventory.allocation_ratio;
            amount.used += provider.usages.get(class).copied().unwrap_or(0) as f64;
        }
    }
    let roots = providers.0.iter().filter(|(id, provider)| **id == provider.root);
    roots.filter_map(|(id, provider)| Some((Arc::clone(&provider.name), *trees.get(id)?))).collect()
}

fn host(now: &Now) -> Host {
    let parts = || now.snapshot.group("host").map(|part| -> &Part { part });
    let memory = |name| single(parts(), name).filter(|bytes| *bytes > 0.0);
    let (total, available) = (memory("host_memory_MemTotal_bytes"), memory("host_memory_MemAvailable_bytes"));
    let used = total.zip(available).map(|(total, available)| (total - available).max(0.0));
    let root = |name: &str| {
        let on_root = facts(parts(), name).find(|fact| fact.label("mountpoint") == ROOT);
        on_root.map(|fact| fact.number()).filter(|bytes| bytes.is_finite())
    };
    let (size, free) = (root("host_filesystem_size_bytes"), root("host_filesystem_avail_bytes"));
    let filled = size.zip(free).map(|(size, free)| (size - free).max(0.0));
    let percent = |part: Option<f64>, whole: Option<f64>| {
        part.zip(whole).filter(|(_, whole)| *whole > 0.0).map(|(part, whole)| part / whole * 100.0)
    };
    let gib = |bytes: Option<f64>| bytes.map(|bytes| bytes / GIB);
    let cores = facts(parts(), "host_cpu_seconds_total").filter(|fact| fact.label("mode") == "idle").count();
    let analysed = now.snapshot.group("analysis.capacity").map(|part| -> &Part { part });
    let cpu = facts(analysed.filter(|part| part.key.origin == Origin::LOCAL), "stackcast_capacity_utilization_ratio")
        .find(|fact| fact.label("resource") == "cpu");
    Host {
        timestamp: parts().map(|part| Moment(part.collected_at)).max(),
        hostname: facts(parts(), "host_uname_info").next().map(|fact| fact.label("nodename").to_owned()),
        cpu: cpu.map(|fact| fact.number() * 100.0).filter(|percent| percent.is_finite()),
        cpu_cores: Some(cores).filter(|cores| *cores > 0),
        memory: percent(used, total),
        memory_total_gb: gib(total),
        memory_used_gb: gib(used),
        disk: percent(filled, size),
        disk_total_gb: gib(size),
        disk_used_gb: gib(filled),
        disk_free_gb: gib(free),
        processes: single(parts(), "host_processes_pids").map(|count| count as u64),
    }
}
