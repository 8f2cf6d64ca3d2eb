//! What if: capacity, headroom, resilience and dates after a change that is thought of, beside what they are now.
//!
//! ```text
//! facts ─► Tables (ratios, hosts that come) ─► Ground ─► instances of lost hosts and arrivals find hosts
//!             │                                   └────► headroom, resilience
//!             └─► figures by place ─► dates (from the simulated futures that are kept with each forecast)
//! ```
//! The same functions count before and after; only the tables differ. Pure: nothing is changed or kept, and nobody is asked.
//! Nova's weighers, server groups and migrations that fail are beyond it: an instance that could be placed is placed.

mod dates;
mod hosts;
mod placing;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::count;
use super::demand::Demand;
use super::evacuation;
use super::facts::Facts;
use super::ground::Ground;
use super::load::{Kind, Load};
use crate::analyse::capacity::{self, Figures, Place, Resource};
use crate::model::clock::Timestamp;
use crate::model::headroom::{Headroom, Resilience};
use crate::model::inventory::flavor::Flavors;
use crate::model::part::Origin;
use crate::model::signal::Scope;
use crate::model::snapshot::Snapshot;
use crate::model::what_if::{COUNT_MAX, Fault, HostChanges, ITEMS_MAX, Landing, Outcome, Scenario};
use hosts::{Chosen, Tables, counted};
use placing::{Arrival, Placed};
use telling::Foresight;

/// What an amount without a flavor is called.
const AMOUNT: &str = "amount";
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Counts a region at one state.
struct State {
    figures: Figures,
    headroom: Headroom,
    resilience: Option<Resilience>,
}

/// The region that a scenario is about: the only one, or the one that it names.
fn region<'a>(snapshot: &'a Snapshot, scenario: &Scenario) -> Result<&'a Origin, Fault> {
    let known = snapshot.parts().map(|part| &part.key.origin).filter(|origin| origin.cloud.is_some());
    let known: BTreeSet<&Origin> = known.filter(|origin| Facts::of(snapshot, origin).is_some()).collect();
    if known.is_empty() {
        return Err(Fault::NotReady);
    }
    let is = |wanted: &Option<String>, name: Option<&str>| wanted.as_deref().is_none_or(|wanted| name == Some(wanted));
    let of_cloud: Vec<&Origin> =
        known.iter().copied().filter(|origin| is(&scenario.cloud, origin.cloud.as_deref())).collect();
    let unknown = |kind: &'static str, name: &Option<String>, known| {
        let (path, name) = (kind.to_owned(), name.clone().unwrap_or_default());
        Err(Fault::Unknown { path, kind, name, known })
    };
    if of_cloud.is_empty() {
        return unknown("cloud", &scenario.cloud, names(known.iter().filter_map(|origin| origin.cloud.as_ref())));
    }
    let found: Vec<&Origin> =
        of_cloud.iter().copied().filter(|origin| is(&scenario.region, origin.region.as_deref())).collect();
    let regions = |origins: &[&Origin]| names(origins.iter().filter_map(|origin| origin.region.as_ref()));
    match found.as_slice() {
        [one] => Ok(one),
        [] => unknown("region", &scenario.region, regions(&of_cloud)),
        several => {
            let clouds = names(several.iter().filter_map(|origin| origin.cloud.as_ref()));
            let (path, names) = if clouds.len() > 1 { ("cloud", clouds) } else { ("region", regions(several)) };
            Err(Fault::wrong(path, format!("there are several; name one of {}", names.join(", "))))
        }
    }
}

/// Each name once.
fn names<'a>(all: impl Iterator<Item = &'a Arc<str>>) -> Vec<Arc<str>> {
    let names: BTreeSet<&Arc<str>> = all.collect();
    names.into_iter().cloned().collect()
}

