//! Waste of small clouds made up here, and of any cloud: each thing once. tests/it/waste_cloud.rs compares it with a simulated one.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::id::{Id, Uuid};
use crate::model::inventory::floating_ip::{FloatingIp, FloatingIps};
use crate::model::inventory::guest::{Guest, Guests};
use crate::model::inventory::load_balancer::{LoadBalancer, LoadBalancers};
use crate::model::inventory::project::{EveryProject, Project, Projects};
use crate::model::inventory::provider::Providers;
use crate::model::inventory::server::{Server, ServerFlavor, Servers};
use crate::model::inventory::volume::{Volume, Volumes};
use crate::model::inventory::volume_snapshot::{VolumeSnapshot, VolumeSnapshots};
use crate::model::part::{Part, PartKey};
use crate::model::snapshot::{SeriesLimits, SnapshotStore};
use crate::model::waste::{Kind, PressureClass};

/// A Saturday, 20:45:09.
const START: u32 = 1_795_293_909;
const DAY_SECONDS: u32 = 86_400;

fn origin() -> Origin {
    Origin::new("c", "r")
}

fn sealed(part: PartBuilder, group: &'static str) -> Part {
    part.seal(PartKey { group, origin: origin(), source: group.into() }, Timestamp::default(), 1000).0
}

/// Samples of a family as `labels value`.
fn rows(part: &Part, family: &str) -> Vec<String> {
    let found = part.families.iter().filter(|known| known.descriptor().name == family);
    let samples = found.flat_map(|family| family.samples());
    samples.map(|s| format!("{} {}", s.labels().collect::<Vec<_>>().join(" "), s.number())).collect()
}

fn server(status: &str, updated: u32) -> Server {
    Server {
        status: status.into(),
        zone: "az".into(),
        hypervisor: "h".into(),
        image: Some(Id::new("image")),
        flavor: Arc::new(ServerFlavor {
            vcpus: 8,
            memory_mib: 1024,
            disk_gib: 10,
            ephemeral_gib: 5,
            ..Default::default()
        }),
        created: Timestamp::from_seconds(i64::from(START - 100 * DAY_SECONDS)),
        updated: Timestamp::from_seconds(i64::from(updated)),
        ..Server::default()
    }
}

fn id(number: u128) -> Id {
    Id::Dashed(Uuid::from(number))
}

/// Guests that use half of their CPUs, as they count at a moment.
fn guests(count: u128, at: u32) -> Guests {
    let guest = Guest {
        at: Timestamp::from_seconds(at.into()),
        cpu_seconds: Some(4.0 * f64::from(at - START)),
        cpus: Some(8.0),
        memory_ratio: Some(0.4),
        ..Guest::default()
    };
    Guests((0..count).map(|number| (id(number), guest)).collect())
}

#[test]
fn without_a_source_of_demand_nothing_is_idle() {
    let servers = Servers([(id(1), Arc::new(server("ACTIVE", 0))), (id(2), Arc::new(server("SHUTOFF", 0)))].into());
    let store = SnapshotStore::new(SeriesLimits::default());
    let mut part = PartBuilder::new();
    part.table(Arc::new(servers));
    store.publish(sealed(part, "servers"), Vec::new());
    let mut auditor = Auditor::default();
    let mut audit = |seconds| {
        let at = Timestamp::from_seconds(i64::from(START) + seconds);
        let part = auditor.audit(&store.load(), &Settings::default(), at).pop();
        part.map(|(_, part)| sealed(part, "test"))
    };
    let part = audit(0).unwrap();
    assert_eq!(rows(&part, "stackcast_waste_instances"), ["powered_off az 1", "error az 0"]);
    assert_eq!(rows(&part, "stackcast_waste_disk_bytes"), ["powered_off az 16106127360", "error az 0"]);
    for absent in ["stackcast_waste_coverage_ratio", "stackcast_pressure_instances", "stackcast_waste_volumes"] {
        assert!(rows(&part, absent).is_empty(), "{absent}");
    }
    assert_eq!(part.tables.get::<Waste>().unwrap().coverage, None);
    // Measured, but not for two weeks yet.
    let mut part = PartBuilder::new();
    part.table(Arc::new(guests(2, START)));
    store.publish(sealed(part, "guests"), Vec::new());
    let part = audit(60).expect("what was not known before does not wait");
    assert_eq!(rows(&part, "stackcast_waste_coverage_ratio"), ["az 0"]);
    assert_eq!(rows(&part, "stackcast_waste_instances").len(), 2);
    assert!(audit(120).is_none() && audit(359).is_none(), "every five minutes");
    assert!(audit(360).is_some());
}

