//! Waste of a simulated cloud, found and compared with what its world has planted: idle, oversized, powered-off and broken
//! instances. Guests are read every two hours for sixteen days, as diagnostics of a big cloud are.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use stackcast::analyse::waste::{Auditor, Settings};
use stackcast::demo::{self, LoadClass, LoadProfile, Status, World};
use stackcast::model::clock::Timestamp;
use stackcast::model::id::{Id, Uuid};
use stackcast::model::inventory::guest::{Guest, Guests};
use stackcast::model::inventory::server::{Server, ServerFlavor, Servers};
use stackcast::model::part::{Origin, PartBuilder, PartKey};
use stackcast::model::snapshot::{SeriesLimits, SnapshotStore};
use stackcast::model::waste::{InstanceClass, Waste};

/// A Saturday, 20:45:09.
const START: u32 = 1_795_293_909;
const DAY: u32 = 86_400;

fn id(number: u128) -> Id {
    Id::Dashed(Uuid::from(number))
}

fn at(seconds: u32) -> Timestamp {
    Timestamp::from_seconds(seconds.into())
}

fn publish(store: &SnapshotStore, group: &'static str, part: PartBuilder) {
    let key = PartKey { group, origin: Origin::new("c", "r"), source: group.into() };
    let (part, dropped) = part.seal(key, Timestamp::default(), 1000);
    store.publish(part, dropped);
}

/// The world's servers as Nova lists them.
fn servers(world: &World) -> Servers {
    let listed = world.servers().iter().filter(|server| server.status != Status::Deleted).map(|server| {
        let flavor = world.flavor_of(server).unwrap();
        let listed = Server {
            status: server.status.name().into(),
            zone: "az".into(),
            hypervisor: server.host.map_or("", |_| "h").into(),
            image: (!server.from_volume()).then(|| Id::new("image")),
            flavor: Arc::new(ServerFlavor { vcpus: flavor.vcpus, memory_mib: 1024, ..ServerFlavor::default() }),
            created: at(server.created),
            updated: at(server.updated),
            ..Server::default()
        };
        (id(server.id), Arc::new(listed))
    });
    Servers(listed.collect())
}

fn guests(world: &World, now: u32) -> Guests {
    let running = world.servers().iter().filter(|server| server.status == Status::Active);
    let read = running.map(|server| {
        let (load, cpus) = (LoadProfile::of(server.id), f64::from(world.flavor_of(server).unwrap().vcpus));
        let guest = Guest {
            at: at(now),
            cpu_seconds: Some(cpus * load.cpu_seconds(START - DAY, now)),
            cpus: Some(cpus),
            memory_ratio: Some(load.memory(now)),
            received_bytes: None,
            sent_bytes: Some(1000.0 * f64::from(now - START)),
        };
        (id(server.id), guest)
    });
    Guests(read.collect())
}

#[test]
fn the_worlds_waste_is_found() {
    let settings = demo::Settings { hypervisors: 40, instances: 600, anomalies: false, ..demo::Settings::default() };
    let world = World::simulated(&settings, at(START), Vec::new());
    let store = SnapshotStore::new(SeriesLimits::default());
    let mut part = PartBuilder::new();
    part.table(Arc::new(servers(&world)));
    publish(&store, "servers", part);
    let (mut auditor, mut found) = (Auditor::default(), Waste::default());
    let end = START + 16 * DAY;
    for now in (START..=end).step_by(7200) {
        let mut part = PartBuilder::new();
        part.table(Arc::new(guests(&world, now)));
        publish(&store, "guests", part);
        let (_, part) = auditor.audit(&store.load(), &Settings::default(), at(now)).remove(0);
        let key = PartKey { group: "test", origin: Origin::new("c", "r"), source: "test".into() };
        found = Waste::clone(&part.seal(key, at(now), 1000).0.tables.get::<Waste>().unwrap());
        // Half way it is another process that goes on.
        if now == START + 84 * 7200 {
            let (again, unread) = Auditor::restore(auditor.save_all());
            assert_eq!(unread, 0);
            auditor = again;
        }
    }
    let wasted = found.instances.unwrap();
    let class =
        |class| wasted.iter().filter(|row| row.class == class).map(|row| row.id.clone()).collect::<BTreeSet<_>>();
    let truth = |wanted: &dyn Fn(&demo::Server) -> bool| {
        world.servers().iter().filter(|server| wanted(server)).map(|server| id(server.id)).collect::<BTreeSet<_>>()
    };
    let running =
        |load| move |server: &demo::Server| server.status == Status::Active && LoadProfile::of(server.id).class == load;
    assert_eq!(class(InstanceClass::PoweredOff), truth(&|server| server.status == Status::Shutoff));
    assert_eq!(class(InstanceClass::Error), truth(&|server| server.status == Status::Error));
    assert_eq!(class(InstanceClass::Idle), truth(&running(LoadClass::Idle)));
    let (oversized, planted) = (class(InstanceClass::Oversized), truth(&running(LoadClass::Oversized)));
    let wrongly = oversized.difference(&planted).count();
    let _ = writeln!(
        std::io::stderr(),
        "{} servers: {} off, {} in error, {} idle; oversized: {} planted, {} found, {wrongly} besides",
        world.servers().len(),
        class(InstanceClass::PoweredOff).len(),
        class(InstanceClass::Error).len(),
        class(InstanceClass::Idle).len(),
        planted.len(),
        oversized.len()
    );
    assert!(planted.is_subset(&oversized), "{} of {} missed", planted.difference(&oversized).count(), planted.len());
    assert!(wrongly * 20 < world.servers().len(), "{wrongly} are busier than they look");
    assert_eq!(found.coverage.unwrap()[0].ratio(), Some(1.0));
}
