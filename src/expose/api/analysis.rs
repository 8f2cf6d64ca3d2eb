//! `/api/analysis`: one record of each place, the worst first: what is used, at which risk, why, and what to do about it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Moment, Page, finite, write};
use super::asked::{Asked, CLOUD, ENTITY, LIMIT, OFFSET, Parameter, REGION, SCOPE};
use super::problem::Problem;
use super::series::Known;
use super::surveyed::{Surveyed, known};
use super::{Now, Route, Work};
use crate::model::part::Origin;
use crate::model::recommendation::{Recommendation, Recommendations};
use crate::model::risk::{Level, Risk, Risks};
use crate::model::signal::{Scope, SeriesKey};

/// The signal that risks are about.
const SIGNAL: &str = "utilization";

const LEAST: Parameter =
    Parameter::choice("risk", || Level::ALL.map(Level::as_str).to_vec(), "Only places of at least this overall risk.")
        .or("low");

pub(super) static ROUTE: Route = Route {
    path: "/api/analysis",
    summary: "Every place with its use, its risk by resource and overall, and what to do about it, the worst first.",
    parameters: &[CLOUD, REGION, SCOPE, ENTITY, LEAST, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Page<Record<'static>>>>(),
    work: Work::Memory(answer),
};

/// The record of one place.
#[derive(Debug, Serialize, JsonSchema)]
struct Record<'a> {
    cloud: Option<&'a str>,
    region: Option<&'a str>,
    /// cloud, az, aggregate, hypervisor, project, pool, network, host or custom.
    scope: &'static str,
    /// Its name.
    node: &'a str,
    /// The greatest risk of its resources: low, medium, high or critical.
    overall_risk: &'static str,
    /// By resource.
    resources: Vec<Resource<'a>>,
    /// What to do about its risks and its waste; of a region, the 200 most urgent are told.
    recommendations: Vec<Advice<'a>>,
}

/// What to do.
#[derive(Debug, Serialize, JsonSchema)]
struct Advice<'a> {
    resource: &'a str,
    /// add_capacity, rebalance, reclaim, resize or investigate.
    action: &'static str,
    /// low, medium, high or critical.
    severity: &'static str,
    /// The same with its reason, in a sentence.
    text: &'a str,
    /// How much is meant, in bytes or pieces; null where that is not known.
    amount: Option<f64>,
    /// By so many days the date moves at which the place is full; null where it does not grow, or is not known to.
    days_gained: Option<f64>,
}

/// One resource of a place.
#[derive(Debug, Serialize, JsonSchema)]
struct Resource<'a> {
    resource: &'a str,
    /// allocation (given away) or demand (really used): the one with the greater risk.
    basis: &'static str,
    /// Used over usable now.
    utilization_ratio: f64,
    /// Mean of the last seven days; null before the first forecast.
    mean_utilization_ratio: Option<f64>,
    /// The same in 24 hours; null without a forecast that may be acted upon.
    day_ahead_ratio: Option<f64>,
    /// When it is full in half of the simulated futures; null for not inside the window, or not known.
    full_at: Option<Moment>,
    /// low, medium, high or critical.
    risk: &'static str,
    /// What makes it so: level (now), forecast (in 24 hours) or runway (full too soon).
    cause: &'static str,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let surveyed = Surveyed::<Risks>::of(now, asked)?;
    let all = || surveyed.iter().flat_map(|(origin, table)| table.0.iter().map(move |row| (origin, row)));
    known(asked, &ENTITY, all().map(|(_, row)| &*row.entity))?;
    let wanted = |row: &Risk| {
        asked.text(&SCOPE).is_none_or(|scope| scope == row.scope.as_str())
            && asked.text(&ENTITY).is_none_or(|entity| entity == &*row.entity)
    };
    let mut places: BTreeMap<(&Origin, Scope, &str), Vec<&Risk>> = BTreeMap::new();
    for (origin, row) in all().filter(|(_, row)| wanted(row)) {
        places.entry((origin, row.scope, &row.entity)).or_default().push(row);
    }
    let least = Level::ALL.into_iter().find(|level| asked.text(&LEAST) == Some(level.as_str())).unwrap_or_default();
    let overall = |risks: &[&Risk]| risks.iter().map(|risk| risk.level).max().unwrap_or_default();
    let mut rows: Vec<_> = places.into_iter().map(|(place, risks)| (overall(&risks), place, risks)).collect();
    rows.retain(|(level, ..)| *level >= least);
    // Stable: those of one level stay in the order of names.
    rows.sort_by_key(|(level, ..)| Reverse(*level));
    let recommended = Surveyed::<Recommendations>::of(now, asked)?;
    let mut advice: BTreeMap<(&Origin, Scope, &str), Vec<Advice<'_>>> = BTreeMap::new();
    for (origin, row) in recommended.iter().flat_map(|(origin, table)| table.0.iter().map(move |row| (origin, row))) {
        advice.entry((origin, row.scope, &row.entity)).or_default().push(advise(row));
    }
    let means = Means(Known::of(&now.snapshot));
    let records = rows.iter().map(|(level, place, risks)| {
        let recommendations = advice.remove(place).unwrap_or_default();
        let resources = risks.iter().map(|risk| resource(risk, means.of(place.0, risk))).collect();
        record(*level, *place, resources, recommendations)
    });
    let page = Page::of(records, asked);
    write(now, surveyed.oldest, surveyed.ready(now), page)
}

fn advise(row: &Recommendation) -> Advice<'_> {
    Advice {
        resource: &row.resource,
        action: row.action.as_str(),
        severity: row.severity.as_str(),
        text: &row.text,
        amount: row.amount,
        days_gained: row.days_gained.and_then(finite),
    }
}

fn record<'a>(
    level: Level,
    (origin, scope, node): (&'a Origin, Scope, &'a str),
    resources: Vec<Resource<'a>>,
    recommendations: Vec<Advice<'a>>,
) -> Record<'a> {
    Record {
        cloud: origin.cloud.as_deref(),
        region: origin.region.as_deref(),
        scope: scope.as_str(),
        node,
        overall_risk: level.as_str(),
        resources,
        recommendations,
    }
}

/// Means of the last week, which forecasting keeps.
struct Means(Known);

impl Means {
    fn of(&self, origin: &Origin, risk: &Risk) -> Option<f64> {
        let key = SeriesKey {
            signal: Arc::from(SIGNAL),
            origin: origin.clone(),
            scope: risk.scope,
            entity: Arc::clone(&risk.entity),
            resource: Arc::clone(&risk.resource),
            basis: Some(risk.basis),
        };
        self.0.find(&key)?.week_mean.and_then(finite)
    }
}

fn resource(risk: &Risk, mean: Option<f64>) -> Resource<'_> {
    Resource {
        resource: &risk.resource,
        basis: risk.basis.as_str(),
        utilization_ratio: risk.utilization,
        mean_utilization_ratio: mean,
        day_ahead_ratio: risk.day_ahead.and_then(finite),
        full_at: risk.full_at.and_then(Moment::of_seconds),
        risk: risk.level.as_str(),
        cause: risk.cause.as_str(),
    }
}