#[test]
fn pressure_is_of_those_that_suffer_and_those_that_take() {
    let mut usage = Usage::default();
    let guest = |at: i64, cpu_seconds, memory_ratio| Guest {
        at: Timestamp::from_seconds(at),
        cpu_seconds: Some(cpu_seconds),
        cpus: Some(8.0),
        memory_ratio: Some(memory_ratio),
        ..Guest::default()
    };
    // Of 100 seconds: the first lacks memory, the second takes 7 of the host's 16 CPUs, the third next to nothing.
    for (at, used) in [(0, [0.0; 3]), (100, [80.0, 700.0, 10.0])] {
        let rows =
            (0..).zip(used).map(|(number, cpu)| (id(number), guest(at, cpu, if number == 0 { 0.97 } else { 0.5 })));
        usage.observe(&Guests(rows.collect()));
    }
    let servers = Servers((0..3).map(|number| (id(number), Arc::new(server("ACTIVE", 0)))).collect());
    let rows = [("VCPU", 16, 0, 1.0, 8)];
    let providers = Providers([crate::analyse::capacity::tests::provider("h", "h", &rows)].into());
    let found = pressure::pressure(&servers, &usage, Some(&providers), &Settings::default());
    let classes: Vec<_> = found.rows.iter().map(|row| (row.class, row.id.clone())).collect();
    assert_eq!(classes, [(PressureClass::Constrained, id(0)), (PressureClass::Bully, id(1))]);
    let unknown = pressure::pressure(&servers, &usage, None, &Settings::default());
    assert_eq!(unknown.rows.len(), 1, "without the host's size nobody is a bully");
}

#[test]
fn orphans_are_told_only_where_every_project_is_known() {
    let volume = Volume {
        name: "".into(),
        project: Id::new("gone"),
        volume_type: "".into(),
        host: "".into(),
        status: "available".into(),
        zone: "".into(),
        size_gib: 1,
        attachments: Box::default(),
        encrypted: false,
        snapshot: None,
        servers: [].into(),
        bootable: false,
        created: Timestamp::default(),
        updated: Timestamp::default(),
    };
    let project = Project { name: "p".into(), domain: "d".into(), enabled: true };
    let classes = |every: bool| {
        let store = SnapshotStore::new(SeriesLimits::default());
        let mut part = PartBuilder::new();
        part.table(Arc::new(Volumes([(Id::new("v"), volume.clone())].into())));
        part.table(Arc::new(Projects([(Id::new("p"), project.clone())].into())));
        if every {
            part.table(Arc::new(EveryProject));
        }
        store.publish(sealed(part, "facts"), Vec::new());
        let at = Timestamp::from_seconds(START.into());
        let parts = Auditor::default().audit(&store.load(), &Settings::default(), at);
        rows(&sealed(parts.into_iter().next().unwrap().1, "test"), "stackcast_waste_volumes")
    };
    assert_eq!(classes(true), ["error 0", "orphaned_project 1", "unattached 0"]);
    assert_eq!(classes(false), ["error 0", "unattached 1"]);
}

fn any_at() -> impl Strategy<Value = Timestamp> {
    (0..200i64).prop_map(|days| Timestamp::from_seconds(i64::from(START) - days * i64::from(DAY_SECONDS)))
}

