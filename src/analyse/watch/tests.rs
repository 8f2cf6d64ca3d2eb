//! Watching as a whole: a small cloud of hosts with a daily wave, and what happens to it.

use super::*;
use crate::analyse::capacity::tests::hypervisor;
use crate::analyse::signals::built_in;
use crate::model::anomaly::Anomalies;
use crate::model::clock::Timestamp;
use crate::model::inventory::hypervisor::Hypervisors;
use crate::model::part::PartKey;
use crate::model::snapshot::{SeriesLimits, SnapshotStore};

const STEP: i64 = 300;
const HOSTS: usize = 12;
const DAY: i64 = 288;

/// Deterministic noise in -1..1.
fn noise(a: i64, b: i64) -> f64 {
    let mut x = (a as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (b as u64).wrapping_mul(0xD1B5_4A32_D192_ED03);
    x ^= x >> 31;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^= x >> 29;
    (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn origin() -> Origin {
    Origin::new("c", "r")
}

fn series(signal: &str, scope: Scope, entity: &str, resource: &str) -> Arc<SeriesKey> {
    Arc::new(SeriesKey {
        signal: Arc::from(signal),
        origin: origin(),
        scope,
        entity: Arc::from(entity),
        resource: Arc::from(resource),
        basis: (!resource.is_empty()).then_some(Basis::Demand),
    })
}

fn host(number: usize) -> Arc<SeriesKey> {
    series("utilization", Scope::Hypervisor, &format!("h{number}"), "vcpu")
}

/// A cloud of hosts; each has the load of the hour and noise of its own.
struct Cloud {
    store: Arc<SnapshotStore>,
    watch: Watch,
    settings: Settings,
}

impl Cloud {
    fn new() -> Self {
        let cloud = Self {
            store: SnapshotStore::new(SeriesLimits::default()),
            watch: Watch::new(built_in()),
            settings: Settings::default(),
        };
        cloud.hosts(HOSTS, |_| "enabled");
        cloud
    }

    fn hosts(&self, count: usize, status: impl Fn(usize) -> &'static str) {
        let rows = (0..count).map(|n| hypervisor(&format!("h{n}"), "az1", &[], "up", status(n)));
        let mut part = PartBuilder::new();
        part.table(Arc::new(Hypervisors(rows.collect())));
        let key = PartKey { group: "test", origin: origin(), source: "test".into() };
        let (part, dropped) = part.seal(key, Timestamp::default(), 100);
        self.store.publish(part, dropped);
    }

    fn step(&mut self, i: i64, value: impl Fn(usize) -> Option<f64>) -> Arc<Anomalies> {
        let readings = (0..HOSTS).filter_map(|n| value(n).map(|value| (host(n), value))).collect();
        self.tick(i, readings)
    }

    fn tick(&mut self, i: i64, readings: Vec<(Arc<SeriesKey>, f64)>) -> Arc<Anomalies> {
        self.part(i, readings).tables.get::<Anomalies>().unwrap()
    }

    fn part(&mut self, i: i64, readings: Vec<(Arc<SeriesKey>, f64)>) -> crate::model::part::Part {
        let tick = Tick { at: Timestamp::from_seconds(1_700_000_000 / STEP * STEP + i * STEP), readings };
        let mut found = self.watch.step(&tick, &self.store.load(), &self.settings, &Tiers::default());
        assert_eq!(found.len(), 1);
        let (origin, part) = found.remove(0);
        let key = PartKey { group: "analysis.anomaly", origin, source: "analysis.anomaly".into() };
        let (part, dropped) = part.seal(key, tick.at, 100_000);
        assert!(dropped.is_empty(), "each label set once: {dropped:?}");
        part
    }

    fn healthy(&mut self, from: i64, to: i64) {
        (from..to).for_each(|i| _ = self.step(i, |n| Some(load(i, n))));
    }
}

fn load(i: i64, n: usize) -> f64 {
    0.4 + 0.1 * (i as f64 / DAY as f64 * std::f64::consts::TAU).sin() + 0.02 * noise(i, n as i64)
}

fn sample(part: &crate::model::part::Part, family: &str, labels: &[&str]) -> Option<f64> {
    let family = part.families.iter().find(|f| f.descriptor().name == family)?;
    family.samples().find(|s| s.labels().eq(labels.iter().copied())).map(|s| s.number())
}

#[test]
fn one_host_that_jumps_is_its_own_anomaly_with_reasons() {
    let mut cloud = Cloud::new();
    cloud.healthy(0, 7 * DAY);
    let mut first = None;
    for i in 7 * DAY..7 * DAY + 12 {
        let found = cloud.step(i, |n| Some(load(i, n) + if n == 3 { 0.3 } else { 0.0 }));
        if let Some(anomaly) = found.current.first() {
            assert_eq!(found.current.iter().map(|a| &*a.key.entity).collect::<Vec<_>>(), ["h3"]);
            first.get_or_insert((i, anomaly.clone()));
        }
    }
    let (at, anomaly) = first.expect("the jump is found");
    assert!(at < 7 * DAY + 6, "found after {} readings", at - 7 * DAY);
    assert_eq!(anomaly.direction, 1);
    assert!(anomaly.peer_score.unwrap() > 1.0 && anomaly.quiet_peers.len() == 10, "{anomaly:?}");
    assert_eq!(anomaly.group.as_deref(), Some("az1"));
    assert!(anomaly.value.unwrap() > anomaly.expected.unwrap().1);
}

#[test]
fn a_shift_of_the_fleet_is_one_anomaly_of_the_cloud() {
    let mut cloud = Cloud::new();
    cloud.healthy(0, 7 * DAY);
    let mut told = BTreeSet::new();
    for i in 7 * DAY..7 * DAY + 24 {
        let found = cloud.step(i, |n| Some(load(i, n) + 0.3));
        told.extend(found.current.iter().map(|a| (a.key.scope, a.cause)));
    }
    assert!(told.contains(&(Scope::Cloud, "fleet")), "{told:?}");
    assert!(told.iter().all(|(scope, _)| *scope != Scope::Hypervisor), "{told:?}");
}

#[test]
fn maintenance_and_silences_are_quiet_and_a_host_that_is_removed_is_not_missing() {
    let mut cloud = Cloud::new();
    cloud.settings.silences = vec![Silence { entity: Some("h7*".to_owned()), ..Silence::default() }];
    cloud.healthy(0, 3 * DAY);
    cloud.hosts(HOSTS - 1, |n| if n == 3 { "disabled" } else { "enabled" });
    for i in 3 * DAY..3 * DAY + 40 {
        let value = |n| match n {
            3 | 7 => Some(0.0),
            11 => None,
            _ => Some(load(i, n)),
        };
        let found = cloud.step(i, value);
        assert!(found.current.is_empty(), "{:?}", found.current);
    }
}

#[test]
fn a_missing_series_is_an_anomaly_until_it_is_forgotten() {
    let mut cloud = Cloud::new();
    cloud.healthy(0, 3 * DAY);
    let without = |i: i64| move |n: usize| (n != 5).then(|| load(i, n));
    let seen = |cloud: &mut Cloud, i| cloud.step(i, without(i)).current.iter().any(|a| a.cause == "missing");
    assert!(!seen(&mut cloud, 3 * DAY));
    (1..12).for_each(|more| _ = seen(&mut cloud, 3 * DAY + more));
    assert!(seen(&mut cloud, 3 * DAY + 12));
    assert!(seen(&mut cloud, 9 * DAY));
    assert!(!seen(&mut cloud, 10 * DAY + 1));
    assert_eq!(cloud.watch.len(), HOSTS - 1);
}

#[test]
fn a_project_that_is_not_counted_any_more_has_none() {
    let mut cloud = Cloud::new();
    let (a, b) = (series("instances", Scope::Project, "a", ""), series("instances", Scope::Project, "b", ""));
    for i in 0..3 * DAY {
        let wave = (noise(i, 1) * 3.0).round();
        cloud.tick(i, vec![(Arc::clone(&a), 40.0 + wave), (Arc::clone(&b), 40.0)]);
    }
    let found = (0..6).map(|more| cloud.tick(3 * DAY + more, vec![(Arc::clone(&b), 40.0)])).last().unwrap();
    let anomaly = found.current.iter().find(|anomaly| anomaly.key == a).expect("the loss is found");
    assert_eq!((anomaly.value, anomaly.direction), (Some(0.0), -1));
}

#[test]
fn limits_are_a_detector_of_their_own() {
    let mut cloud = Cloud::new();
    let down = series("compute_services_down", Scope::Cloud, "c", "");
    let found: Vec<bool> = [0.0, 1.0, 1.0, 1.0, 0.0]
        .iter()
        .zip(0..)
        .map(|(value, i)| {
            cloud.tick(i, vec![(Arc::clone(&down), *value)]).current.iter().any(|a| a.cause == "threshold")
        })
        .collect();
    assert_eq!(found, [false, false, false, true, false], "a limit needs no history");
    // A measured utilisation above its tier, however usual.
    let full = (0..5).map(|i| cloud.tick(10 + i, vec![(host(0), 0.85)])).last().unwrap();
    assert_eq!(full.current.first().map(|a| a.cause), Some("threshold"));
}

#[test]
fn a_leak_is_what_the_cpu_does_not_explain() {
    let mut cloud = Cloud::new();
    let memory = |n: usize| series("utilization", Scope::Hypervisor, &format!("h{n}"), "memory");
    let mut told = BTreeSet::new();
    for i in 0..8 * DAY + 24 {
        let of_host = |n: usize| {
            let cpu = load(i, n) + 0.1 * noise(i / 50, n as i64);
            let leak = if n == 5 { 0.01 / 12.0 * (i - 8 * DAY).max(0) as f64 } else { 0.0 };
            [(host(n), cpu), (memory(n), 0.4 + 0.2 * cpu + 0.004 * noise(i, 100 + n as i64) + leak)]
        };
        let found = cloud.tick(i, (0..HOSTS).flat_map(of_host).collect());
        if i >= 8 * DAY {
            let name = |a: &crate::model::anomaly::Anomaly| (a.key.entity.to_string(), a.cause, a.direction);
            told.extend(found.current.iter().filter(|a| a.cause != "peers").map(name));
        }
    }
    // Two percent after two hours: below every floor, and within what the load of the day does to it.
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [("h5".to_owned(), "relation", 1)]);
}

#[test]
fn unlike_days_make_groups_of_their_own_and_the_odd_one_is_found_among_its_like() {
    let value = |i: i64, n: usize| {
        let shift = if n.is_multiple_of(2) { 0 } else { DAY / 2 };
        let height = if n == 4 { 0.35 } else { 0.0 };
        Some(load(i + shift, n) + height)
    };
    let odd = |clustering: bool| {
        let mut cloud = Cloud::new();
        cloud.settings.clustering = clustering;
        let last = 3 * DAY - DAY / 2 + DAY / 4;
        let found = (0..last).map(|i| cloud.step(i, |n| value(i, n))).last().unwrap();
        let names: Vec<String> = found.groups.iter().map(|group| group.group.to_string()).collect();
        let outliers = found.groups.iter().flat_map(|group| &group.members).filter(|peer| peer.score > 1.0);
        (names, outliers.map(|peer| peer.entity.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(odd(true), (vec!["az1#1".to_owned(), "az1#2".to_owned()], vec!["h4".to_owned()]));
    // Without the clustering, two kinds of days in one group hide it.
    assert_eq!(odd(false), (vec!["az1".to_owned()], vec![]));
}

#[test]
fn a_restart_in_the_middle_changes_nothing() {
    let value = |i: i64, n: usize| Some(load(i, n) + if n == 2 && i > 2 * DAY { 0.3 } else { 0.0 });
    let (mut whole, mut split) = (Cloud::new(), Cloud::new());
    for i in 0..3 * DAY {
        if i % 251 == 250 {
            let entries: Vec<_> = split.watch.save(0, 2).into_iter().chain(split.watch.save(1, 2)).collect();
            assert_eq!(entries.len(), if i > 0 { HOSTS + 2 } else { 2 });
            assert!(entries.iter().all(|(_, bytes)| bytes.len() < 16_000));
            split.watch = Watch::new(built_in());
            assert_eq!(split.watch.restore(entries), 0);
        }
        let (a, b) = (whole.step(i, |n| value(i, n)), split.step(i, |n| value(i, n)));
        assert_eq!(format!("{a:?}"), format!("{b:?}"), "at {i}");
    }
    let damaged = vec![("shared".to_owned(), vec![1]), ("[]".to_owned(), vec![]), ("x".to_owned(), vec![0; 99])];
    assert_eq!(split.watch.restore(damaged), 3);
}

#[test]
fn too_many_series_are_left_out_and_counted() {
    let mut cloud = Cloud::new();
    cloud.settings.series_max = 5;
    cloud.healthy(0, 3);
    assert_eq!((cloud.watch.len(), cloud.watch.left_out()), (5, 21));
}

#[test]
fn gauges_tell_quiet_from_unwatched() {
    let mut cloud = Cloud::new();
    let whole = series("utilization", Scope::Cloud, "c", "vcpu");
    let mut last = None;
    for i in 0..2 * DAY {
        let mut readings: Vec<_> = (0..HOSTS).map(|n| (host(n), load(i, n))).collect();
        readings.push((Arc::clone(&whole), load(i, 99)));
        last = Some(cloud.part(i, readings));
    }
    let part = last.unwrap();
    assert_eq!(sample(&part, "stackcast_anomaly_watched_series", &["hypervisor", "watched"]), Some(HOSTS as f64));
    assert!(sample(&part, "stackcast_anomaly_score", &["cloud", "c", "vcpu_demand_utilization"]).unwrap() < 1.0);
    assert_eq!(sample(&part, "stackcast_anomaly_rate_ratio", &["cloud", "c"]), Some(0.0));
    assert_eq!(sample(&part, "stackcast_peer_group_size", &["az1"]), Some(HOSTS as f64));
    assert_eq!(sample(&part, "stackcast_anomaly_rate_ratio", &["hypervisor", "h1"]), None);
}

#[test]
fn numbers_that_are_none_and_a_clock_that_jumps_are_survived() {
    let mut cloud = Cloud::new();
    cloud.healthy(0, 2 * DAY);
    for (i, value) in
        [(2 * DAY, f64::NAN), (2 * DAY + 1, f64::INFINITY), (100, 0.4), (5 * DAY, f64::MAX), (5 * DAY + 1, 0.4)]
    {
        let found = cloud.step(i, |_| Some(value));
        assert!(found.current.iter().all(|anomaly| anomaly.score.is_finite()));
    }
    let tick = Tick { at: Timestamp::from_seconds(cloud.watch.last), readings: Vec::new() };
    let again = cloud.watch.step(&tick, &cloud.store.load(), &cloud.settings, &Tiers::default());
    assert!(again.is_empty(), "the same time twice is one tick");
}