/// What would be so after a change.
///
/// # Errors
/// A scenario that contradicts itself or names what is not there; facts that are missing.
pub fn what_if(
    snapshot: &Snapshot,
    scenario: &Scenario,
    settings: &capacity::Settings,
    now: Timestamp,
) -> Result<Outcome, Fault> {
    let origin = region(snapshot, scenario)?;
    let (facts, _) = Facts::of(snapshot, origin).ok_or(Fault::NotReady)?;
    check(scenario, &facts.flavors, now)?;
    let cloud = origin.cloud.clone().unwrap_or_default();
    let flavors = wanted(&facts.flavors, &scenario.flavors);
    let before = {
        let mut ground = Ground::new(&facts.providers, &facts.hypervisors, facts.aggregates.as_deref());
        let load = facts.servers.as_deref().map(|servers| Load::new(servers, &facts.flavors, &mut ground));
        let figures = capacity::figures(&cloud, &facts.providers, Some(&facts.hypervisors), settings);
        State::of(figures, &mut ground, load.as_ref(), &flavors)
    };
    let mut tables = Tables::new(&facts.providers, &facts.hypervisors);
    let chosen = tables.apply(scenario)?;
    for (at, landing) in scenario.landing.iter().enumerate() {
        tables.known_zone(&format!("landing[{at}]"), landing.az.as_deref())?;
    }
    let mut ground = Ground::new(&tables.providers, &tables.hypervisors, facts.aggregates.as_deref());
    let mut load = facts.servers.as_deref().map(|servers| Load::new(servers, &facts.flavors, &mut ground));
    let mut placed = Placed::default();
    let mut notes = Vec::new();
    match &mut load {
        Some(load) => placing::displace(&mut ground, load, &chosen.lost, &mut placed),
        None if chosen.lost.is_empty() => {}
        None => {
            unlisted(&mut ground, &tables, &chosen, &mut placed);
            notes.push(
                "instances cannot be listed: those of hosts that go count as used and are in no headroom".to_owned(),
            );
        }
    }
    tables.remove(&chosen.lost);
    for (at, landing) in scenario.landing.iter().enumerate() {
        for arrival in arrivals(&format!("landing[{at}]"), landing, &facts.flavors, &mut ground)? {
            placing::land(&mut ground, load.as_mut(), arrival, &mut placed);
        }
    }
    let figures = figures_after(&cloud, &mut tables, settings, &placed);
    let after = State::of(figures, &mut ground, load.as_ref(), &flavors);
    if scenario.at.is_some() {
        notes.push("headroom and resilience are those of the change with the instances of now".to_owned());
    }
    let mut outcome = Outcome {
        cloud: cloud.to_string(),
        region: origin.region.as_deref().unwrap_or_default().to_owned(),
        at: scenario.at,
        hosts: changed(chosen, placed),
        notes,
        ..Outcome::default()
    };
    let foresight = Foresight { origin, predictions: snapshot.table(origin), now };
    telling::tell(&mut outcome, &before, &after, &foresight);
    Ok(outcome)
}

impl State {
    fn of(figures: Figures, ground: &mut Ground, load: Option<&Load>, flavors: &Flavors) -> Self {
        Self {
            figures,
            headroom: count::headroom(ground, flavors),
            resilience: load.map(|load| evacuation::resilience(ground, load)),
        }
    }
}

/// What can be said without looking at hosts.
fn check(scenario: &Scenario, flavors: &Flavors, now: Timestamp) -> Result<(), Fault> {
    let lists = [
        ("hosts_added", scenario.hosts_added.len()),
        ("hosts_lost", scenario.hosts_lost.len()),
        ("landing", scenario.landing.len()),
        ("flavors", scenario.flavors.len()),
    ];
    if let Some((path, count)) = lists.into_iter().find(|(_, count)| *count > ITEMS_MAX) {
        return Err(Fault::wrong(path, format!("{count} items are more than {ITEMS_MAX}")));
    }
    if scenario.at.is_some_and(|at| at.0 < now) {
        return Err(Fault::wrong("at", "lies in the past"));
    }
    for (at, name) in scenario.flavors.iter().enumerate() {
        known_flavor(&format!("flavors[{at}]"), name, flavors)?;
    }
    Ok(())
}

fn known_flavor(path: &str, name: &str, flavors: &Flavors) -> Result<(), Fault> {
    if flavors.0.contains_key(name) {
        return Ok(());
    }
    let known = flavors.0.keys().cloned().collect();
    Err(Fault::Unknown { path: path.to_owned(), kind: "flavor", name: name.to_owned(), known })
}

/// The flavors that are asked about.
fn wanted(flavors: &Flavors, names: &[String]) -> Flavors {
    let chosen =
        flavors.0.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| ***name == **wanted));
    Flavors(chosen.map(|(name, flavor)| (Arc::clone(name), flavor.clone())).collect())
}

