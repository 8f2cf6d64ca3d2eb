//! `/api/v1/waste`: what holds capacity without using it, each thing once, what brings most back first.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Moment, finite, write};
use super::asked::{Asked, CLOUD, Parameter, REGION};
use super::problem::Problem;
use super::surveyed::Surveyed;
use super::{Now, Route, Work};
use crate::model::part::Origin;
use crate::model::waste::{Amounts, Coverage, InstanceClass, Use, Waste, WastedInstance, WastedThing};

const TOP: Parameter = Parameter::count("top", 1, 10_000, "Most instances, and most other things, of this answer.").or("100");

/// Said where nothing measures what instances use.
const UNMEASURED: &str = "which instances are idle or oversized is unknown: nothing measures what they use; switch \
                          collect.diagnostics.enabled on";

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/waste",
    summary: "Instances, volumes, snapshots, addresses and load balancers that nobody uses, each in one class.",
    parameters: &[CLOUD, REGION, TOP],
    schema: |generator| generator.subschema_for::<Answer<Body<'static>>>(),
    work: Work::Memory(answer),
};

/// Waste of the regions asked for.
#[derive(Debug, Serialize, JsonSchema)]
struct Body<'a> {
    /// By region.
    regions: Vec<Region<'a>>,
    /// Wasted instances in all.
    instances_total: usize,
    /// Those that bring most memory back first.
    instances: Vec<Instance<'a>>,
    /// Other things in all.
    things_total: usize,
    /// The greatest first.
    things: Vec<Thing<'a>>,
}

/// What is known of a region.
#[derive(Debug, Serialize, JsonSchema)]
struct Region<'a> {
    cloud: Option<&'a str>,
    region: Option<&'a str>,
    /// Classes of instances with their sums; a class that is unknown is not here.
    classes: Vec<Class>,
    /// Kinds of other things of which all is known.
    known: Vec<&'static str>,
    /// Whether anything measures what instances use.
    measured: bool,
    /// What is unknown and why; null where nothing is.
    unknown: Option<&'static str>,
    /// How many of the running instances are measured for long enough, by zone.
    coverage: Vec<Zone<'a>>,
}

/// Instances of a class, with what comes back.
#[derive(Debug, Serialize, JsonSchema)]
struct Class {
    class: &'static str,
    instances: usize,
    vcpus: f64,
    memory_bytes: f64,
    disk_bytes: f64,
}

/// How far the use of a zone's instances is known.
#[derive(Debug, Serialize, JsonSchema)]
struct Zone<'a> {
    az: &'a str,
    running: u32,
    judged: u32,
    ratio: Option<f64>,
}

/// A wasted instance.
#[derive(Debug, Serialize, JsonSchema)]
struct Instance<'a> {
    cloud: Option<&'a str>,
    region: Option<&'a str>,
    id: String,
    name: &'a str,
    /// Id of its project.
    project: String,
    az: &'a str,
    flavor: &'a str,
    /// powered_off, error, idle or oversized.
    class: &'static str,
    /// Since when, as far as it can be told.
    since: Moment,
    /// What comes back when it goes or, if oversized, shrinks.
    vcpus: f64,
    memory_bytes: f64,
    disk_bytes: f64,
    /// What it used 95 % of the time at most; null where that is not why it is here.
    used: Option<Used>,
}

/// Use of an instance.
#[derive(Debug, Serialize, JsonSchema)]
struct Used {
    cpu_ratio: f64,
    memory_ratio: Option<f64>,
    network_bytes_per_second: Option<f64>,
}

