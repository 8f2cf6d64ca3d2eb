//! `/api/v1/runway`: when each resource of each place crosses a tier for good, soonest first.

use std::collections::HashMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Moment, Page, finite, write};
use super::asked::{Asked, BASIS, CLOUD, ENTITY, LIMIT, OFFSET, Parameter, REGION, RESOURCE, SCOPE};
use super::facts::{Fact, facts};
use super::problem::Problem;
use super::series::{Known, Labels, Told, any_ready, oldest};
use super::{Now, Route, Work};
use crate::model::part::Part;
use crate::model::prediction::Crossing;
use crate::model::signal::{Basis, SeriesKey};

const TIER: Parameter = Parameter::choice(
    "tier",
    || vec!["medium", "high", "critical", "full"],
    "The tier whose crossing is told; full is the ceiling itself.",
)
.or("full");
const ORDER: Parameter = Parameter::choice(
    "order_by",
    || vec!["pessimistic", "mid", "optimistic", "utilization"],
    "By which date (soonest first) or figure (largest first) rows are ordered.",
)
.or("pessimistic");
const LEAD_TIME: Parameter = Parameter::duration(
    "lead_time",
    "Time from ordering hardware to its use; act_by is the pessimistic date less this: 0, 36h, 90d, ...",
)
.or("0");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/runway",
    summary: "Utilisation now and the dates at which it crosses a tier and stays above, by simulated futures.",
    parameters: &[CLOUD, REGION, SCOPE, ENTITY, RESOURCE, BASIS, TIER, ORDER, LEAD_TIME, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Page<Runway<'static>>>>(),
    work: Work::Memory(answer),
};

/// How long one resource of one place lasts.
#[derive(Debug, Serialize, JsonSchema)]
struct Runway<'a> {
    #[serde(flatten)]
    series: Labels<'a>,
    /// The tier that is spoken of.
    tier: &'a str,
    /// Used over usable now; null where it is not known.
    utilization_ratio: Option<f64>,
    /// Growth of the utilisation per day; null under two weeks of history.
    daily_growth_ratio: Option<f64>,
    /// The soonest date to reckon with.
    pessimistic: Date,
    /// Half of the futures cross before this date.
    mid: Date,
    /// The latest date to hope for.
    optimistic: Date,
    /// The pessimistic date less the lead time: when something has to be ordered.
    act_by: Date,
    /// How far ahead was looked; dates beyond are null.
    window_seconds: f64,
    /// Whether the history is long and whole enough; gauges show nothing else.
    ready: bool,
}

/// A date of the future.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
struct Date {
    /// When; null for not inside the window.
    at: Option<Moment>,
    /// Seconds until then; 0 when it has passed, null for not inside the window.
    seconds: Option<f64>,
}

impl Date {
    fn of(now: &Now, seconds: f64) -> Self {
        let at = Moment::of_seconds(seconds);
        Self { at, seconds: at.map(|_| (seconds - now.at.seconds()).max(0.0)) }
    }
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let known = Known::of(&now.snapshot);
    let tier = asked.text(&TIER).unwrap_or("full");
    let mut told = known.select(asked)?;
    told.retain(|(_, prediction)| prediction.crossings.contains_key(tier));
    let analysed = now.snapshot.group("analysis.capacity").map(|part| -> &Part { part });
    let ratios: Vec<_> = facts(analysed, "stackcast_capacity_utilization_ratio").collect();
    let utilizations = Utilizations::of(&ratios);
    let mut rows: Vec<(f64, Told<'_>, Crossing)> = Vec::with_capacity(told.len());
    for told in &told {
        let Some(crossing) = told.1.crossings.get(tier) else { continue };
        let rank = match asked.text(&ORDER) {
            Some("mid") => crossing.mid,
            Some("optimistic") => crossing.lower,
            Some("utilization") => utilizations.get(told.0).map_or(f64::INFINITY, |ratio| -ratio),
            _ => crossing.upper,
        };
        rows.push((rank, *told, *crossing));
    }
    // Stable: what is never reached stays in the order of names.
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let lead = asked.duration(&LEAD_TIME).unwrap_or(Duration::ZERO).as_secs_f64();
    let page = Page::of(rows.iter().map(|(_, told, crossing)| runway(now, told, tier, crossing, lead, &utilizations)), asked);
    write(now, oldest(&told), any_ready(now, &told), page)
}

fn runway<'a>(
    now: &Now,
    (key, prediction): &Told<'a>,
    tier: &'a str,
    crossing: &Crossing,
    lead: f64,
    utilizations: &Utilizations<'_>,
) -> Runway<'a> {
    Runway {
        series: Labels::of(key),
        tier,
        utilization_ratio: utilizations.get(key).and_then(finite),
        daily_growth_ratio: prediction.daily_growth.and_then(finite),
        pessimistic: Date::of(now, crossing.upper),
        mid: Date::of(now, crossing.mid),
        optimistic: Date::of(now, crossing.lower),
        act_by: Date::of(now, crossing.upper - lead),
        window_seconds: prediction.window_seconds,
        ready: prediction.ready,
    }
}

/// The utilisations of now, as the gauge tells them.
struct Utilizations<'a>(HashMap<[Option<&'a str>; 6], f64>);

impl<'a> Utilizations<'a> {
    fn of(ratios: &'a [Fact<'a>]) -> Self {
        let found = ratios.iter().map(|fact| {
            let [scope, entity, resource, basis] =
                ["scope", "entity", "resource", "basis"].map(|label| Some(fact.label(label)));
            let (cloud, region) = (fact.origin.cloud.as_deref(), fact.origin.region.as_deref());
            ([cloud, region, scope, entity, resource, basis], fact.number())
        });
        Self(found.collect())
    }

    fn get(&self, key: &SeriesKey) -> Option<f64> {
        let (cloud, region) = (key.origin.cloud.as_deref(), key.origin.region.as_deref());
        let basis = key.basis.map(Basis::as_str);
        let scope = Some(key.scope.as_str());
        self.0.get(&[cloud, region, scope, Some(&*key.entity), Some(&*key.resource), basis]).copied()
    }
}
