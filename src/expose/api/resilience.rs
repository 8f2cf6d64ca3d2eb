//! `/api/v1/resilience`: how many of the largest hosts of each zone and aggregate may fail, the weakest place first.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Page, write};
use super::asked::{Asked, CLOUD, ENTITY, LIMIT, OFFSET, Parameter, REGION};
use super::problem::Problem;
use super::surveyed::{Surveyed, Whence, known, wants};
use super::{Now, Route, Work};
use crate::model::headroom::{Resilience, Survival};
use crate::model::part::Origin;

const PLACE: Parameter = Parameter::choice("scope", || vec!["az", "aggregate"], "Only places of this kind.");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/resilience",
    summary: "How many of the largest hosts may fail so that all of their instances fit on the others, fewest first.",
    parameters: &[CLOUD, REGION, PLACE, ENTITY, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Page<Row<'static>>>>(),
    work: Work::Memory(answer),
};

/// What a place survives.
#[derive(Debug, Serialize, JsonSchema)]
struct Row<'a> {
    #[serde(flatten)]
    whence: Whence<'a>,
    /// az or aggregate.
    scope: &'static str,
    entity: &'a str,
    /// Hosts that are up and enabled.
    hosts: u32,
    /// So many of the largest may fail.
    evacuation_hosts: u32,
    /// Instances on all hosts of the place.
    instances: u32,
    /// The flavor of which an instance finds no place when one host more fails; null when all may fail.
    stopped_by: Option<&'a str>,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let surveyed = Surveyed::<Resilience>::of(now, asked)?;
    let all = || surveyed.rows(|table| &table.rows);
    known(asked, &ENTITY, all().map(|(_, row)| &*row.entity))?;
    let wanted = |row: &Survival| wants(asked, &PLACE, row.scope.as_str()) && wants(asked, &ENTITY, &row.entity);
    let mut rows: Vec<(&Origin, &Survival)> = all().filter(|(_, row)| wanted(row)).collect();
    rows.sort_by_key(|(_, row)| row.evacuation_hosts);
    let page = Page::of(rows.iter().map(|(origin, row)| told(origin, row)), asked);
    write(now, surveyed.oldest, surveyed.ready(now), page)
}

fn told<'a>(origin: &'a Origin, row: &'a Survival) -> Row<'a> {
    Row {
        whence: origin.into(),
        scope: row.scope.as_str(),
        entity: &row.entity,
        hosts: row.hosts,
        evacuation_hosts: row.evacuation_hosts,
        instances: row.instances,
        stopped_by: row.stopped_by.as_deref(),
    }
}
