//! `/api/v1/stranded`: free capacity that the mix of flavors cannot use, most of it first; and what each host runs out of.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Page, finite, write};
use super::asked::{Asked, CLOUD, ENTITY, LIMIT, OFFSET, Parameter, REGION, RESOURCE};
use super::problem::Problem;
use super::surveyed::{Surveyed, Whence, known, wants};
use super::{Now, Route, Work};
use crate::model::headroom::{Strand, Stranded};
use crate::model::part::Origin;

const PLACE: Parameter = Parameter::choice(
    "scope",
    || vec!["cloud", "az", "aggregate", "hypervisor"],
    "Only places of this kind; hypervisors are told only if asked for.",
);

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/stranded",
    summary: "Free capacity that no instance of the running mix of flavors can use, the largest share first.",
    parameters: &[CLOUD, REGION, PLACE, ENTITY, RESOURCE, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Page<Row<'static>>>>(),
    work: Work::Memory(answer),
};

/// One resource of one place, in bytes or pieces.
#[derive(Debug, Serialize, JsonSchema)]
struct Row<'a> {
    #[serde(flatten)]
    whence: Whence<'a>,
    /// cloud, az, aggregate or hypervisor.
    scope: &'static str,
    entity: &'a str,
    resource: &'a str,
    /// (total - reserved) x allocation ratio of hosts that are up and enabled.
    usable: f64,
    free: f64,
    /// Free still when no more of the mix fits.
    stranded: f64,
    /// Stranded over usable; null where nothing is usable.
    ratio: Option<f64>,
    /// Whether this is what the host runs out of first; null for places of several hosts.
    limiting: Option<bool>,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let surveyed = Surveyed::<Stranded>::of(now, asked)?;
    let all = || surveyed.rows(|table| &table.rows);
    known(asked, &ENTITY, all().map(|(_, row)| &*row.entity))?;
    known(asked, &RESOURCE, all().map(|(_, row)| &*row.resource))?;
    let in_scope = |row: &Strand| match (asked.text(&PLACE), asked.text(&ENTITY)) {
        (Some(scope), _) => row.scope.as_str() == scope,
        (None, Some(_)) => true,
        (None, None) => row.scope.as_str() != "hypervisor",
    };
    let wanted = |row: &Strand| wants(asked, &ENTITY, &row.entity) && wants(asked, &RESOURCE, &row.resource);
    let mut rows: Vec<(&Origin, &Strand)> = all().filter(|(_, row)| in_scope(row) && wanted(row)).collect();
    rows.sort_by(|(_, a), (_, b)| b.ratio().unwrap_or(-1.0).total_cmp(&a.ratio().unwrap_or(-1.0)));
    let page = Page::of(rows.iter().map(|(origin, row)| told(origin, row)), asked);
    write(now, surveyed.oldest, surveyed.ready(now), page)
}

fn told<'a>(origin: &'a Origin, row: &'a Strand) -> Row<'a> {
    Row {
        whence: origin.into(),
        scope: row.scope.as_str(),
        entity: &row.entity,
        resource: &row.resource,
        usable: row.usable,
        free: row.free,
        stranded: row.stranded,
        ratio: row.ratio().and_then(finite),
        limiting: (row.scope.as_str() == "hypervisor").then_some(row.limiting),
    }
}
