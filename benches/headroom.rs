//! CPU time of headroom and its kin: `cargo bench --bench headroom`. The bar: 200 flavors on 1,000 hosts with 50,000
//! instances, all of it (headroom, stranded capacity, evacuation, commitments), in 2 s of CPU.
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use stackcast::analyse::headroom::Surveyor;
use stackcast::model::clock::Timestamp;
use stackcast::model::id::Id;
use stackcast::model::inventory::flavor::{Flavor, Flavors};
use stackcast::model::inventory::hypervisor::{Hypervisor, Hypervisors};
use stackcast::model::inventory::provider::{Inventory, Provider, Providers};
use stackcast::model::inventory::server::{Server, ServerFlavor, Servers};
use stackcast::model::part::{Origin, PartBuilder, PartKey};
use stackcast::model::snapshot::{SeriesLimits, SnapshotStore};

const HOSTS: usize = 1000;
const FLAVORS: usize = 200;
const INSTANCES: usize = 50_000;

fn inventory(total: u64, allocation_ratio: f64) -> Inventory {
    Inventory { total, reserved: 0, allocation_ratio, min_unit: 1, max_unit: total, step_size: 1 }
}

/// A host with 120 traits; every tenth has two GPUs as providers of their own.
fn providers() -> Providers {
    let mut all = BTreeMap::new();
    let provider = |name: &str, root: &str, rows: &[(&str, u64, f64, u64)], traits: usize| Provider {
        name: Arc::from(name),
        generation: 1,
        parent: (name != root).then(|| Id::new(root)),
        root: Id::new(root),
        inventories: rows.iter().map(|row| (Arc::from(row.0), inventory(row.1, row.2))).collect(),
        usages: rows.iter().map(|row| (Arc::from(row.0), row.3)).collect(),
        traits: (0..traits).map(|number| Arc::from(format!("CUSTOM_T{number}"))).collect(),
        aggregates: Default::default(),
        allocations: Vec::new(),
    };
    for at in 0..HOSTS {
        let root = format!("host-{at:04}");
        let used = 50 * (2 + at as u64 % 3);
        let rows =
            [("VCPU", 64, 4.0, used), ("MEMORY_MB", 524_288, 1.0, used * 2048), ("DISK_GB", 8000, 1.0, used * 20)];
        all.insert(Id::new(&root), Arc::new(provider(&root, &root, &rows, 120)));
        for gpu in 0..if at % 10 == 0 { 2 } else { 0 } {
            let name = format!("{root}_gpu{gpu}");
            all.insert(Id::new(&name), Arc::new(provider(&name, &root, &[("VGPU", 16, 1.0, 3)], 2)));
        }
    }
    Providers(all)
}

fn hypervisors() -> Hypervisors {
    let row = |at: usize| Hypervisor {
        name: Arc::from(format!("host-{at:04}")),
        uuid: None,
        service_host: Arc::from(format!("host-{at:04}")),
        zone: Arc::from(format!("az-{}", at % 10)),
        aggregates: vec![Arc::from(format!("agg-{:02}", at % 50))],
        state: Arc::from("up"),
        status: Arc::from("enabled"),
        host_ip: None,
        cpu_model: None,
    };
    Hypervisors((0..HOSTS).map(row).collect())
}

fn flavors() -> Flavors {
    let row = |at: usize| {
        let specs: Vec<(&str, &str)> = match at % 10 {
            0 => vec![("resources1:VGPU", "1"), ("resources2:VGPU", "1"), ("group_policy", "isolate")],
            1 => vec![("resources:VGPU", "1")],
            2 => vec![("trait:CUSTOM_T7", "required")],
            3 => vec![("trait:CUSTOM_T300", "forbidden")],
            _ => Vec::new(),
        };
        let name: Arc<str> = Arc::from(format!("flavor-{at:03}"));
        let flavor = Flavor {
            id: Arc::clone(&name),
            name: Arc::clone(&name),
            vcpus: 1 + at as u32 % 8,
            memory_mib: 2048 * (1 + at as u32 % 8),
            disk_gib: 20 + at as u32,
            ephemeral_gib: 0,
            swap_mib: 0,
            is_public: true,
            extra_specs: specs.into_iter().map(|(key, value)| (Box::from(key), Box::from(value))).collect(),
        };
        (name, flavor)
    };
    Flavors((0..FLAVORS).map(row).collect())
}

fn servers() -> Servers {
    let kinds: Vec<Arc<ServerFlavor>> = (0..FLAVORS)
        .map(|at| Arc::new(ServerFlavor { name: Arc::from(format!("flavor-{at:03}")), ..ServerFlavor::default() }))
        .collect();
    let row = |at: usize| {
        let server = Server {
            hypervisor: Arc::from(format!("host-{:04}", at % HOSTS)),
            flavor: kinds.get(at * 7 % FLAVORS).cloned().unwrap_or_default(),
            image: Some(Id::new("image")),
            ..Server::default()
        };
        (Id::new(&at.to_string()), Arc::new(server))
    };
    Servers((0..INSTANCES).map(row).collect())
}

fn survey(c: &mut Criterion) {
    let store = SnapshotStore::new(SeriesLimits::default());
    let mut part = PartBuilder::new();
    part.table(Arc::new(providers()));
    part.table(Arc::new(hypervisors()));
    part.table(Arc::new(flavors()));
    part.table(Arc::new(servers()));
    let key = PartKey { group: "bench", origin: Origin::new("c", "r"), source: "bench".into() };
    let (part, dropped) = part.seal(key, Timestamp::default(), 1_000_000);
    store.publish(part, dropped);
    let (snapshot, settings) = (store.load(), Default::default());
    let mut group = c.benchmark_group("headroom");
    group.sample_size(10);
    group.bench_function("all_200_flavors_1000_hosts", |b| {
        b.iter(|| black_box(Surveyor::default().survey(&snapshot, &[], &settings, Timestamp::default())));
    });
    let mut known = Surveyor::default();
    let _first = known.survey(&snapshot, &[], &settings, Timestamp::default());
    group.bench_function("again_with_the_same_facts", |b| {
        b.iter(|| black_box(known.survey(&snapshot, &[], &settings, Timestamp::default())))
    });
    group.finish();
}

criterion_group!(benches, survey);
criterion_main!(benches);