/// Anything else that is wasted.
#[derive(Debug, Serialize, JsonSchema)]
struct Thing<'a> {
    cloud: Option<&'a str>,
    region: Option<&'a str>,
    /// volume, snapshot, floating_ip or load_balancer.
    kind: &'static str,
    id: String,
    /// Id of its project.
    project: String,
    /// orphaned_project, error, unattached, old_snapshot, unassociated or empty.
    class: &'static str,
    /// Its size; null for what has none.
    bytes: Option<f64>,
    /// Since when; null where that cannot be told.
    since: Option<Moment>,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let surveyed = Surveyed::<Waste>::of(now, asked)?;
    let top = asked.count(&TOP);
    let all = || surveyed.iter();
    let mut instances: Vec<(&Origin, &WastedInstance)> =
        all().flat_map(|(origin, waste)| waste.instances.iter().flatten().map(move |row| (origin, row))).collect();
    instances.sort_by(|(_, a), (_, b)| b.amounts.memory_bytes.total_cmp(&a.amounts.memory_bytes));
    let mut things: Vec<(&Origin, &WastedThing)> =
        all().flat_map(|(origin, waste)| waste.things.iter().map(move |row| (origin, row))).collect();
    things.sort_by(|(_, a), (_, b)| b.bytes.total_cmp(&a.bytes));
    let body = Body {
        regions: all().map(|(origin, waste)| region(origin, waste)).collect(),
        instances_total: instances.len(),
        instances: instances.iter().take(top).map(|(origin, row)| instance(origin, row)).collect(),
        things_total: things.len(),
        things: things.iter().take(top).map(|(origin, row)| thing(origin, row)).collect(),
    };
    write(now, surveyed.oldest, surveyed.ready(now), body)
}

fn region<'a>(origin: &'a Origin, waste: &'a Waste) -> Region<'a> {
    let judged = waste.coverage.iter().flatten().any(|zone| zone.judged > 0);
    let told = |class: &InstanceClass| waste.instances.is_some() && (judged || !class.is_measured());
    Region {
        cloud: origin.cloud.as_deref(),
        region: origin.region.as_deref(),
        classes: InstanceClass::ALL.iter().filter(|class| told(class)).map(|class| sums(*class, waste)).collect(),
        known: waste.known.iter().map(|kind| kind.as_str()).collect(),
        measured: waste.coverage.is_some(),
        unknown: waste.coverage.is_none().then_some(UNMEASURED),
        coverage: waste.coverage.iter().flatten().map(zone).collect(),
    }
}

fn sums(class: InstanceClass, waste: &Waste) -> Class {
    let rows = || waste.instances.iter().flatten().filter(|row| row.class == class);
    let mut sum = Amounts::default();
    rows().for_each(|row| sum += row.amounts);
    let Amounts { vcpus, memory_bytes, disk_bytes } = sum;
    Class { class: class.as_str(), instances: rows().count(), vcpus, memory_bytes, disk_bytes }
}

fn zone(coverage: &Coverage) -> Zone<'_> {
    Zone { az: &coverage.zone, running: coverage.running, judged: coverage.judged, ratio: coverage.ratio() }
}

fn instance<'a>(origin: &'a Origin, row: &'a WastedInstance) -> Instance<'a> {
    Instance {
        cloud: origin.cloud.as_deref(),
        region: origin.region.as_deref(),
        id: row.id.to_string(),
        name: &row.name,
        project: row.project.to_string(),
        az: &row.zone,
        flavor: &row.flavor,
        class: row.class.as_str(),
        since: Moment(row.since),
        vcpus: row.amounts.vcpus,
        memory_bytes: row.amounts.memory_bytes,
        disk_bytes: row.amounts.disk_bytes,
        used: row.used.as_ref().map(used),
    }
}

fn used(used: &Use) -> Used {
    Used {
        cpu_ratio: used.cpu_ratio,
        memory_ratio: used.memory_ratio,
        network_bytes_per_second: used.network_bytes_per_second.and_then(finite),
    }
}

fn thing<'a>(origin: &'a Origin, row: &'a WastedThing) -> Thing<'a> {
    Thing {
        cloud: origin.cloud.as_deref(),
        region: origin.region.as_deref(),
        kind: row.kind.as_str(),
        id: row.id.to_string(),
        project: row.project.to_string(),
        class: row.class,
        bytes: (row.bytes > 0.0).then_some(row.bytes),
        since: row.since.map(Moment),
    }
}