fn any_volume() -> impl Strategy<Value = Volume> {
    let status = prop::sample::select(vec!["available", "in-use", "error", "error_deleting", "creating"]);
    (status, prop::bool::ANY, prop::bool::ANY, any_at()).prop_map(|(status, attached, known, updated)| Volume {
        name: "".into(),
        project: Id::new(if known { "p" } else { "gone" }),
        volume_type: "".into(),
        host: "".into(),
        status: status.into(),
        zone: "".into(),
        size_gib: 1,
        attachments: Box::default(),
        encrypted: false,
        snapshot: None,
        servers: if attached { [id(1)].into() } else { [].into() },
        bootable: false,
        created: updated,
        updated,
    })
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let status = prop::sample::select(vec!["ACTIVE", "SHUTOFF", "ERROR", "BUILD", "SHELVED_OFFLOADED"]);
    let servers = prop::collection::vec((status, any_at()), 0..20);
    let volumes = prop::collection::vec(any_volume(), 0..20);
    let flags = prop::collection::vec((prop::bool::ANY, prop::bool::ANY, prop::bool::ANY), 0..20);
    (servers, volumes, flags).prop_map(|(servers, volumes, flags)| {
        let project = |known: bool| Id::new(if known { "p" } else { "gone" });
        let seconds = |at: Timestamp| at.seconds() as u32;
        let numbered = || (0..).map(id);
        let balancer = |known, broken, empty: bool| LoadBalancer {
            name: "".into(),
            project: project(known),
            provisioning_status: if broken { "ERROR" } else { "ACTIVE" }.into(),
            operating_status: "ONLINE".into(),
            listeners: u32::from(!empty),
            pools: 0,
        };
        let address = |known, free: bool| FloatingIp {
            project: project(known),
            network: Id::default(),
            status: "".into(),
            port: (!free).then(Id::default),
        };
        let snapshot = |known, old: bool| VolumeSnapshot {
            volume: Id::default(),
            project: project(known),
            size_gib: 1,
            status: "".into(),
            created: Timestamp::from_seconds(if old { 0 } else { START.into() }),
        };
        let servers = servers.into_iter().map(|(status, updated)| Arc::new(server(status, seconds(updated))));
        Facts {
            servers: Some(Arc::new(Servers(numbered().zip(servers).collect()))),
            volumes: Some(Arc::new(Volumes(numbered().zip(volumes).collect()))),
            snapshots: Some(Arc::new(VolumeSnapshots(
                numbered().zip(flags.iter().map(|flag| snapshot(flag.0, flag.1))).collect(),
            ))),
            floating_ips: Some(Arc::new(FloatingIps(
                numbered().zip(flags.iter().map(|flag| address(flag.0, flag.1))).collect(),
            ))),
            load_balancers: Some(Arc::new(LoadBalancers(
                numbered().zip(flags.iter().map(|flag| balancer(flag.0, flag.1, flag.2))).collect(),
            ))),
            projects: Some(Arc::new(Projects(
                [(Id::new("p"), Project { name: "p".into(), domain: "d".into(), enabled: true })].into(),
            ))),
            ..Facts::default()
        }
    })
}

proptest! {
    #[test]
    fn each_thing_is_told_once_and_the_gauges_add_up(facts in any_facts()) {
        let at = Timestamp::from_seconds(START.into());
        let part = sealed(Auditor::default().region(&origin(), &facts, &Settings::default(), at), "test");
        let waste = part.tables.get::<Waste>().unwrap();
        let instances = waste.instances.as_ref().unwrap();
        let ids: BTreeSet<&Id> = instances.iter().map(|row| &row.id).collect();
        prop_assert_eq!(ids.len(), instances.len());
        let things: BTreeSet<(Kind, &Id)> = waste.things.iter().map(|row| (row.kind, &row.id)).collect();
        prop_assert_eq!(things.len(), waste.things.len());
        let sum = |family: &str| -> f64 {
            rows(&part, family).iter().map(|row| row.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
        };
        prop_assert_eq!(sum("stackcast_waste_instances"), instances.len() as f64);
        let counted = sum("stackcast_waste_volumes") + sum("stackcast_waste_floating_ips") + sum("stackcast_waste_load_balancers");
        prop_assert_eq!(counted, waste.things.len() as f64);
    }
}
