//! `/api/v1/projects`: which quotas end first, and who grows.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Moment, Page, finite, write};
use super::asked::{Asked, CLOUD, LIMIT, OFFSET, Parameter, REGION, RESOURCE};
use super::problem::Problem;
use super::surveyed::{Surveyed, Whence, known, wants};
use super::{Now, Route, Work};
use crate::model::part::Origin;
use crate::model::project_use::{ProjectUse, ProjectUses};

const PROJECT: Parameter = Parameter::text("project", "Only the project of this id.");
const ORDER: Parameter = Parameter::choice(
    "order_by",
    || vec!["exhaustion", "growth", "utilization"],
    "Soonest exhausted first, fastest growing first or fullest first.",
)
.or("exhaustion");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/projects",
    summary: "Quotas of the projects that use most of theirs: how full, how fast they grow, when they are used up; all \
              others in a row of the project `other`.",
    parameters: &[CLOUD, REGION, PROJECT, RESOURCE, ORDER, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Page<Row<'static>>>>(),
    work: Work::Memory(answer),
};

/// One quota of one project.
#[derive(Debug, Serialize, JsonSchema)]
struct Row<'a> {
    #[serde(flatten)]
    whence: Whence<'a>,
    /// Id; `other` for the sum of all that have no row of their own.
    project: &'a str,
    /// Name, where it may be read.
    name: Option<&'a str>,
    /// vcpu, memory, instances, disk or floating_ips.
    resource: &'a str,
    /// How many projects this stands for.
    projects: u32,
    /// In use or reserved, in bytes or pieces; with projects that have no limit.
    used: f64,
    /// Quota, in bytes or pieces.
    limit: f64,
    /// In use or reserved, over the quota, of projects that have a limit.
    utilization_ratio: f64,
    /// Growth over the last 7 days by the trend, over what was in use before; null where it is not known.
    growth_7d_ratio: Option<f64>,
    /// The same over 30 days.
    growth_30d_ratio: Option<f64>,
    /// When the quota is used up in half of the simulated futures; null for not inside the window, or not known.
    exhausted_at: Option<Moment>,
    /// Seconds until then; 0 when it has passed.
    exhaustion_seconds: Option<f64>,
    /// Whether there is a forecast that may be acted upon.
    ready: bool,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let surveyed = Surveyed::<ProjectUses>::of(now, asked)?;
    let all = || surveyed.rows(|table| &table.0);
    known(asked, &PROJECT, all().map(|(_, row)| &*row.project))?;
    known(asked, &RESOURCE, all().map(|(_, row)| &*row.resource))?;
    let wanted = |row: &ProjectUse| wants(asked, &PROJECT, &row.project) && wants(asked, &RESOURCE, &row.resource);
    let mut rows: Vec<(&Origin, &ProjectUse)> = all().filter(|(_, row)| wanted(row)).collect();
    let rank = |row: &ProjectUse| match asked.text(&ORDER) {
        Some("growth") => row.growth(30.0).or(row.growth(7.0)).map_or(f64::INFINITY, |growth| -growth),
        Some("utilization") => -row.utilization,
        _ => row.exhausted_at.unwrap_or(f64::INFINITY),
    };
    // Those that say the same: the fullest first.
    rows.sort_by(|(_, a), (_, b)| rank(a).total_cmp(&rank(b)).then(b.utilization.total_cmp(&a.utilization)));
    let page = Page::of(rows.iter().map(|(origin, row)| told(now, origin, row)), asked);
    write(now, surveyed.oldest, surveyed.ready(now), page)
}

fn told<'a>(now: &Now, origin: &'a Origin, row: &'a ProjectUse) -> Row<'a> {
    let exhausted_at = row.exhausted_at.and_then(Moment::of_seconds);
    let seconds = row.exhausted_at.map(|at| (at - now.at.seconds()).max(0.0));
    Row {
        whence: origin.into(),
        project: &row.project,
        name: row.name.as_deref(),
        resource: &row.resource,
        projects: row.projects,
        used: row.used,
        limit: row.limit,
        utilization_ratio: row.utilization,
        growth_7d_ratio: row.growth(7.0).and_then(finite),
        growth_30d_ratio: row.growth(30.0).and_then(finite),
        exhausted_at,
        exhaustion_seconds: seconds.and_then(finite),
        ready: row.exhausted_at.is_some(),
    }
}
