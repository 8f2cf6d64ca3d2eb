//! Scenarios against small regions: what must hold for all of them, and cases counted by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::what_if;
use crate::analyse::capacity::{Settings, tests::hypervisor, tests::provider};
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::flavor::{Flavor, Flavors};
use crate::model::inventory::hypervisor::Hypervisors;
use crate::model::inventory::provider::Providers;
use crate::model::inventory::server::{Server, ServerFlavor, Servers};
use crate::model::part::{Origin, PartBuilder, PartKey};
use crate::model::signal::Scope;
use crate::model::snapshot::{SeriesLimits, Snapshot, SnapshotStore};
use crate::model::what_if::{Amounts, Fault, Outcome, Scenario};

/// Sizes of `small` and `large`: vCPUs, MiB, GiB.
const SIZES: [(&str, [u32; 3]); 2] = [("small", [1, 1024, 10]), ("large", [4, 8192, 40])];

/// A host: its zone, and how many small and large instances run on it.
type Host = (&'static str, [u32; 2]);

fn flavors() -> Flavors {
    let flavor = |(name, [vcpus, memory_mib, disk_gib]): (&str, [u32; 3])| {
        let flavor = Flavor {
            id: Arc::from(name),
            name: Arc::from(name),
            vcpus,
            memory_mib,
            disk_gib,
            ephemeral_gib: 0,
            swap_mib: 0,
            is_public: true,
            extra_specs: BTreeMap::new(),
        };
        (Arc::from(name), flavor)
    };
    Flavors(SIZES.map(flavor).into())
}

/// Hosts of 16 vCPUs (four times), 64 GiB and 500 GiB, named h0, h1, ...
fn region(hosts: &[Host]) -> Arc<Snapshot> {
    let mut providers = BTreeMap::new();
    let (mut hypervisors, mut servers) = (Vec::new(), Servers::default());
    for (at, (zone, counts)) in hosts.iter().enumerate() {
        let name = format!("h{at}");
        let used = |place: usize| -> u64 {
            SIZES.iter().zip(counts).map(|((_, sizes), count)| u64::from(sizes[place] * count)).sum()
        };
        let rows =
            [("VCPU", 16, 0, 4.0, used(0)), ("MEMORY_MB", 65_536, 0, 1.0, used(1)), ("DISK_GB", 500, 0, 1.0, used(2))];
        let (id, provider) = provider(&name, &name, &rows);
        providers.insert(id, provider);
        hypervisors.push(hypervisor(&name, zone, &["all"], "up", "enabled"));
        for ((flavor, _), count) in SIZES.iter().zip(counts) {
            for number in 0..*count {
                let flavor = Arc::new(ServerFlavor { name: Arc::from(*flavor), ..ServerFlavor::default() });
                let id = Id::new(&format!("{name}-{}-{number}", flavor.name));
                let image = Some(Id::new("image"));
                servers
                    .0
                    .insert(id, Arc::new(Server { hypervisor: Arc::from(&*name), flavor, image, ..Server::default() }));
            }
        }
    }
    let mut part = PartBuilder::new();
    part.table(Arc::new(Providers(providers)));
    part.table(Arc::new(Hypervisors(hypervisors)));
    part.table(Arc::new(flavors()));
    part.table(Arc::new(servers));
    let key = PartKey { group: "test", origin: Origin::new("c", "r"), source: "test".into() };
    let store = SnapshotStore::new(SeriesLimits::default());
    store.publish(part.seal(key, Timestamp::default(), 1000).0, Vec::new());
    store.load()
}

fn read(scenario: &str) -> Scenario {
    serde_json::from_str(scenario).unwrap()
}

fn try_ask(snapshot: &Snapshot, scenario: &str) -> Result<Outcome, Fault> {
    what_if(snapshot, &read(scenario), &Settings::default(), Timestamp::default())
}

fn ask(hosts: &[Host], scenario: &str) -> Outcome {
    try_ask(&region(hosts), scenario).unwrap()
}

fn amounts(outcome: &Outcome, scope: Scope, entity: &str, resource: &str) -> [Amounts; 2] {
    let mut rows = outcome.places.iter();
    let row = rows.find(|row| row.scope == scope && row.entity == entity && row.resource == resource).unwrap();
    [row.before, row.after]
}

fn room(outcome: &Outcome, flavor: &str, az: &str) -> [(u32, String); 2] {
    let row = outcome.headroom.iter().find(|row| row.flavor == flavor && row.az == az).unwrap();
    [&row.before, &row.after].map(|fits| (fits.instances, fits.limited_by.clone()))
}

const TWO_ZONES: [Host; 4] = [("a", [4, 2]), ("a", [0, 0]), ("a", [0, 1]), ("b", [8, 7])];

#[test]
fn nothing_changed_is_nothing_changed() {
    let outcome = ask(&TWO_ZONES, "{}");
    assert!(outcome.places.iter().all(|row| row.before == row.after) && outcome.places.len() == 4 * 3);
    assert!(outcome.headroom.iter().all(|row| row.before == row.after) && outcome.headroom.len() == 2 * 2);
    assert!(outcome.resilience.iter().all(|row| row.before == row.after) && outcome.resilience.len() == 3);
    assert!(outcome.limits.iter().all(|row| row.before == row.after));
}

#[test]
fn another_ratio_moves_the_limit() {
    let outcome = ask(&[("a", [0, 0])], r#"{"ratios": {"memory": 8.0}}"#);
    assert_eq!(room(&outcome, "large", "a"), [(8, "memory".to_owned()), (12, "disk".to_owned())]);
    let [before, after] = amounts(&outcome, Scope::Cloud, "c", "memory");
    assert_eq!((after.usable, after.used), (before.usable * 8.0, before.used));
}

#[test]
fn instances_of_lost_hosts_stay_in_their_zone_while_it_has_hosts() {
    let outcome = ask(&TWO_ZONES, r#"{"hosts_lost": [{"host": "h0"}]}"#);
    assert_eq!((outcome.hosts.instances_moved, outcome.hosts.instances_homeless), (6, 0));
    for (scope, entity) in [(Scope::Cloud, "c"), (Scope::Az, "a"), (Scope::Aggregate, "all")] {
        let [before, after] = amounts(&outcome, scope, entity, "vcpu");
        assert_eq!((after.used, after.usable), (before.used, before.usable - 64.0), "{entity}");
    }
    // 64 GiB with one large one, 64 GiB with none; four small ones and two large ones have come to them.
    assert_eq!(room(&outcome, "large", "a").map(|(instances, _)| instances), [5 + 8 + 7, 12]);
    let zone = ask(&TWO_ZONES, r#"{"hosts_lost": [{"az": "a"}]}"#);
    assert_eq!((zone.hosts.lost.len(), zone.hosts.instances_moved, zone.hosts.instances_homeless), (3, 0, 7));
    assert_eq!(zone.hosts.refused_flavors, ["large", "small"], "the only host left is full");
    let [before, after] = amounts(&zone, Scope::Cloud, "c", "memory");
    assert_eq!(after.used, before.used, "instances without a host are wanted all the same");
    assert_eq!(amounts(&zone, Scope::Az, "a", "memory")[1].utilization_ratio, None, "nothing is left there");
    assert_eq!(room(&zone, "small", "a")[1], (0, "host".to_owned()));
    let gone = zone.resilience.iter().find(|row| row.entity == "a").unwrap();
    assert!(gone.before.is_some() && gone.after.is_none());
}

#[test]
fn the_commonest_kind_goes_fullest_first_and_comes_empty() {
    let lost = ask(&TWO_ZONES, r#"{"hosts_lost": [{"count": 1}, {"az": "a", "count": 1}]}"#);
    assert_eq!(lost.hosts.lost, ["h0", "h3"]);
    let added = ask(&TWO_ZONES, r#"{"hosts_added": [{"count": 2, "az": "b"}, {"count": 1, "like": "h2"}]}"#);
    assert_eq!(added.hosts.added_like, ["h3", "h3", "h2"]);
    assert_eq!(room(&added, "large", "b").map(|(instances, _)| instances), [0, 16]);
    assert_eq!(room(&added, "large", "a").map(|(instances, _)| instances), [20, 28]);
    let [before, after] = amounts(&added, Scope::Aggregate, "all", "disk");
    assert_eq!((after.used, after.usable / before.usable), (before.used, 7.0 / 4.0));
    let weakest = |outcome: &Outcome| outcome.resilience.iter().find(|row| row.entity == "b").map(|row| row.after);
    assert_eq!(weakest(&added).flatten().map(|after| (after.hosts, after.evacuation_hosts)), Some((3, 2)));
}

#[test]
fn what_lands_is_used_and_what_finds_no_host_is_told() {
    let outcome = ask(&TWO_ZONES, r#"{"landing": [{"flavor": "large", "count": 3, "az": "a"}]}"#);
    assert_eq!((outcome.hosts.instances_landed, room(&outcome, "large", "a")[1].0), (3, 17));
    let [before, after] = amounts(&outcome, Scope::Az, "a", "vcpu");
    assert_eq!(after.used - before.used, 12.0);
    let too_many = ask(&TWO_ZONES, r#"{"landing": [{"flavor": "large", "count": 50}]}"#);
    assert_eq!((too_many.hosts.instances_landed, too_many.hosts.instances_refused), (20, 30));
    let [before, after] = amounts(&too_many, Scope::Cloud, "c", "vcpu");
    assert_eq!((after.used - before.used, too_many.hosts.refused_flavors), (200.0, vec!["large".to_owned()]));
    // 10 vCPUs and 25 GiB in 4 instances: nothing is rounded away, nothing comes on top.
    let amount = r#"{"landing": [{"vcpus": 10, "memory_bytes": 26843545600, "disk_bytes": 7516192768, "count": 4}]}"#;
    let outcome = ask(&TWO_ZONES, amount);
    for (resource, expected) in [("vcpu", 10.0), ("memory", 26_843_545_600.0), ("disk", 7_516_192_768.0)] {
        let [before, after] = amounts(&outcome, Scope::Cloud, "c", resource);
        assert_eq!(after.used - before.used, expected, "{resource}");
    }
    assert_eq!(outcome.hosts.instances_landed, 4);
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    let snapshot = region(&TWO_ZONES);
    for (scenario, place) in [
        (r#"{"cloud": "x"}"#, "cloud"),
        (r#"{"region": "x"}"#, "region"),
        (r#"{"flavors": ["small", "x"]}"#, "flavors[1]"),
        (r#"{"ratios": {"disk": 0}}"#, "ratios.disk"),
        (r#"{"hosts_lost": [{}]}"#, "hosts_lost[0]"),
        (r#"{"hosts_lost": [{"host": "h0", "count": 1}]}"#, "hosts_lost[0]"),
        (r#"{"hosts_lost": [{"host": "x"}]}"#, "hosts_lost[0].host"),
        (r#"{"hosts_lost": [{"count": 1}, {"az": "x"}]}"#, "hosts_lost[1].az"),
        (r#"{"hosts_lost": [{"count": 5}]}"#, "hosts_lost[0].count"),
        (r#"{"hosts_added": [{"count": 0}]}"#, "hosts_added[0].count"),
        (r#"{"hosts_added": [{"count": 5001}]}"#, "hosts_added[0].count"),
        (r#"{"hosts_added": [{"count": 1, "like": "x"}]}"#, "hosts_added[0].like"),
        (r#"{"hosts_added": [{"count": 1, "az": "x"}]}"#, "hosts_added[0].az"),
        (r#"{"landing": [{}]}"#, "landing[0]"),
        (r#"{"landing": [{"flavor": "small"}]}"#, "landing[0].count"),
        (r#"{"landing": [{"flavor": "x", "count": 1}]}"#, "landing[0].flavor"),
        (r#"{"landing": [{"flavor": "small", "count": 1, "vcpus": 1}]}"#, "landing[0]"),
        (r#"{"landing": [{"memory_bytes": 1000000000000000}]}"#, "landing[0].count"),
        (r#"{"landing": [{"vcpus": 1, "az": "x"}]}"#, "landing[0].az"),
        (r#"{"at": "1969-12-31T00:00:00Z"}"#, "at"),
    ] {
        match try_ask(&snapshot, scenario).unwrap_err() {
            Fault::Wrong { path, .. } | Fault::Unknown { path, .. } => assert_eq!(path, place, "{scenario}"),
            Fault::NotReady => panic!("{scenario}"),
        }
    }
    assert_eq!(try_ask(&Snapshot::default(), "{}"), Err(Fault::NotReady));
}

fn hosts() -> impl Strategy<Value = Vec<Host>> {
    let host =
        (prop_oneof![Just("a"), Just("b")], 0..8u32, 0..7u32).prop_map(|(zone, small, large)| (zone, [small, large]));
    proptest::collection::vec(host, 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_host_more_never_lowers_headroom(hosts in hosts(), count in 1..4u32) {
        let outcome = ask(&hosts, &format!(r#"{{"hosts_added": [{{"count": {count}}}]}}"#));
        for row in &outcome.headroom {
            prop_assert!(row.after.instances >= row.before.instances, "{row:?}");
        }
        for row in &outcome.places {
            prop_assert!(row.after.free >= row.before.free && row.after.used == row.before.used);
        }
    }

    #[test]
    fn an_empty_host_that_goes_while_its_like_comes_changes_nothing(mut hosts in hosts(), at in any::<prop::sample::Index>()) {
        let at = at.index(hosts.len());
        hosts[at].1 = [0, 0];
        let scenario = format!(r#"{{"hosts_lost": [{{"host": "h{at}"}}], "hosts_added": [{{"count": 1, "like": "h{at}"}}]}}"#);
        let outcome = ask(&hosts, &scenario);
        prop_assert!(outcome.places.iter().all(|row| row.before == row.after));
        prop_assert!(outcome.headroom.iter().all(|row| row.before == row.after));
        prop_assert!(outcome.resilience.iter().all(|row| row.before == row.after));
    }

    #[test]
    fn what_is_wanted_does_not_depend_on_hosts(hosts in hosts(), lost in any::<prop::sample::Index>()) {
        let lost = lost.index(hosts.len());
        let outcome = ask(&hosts, &format!(r#"{{"hosts_lost": [{{"host": "h{lost}"}}]}}"#));
        let instances: u32 = hosts[lost].1.iter().sum();
        prop_assert_eq!(outcome.hosts.instances_moved + outcome.hosts.instances_homeless, instances);
        for row in outcome.places.iter().filter(|row| row.scope == Scope::Cloud) {
            prop_assert_eq!(row.after.used, row.before.used);
        }
        for row in &outcome.headroom {
            prop_assert!(row.after.instances <= row.before.instances, "{:?}", row);
        }
    }

    #[test]
    fn what_lands_is_no_longer_free(hosts in hosts(), count in 1..40u32) {
        let outcome = ask(&hosts, &format!(r#"{{"landing": [{{"flavor": "small", "count": {count}}}]}}"#));
        prop_assert_eq!(outcome.hosts.instances_landed + outcome.hosts.instances_refused, count);
        let sum = |of: fn(&crate::model::what_if::RoomChange) -> u32| -> u32 {
            outcome.headroom.iter().filter(|row| row.flavor == "small").map(of).sum()
        };
        prop_assert_eq!(sum(|row| row.before.instances) - sum(|row| row.after.instances), outcome.hosts.instances_landed);
    }
}
