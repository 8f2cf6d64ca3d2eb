//! Finds hosts for instances: of hosts that go, and of what comes.
//!
//! Each instance goes where most like it still fit, as Nova's weighers spread them. What holds a share of a common pool
//! keeps it when it moves.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use super::super::demand::Demand;
use super::super::evacuation::by_size;
use super::super::ground::{Ground, Host};
use super::super::load::{Kind, Load};

/// Amounts by Placement's class.
type Amounts = Vec<(Arc<str>, u64)>;

/// What became of instances that had to find a host.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) moved: u64,
    pub(super) homeless: u64,
    pub(super) landed: u64,
    pub(super) refused: u64,
    /// Flavors of which an instance found no host.
    pub(super) refused_flavors: BTreeSet<Arc<str>>,
    /// What was given away, by host.
    pub(super) given: Vec<(Arc<str>, Amounts)>,
    /// What was asked for and not given, by zone; of no zone where any would have done.
    pub(super) wanting: Vec<(Option<Arc<str>>, Amounts)>,
}

/// Instances of one kind that come.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) kind: Kind,
    pub(super) az: Option<Arc<str>>,
}

/// Instances that have to leave: their zone, their kind, and the classes that they give up where they keep the others.
type Leaving = BTreeMap<(Arc<str>, usize, Option<Vec<usize>>), u64>;

/// Takes hosts out of the ground and finds others for their instances.
pub(super) fn displace(ground: &mut Ground, load: &mut Load, lost: &BTreeSet<Arc<str>>, placed: &mut Placed) {
    let mut leaving = Leaving::new();
    let hosts = std::mem::take(&mut ground.hosts).into_iter();
    for (host, kinds) in hosts.zip(std::mem::take(&mut load.hosts)) {
        if !lost.contains(&host.name) {
            ground.hosts.push(host);
            load.hosts.push(kinds);
            continue;
        }
        let own = || host.nodes.iter().flat_map(|node| &node.lots).map(|lot| lot.class);
        let gives_up = (!host.shared.is_empty()).then(|| own().collect::<BTreeSet<_>>().into_iter().collect());
        for (kind, count) in kinds {
            *leaving.entry((Arc::clone(&host.zone), kind, gives_up.clone())).or_default() += u64::from(count);
        }
    }
    let zones: BTreeSet<Arc<str>> = ground.hosts.iter().map(|host| Arc::clone(&host.zone)).collect();
    for kind in by_size(ground, load) {
        let of_kind = leaving.iter().filter(|((_, of, _), _)| *of == kind);
        for ((zone, _, gives_up), count) in of_kind {
            let Some(known) = load.kinds.get(kind) else { continue };
            let mut demand = known.demand.clone();
            if let Some(classes) = gives_up {
                demand.plain.amounts.retain(|(class, _)| classes.contains(class));
            }
            let flavor = Arc::clone(&known.flavor);
            let near = |host: &Host| host.zone == *zone || !zones.contains(zone);
            let left = settle(ground, Some((&mut *load, kind)), &demand, *count, near, placed);
            placed.moved += *count - left;
            placed.homeless += left;
            if left > 0 {
                placed.refused_flavors.insert(flavor);
                let az = Some(zone).filter(|zone| !zone.is_empty()).cloned();
                placed.wanting.push((az, amounts(ground, &demand, left)));
            }
        }
    }
}

/// Finds hosts for instances that come.
pub(super) fn land(ground: &mut Ground, mut load: Option<&mut Load>, arrival: Arrival, placed: &mut Placed) {
    let Arrival { kind, az } = arrival;
    let (demand, count, flavor) = (kind.demand.clone(), u64::from(kind.count), Arc::clone(&kind.flavor));
    let number = load.as_deref_mut().map(|load| {
        load.kinds.push(kind);
        load.kinds.len() - 1
    });
    let there = |host: &Host| az.as_ref().is_none_or(|az| host.zone == *az);
    let left = settle(ground, load.zip(number), &demand, count, there, placed);
    placed.landed += count - left;
    placed.refused += left;
    if left > 0 {
        placed.refused_flavors.insert(flavor);
        placed.wanting.push((az, amounts(ground, &demand, left)));
    }
}

/// Puts instances on hosts and notes where; tells how many found none.
fn settle(
    ground: &mut Ground,
    load: Option<(&mut Load, usize)>,
    demand: &Demand,
    count: u64,
    admitted: impl Fn(&Host) -> bool,
    placed: &mut Placed,
) -> u64 {
    let (found, left) = spread(ground, demand, count, admitted);
    for (at, count) in &found {
        if let Some(host) = ground.hosts.get(*at) {
            placed.given.push((Arc::clone(&host.name), amounts(ground, demand, *count)));
        }
    }
    if let Some((load, kind)) = load {
        for (at, count) in found {
            let Some(kinds) = load.hosts.get_mut(at) else { continue };
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            match kinds.iter_mut().find(|(of, _)| *of == kind) {
                Some((_, present)) => *present = present.saturating_add(count),
                None => kinds.push((kind, count)),
            }
        }
    }
    left
}

/// One after the other, each where most like it still fit: how many by host, and how many are left.
fn spread(
    ground: &mut Ground,
    demand: &Demand,
    count: u64,
    admitted: impl Fn(&Host) -> bool,
) -> (BTreeMap<usize, u64>, u64) {
    let Ground { hosts, pools, .. } = ground;
    let mut found: BTreeMap<usize, u64> = BTreeMap::new();
    if demand.is_empty() {
        return (found, 0);
    }
    let room = hosts.iter().enumerate().filter(|(_, host)| admitted(host));
    let room = room.map(|(at, host)| (host.fit(demand, pools).count, Reverse(at))).filter(|(fits, _)| *fits > 0);
    let mut roomiest: BinaryHeap<(u64, Reverse<usize>)> = room.collect();
    let mut left = count;
    while left > 0
        && let Some((known, Reverse(at))) = roomiest.pop()
    {
        let Some(host) = hosts.get_mut(at) else { continue };
        // Others may have taken from a common pool since.
        let fits = host.fit(demand, pools).count;
        if fits < known {
            roomiest.extend((fits > 0).then_some((fits, Reverse(at))));
            continue;
        }
        let next = roomiest.peek().map_or(0, |(fits, _)| *fits);
        let taken = host.put(demand, left.min((fits - next).max(1)), pools);
        if taken == 0 {
            continue;
        }
        left -= taken.min(left);
        *found.entry(at).or_default() += taken;
        let fits = host.fit(demand, pools).count;
        roomiest.extend((fits > 0).then_some((fits, Reverse(at))));
    }
    (found, left)
}

/// What so many instances ask for, by name.
fn amounts(ground: &Ground, demand: &Demand, count: u64) -> Amounts {
    let totals = demand.totals().into_iter();
    totals.map(|(class, amount)| (ground.classes.name(class), amount.saturating_mul(count))).collect()
}
