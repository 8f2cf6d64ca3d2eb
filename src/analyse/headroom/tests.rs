//! Headroom against a simulation of Placement that tries everything, and over whole regions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use proptest::prelude::*;

use super::demand::{Demand, Wish};
use super::fit::{Seat, Spot};
use super::ground::{Ground, Lot, Node};
use super::names::Set;
use super::{Surveyor, count, evacuation, load, stranded};
use crate::analyse::capacity::tests::{hypervisor, provider};
use crate::model::clock::Timestamp;
use crate::model::headroom::{Headroom, Stop, Stranded};
use crate::model::id::Id;
use crate::model::inventory::aggregate::{Aggregate, Aggregates};
use crate::model::inventory::flavor::{Flavor, Flavors};
use crate::model::inventory::hypervisor::Hypervisors;
use crate::model::inventory::provider::{Inventory, Provider, Providers};
use crate::model::inventory::server::{Server, ServerFlavor, Servers};
use crate::model::part::{Origin, PartBuilder, PartKey};
use crate::model::signal::Scope;
use crate::model::snapshot::{SeriesLimits, SnapshotStore};

/// One provider's inventory of a class, as Placement would keep it.
type Row = (usize, Inventory);

fn node(rows: &[Row], traits: &[usize]) -> Node {
    let mut set = Set::default();
    traits.iter().for_each(|name| set.insert(*name));
    Node { lots: rows.iter().map(|(class, inventory)| Lot::of(*class, inventory, 0)).collect(), traits: set }
}

/// A provider of the simulation: what is left of each class with its inventory, and its traits.
type Simulated = (BTreeMap<usize, (u64, Inventory)>, Vec<usize>);

/// What comes from one provider: with its group, and whether that has a suffix.
type Part<'a> = (&'a Wish, Vec<(usize, u64)>, bool);

/// The most instances that Placement would let in, by trying every order of every choice.
fn most(state: &[Simulated], demand: &Demand, known: &mut HashMap<Vec<u64>, u64>) -> u64 {
    let key: Vec<u64> = state.iter().flat_map(|(lots, _)| lots.values().map(|(left, _)| *left)).collect();
    if let Some(most) = known.get(&key) {
        return *most;
    }
    let parts: Vec<Part<'_>> = demand
        .granular
        .iter()
        .map(|wish| (wish, wish.amounts.clone(), true))
        .chain(demand.plain.amounts.iter().map(|amount| (&demand.plain, vec![*amount], false)))
        .collect();
    let mut best = 0;
    let all = state.len().pow(parts.len() as u32);
    for number in 0..all {
        let chosen: Vec<usize> = (0..parts.len()).map(|at| number / state.len().pow(at as u32) % state.len()).collect();
        if let Some(after) = allocated(state, demand, &parts, &chosen) {
            best = best.max(1 + most(&after, demand, known));
        }
    }
    known.insert(key, best);
    best
}

