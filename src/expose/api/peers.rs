//! `/api/v1/peers`: hypervisors against their group at the same instant, the one that is furthest off first.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Page, finite, write};
use super::asked::{Asked, CLOUD, ENTITY, LIMIT, OFFSET, Parameter, REGION};
use super::problem::Problem;
use super::{Now, Route, Work};
use crate::model::anomaly::{Anomalies, PeerGroup};
use crate::model::clock::Timestamp;
use crate::model::part::Origin;

const GROUP: Parameter =
    Parameter::text("group", "Only this group: zone, aggregates and CPU model, and `#` with the kind of its days.");
const SIGNAL: Parameter =
    Parameter::text("signal", "Only this signal, as in the gauges: vcpu_demand_utilization, ...");
const MEMBERS: Parameter =
    Parameter::count("members", 0, 10_000, "Most members told of each group, the furthest off first.").or("20");
const ORDER: Parameter = Parameter::choice(
    "order_by",
    || vec!["score", "group"],
    "The group with the strongest outlier first, or by name and signal.",
)
.or("score");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/peers",
    summary: "Groups of hypervisors that should be alike, their median right now, and who is how far off it.",
    parameters: &[CLOUD, REGION, GROUP, SIGNAL, ENTITY, MEMBERS, ORDER, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Page<Row<'static>>>>(),
    work: Work::Memory(answer),
};

/// A group by one signal.
#[derive(Debug, Serialize, JsonSchema)]
struct Row<'a> {
    /// Cloud.
    cloud: Option<&'a str>,
    /// Region of the cloud.
    region: Option<&'a str>,
    /// Name of the group.
    group: &'a str,
    /// The `signal` label of the gauges about anomalies.
    signal: &'a str,
    /// What is usual in the group right now.
    median: Option<f64>,
    /// Members with a value.
    size: usize,
    /// Members with a score above 1.
    outliers: usize,
    /// Members, the furthest off first.
    members: Vec<Member<'a>>,
}

/// A hypervisor among its peers.
#[derive(Debug, Serialize, JsonSchema)]
struct Member<'a> {
    /// Its name.
    entity: &'a str,
    /// Its value.
    value: Option<f64>,
    /// How far off the median; above 1 is an outlier.
    score: f64,
}

/// A group with its region and the time of its values.
type Told<'a> = (&'a Origin, Timestamp, &'a PeerGroup);
/// Reads the names that a parameter may give off a group.
type Names = fn(&Told<'_>, &mut dyn FnMut(&str));

const NAMES: [(Parameter, Names); 5] = [
    (CLOUD, |(origin, ..), tell| origin.cloud.iter().for_each(|name| tell(name))),
    (REGION, |(origin, ..), tell| origin.region.iter().for_each(|name| tell(name))),
    (GROUP, |(.., group), tell| tell(&group.group)),
    (SIGNAL, |(.., group), tell| tell(&group.signal)),
    (ENTITY, |(.., group), tell| group.members.iter().for_each(|peer| tell(&peer.entity))),
];

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let tables: Vec<(&Origin, Arc<Anomalies>)> =
        now.snapshot.parts().filter_map(|part| Some((&part.key.origin, part.tables.get()?))).collect();
    let all: Vec<Told<'_>> = tables
        .iter()
        .flat_map(|(origin, table)| table.groups.iter().map(|group| (*origin, table.at, group)))
        .collect();
    let mut told = select(all, asked)?;
    if asked.text(&ORDER) == Some("score") {
        let furthest = |group: &PeerGroup| group.members.iter().map(|peer| peer.score).fold(0.0, f64::max);
        told.sort_by(|(.., a), (.., b)| furthest(b).total_cmp(&furthest(a)));
    }
    let oldest = told.iter().map(|(_, at, _)| *at).min();
    let ready = now.status.ready.is_ok() && !told.is_empty();
    let page = Page::of(told.iter().map(|told| row(told, asked)), asked);
    write(now, oldest, ready, page)
}

/// The groups asked for; a name that none has is a problem.
fn select<'a>(all: Vec<Told<'a>>, asked: &Asked) -> Result<Vec<Told<'a>>, Problem> {
    let wanted = NAMES.map(|(parameter, names)| (asked.text(&parameter), names));
    let is_wanted = |told: &Told<'_>| {
        wanted.iter().all(|(value, names)| {
            let Some(value) = value else { return true };
            let mut found = false;
            names(told, &mut |name| found |= name == *value);
            found
        })
    };
    let found: Vec<Told<'a>> = all.iter().filter(|told| is_wanted(told)).copied().collect();
    if found.is_empty() {
        for (parameter, names) in NAMES {
            let Some(value) = asked.text(&parameter) else { continue };
            let mut known = BTreeSet::new();
            all.iter().for_each(|told| names(told, &mut |name| _ = known.insert(name.to_owned())));
            if !known.is_empty() && !known.contains(value) {
                let detail = format!("no group of five or more has the {} `{value}`", parameter.name);
                return Err(Problem::missing(parameter.name, detail).allowing(known));
            }
        }
    }
    Ok(found)
}

fn row<'a>((origin, _, group): &Told<'a>, asked: &Asked) -> Row<'a> {
    let member = |peer: &'a crate::model::anomaly::Peer| Member {
        entity: &peer.entity,
        value: finite(peer.value),
        score: peer.score,
    };
    let wanted = |peer: &&crate::model::anomaly::Peer| asked.text(&ENTITY).is_none_or(|name| *peer.entity == *name);
    Row {
        cloud: origin.cloud.as_deref(),
        region: origin.region.as_deref(),
        group: &group.group,
        signal: &group.signal,
        median: finite(group.median),
        size: group.members.len(),
        outliers: group.members.iter().filter(|peer| peer.score > 1.0).count(),
        members: group.members.iter().filter(wanted).take(asked.count(&MEMBERS)).map(member).collect(),
    }
}
