//! Headroom of every flavor in every zone and on every host.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::demand::Demand;
use super::fit::{Cause, Fit};
use super::ground::Ground;
use crate::analyse::capacity::Resource;
use crate::model::headroom::{FlavorRoom, Headroom, HostName, Room, Rooms, Stop};
use crate::model::inventory::flavor::{Flavor, Flavors};

/// Counts all of it.
pub(super) fn headroom(ground: &mut Ground, flavors: &Flavors) -> Headroom {
    // First all names, so that the ground stays as it is while it is counted.
    let demands: Vec<(&Flavor, Demand, Option<Demand>)> = flavors
        .0
        .values()
        .map(|flavor| {
            let local = Demand::of(flavor, false, ground);
            let volume_backed = Some(Demand::of(flavor, true, ground)).filter(|demand| *demand != local);
            (flavor, local, volume_backed)
        })
        .collect();
    let zones: BTreeSet<Arc<str>> = ground.hosts.iter().map(|host| Arc::clone(&host.zone)).collect();
    let zones: Vec<Arc<str>> = zones.into_iter().collect();
    let mut counting = Counting { ground, stops: Stops::default(), members: members(ground, &zones) };
    let rooms = demands.into_iter().map(|(flavor, local, volume_backed)| FlavorRoom {
        name: Arc::clone(&flavor.name),
        id: Arc::clone(&flavor.id),
        is_public: flavor.is_public,
        caveats: counting.caveats(&local),
        local: counting.rooms(&local),
        volume_backed: volume_backed.map(|demand| counting.rooms(&demand)),
    });
    let flavors = rooms.collect();
    let stops = counting.stops.told(ground);
    let hosts = ground.hosts.iter();
    let hosts = hosts.map(|host| HostName { name: Arc::clone(&host.name), zone: Arc::clone(&host.zone) }).collect();
    Headroom { zones, hosts, stops, flavors }
}

/// Places of hosts by zone.
fn members(ground: &Ground, zones: &[Arc<str>]) -> Vec<Vec<usize>> {
    let of = |zone: &Arc<str>| {
        let own = ground.hosts.iter().enumerate().filter(|(_, host)| host.zone == *zone);
        own.map(|(place, _)| place).collect()
    };
    zones.iter().map(of).collect()
}

struct Counting<'a> {
    ground: &'a Ground,
    stops: Stops,
    members: Vec<Vec<usize>>,
}

impl Counting<'_> {
    /// What is not counted of a flavor's demands: its own doing, and that of aggregates that keep it away.
    fn caveats(&self, demand: &Demand) -> Vec<&'static str> {
        let mut caveats = demand.caveats.clone();
        for host in &self.ground.hosts {
            caveats.extend(barriers(host, demand));
        }
        caveats.into_iter().collect()
    }

    fn rooms(&mut self, demand: &Demand) -> Rooms {
        let by_host: Vec<(Fit, bool)> = self
            .ground
            .hosts
            .iter()
            .map(|host| {
                let fit = host.fit(demand, &self.ground.pools);
                let barred = fit.count > 0 && barriers(host, demand).next().is_some();
                (fit, barred || !fit.exact || !demand.caveats.is_empty())
            })
            .collect();
        let hosts = by_host.iter().map(|(fit, upper)| self.room(*fit, *upper)).collect();
        let zones = (0..self.members.len()).map(|zone| self.zone(zone, demand, &by_host)).collect();
        Rooms { zones, hosts }
    }

    fn room(&mut self, fit: Fit, upper_bound: bool) -> Room {
        let instances = u32::try_from(fit.count).unwrap_or(u32::MAX);
        // None of what may interfere makes nothing less than nothing.
        Room { instances, stop: self.stops.number(fit.cause), upper_bound: upper_bound && instances > 0 }
    }

    /// A zone: the sum of its hosts, but for what they take from common pools.
    fn zone(&mut self, zone: usize, demand: &Demand, by_host: &[(Fit, bool)]) -> Room {
        let members = self.members.get(zone).map(Vec::as_slice).unwrap_or_default();
        let mut pools = self.ground.pools.clone();
        let (mut count, mut upper) = (0u64, false);
        let mut causes: BTreeMap<Cause, u32> = BTreeMap::new();
        for place in members {
            let (Some(host), Some((fit, upper_bound))) = (self.ground.hosts.get(*place), by_host.get(*place)) else {
                continue;
            };
            let mut found = *fit;
            if !host.shared.is_empty() && fit.count > 0 {
                found = host.fit(demand, &pools);
                host.clone().put(demand, found.count, &mut pools);
            }
            count = count.saturating_add(found.count);
            upper |= *upper_bound;
            *causes.entry(found.cause).or_default() += 1;
        }
        let cause = prevailing(&causes);
        self.room(Fit { count, cause, exact: true }, upper)
    }
}

/// Aggregates that keep instances of some projects or flavors away, in clouds whose filters are configured so.
fn barriers<'a>(host: &'a super::ground::Host, demand: &'a Demand) -> impl Iterator<Item = &'static str> + use<'a> {
    let isolated = !host.metadata.isolated_by.is_subset(&demand.required);
    let told = [(host.metadata.tenant_bound, "tenant_aggregate"), (isolated, "isolated_aggregate")];
    told.into_iter().filter(move |(is_so, _)| *is_so && host.available).map(|(_, caveat)| caveat)
}

/// What stops the next on most hosts. A host that may not be used at all says nothing while another one may.
fn prevailing(causes: &BTreeMap<Cause, u32>) -> Cause {
    let rank = |cause: &Cause| match cause {
        Cause::Short(_) => 4,
        Cause::Unit(_) => 3,
        Cause::Trait(_) | Cause::Aggregate => 2,
        Cause::Unavailable => 1,
        Cause::Nothing => 5,
    };
    let most = causes.iter().max_by_key(|(cause, hosts)| (rank(cause), **hosts));
    most.map_or(Cause::Unavailable, |(cause, _)| *cause)
}

/// Causes by number.
#[derive(Default)]
struct Stops {
    numbers: HashMap<Cause, u16>,
    causes: Vec<Cause>,
}

impl Stops {
    fn number(&mut self, cause: Cause) -> u16 {
        let next = u16::try_from(self.causes.len()).unwrap_or(u16::MAX);
        let causes = &mut self.causes;
        *self.numbers.entry(cause).or_insert_with(|| {
            causes.push(cause);
            next
        })
    }

    fn told(&self, ground: &Ground) -> Vec<Stop> {
        let resource = |class: &str| Arc::from(Resource::of_class(class).0.as_str());
        self.causes.iter().map(|cause| cause.told(ground, resource)).collect()
    }
}
