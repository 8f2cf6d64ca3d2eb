//! Four weeks of one cloud: its readings, and the scores that they get.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use stackcast::analyse::signals::built_in;
use stackcast::analyse::tiers::Tiers;
use stackcast::analyse::watch::{Settings, Watch};
use stackcast::demo::{Anomaly, AnomalyKind, Settings as CloudSettings, World};
use stackcast::model::anomaly::Anomalies;
use stackcast::model::inventory::hypervisor::{Hypervisor, Hypervisors};
use stackcast::model::part::{Origin, PartBuilder, PartKey};
use stackcast::model::signal::{Basis, Scope, SeriesKey, Tick};
use stackcast::model::snapshot::{SeriesLimits, SnapshotStore};

use super::load::{DAY, Loads, mix, unit};
use super::plan::{FIRST, Size, planted, point, time};

/// The host of the demo's first own project: the busiest one.
const BUSIEST: u32 = 2;

/// What a run leaves to be judged.
pub struct Run {
    pub seed: u64,
    pub size: Size,
    pub seconds: f64,
    pub planted: Vec<Anomaly>,
    pub projects: Vec<String>,
    pub series: BTreeMap<Arc<SeriesKey>, Trace>,
}

/// Values and scores above 1 by point.
#[derive(Default)]
pub struct Trace {
    pub values: BTreeMap<usize, f32>,
    pub scores: BTreeMap<usize, (f64, &'static str)>,
}

pub fn run(seed: u64, size: Size, loads: &Loads, watching: &Settings) -> Run {
    let start = Instant::now();
    let (hypervisors, instances) = (size.hosts, 20 * size.hosts);
    let settings = CloudSettings { seed, hypervisors, instances, anomalies: false, ..CloudSettings::default() };
    let planted = planted(seed, BUSIEST, size);
    let mut world = World::simulated(&settings, time(0), planted.clone());
    let store = SnapshotStore::new(SeriesLimits::default());
    publish_hosts(&store, &world);
    let mut watch = Watch::new(built_in());
    let mut series: BTreeMap<Arc<SeriesKey>, Trace> = BTreeMap::new();
    for now in 0..size.points() {
        world.advance(time(now));
        let tick = Tick { at: time(now), readings: readings(&world, &planted, seed, now, loads) };
        for (key, value) in &tick.readings {
            series.entry(Arc::clone(key)).or_default().values.insert(now, *value as f32);
        }
        for (origin, part) in watch.step(&tick, &store.load(), watching, &Tiers::default()) {
            let key = PartKey { group: "anomaly", origin, source: "anomaly".into() };
            let (part, _) = part.seal(key, tick.at, usize::MAX);
            let table = part.tables.get::<Anomalies>().unwrap();
            // Outliers among peers have a gauge of their own; here it is the score that is judged.
            for found in table.current.iter().filter(|found| found.cause != "peers" && now >= FIRST - DAY) {
                series.entry(Arc::clone(&found.key)).or_default().scores.insert(now, (found.score, found.cause));
            }
        }
    }
    let projects = world.identity().projects.iter().map(|project| project.name.clone()).collect();
    Run { seed, size, seconds: start.elapsed().as_secs_f64(), planted, projects, series }
}

fn publish_hosts(store: &SnapshotStore, world: &World) {
    let rows = world.hosts().iter().map(|host| Hypervisor {
        name: Arc::from(&*host.hostname),
        uuid: None,
        service_host: Arc::from(&*host.name),
        zone: Arc::from(format!("az-{}", host.zone)),
        aggregates: if host.gpu { vec![Arc::from("gpu")] } else { Vec::new() },
        state: Arc::from("up"),
        status: Arc::from(if host.disabled.is_some() { "disabled" } else { "enabled" }),
        host_ip: None,
        cpu_model: None,
    });
    let mut part = PartBuilder::new();
    part.table(Arc::new(Hypervisors(rows.collect())));
    let key = PartKey { group: "nova", origin: origin(), source: "nova".into() };
    let (part, dropped) = part.seal(key, time(0), 1);
    store.publish(part, dropped);
}

fn origin() -> Origin {
    Origin::new("demo", "RegionOne")
}

/// All readings of a point: the world's truth, and what hosts really use.
fn readings(world: &World, planted: &[Anomaly], seed: u64, now: usize, loads: &Loads) -> Vec<(Arc<SeriesKey>, f64)> {
    let mut all = Vec::new();
    let mut put = |scope, entity: &str, signal: &str, resource: &str, basis, value: f64| {
        let (signal, entity, resource) = (Arc::from(signal), Arc::from(entity), Arc::from(resource));
        all.push((Arc::new(SeriesKey { signal, origin: origin(), scope, entity, resource, basis }), value));
    };
    let counts = world.counts();
    let mut sums: BTreeMap<(Scope, String, &str, Basis), (f64, f64)> = BTreeMap::new();
    for (row, host) in (0..).zip(world.hosts()) {
        let stuck = planted.iter().any(|a| a.kind == AnomalyKind::StuckAgent && a.target == row && going_on(a, now, 1));
        let allocation = [
            ("vcpu", host.used.vcpus, host.total.vcpus * 4),
            ("memory", host.used.memory_mb, host.total.memory_mb - 512),
            ("disk", host.used.disk_gb, host.total.disk_gb),
        ];
        let demand = demand(planted, seed, row, now, loads);
        let of_demand = [("vcpu", demand.0), ("memory", demand.1)];
        let usable = host.disabled.is_none() && !stuck;
        for (resource, used, total) in allocation.into_iter().filter(|_| usable) {
            let (used, total) = (used as f64, total as f64);
            put(Scope::Hypervisor, &host.hostname, "utilization", resource, Some(Basis::Allocation), used / total);
            for place in [(Scope::Cloud, "demo".to_owned()), (Scope::Az, format!("az-{}", host.zone))] {
                let sum = sums.entry((place.0, place.1, resource, Basis::Allocation)).or_default();
                *sum = (sum.0 + used, sum.1 + total);
            }
        }
        for (resource, ratio) in of_demand {
            put(Scope::Hypervisor, &host.hostname, "utilization", resource, Some(Basis::Demand), ratio);
            for place in [(Scope::Cloud, "demo".to_owned()), (Scope::Az, format!("az-{}", host.zone))] {
                let sum = sums.entry((place.0, place.1, resource, Basis::Demand)).or_default();
                *sum = (sum.0 + ratio, sum.1 + 1.0);
            }
        }
    }
    for ((scope, entity, resource, basis), (used, total)) in sums {
        put(scope, &entity, "utilization", resource, Some(basis), used / total);
    }
    let down = planted.iter().filter(|a| a.kind == AnomalyKind::StuckAgent && going_on(a, now, 1)).count();
    put(Scope::Cloud, "demo", "compute_services_down", "", None, down as f64);
    put(Scope::Cloud, "demo", "instances", "", None, counts.servers as f64);
    let errors = counts.servers_by_status.get("ERROR").copied().unwrap_or(0);
    put(Scope::Cloud, "demo", "instances_error", "", None, errors as f64);
    for (project, count) in counts.servers_by_project {
        put(Scope::Project, &project, "instances", "", None, count as f64);
    }
    all
}

/// CPU and memory that a host really uses.
fn demand(planted: &[Anomaly], seed: u64, row: u32, now: usize, loads: &Loads) -> (f64, f64) {
    let mut cpu = loads.cpu(seed, u64::from(row), now);
    // The weekly batch: Sunday, 2 to 5 o'clock.
    if batch(row) && now % (7 * DAY) / 12 >= 6 * 24 + 2 && now % (7 * DAY) / 12 < 6 * 24 + 5 {
        cpu += 0.3;
    }
    let own = unit(mix(seed, 77 + u64::from(row)));
    let jitter = unit(mix(mix(seed, u64::from(row)), now as u64)) - 0.5;
    let mut memory = 0.4 + 0.2 * own + 0.1 * cpu + 0.01 * jitter;
    for a in planted.iter().filter(|a| a.target == row && going_on(a, now, 0)) {
        match a.kind {
            AnomalyKind::OddHost => cpu *= 2.5,
            // One percent of the memory every hour.
            AnomalyKind::MemoryLeak => memory += 0.01 / 12.0 * (now - point(a.from)) as f64,
            _ => {}
        }
    }
    (cpu.min(1.0), memory.min(0.99))
}

/// Whether a host runs the weekly batch.
pub fn batch(row: u32) -> bool {
    row.is_multiple_of(4)
}

/// Whether an anomaly is going on, `late` points after its beginning.
fn going_on(anomaly: &Anomaly, now: usize, late: usize) -> bool {
    now >= point(anomaly.from) + late && now < point(anomaly.to)
}
