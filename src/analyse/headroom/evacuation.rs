//! Evacuation: how many of the largest hosts of a zone or aggregate may fail, so that all of their instances still fit
//! on its other hosts.
//!
//! Instances are moved the largest first, each to the first host that has room: what fits so does fit, and a cleverer
//! packing may save one host more. The others keep what they have.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::ground::{Ground, Host};
use super::load::Load;
use crate::analyse::capacity::Place;
use crate::model::headroom::{Resilience, Survival};
use crate::model::signal::Scope;

/// What every zone and aggregate survives.
pub(super) fn resilience(ground: &Ground, load: &Load) -> Resilience {
    let mut members: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (at, host) in ground.hosts.iter().enumerate().filter(|(_, host)| host.available) {
        let zone = Some(&host.zone).filter(|zone| !zone.is_empty()).map(|zone| (Scope::Az, zone));
        for (scope, entity) in zone.into_iter().chain(host.aggregates.iter().map(|name| (Scope::Aggregate, name))) {
            members.entry(Place { scope, entity: Arc::clone(entity) }).or_default().push(at);
        }
    }
    let order = by_size(ground, load);
    let rows = members.into_iter().map(|(place, mut members)| {
        members
            .sort_by_key(|at| ground.hosts.get(*at).map(|host| (Reverse(size(host, ground)), Arc::clone(&host.name))));
        let drill = Drill { ground, load, order: &order, members: &members };
        let (evacuation_hosts, stopped_by) = drill.survived();
        Survival {
            scope: place.scope,
            entity: place.entity,
            hosts: count(members.len()),
            evacuation_hosts: count(evacuation_hosts),
            instances: drill.instances(members.len()).values().sum(),
            stopped_by,
        }
    });
    Resilience { rows: rows.collect() }
}

fn count(hosts: usize) -> u32 {
    u32::try_from(hosts).unwrap_or(u32::MAX)
}

/// Memory first: it is what hosts run out of.
fn size(host: &Host, ground: &Ground) -> [u64; 2] {
    ["MEMORY_MB", "VCPU"].map(|wanted| {
        let lots = host.nodes.iter().flat_map(|node| &node.lots);
        lots.filter(|lot| *ground.classes.name(lot.class) == *wanted).map(|lot| lot.usable).sum()
    })
}

/// Kinds of instances, the largest first: by the largest share of what there is of a class.
pub(super) fn by_size(ground: &Ground, load: &Load) -> Vec<usize> {
    let mut usable: BTreeMap<usize, u64> = BTreeMap::new();
    for lot in ground.hosts.iter().flat_map(|host| &host.nodes).flat_map(|node| &node.lots) {
        *usable.entry(lot.class).or_default() += lot.usable;
    }
    let share = |kind: usize| {
        let totals = load.kinds.get(kind).map(|kind| kind.demand.totals()).unwrap_or_default();
        let shares = totals
            .into_iter()
            .map(|(class, amount)| amount as f64 / usable.get(&class).copied().unwrap_or(0).max(1) as f64);
        shares.fold(0.0, f64::max)
    };
    let mut order: Vec<(f64, usize)> = (0..load.kinds.len()).map(|kind| (share(kind), kind)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    order.into_iter().map(|(_, kind)| kind).collect()
}

/// The hosts of one place, the largest first.
struct Drill<'a> {
    ground: &'a Ground,
    load: &'a Load,
    order: &'a [usize],
    members: &'a [usize],
}

impl Drill<'_> {
    /// How many may fail, and the flavor that stops the next.
    fn survived(&self) -> (usize, Option<Arc<str>>) {
        let (mut low, mut high) = (0, self.members.len());
        let mut stopped = None;
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match self.homeless(middle) {
                None => low = middle,
                Some(kind) => {
                    high = middle - 1;
                    stopped = self.load.kinds.get(kind).map(|kind| Arc::clone(&kind.flavor));
                }
            }
        }
        // The last failure that was tried is that of one host more.
        (low, stopped)
    }

    /// Instances of the so many largest, by kind.
    fn instances(&self, failed: usize) -> BTreeMap<usize, u32> {
        let mut moving = BTreeMap::new();
        for (kind, count) in self.members.iter().take(failed).filter_map(|at| self.load.hosts.get(*at)).flatten() {
            *moving.entry(*kind).or_default() += count;
        }
        moving
    }

    /// A kind of which an instance finds no place when so many fail; none if all do.
    fn homeless(&self, failed: usize) -> Option<usize> {
        let moving = self.instances(failed);
        let left = self.members.iter().skip(failed).filter_map(|at| self.ground.hosts.get(*at));
        let mut left: Vec<Host> = left.cloned().collect();
        let mut pools = self.ground.pools.clone();
        for kind in self.order {
            let (Some(count), Some(of)) = (moving.get(kind), self.load.kinds.get(*kind)) else { continue };
            let mut waiting = u64::from(*count);
            if of.demand.is_empty() {
                continue;
            }
            for host in &mut left {
                if waiting == 0 {
                    break;
                }
                if host.fit(&of.demand, &pools).count > 0 {
                    waiting -= host.put(&of.demand, waiting, &mut pools);
                }
            }
            if waiting > 0 {
                return Some(*kind);
            }
        }
        None
    }
}
