//! Stranded capacity: what is free, but of no use to the flavors that people boot.
//!
//! Every host is filled with the mix of flavors that runs in the region: first with those that need a device (or any
//! other class than CPU, memory and disk), then in the proportions of the mix. A flavor that does not fit goes
//! elsewhere; when none fits any more, what is left is stranded.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::ground::{Ground, Host};
use super::load::{Kind, Load};
use crate::analyse::capacity::{Place, Resource};
use crate::model::headroom::{Strand, Stranded};
use crate::model::signal::Scope;

/// Flavors of the mix, the most frequent first; with more the figures hardly change.
const MIX_MAX: usize = 24;
/// Classes that every host has.
const COMMON: [&str; 3] = ["VCPU", "MEMORY_MB", "DISK_GB"];

/// Amounts of a resource, in its unit.
#[derive(Clone, Copy, Default)]
struct Amounts {
    usable: f64,
    free: f64,
    stranded: f64,
    limiting: bool,
}

/// Counts it for every place; empty while nothing runs, for then there is no mix.
pub(super) fn stranded(cloud: &Arc<str>, ground: &Ground, load: &Load) -> Stranded {
    let mut mix: Vec<&Kind> = load.kinds.iter().filter(|kind| !kind.demand.is_empty()).collect();
    // Stable: kinds of one flavor stay in the order of the load.
    mix.sort_by(|a, b| (Reverse(a.count), &a.flavor).cmp(&(Reverse(b.count), &b.flavor)));
    mix.truncate(MIX_MAX);
    if mix.is_empty() {
        return Stranded::default();
    }
    let mix = Mix::new(mix, ground);
    let mut sums: BTreeMap<(Place, Resource), Amounts> = BTreeMap::new();
    for host in ground.hosts.iter().filter(|host| host.available) {
        let filled = mix.fill(host);
        let short = mix.shortest(&filled, ground);
        let own = Place { scope: Scope::Hypervisor, entity: Arc::clone(&host.name) };
        for (place, whole) in places(cloud, host).into_iter().map(|place| (place, true)).chain([(own, false)]) {
            for (before, after) in host.nodes.iter().zip(&filled.nodes) {
                for (lot, left) in before.lots.iter().zip(&after.lots) {
                    let (resource, unit) = Resource::of_class(&ground.classes.name(lot.class));
                    let sum = sums.entry((place.clone(), resource)).or_default();
                    sum.usable += lot.usable as f64 * unit;
                    sum.free += lot.free as f64 * unit;
                    sum.stranded += left.free as f64 * unit;
                    sum.limiting |= !whole && short == Some(lot.class);
                }
            }
        }
    }
    let rows = sums.into_iter().map(|((place, resource), sum)| Strand {
        scope: place.scope,
        entity: place.entity,
        resource: Arc::from(resource.as_str()),
        usable: sum.usable,
        free: sum.free,
        stranded: sum.stranded,
        limiting: sum.limiting,
    });
    Stranded { mix: mix.told(), rows: rows.collect() }
}

fn places(cloud: &Arc<str>, host: &Host) -> Vec<Place> {
    let mut places = vec![Place { scope: Scope::Cloud, entity: Arc::clone(cloud) }];
    if !host.zone.is_empty() {
        places.push(Place { scope: Scope::Az, entity: Arc::clone(&host.zone) });
    }
    let aggregates = host.aggregates.iter();
    places.extend(aggregates.map(|name| Place { scope: Scope::Aggregate, entity: Arc::clone(name) }));
    places
}

struct Mix<'a> {
    kinds: Vec<&'a Kind>,
    /// Instances of the mix in all.
    all: f64,
    /// Whether a kind needs something that is not everywhere.
    special: Vec<bool>,
    /// What one instance takes on average, by class.
    mean: BTreeMap<usize, f64>,
}

impl<'a> Mix<'a> {
    fn new(kinds: Vec<&'a Kind>, ground: &Ground) -> Self {
        let all: f64 = kinds.iter().map(|kind| f64::from(kind.count)).sum();
        let is_common = |class: usize| COMMON.contains(&&*ground.classes.name(class));
        let special = kinds.iter().map(|kind| !kind.demand.totals().into_keys().all(is_common)).collect();
        let mut mean: BTreeMap<usize, f64> = BTreeMap::new();
        for kind in &kinds {
            for (class, amount) in kind.demand.totals() {
                *mean.entry(class).or_default() += amount as f64 * f64::from(kind.count) / all;
            }
        }
        Self { kinds, all, special, mean }
    }

    fn told(&self) -> Vec<(Arc<str>, u32)> {
        self.kinds.iter().map(|kind| (Arc::clone(&kind.flavor), kind.count)).collect()
    }

    /// The host when no more fits. Pools are left out: what is theirs is not the host's to strand.
    fn fill(&self, host: &Host) -> Host {
        let mut host = Host { shared: Vec::new(), ..host.clone() };
        for (kind, _) in self.kinds.iter().zip(&self.special).filter(|(_, special)| **special) {
            host.put(&kind.demand, u64::MAX, &mut []);
        }
        self.in_bulk(&mut host);
        let mut placed = vec![0.0; self.kinds.len()];
        let mut full = vec![false; self.kinds.len()];
        loop {
            let due = |at: usize, kind: &Kind| placed.get(at).copied().unwrap_or(0.0) / f64::from(kind.count.max(1));
            let open = self.kinds.iter().enumerate().filter(|(at, _)| full.get(*at) == Some(&false));
            let next = open.min_by(|(a, first), (b, second)| due(*a, first).total_cmp(&due(*b, second)));
            let Some((at, kind)) = next else { return host };
            let put = host.put(&kind.demand, 1, &mut []);
            if let (0, Some(full)) = (put, full.get_mut(at)) {
                *full = true;
            }
            if let Some(placed) = placed.get_mut(at) {
                *placed += 1.0;
            }
        }
    }

    /// Whole rounds of the mix at once, as far as they surely fit.
    fn in_bulk(&self, host: &mut Host) {
        let free = |class: usize| -> f64 {
            host.nodes.iter().filter_map(|node| node.lot(class)).map(|lot| lot.free as f64).sum()
        };
        let rounds = self.mean.iter().filter(|(class, _)| free(**class) > 0.0);
        let rounds = rounds.map(|(class, mean)| free(*class) / mean).min_by(f64::total_cmp).unwrap_or(0.0);
        for kind in &self.kinds {
            let share = (rounds * f64::from(kind.count) / self.all).floor() as u64;
            if share > 0 {
                host.put(&kind.demand, share, &mut []);
            }
        }
    }

    /// The class of which least is left, measured in average instances.
    fn shortest(&self, filled: &Host, ground: &Ground) -> Option<usize> {
        let left = |class: usize| -> Option<f64> {
            let lots = filled.nodes.iter().filter_map(|node| node.lot(class));
            lots.map(|lot| lot.free as f64).reduce(|a, b| a + b)
        };
        let common = self.mean.iter().filter(|(class, _)| COMMON.contains(&&*ground.classes.name(**class)));
        let left = common.filter_map(|(class, mean)| Some((left(*class)? / mean, *class)));
        left.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, class)| class)
    }
}
