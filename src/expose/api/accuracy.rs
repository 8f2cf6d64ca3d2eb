//! `/api/v1/accuracy`: how far off forecasts of each series were, from rolling origins.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Page, finite, write};
use super::asked::{Asked, BASIS, CLOUD, ENTITY, HORIZON, LIMIT, OFFSET, Parameter, REGION, RESOURCE, SCOPE, SIGNAL};
use super::problem::Problem;
use super::series::{Known, Labels, Told, any_ready, oldest};
use super::{Now, Route, Work};
use crate::model::prediction::{Accuracy, Horizon};

const ORDER: Parameter =
    Parameter::choice("order_by", || vec!["series", "mase"], "By name, or the least accurate first.").or("series");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/accuracy",
    summary: "Errors of the forecasts of each series and horizon in a rolling-origin backtest, beside the seasonal \
              naive's; absent while the history is shorter than three horizons.",
    parameters: &[CLOUD, REGION, SCOPE, ENTITY, RESOURCE, BASIS, SIGNAL, HORIZON, ORDER, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Page<Errors<'static>>>>(),
    work: Work::Memory(answer),
};

/// Errors of one series at one horizon. Null: not defined for this series, e.g. a constant one.
#[derive(Debug, Serialize, JsonSchema)]
struct Errors<'a> {
    #[serde(flatten)]
    series: Labels<'a>,
    /// How far ahead.
    horizon: &'static str,
    /// Mean absolute scaled error; below 1 beats the seasonal naive inside the history.
    mase: Option<f64>,
    /// The same of the seasonal naive, over the same origins.
    naive_mase: Option<f64>,
    /// Sum of absolute errors over the sum of absolute values.
    wape_ratio: Option<f64>,
    /// Mean error over the mean absolute value; above 0 says too much.
    bias_ratio: Option<f64>,
    /// Share of what happened inside the 80 % interval.
    coverage_ratio: Option<f64>,
    /// Past origins tried.
    origins: usize,
    /// Length of the history in seconds.
    history_seconds: f64,
    /// Model with the most weight for the next day.
    model_type: &'a str,
    /// Whether the history is long and whole enough; gauges show nothing else.
    ready: bool,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let known = Known::of(&now.snapshot);
    let told = known.select(asked)?;
    let horizon = asked.text(&HORIZON);
    let mut rows: Vec<(Told<'_>, Horizon, Accuracy)> = Vec::new();
    for told in &told {
        let of_series = told.1.ahead.iter().filter_map(|(at, ahead)| Some((*told, *at, ahead.accuracy?)));
        rows.extend(of_series.filter(|(_, at, _)| horizon.is_none_or(|horizon| at.as_str() == horizon)));
    }
    if asked.text(&ORDER) == Some("mase") {
        let rank = |accuracy: &Accuracy| finite(accuracy.mase).unwrap_or(f64::NEG_INFINITY);
        rows.sort_by(|a, b| rank(&b.2).total_cmp(&rank(&a.2)));
    }
    let page = Page::of(rows.iter().map(|(told, horizon, accuracy)| errors(told, *horizon, accuracy)), asked);
    write(now, oldest(&told), any_ready(now, &told), page)
}

fn errors<'a>((key, prediction): &Told<'a>, horizon: Horizon, accuracy: &Accuracy) -> Errors<'a> {
    Errors {
        series: Labels::of(key),
        horizon: horizon.as_str(),
        mase: finite(accuracy.mase),
        naive_mase: finite(accuracy.naive_mase),
        wape_ratio: finite(accuracy.wape),
        bias_ratio: finite(accuracy.bias),
        coverage_ratio: finite(accuracy.coverage),
        origins: accuracy.origins,
        history_seconds: prediction.history_seconds,
        model_type: &prediction.model,
        ready: prediction.ready,
    }
}