/// Kinds of instances that come, each with its count.
fn arrivals(path: &str, landing: &Landing, flavors: &Flavors, ground: &mut Ground) -> Result<Vec<Arrival>, Fault> {
    if let Some(count) = landing.count {
        counted(path, count)?;
    }
    let az: Option<Arc<str>> = landing.az.as_deref().map(Arc::from);
    // Placement counts whole MiB of memory and whole GiB of disk.
    let totals = [u64::from(landing.vcpus), landing.memory_bytes.div_ceil(MIB), landing.disk_bytes.div_ceil(GIB)];
    let Some(name) = &landing.flavor else {
        let pieces = pieces(path, landing.count, totals)?;
        let arrival = |(amounts, count): ([u64; 3], u32)| {
            let [vcpus, memory, disk] = amounts;
            let demand = Demand::of_sizes([("VCPU", vcpus), ("MEMORY_MB", memory), ("DISK_GB", disk)], ground);
            Arrival { kind: Kind { flavor: Arc::from(AMOUNT), demand, count }, az: az.clone() }
        };
        return Ok(pieces.into_iter().map(arrival).collect());
    };
    known_flavor(&format!("{path}.flavor"), name, flavors)?;
    if totals != [0; 3] {
        return Err(Fault::wrong(path, "give a flavor and a count, or amounts; not both"));
    }
    let count = landing.count.ok_or_else(|| Fault::wrong(format!("{path}.count"), "a flavor needs a count"))?;
    let Some(flavor) = flavors.0.get(&**name) else { return Ok(Vec::new()) };
    let demand = Demand::of(flavor, landing.volume_backed, ground);
    Ok(vec![Arrival { kind: Kind { flavor: Arc::clone(&flavor.name), demand, count }, az }])
}

/// An amount cut into nearly equal instances: the sizes of each kind, and how many there are of it.
fn pieces(path: &str, count: Option<u32>, totals: [u64; 3]) -> Result<Vec<([u64; 3], u32)>, Fault> {
    let [vcpus, memory_mib, disk_gib] = totals;
    let natural = [vcpus, memory_mib.div_ceil(1024), disk_gib].into_iter().find(|amount| *amount > 0);
    let Some(natural) = natural else {
        return Err(Fault::wrong(
            path,
            "give `flavor` and `count`, or at least one of `vcpus`, `memory_bytes` and `disk_bytes`",
        ));
    };
    let count = count.map_or(natural, u64::from);
    if count > u64::from(COUNT_MAX) {
        return Err(Fault::wrong(
            format!("{path}.count"),
            format!("has to be given, up to {COUNT_MAX}, for so large an amount"),
        ));
    }
    // The first instances take one unit more of what cannot be divided.
    let mut cuts: BTreeSet<u64> = totals.iter().map(|total| total % count).collect();
    cuts.extend([0, count]);
    let bounds: Vec<u64> = cuts.into_iter().collect();
    let kinds = bounds.iter().zip(bounds.iter().skip(1)).map(|(from, to)| {
        let sizes = totals.map(|total| total / count + u64::from(*from < total % count));
        (sizes, u32::try_from(to - from).unwrap_or(u32::MAX))
    });
    Ok(kinds.collect())
}

/// Hosts that go while nobody knows what runs on them: what Placement has given away there is still wanted.
fn unlisted(ground: &mut Ground, tables: &Tables, chosen: &Chosen, placed: &mut Placed) {
    ground.hosts.retain(|host| !chosen.lost.contains(&host.name));
    for host in tables.hypervisors.0.iter().filter(|host| chosen.lost.contains(&host.name)) {
        let az = Some(&host.zone).filter(|zone| !zone.is_empty()).cloned();
        placed.wanting.push((az, tables.given_away(&host.name)));
    }
}

/// Figures with what was placed, and in those of zone and region also what found no place.
fn figures_after(cloud: &Arc<str>, tables: &mut Tables, settings: &capacity::Settings, placed: &Placed) -> Figures {
    for (host, amounts) in &placed.given {
        for (class, amount) in amounts {
            tables.give(host, class, *amount);
        }
    }
    let mut figures = capacity::figures(cloud, &tables.providers, Some(&tables.hypervisors), settings);
    let whole = Place { scope: Scope::Cloud, entity: Arc::clone(cloud) };
    for (az, amounts) in &placed.wanting {
        let zone = az.iter().map(|zone| Place { scope: Scope::Az, entity: Arc::clone(zone) });
        for place in zone.chain([whole.clone()]) {
            for (class, amount) in amounts {
                let (resource, unit) = Resource::of_class(class);
                figures.amounts.entry((place.clone(), resource)).or_default().used += *amount as f64 * unit;
            }
        }
    }
    figures
}

fn changed(chosen: Chosen, placed: Placed) -> HostChanges {
    let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    HostChanges {
        lost: chosen.lost.iter().map(|name| name.to_string()).collect(),
        added_like: chosen.added_like.iter().map(|name| name.to_string()).collect(),
        instances_moved: count(placed.moved),
        instances_homeless: count(placed.homeless),
        instances_landed: count(placed.landed),
        instances_refused: count(placed.refused),
        refused_flavors: placed.refused_flavors.iter().map(|name| name.to_string()).collect(),
    }
}