fn allocated(state: &[Simulated], demand: &Demand, parts: &[Part<'_>], chosen: &[usize]) -> Option<Vec<Simulated>> {
    let mut sums: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    for (at, ((wish, amounts, granular), place)) in parts.iter().zip(chosen).enumerate() {
        let (lots, traits) = &state[*place];
        if wish.forbidden.iter().any(|name| traits.contains(name)) {
            return None;
        }
        if *granular && !wish.required.iter().all(|name| traits.contains(name)) {
            return None;
        }
        let apart = |other: usize| !(parts[other].2 && *granular && chosen[other] == *place);
        if demand.isolate && !(0..at).all(apart) {
            return None;
        }
        for (class, amount) in amounts {
            let (_, inventory) = lots.get(class)?;
            let in_bounds = (inventory.min_unit..=inventory.max_unit).contains(amount);
            if !in_bounds || amount % inventory.step_size != 0 {
                return None;
            }
            *sums.entry((*place, *class)).or_default() += amount;
        }
    }
    let collectively = |name: &usize| {
        parts.iter().zip(chosen).any(|((_, _, granular), place)| !granular && state[*place].1.contains(name))
    };
    if !demand.plain.required.iter().all(collectively) {
        return None;
    }
    let mut after = state.to_vec();
    for ((place, class), amount) in sums {
        let (left, inventory) = after[place].0.get_mut(&class)?;
        if *left < amount || inventory.max_unit < amount {
            return None;
        }
        *left -= amount;
    }
    Some(after)
}

fn row(class: usize) -> impl Strategy<Value = Row> {
    (0..7u64, 1..3u64, 1..8u64, 1..3u64).prop_map(move |(total, min_unit, max_unit, step_size)| {
        (class, Inventory { total, reserved: 0, allocation_ratio: 1.0, min_unit, max_unit, step_size })
    })
}

/// A provider: some of three classes, some of three traits.
fn rows() -> impl Strategy<Value = (Vec<Row>, Vec<usize>)> {
    let some = |class| proptest::option::weighted(0.6, row(class));
    let traits = proptest::sample::subsequence(vec![0usize, 1, 2], 0..=3);
    ((some(0), some(1), some(2)), traits)
        .prop_map(|((a, b, c), traits)| ([a, b, c].into_iter().flatten().collect(), traits))
}

fn wish(granular: bool) -> impl Strategy<Value = Wish> {
    let classes = proptest::sample::subsequence(vec![0usize, 1, 2], usize::from(granular)..=2);
    let few = || proptest::collection::vec(0..3usize, 0..2);
    (classes, proptest::collection::vec(1..4u64, 3), few(), few()).prop_map(
        |(classes, amounts, required, forbidden)| Wish {
            amounts: classes.into_iter().zip(amounts).collect(),
            required,
            forbidden,
        },
    )
}

prop_compose! {
    fn demands()(plain in wish(false), granular in proptest::collection::vec(wish(true), 0..3), isolate in any::<bool>()) -> Demand {
        Demand { plain, granular, isolate, ..Demand::default() }
    }
}

fn spot(nodes: &[Node]) -> Spot<'_> {
    Spot { own: nodes, pools: &[], shared: &[] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn as_many_fit_as_placement_lets_in(tree in proptest::collection::vec(rows(), 1..4), demand in demands()) {
        let nodes: Vec<Node> = tree.iter().map(|(rows, traits)| node(rows, traits)).collect();
        let state: Vec<Simulated> = tree.iter().map(|(rows, traits)| {
            (rows.iter().map(|(class, inventory)| (*class, (inventory.total, *inventory))).collect(), traits.clone())
        }).collect();
        let fit = spot(&nodes).fit(&demand);
        if demand.is_empty() {
            prop_assert_eq!(fit.count, 0);
            return Ok(());
        }
        let most = most(&state, &demand, &mut HashMap::new());
        prop_assert!(fit.exact, "so small a tree is searched through");
        prop_assert_eq!(fit.count, most);
        // What is taken is what so many instances ask for, and is there.
        let (placed, draws) = spot(&nodes).place(&demand, u64::MAX);
        prop_assert_eq!(placed, most);
        let mut sums: BTreeMap<usize, u64> = BTreeMap::new();
        let mut left = nodes.clone();
        for draw in draws {
            let Seat::Own(place) = draw.seat else { panic!("there are no pools") };
            prop_assert!(left[place].lot(draw.class).unwrap().free >= draw.amount);
            left[place].take(draw.class, draw.amount);
            *sums.entry(draw.class).or_default() += draw.amount;
        }
        for (class, amount) in demand.totals() {
            prop_assert_eq!(sums.get(&class).copied().unwrap_or(0), amount * placed);
        }
    }

    #[test]
    fn more_room_never_holds_fewer(
        tree in proptest::collection::vec(rows(), 1..4), demand in demands(), more in 1..4u64, at in 0..3usize,
    ) {
        let before: Vec<Node> = tree.iter().map(|(rows, traits)| node(rows, traits)).collect();
        let mut after = before.clone();
        let at = at % after.len();
        after[at].lots.iter_mut().for_each(|lot| lot.free += more);
        prop_assert!(spot(&after).fit(&demand).count >= spot(&before).fit(&demand).count);
    }

    #[test]
    fn a_few_are_placed_if_a_few_are_wanted(tree in proptest::collection::vec(rows(), 1..4), demand in demands(), want in 0..4u64) {
        let nodes: Vec<Node> = tree.iter().map(|(rows, traits)| node(rows, traits)).collect();
        let fit = spot(&nodes).fit(&demand);
        prop_assert_eq!(spot(&nodes).place(&demand, want).0, fit.count.min(want));
    }
}

fn flavor(name: &str, sizes: (u32, u32, u32), specs: &[(&str, &str)]) -> (Arc<str>, Flavor) {
    let flavor = Flavor {
        id: Arc::from(format!("id-{name}")),
        name: Arc::from(name),
        vcpus: sizes.0,
        memory_mib: sizes.1,
        disk_gib: sizes.2,
        ephemeral_gib: 0,
        swap_mib: 0,
        is_public: true,
        extra_specs: specs.iter().map(|(key, value)| (Box::from(*key), Box::from(*value))).collect(),
    };
    (Arc::from(name), flavor)
}

fn with(row: (Id, Arc<Provider>), traits: &[&str], aggregates: &[&str]) -> (Id, Arc<Provider>) {
    let mut provider = Provider::clone(&row.1);
    provider.traits.extend(traits.iter().map(|name| Arc::from(*name)));
    provider.aggregates.extend(aggregates.iter().map(|id| Id::new(id)));
    (row.0, Arc::new(provider))
}

/// Two hosts with a GPU each in `east`, a full, a disabled and a down one in `west`, one that only a tenant may use.
fn region() -> (Providers, Hypervisors, Aggregates) {
    let usual = |name: &str, used| {
        provider(
            name,
            name,
            &[("VCPU", 16, 0, 4.0, used), ("MEMORY_MB", 32768, 0, 1.0, 0), ("DISK_GB", 200, 0, 1.0, 0)],
        )
    };
    let providers = [
        with(usual("a", 0), &["HW_AVX"], &[]),
        with(provider("a_gpu0", "a", &[("VGPU", 4, 0, 1.0, 1)]), &["CUSTOM_A100"], &[]),
        with(provider("a_gpu1", "a", &[("VGPU", 4, 0, 1.0, 0)]), &[], &[]),
        usual("b", 0),
        usual("full", 64),
        with(usual("off", 0), &["COMPUTE_STATUS_DISABLED"], &[]),
        usual("dead", 0),
        usual("lent", 0),
    ];
    let hypervisors = vec![
        hypervisor("a", "east", &["gpus"], "up", "enabled"),
        hypervisor("b", "east", &[], "up", "enabled"),
        hypervisor("full", "west", &[], "up", "enabled"),
        hypervisor("off", "west", &[], "up", "enabled"),
        hypervisor("dead", "west", &[], "down", "enabled"),
        hypervisor("lent", "north", &[], "up", "enabled"),
    ];
    let aggregate = |name: &str, host: &str, key: &str, value: &str| Aggregate {
        name: Arc::from(name),
        uuid: None,
        zone: None,
        hosts: vec![Arc::from(host)],
        metadata: [(Box::from(key), Box::from(value))].into(),
    };
    let aggregates = vec![aggregate("gpus", "a", "tier", "gold"), aggregate("lent", "lent", "filter_tenant_id", "p")];
    (Providers(providers.into()), Hypervisors(hypervisors), Aggregates(aggregates))
}

fn flavors() -> Flavors {
    let usual = (4, 4096, 20);
    let rows = [
        flavor("plain", usual, &[]),
        flavor("huge", (128, 1024, 0), &[]),
        flavor("avx", usual, &[("trait:HW_AVX", "required")]),
        flavor("no-avx", usual, &[("trait:HW_AVX", "forbidden")]),
        flavor("gold", usual, &[("aggregate_instance_extra_specs:tier", "gold")]),
        flavor("gpu", usual, &[("resources1:VGPU", "1")]),
        flavor("a100", usual, &[("resources1:VGPU", "1"), ("trait1:CUSTOM_A100", "required")]),
        flavor("pinned", usual, &[("hw:cpu_policy", "dedicated")]),
        flavor("numa", usual, &[("hw:numa_nodes", "2")]),
        flavor("nothing", (0, 0, 0), &[]),
    ];
    Flavors(rows.into())
}

fn counted() -> Headroom {
    let (providers, hypervisors, aggregates) = region();
    count::headroom(&mut Ground::new(&providers, &hypervisors, Some(&aggregates)), &flavors())
}

#[test]
fn every_flavor_has_its_room_and_cause_in_every_zone() {
    let found = counted();
    assert_eq!(found.zones, ["east", "north", "west"].map(Arc::from));
    let told: Vec<(&str, Vec<String>)> = found
        .flavors
        .iter()
        .map(|flavor| {
            let rooms = flavor.local.zones.iter().map(|room| {
                let stop = found.stops[usize::from(room.stop)].resource();
                format!("{} {stop}{}", room.instances, if room.upper_bound { " at most" } else { "" })
            });
            (&*flavor.name, rooms.collect())
        })
        .collect();
    let expected = [
        ("a100", ["3 gpu", "0 gpu", "0 gpu"]),
        ("avx", ["8 memory", "0 trait", "0 trait"]),
        ("gold", ["8 memory", "0 aggregate", "0 aggregate"]),
        ("gpu", ["7 gpu", "0 gpu", "0 gpu"]),
        ("huge", ["0 vcpu", "0 vcpu", "0 vcpu"]),
        ("no-avx", ["8 memory", "8 memory at most", "0 vcpu"]),
        ("nothing", ["0 none", "0 none", "0 none"]),
        ("numa", ["16 memory at most", "8 memory at most", "0 vcpu"]),
        ("pinned", ["0 pcpu", "0 pcpu", "0 pcpu"]),
        ("plain", ["16 memory", "8 memory at most", "0 vcpu"]),
    ];
    assert_eq!(told, expected.map(|(name, rooms)| (name, rooms.map(str::to_owned).to_vec())));
}

#[test]
fn every_host_tells_by_itself() {
    let found = counted();
    let plain = found.flavors.iter().find(|flavor| &*flavor.name == "plain").unwrap();
    let told = found.hosts.iter().zip(&plain.local.hosts);
    let told: Vec<(&str, u32, &Stop)> =
        told.map(|(host, room)| (&*host.name, room.instances, &found.stops[usize::from(room.stop)])).collect();
    let (memory, vcpu) = (Stop::Resource(Arc::from("memory")), Stop::Resource(Arc::from("vcpu")));
    let gone = Stop::Unavailable;
    let expected = [
        ("a", 8, &memory),
        ("b", 8, &memory),
        ("full", 0, &vcpu),
        ("off", 0, &gone),
        ("dead", 0, &gone),
        ("lent", 8, &memory),
    ];
    assert_eq!(told, expected);
    assert_eq!(plain.caveats, ["tenant_aggregate"]);
    let huge = found.flavors.iter().find(|flavor| &*flavor.name == "huge").unwrap();
    assert_eq!(found.stops[usize::from(huge.local.hosts[0].stop)], Stop::Unit(Arc::from("vcpu")));
}

#[test]
fn a_root_disk_on_a_volume_takes_nothing_of_the_host() {
    let rows = [("VCPU", 16, 0, 1.0, 0), ("MEMORY_MB", 65536, 0, 1.0, 0), ("DISK_GB", 50, 0, 1.0, 0)];
    let providers = Providers([provider("a", "a", &rows)].into());
    let hosts = Hypervisors(vec![hypervisor("a", "", &[], "up", "enabled")]);
    let flavors = Flavors([flavor("f", (1, 1024, 20), &[]), flavor("diskless", (1, 1024, 0), &[])].into());
    let found = count::headroom(&mut Ground::new(&providers, &hosts, None), &flavors);
    let [diskless, f] = &*found.flavors else { panic!() };
    assert_eq!((f.rooms(false).zones[0].instances, f.rooms(true).zones[0].instances), (2, 16));
    assert!(diskless.volume_backed.is_none());
    assert_eq!(diskless.rooms(true).zones[0].instances, 16);
}

/// A pool of disk that two hosts share is given away once.
#[test]
fn a_common_pool_is_counted_once_in_a_zone() {
    let host = |name: &str| with(provider(name, name, &[("VCPU", 16, 0, 1.0, 0)]), &[], &["agg"]);
    let pool = with(provider("nfs", "nfs", &[("DISK_GB", 100, 0, 1.0, 0)]), &["MISC_SHARES_VIA_AGGREGATE"], &["agg"]);
    let providers = Providers([host("a"), host("b"), pool].into());
    let hosts = ["a", "b"].map(|name| hypervisor(name, "az", &[], "up", "enabled"));
    let flavors = Flavors([flavor("f", (1, 0, 10), &[])].into());
    let found = count::headroom(&mut Ground::new(&providers, &Hypervisors(hosts.into()), None), &flavors);
    let rooms = found.flavors[0].rooms(false);
    assert_eq!((rooms.hosts[0].instances, rooms.hosts[1].instances, rooms.zones[0].instances), (10, 10, 10));
    assert_eq!(found.stops[usize::from(rooms.zones[0].stop)], Stop::Resource(Arc::from("disk")));
}

fn server(host: &str, flavor: &str, sizes: (u32, u32)) -> Server {
    let flavor =
        ServerFlavor { name: Arc::from(flavor), vcpus: sizes.0, memory_mib: sizes.1, ..ServerFlavor::default() };
    Server { hypervisor: Arc::from(host), flavor: Arc::new(flavor), image: Some(Id::new("i")), ..Server::default() }
}

/// Hosts of 8 vCPUs and 8 GiB with so many vCPUs and MiB used.
fn hosts(used: &[(u64, u64)]) -> (Providers, Hypervisors) {
    let name = |at: usize| format!("h{at}");
    let providers = used.iter().enumerate().map(|(at, (vcpu, memory))| {
        provider(&name(at), &name(at), &[("VCPU", 8, 0, 1.0, *vcpu), ("MEMORY_MB", 8192, 0, 1.0, *memory)])
    });
    let hypervisors = (0..used.len()).map(|at| hypervisor(&name(at), "az", &["agg"], "up", "enabled"));
    (Providers(providers.collect()), Hypervisors(hypervisors.collect()))
}

fn servers(rows: &[(&str, &str, usize, (u32, u32))]) -> Servers {
    let all = rows.iter().flat_map(|(host, name, count, sizes)| (0..*count).map(|_| server(host, name, *sizes)));
    Servers(all.enumerate().map(|(at, server)| (Id::new(&at.to_string()), Arc::new(server))).collect())
}

#[test]
fn what_the_mix_cannot_use_is_stranded() {
    // h0: CPUs are left without memory; h1: nothing is used.
    let (providers, hypervisors) = hosts(&[(2, 8192), (0, 0)]);
    let mut ground = Ground::new(&providers, &hypervisors, None);
    let flavors = Flavors::default();
    let load = load::Load::new(&servers(&[("h0", "m", 2, (1, 4096))]), &flavors, &mut ground);
    let found = stranded::stranded(&Arc::from("c"), &ground, &load);
    let told = |scope, entity: &str, resource: &str| {
        let row =
            found.rows.iter().find(|row| row.scope == scope && &*row.entity == entity && &*row.resource == resource);
        let row = row.unwrap();
        (row.usable, row.stranded, row.limiting)
    };
    assert_eq!(told(Scope::Hypervisor, "h0", "vcpu"), (8.0, 6.0, false));
    assert_eq!(told(Scope::Hypervisor, "h0", "memory"), (8192.0 * 1_048_576.0, 0.0, true));
    assert_eq!(told(Scope::Hypervisor, "h1", "vcpu"), (8.0, 6.0, false), "two fit, by memory");
    for (scope, entity) in [(Scope::Cloud, "c"), (Scope::Az, "az"), (Scope::Aggregate, "agg")] {
        assert_eq!(told(scope, entity, "vcpu"), (16.0, 12.0, false));
    }
    assert_eq!(found.mix, [(Arc::from("m"), 2)]);
    let nothing = load::Load::new(&Servers::default(), &flavors, &mut ground);
    assert!(stranded::stranded(&Arc::from("c"), &ground, &nothing).rows.is_empty(), "no mix, no figure");
}

#[test]
fn as_many_hosts_may_fail_as_the_others_can_take() {
    let survival = |used: &[(u64, u64)], rows: &[(&str, &str, usize, (u32, u32))]| {
        let (providers, hypervisors) = hosts(used);
        let mut ground = Ground::new(&providers, &hypervisors, None);
        let load = load::Load::new(&servers(rows), &Flavors::default(), &mut ground);
        let found = evacuation::resilience(&ground, &load);
        let row = found.rows.iter().find(|row| row.scope == Scope::Az).unwrap().clone();
        assert_eq!(found.rows.len(), 2, "of the zone and of the aggregate");
        (row.evacuation_hosts, row.stopped_by)
    };
    let small = |host| (host, "small", 4, (1, 1024));
    let busy: [(u64, u64); 4] = [(4, 4096); 4];
    let each = ["h0", "h1", "h2", "h3"].map(small);
    assert_eq!(survival(&busy, &each), (2, Some(Arc::from("small"))), "half is used: half may fail");
    assert_eq!(survival(&[(0, 0); 3], &[]), (3, None), "nothing runs");
    // One instance of 8 vCPUs finds no empty host.
    let large = [("h0", "large", 1, (8, 1024)), small("h1"), small("h2"), small("h3")];
    let used = [(8, 1024), (4, 4096), (4, 4096), (4, 4096)];
    assert_eq!(survival(&used, &large), (0, Some(Arc::from("large"))));
}

#[test]
fn a_survey_is_made_anew_when_its_facts_have_changed() {
    let store = SnapshotStore::new(SeriesLimits::default());
    let origin = Origin::new("c", "r");
    let publish = |group: &'static str, part: PartBuilder, at| {
        let key = PartKey { group, origin: origin.clone(), source: group.into() };
        let (part, dropped) = part.seal(key, Timestamp::from_seconds(at), 1000);
        store.publish(part, dropped);
    };
    let mut surveyor = Surveyor::default();
    let sealed = |part: PartBuilder| {
        let key = PartKey { group: "x", origin: origin.clone(), source: "x".into() };
        part.seal(key, Timestamp::default(), 1000).0
    };
    let mut both = |at| {
        let survey = surveyor.survey(&store.load(), &[], &Default::default(), Timestamp::from_seconds(at)).pop();
        survey.map(|survey| (sealed(survey.headroom), survey.plans.map(sealed)))
    };
    assert!(both(0).is_none(), "no region");
    let mut survey = || both(0).map(|(headroom, _)| headroom);
    let (providers, hypervisors, aggregates) = region();
    let mut part = PartBuilder::new();
    part.table(Arc::new(providers));
    part.table(Arc::new(aggregates));
    publish("a", part, 100);
    let mut part = PartBuilder::new();
    part.table(Arc::new(flavors()));
    publish("b", part, 50);
    assert_eq!(survey().map(|part| part.samples()), Some(0), "hypervisors are missing: nothing is made up");
    let mut part = PartBuilder::new();
    part.table(Arc::new(hypervisors));
    publish("c", part, 200);
    let (first, second) = (survey().unwrap(), survey().unwrap());
    let [one, two] = [&first, &second].map(|part| part.tables.get::<Headroom>().unwrap());
    assert!(Arc::ptr_eq(&one, &two), "the same facts");
    assert_eq!(first.families.iter().map(|family| family.len()).collect::<Vec<_>>(), [30, 30], "10 flavors in 3 zones");
    assert_eq!(first.tables.get::<crate::model::headroom::FactsAt>().unwrap().0, Timestamp::from_seconds(50));
    let mut part = PartBuilder::new();
    part.table(Arc::new(Flavors::default()));
    publish("b", part, 300);
    assert_eq!(survey().unwrap().samples(), 0);
    // Plans wait for five minutes, unless something was not known at all before.
    assert!(both(299).unwrap().1.is_none());
    let mut part = PartBuilder::new();
    part.table(Arc::new(Servers::default()));
    publish("d", part, 300);
    assert!(both(299).unwrap().1.unwrap().tables.get::<Stranded>().is_some());
    assert!(both(598).unwrap().1.is_none());
    assert!(both(599).unwrap().1.unwrap().tables.get::<Stranded>().is_some());
}
