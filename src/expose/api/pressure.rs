//! `/api/v1/pressure`: which instances use nearly all that they have, and which take a great share of their host besides.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Page, finite, write};
use super::asked::{Asked, CLOUD, LIMIT, OFFSET, Parameter, REGION};
use super::problem::Problem;
use super::surveyed::Surveyed;
use super::{Now, Route, Work};
use crate::model::part::Origin;
use crate::model::waste::{Pressed, Pressure, PressureClass};

const CLASS: Parameter =
    Parameter::choice("class", || PressureClass::ALL.map(PressureClass::as_str).to_vec(), "Only this class.");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/pressure",
    summary: "Instances that lack memory or CPU, and those that take a great share of a host with such a one.",
    parameters: &[CLOUD, REGION, CLASS, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Body<'static>>>(),
    work: Work::Memory(answer),
};

/// Pressure of the regions asked for.
#[derive(Debug, Serialize, JsonSchema)]
struct Body<'a> {
    /// Whether anything measures what instances use; without it there are no rows, and that says nothing.
    measured: bool,
    #[serde(flatten)]
    page: Page<Row<'a>>,
}

/// An instance under pressure, or one that makes it.
#[derive(Debug, Serialize, JsonSchema)]
struct Row<'a> {
    cloud: Option<&'a str>,
    region: Option<&'a str>,
    id: String,
    name: &'a str,
    /// Id of its project.
    project: String,
    az: &'a str,
    hypervisor: &'a str,
    /// constrained or bully.
    class: &'static str,
    /// Share of its vCPUs that it used lately.
    cpu_ratio: Option<f64>,
    /// Share of its memory.
    memory_ratio: Option<f64>,
    /// Share of the host's CPUs that it used lately.
    host_cpu_ratio: Option<f64>,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let surveyed = Surveyed::<Pressure>::of(now, asked)?;
    let all = surveyed.iter().flat_map(|(origin, table)| table.rows.iter().map(move |row| (origin, row)));
    let wanted = |row: &Pressed| asked.text(&CLASS).is_none_or(|class| class == row.class.as_str());
    let rows: Vec<(&Origin, &Pressed)> = all.filter(|(_, row)| wanted(row)).collect();
    let page = Page::of(rows.iter().map(|(origin, row)| told(origin, row)), asked);
    write(now, surveyed.oldest, surveyed.ready(now), Body { measured: surveyed.iter().next().is_some(), page })
}

fn told<'a>(origin: &'a Origin, row: &'a Pressed) -> Row<'a> {
    Row {
        cloud: origin.cloud.as_deref(),
        region: origin.region.as_deref(),
        id: row.id.to_string(),
        name: &row.name,
        project: row.project.to_string(),
        az: &row.zone,
        hypervisor: &row.hypervisor,
        class: row.class.as_str(),
        cpu_ratio: row.cpu_ratio.and_then(finite),
        memory_ratio: row.memory_ratio,
        host_cpu_ratio: row.host_ratio.and_then(finite),
    }
}
