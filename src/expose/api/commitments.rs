//! `/api/v1/commitments`: what projects were promised by their quotas and do not use, largest first, against what is free.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Page, write};
use super::asked::{Asked, CLOUD, LIMIT, OFFSET, Parameter, REGION};
use super::problem::Problem;
use super::surveyed::{Surveyed, Whence, known, wants};
use super::{Now, Route, Work};
use crate::model::headroom::{Commitment, Commitments, Promised};
use crate::model::part::Origin;

const PROJECT: Parameter = Parameter::text("project", "Only the project of this id.");
const PROMISE: Parameter = Parameter::choice("resource", || vec!["vcpu", "memory"], "Only this resource.");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/commitments",
    summary: "What quotas promise and projects do not use yet, the largest promise first, against what is free.",
    parameters: &[CLOUD, REGION, PROJECT, PROMISE, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Body<'static>>>(),
    work: Work::Memory(answer),
};

/// Promises of all and of each.
#[derive(Debug, Serialize, JsonSchema)]
struct Body<'a> {
    /// All projects together, by region and resource.
    totals: Vec<Total<'a>>,
    #[serde(flatten)]
    page: Page<Row<'a>>,
}

/// What all projects of a region were promised of a resource, in bytes or pieces.
#[derive(Debug, Serialize, JsonSchema)]
struct Total<'a> {
    #[serde(flatten)]
    whence: Whence<'a>,
    resource: &'static str,
    /// Sum of the limits there are.
    limit: f64,
    /// Projects without a limit; they are in no sum.
    unlimited: u32,
    /// Promised and not used.
    unused: f64,
    usable: f64,
    free: f64,
    /// Unused promises over what is free: above 1 not all of them can be kept. Null where nothing is free.
    overcommitment: Option<f64>,
}

/// What one project was promised of a resource, in bytes or pieces.
#[derive(Debug, Serialize, JsonSchema)]
struct Row<'a> {
    #[serde(flatten)]
    whence: Whence<'a>,
    /// Id.
    project: String,
    /// Name, where it may be read.
    name: Option<&'a str>,
    resource: &'static str,
    /// Quota; null for no limit.
    limit: Option<f64>,
    used: f64,
    /// Promised and not used, no more than is free.
    unused: f64,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let surveyed = Surveyed::<Commitments>::of(now, asked)?;
    let wanted = |resource: &str| wants(asked, &PROMISE, resource);
    let all = surveyed.rows(|table| &table.rows).filter(|(_, row)| wanted(row.resource));
    let all: Vec<(&Origin, &Commitment, String)> =
        all.map(|(origin, row)| (origin, row, row.project.to_string())).collect();
    known(asked, &PROJECT, all.iter().map(|(.., id)| &**id))?;
    let mut rows: Vec<_> = all.iter().filter(|(.., id)| wants(asked, &PROJECT, id)).collect();
    rows.sort_by(|(_, a, _), (_, b, _)| a.resource.cmp(b.resource).then(b.unused.total_cmp(&a.unused)));
    let page = Page::of(rows.iter().map(|(origin, row, id)| told(origin, row, id)), asked);
    let totals = surveyed.rows(|table| &table.totals);
    let totals = totals.filter(|(_, total)| wanted(total.resource)).map(|(origin, total)| sum(origin, total)).collect();
    write(now, surveyed.oldest, surveyed.ready(now), Body { totals, page })
}

fn told<'a>(origin: &'a Origin, row: &'a Commitment, id: &str) -> Row<'a> {
    Row {
        whence: origin.into(),
        project: id.to_owned(),
        name: row.name.as_deref(),
        resource: row.resource,
        limit: row.limit,
        used: row.used,
        unused: row.unused,
    }
}

fn sum<'a>(origin: &'a Origin, total: &Promised) -> Total<'a> {
    Total {
        whence: origin.into(),
        resource: total.resource,
        limit: total.limit,
        unlimited: total.unlimited,
        unused: total.unused,
        usable: total.usable,
        free: total.free,
        overcommitment: (total.free > 0.0).then(|| total.unused / total.free),
    }
}
