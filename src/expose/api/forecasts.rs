//! `/api/forecasts`: the whole curve of each series with its interval, one record for each hour of the next day and
//! for each day after it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Extent, Moment, Page, write};
use super::asked::{Asked, BASIS, CLOUD, ENTITY, HORIZON, LIMIT, OFFSET, Parameter, REGION, RESOURCE, SCOPE, SIGNAL};
use super::problem::Problem;
use super::series::{Known, Labels, Told, any_ready, oldest, unit};
use super::{Now, Route, Work};
use crate::model::clock::Timestamp;
use crate::model::prediction::{Band, Horizon, Prediction};

const AHEAD: Parameter = HORIZON.or("24h");

pub(super) static ROUTE: Route = Route {
    path: "/api/forecasts",
    summary: "Forecasts with their intervals, hourly for the next day and daily after it; series with too little \
              history are told, too, with ready false.",
    parameters: &[CLOUD, REGION, SCOPE, ENTITY, RESOURCE, BASIS, SIGNAL, AHEAD, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Page<Record<'static>>>>(),
    work: Work::Memory(answer),
};

/// What is expected of one series at one time.
#[derive(Debug, Serialize, JsonSchema)]
struct Record<'a> {
    /// The time that is spoken of.
    timestamp: Moment,
    /// The same as entity.
    node: &'a str,
    /// Resource and signal in one word, e.g. vcpu_utilization.
    metric: String,
    /// The expected value, in the signal's unit.
    forecast: f64,
    /// Lower end of the interval.
    lower_bound: f64,
    /// Upper end of the interval.
    upper_bound: f64,
    /// Probability (0 to 1) that the value lies inside the interval.
    confidence: f64,
    /// Model with the most weight for the next day.
    model_type: &'a str,
    /// Whether the history is long and whole enough; gauges show nothing else.
    ready: bool,
    /// Unit of the values.
    unit: Option<&'static str>,
    #[serde(flatten)]
    series: Labels<'a>,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let known = Known::of(&now.snapshot);
    let told = known.select(asked)?;
    let hours = asked.text(&AHEAD).map_or(24, horizon_hours);
    let units: BTreeMap<&str, Option<&'static str>> =
        told.iter().map(|(key, _)| &*key.signal).map(|signal| (signal, unit(now, signal))).collect();
    let extent = Extent::of(told.iter().map(|(_, prediction)| curve(prediction, hours).count()).sum(), asked);
    let records = told.iter().flat_map(|told| {
        let unit = units.get(&*told.0.signal).copied().flatten();
        curve(told.1, hours).map(move |(at, band)| record(told, at, band, unit))
    });
    let page = Page { items: extent.cut(records), extent };
    write(now, oldest(&told), any_ready(now, &told), page)
}

fn horizon_hours(text: &str) -> u32 {
    Horizon::ALL.into_iter().find(|horizon| horizon.as_str() == text).map_or(24, Horizon::hours)
}

/// Times and values up to so many hours ahead.
pub(super) fn curve(prediction: &Prediction, hours: u32) -> impl Iterator<Item = (Timestamp, Band)> {
    let hourly = (1_u32..).zip(&prediction.hourly);
    let daily = (2_u32..).map(|day| day * 24).zip(&prediction.daily);
    let near = hourly.chain(daily).take_while(move |(hour, _)| *hour <= hours);
    let told = near.filter(|(_, band)| [band.mean, band.lower, band.upper].iter().all(|value| value.is_finite()));
    let from = prediction.trained;
    told.map(move |(hour, band)| (Timestamp::from_seconds(from.saturating_add(i64::from(hour) * 3600)), *band))
}

fn record<'a>(told: &Told<'a>, at: Timestamp, band: Band, unit: Option<&'static str>) -> Record<'a> {
    let (key, prediction) = *told;
    let metric = match &*key.resource {
        "" => key.signal.to_string(),
        resource => format!("{resource}_{}", key.signal),
    };
    Record {
        timestamp: Moment(at),
        node: &key.entity,
        metric,
        forecast: band.mean,
        lower_bound: band.lower,
        upper_bound: band.upper,
        confidence: prediction.level,
        model_type: &prediction.model,
        ready: prediction.ready,
        unit,
        series: Labels::of(key),
    }
}
