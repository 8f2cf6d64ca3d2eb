//! What time does to the world: determinism, deltas, generations, anomalies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Client, START, small};
use crate::demo::world::Identity;
use crate::demo::{AnomalyKind, Settings, Status, World};
use crate::model::clock::Timestamp;

fn world(settings: &Settings) -> World {
    World::new(settings, 0, Arc::new(Identity::new(settings.seed, settings.projects)), START)
}

fn later(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

type Row = (u32, Status, Option<u32>, u32);

/// Every server that lives, with what a list shows of it.
fn list(world: &World) -> BTreeMap<u128, Row> {
    let alive = world.servers().iter().filter(|s| s.status != Status::Deleted);
    alive.map(|s| (s.id, (s.updated, s.status, s.host, s.flavor))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_however_time_is_cut(seed in any::<u64>(), steps in prop::collection::vec(1u64..5000, 1..12)) {
        let settings = Settings { seed, churn_per_minute: Some(0.02), ..small() };
        let (mut cut, mut whole) = (world(&settings), world(&settings));
        let mut end = 0;
        for step in steps {
            end += step;
            cut.advance(later(end));
        }
        whole.advance(later(end));
        prop_assert_eq!(cut.servers(), whole.servers());
        prop_assert_eq!(cut.counts(), whole.counts());
    }

    #[test]
    fn changes_since_is_the_difference_of_two_lists(
        seed in any::<u64>(), churn in 0.0..0.1f64, steps in prop::collection::vec(20u64..900, 1..10)
    ) {
        let mut world = world(&Settings { seed, churn_per_minute: Some(churn), ..small() });
        let mut at = 0;
        for step in steps {
            let before = list(&world);
            let since = later(at);
            at += step;
            world.advance(later(at));
            let second = u32::try_from(since.millis() / 1000).unwrap();
            let changed: BTreeSet<u128> =
                world.changed_since(second).iter().map(|row| world.server(*row).unwrap().id).collect();
            prop_assert_eq!(&changed, &world.changed(since).into_iter().collect::<BTreeSet<_>>());
            // Applying the delta to the old list must give the new list.
            let mut patched = before.clone();
            for id in &changed {
                let server = world.server(world.find(*id).unwrap()).unwrap();
                if server.status == Status::Deleted {
                    patched.remove(id);
                } else {
                    patched.insert(*id, (server.updated, server.status, server.host, server.flavor));
                }
            }
            prop_assert_eq!(patched, list(&world));
        }
    }

    #[test]
    fn generations_rise_when_something_is_allocated_or_moved(seed in any::<u64>(), churn in 0.0..0.1f64) {
        let mut world = world(&Settings { seed, churn_per_minute: Some(churn), ..small() });
        for minute in 1..30 {
            let before: Vec<_> = world.hosts().iter().map(|h| (h.generation, sorted(&h.servers))).collect();
            world.advance(later(minute * 60));
            for (host, (generation, servers)) in world.hosts().iter().zip(before) {
                prop_assert!(host.generation >= generation);
                let gained = host.servers.iter().any(|row| servers.binary_search(row).is_err());
                prop_assert!(!gained || host.generation > generation, "allocated without a new generation");
            }
        }
        // Sums kept by the hosts agree with the servers' rows, and nothing is over its capacity.
        let counts = world.counts();
        prop_assert_eq!(counts.vcpus_used, world.hosts().iter().map(|h| h.used.vcpus).sum::<u64>());
        prop_assert_eq!(counts.memory_mb_used, world.hosts().iter().map(|h| h.used.memory_mb).sum::<u64>());
        prop_assert_eq!(counts.disk_gb_used, world.hosts().iter().map(|h| h.used.disk_gb).sum::<u64>());
        prop_assert_eq!(counts.gpus_used, world.hosts().iter().flat_map(|h| h.gpus_used).map(u64::from).sum::<u64>());
        prop_assert!(world.hosts().iter().all(|h| h.used.memory_mb + 512 <= h.total.memory_mb));
        let used: u64 = (0..counts.projects).map(|project| world.project_use(project).instances).sum();
        prop_assert_eq!(used, counts.servers as u64);
    }
}

fn sorted(rows: &[u32]) -> Vec<u32> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows
}

#[test]
fn quiet_time_leaves_generations_alone_and_seeds_differ() {
    let still = Settings { churn_per_minute: Some(0.0), ..small() };
    let mut world_a = world(&still);
    let before: Vec<u32> = world_a.hosts().iter().map(|h| h.generation).collect();
    world_a.advance(later(3600));
    assert_eq!(before, world_a.hosts().iter().map(|h| h.generation).collect::<Vec<_>>());
    let other = world(&Settings { seed: 2, ..still });
    assert_ne!(world_a.servers()[0].id, other.servers()[0].id);
}

#[test]
fn churn_is_what_was_asked_for_and_numbers_follow_day_and_growth() {
    let mut fixed = world(&Settings { instances: 4000, hypervisors: 100, churn_per_minute: Some(0.01), ..small() });
    fixed.advance(later(600));
    let changed = fixed.changed(START).len();
    assert!((250..=420).contains(&changed), "{changed} of about 400 distinct servers");
    let mut natural = world(&Settings { instances: 1000, hypervisors: 50, growth_per_month: 0.3, ..small() });
    for day in 1..=14 {
        natural.advance(later(day * 86_400));
    }
    let (now, target) = (natural.counts().servers as f64, natural.target(natural.now()));
    assert!(target > 1080.0 && (now - target).abs() < 0.06 * target, "{now} instances, {target} wanted");
}

#[tokio::test]
async fn deltas_over_the_wire_show_deleted_servers() {
    let client = Client::new(Settings { churn_per_minute: Some(0.05), page_size: 4, ..small() }).await;
    client.clock.set(later(600));
    let path = "compute/v2.1/servers/detail?all_tenants=1&changes-since=2026-11-21T20:45:09Z";
    let (ids, pages) = client.all_ids(path, "compute 2.87", "servers").await;
    let truth: Vec<String> = client
        .demo
        .world(0)
        .unwrap()
        .changed(START)
        .into_iter()
        .map(|id| crate::demo::json::Uuid(id).to_string())
        .collect();
    assert!(pages > 5);
    assert_eq!(ids, truth);
    let deleted = client.get(&format!("{path}&deleted=true&limit=1"), "compute 2.87").await.1;
    let server = &deleted["servers"][0];
    assert_eq!((&server["status"], &server["OS-EXT-STS:vm_state"]), (&"DELETED".into(), &"deleted".into()));
    assert!(server["OS-SRV-USG:terminated_at"].is_string());
    assert_eq!(client.get("compute/v2.1/servers/detail?changes-since=soon", "").await.0, 400);
}

#[tokio::test]
async fn planted_things_happen_and_end() {
    let client = Client::new(Settings { anomalies: true, ..small() }).await;
    let stuck =
        client.demo.world(0).unwrap().anomalies().iter().find(|a| a.kind == AnomalyKind::StuckAgent).copied().unwrap();
    let name = client.demo.world(0).unwrap().hosts()[stuck.target as usize].name.clone();
    let state = || async {
        let answer = client.get(&format!("compute/v2.1/os-services?host={name}"), "compute 2.87").await.1;
        answer["services"][0]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "up");
    client.clock.set(stuck.from.plus(Duration::from_secs(30)));
    assert_eq!(state().await, "up", "not down before service_down_time");
    client.clock.set(stuck.from.plus(Duration::from_secs(90)));
    assert_eq!(state().await, "down");
    assert_eq!(client.demo.world(0).unwrap().counts().hypervisors_up, 11);
    let uptimes = client.get("compute/v2.1/os-hypervisors/detail", "compute 2.88").await.1;
    assert!(uptimes["hypervisors"][stuck.target as usize]["uptime"].is_null());
    client.clock.set(stuck.to);
    assert_eq!(state().await, "up");
    let runaway = client
        .demo
        .world(0)
        .unwrap()
        .anomalies()
        .iter()
        .find(|a| a.kind == AnomalyKind::RunawayProject)
        .copied()
        .unwrap();
    let of_project = || client.demo.world(0).unwrap().project_use(runaway.target as usize).instances;
    client.clock.set(runaway.from);
    let before = of_project();
    client.clock.set(runaway.to);
    assert!(of_project() > before + 100, "{before} to {}", of_project());
}
