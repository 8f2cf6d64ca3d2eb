//! `/charts/utilization`: the past of a place's utilisation and its forecast with the interval, as a Plotly figure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::{Value, json};

use super::answer::{Answer, write};
use super::asked::{Asked, BASIS, CLOUD, ENTITY, Parameter, REGION, RESOURCE, SCOPE};
use super::figure::{Figure, colour, layout};
use super::forecasts::curve;
use super::problem::Problem;
use super::series::{Known, Told, any_ready, oldest};
use super::{Making, Now, Route, Work};
use crate::history::{History, Stretch, Want};
use crate::model::clock::Timestamp;
use crate::model::prediction::Prediction;
use crate::model::signal::{SeriesKey, Signal};

const PLACE: Parameter = SCOPE.or("cloud");
const USE: Parameter = BASIS.or("allocation");
const PAST: Parameter = Parameter::count("days", 1, 90, "Days of the past.").or("14");
const AHEAD: Parameter = Parameter::count("ahead", 0, 90, "Days of the future.").or("30");

/// Lines of one figure: more are told by nobody apart.
const SERIES_MAX: usize = 7;
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

pub(super) static ROUTE: Route = Route {
    path: "/charts/utilization",
    summary: "A figure for plotly.js: utilisation of up to seven series hour by hour, with their forecasts and intervals.",
    parameters: &[CLOUD, REGION, PLACE, ENTITY, RESOURCE, USE, PAST, AHEAD],
    schema: |generator| generator.subschema_for::<Answer<Figure>>(),
    work: Work::History(making),
};

/// A series to draw.
struct Line<'a> {
    key: &'a SeriesKey,
    prediction: &'a Prediction,
    past: Vec<(Timestamp, f64)>,
}

fn making(now: Now, asked: Asked) -> Making {
    async move {
        let history = now.history().ok_or_else(|| Problem::unavailable("there is no history yet"))?;
        let signal = now.signal("utilization").ok_or_else(|| Problem::unavailable("utilisation is not followed"))?;
        let known = Known::of(&now.snapshot);
        let mut told: Vec<Told<'_>> = known.select(&asked)?;
        told.retain(|(key, _)| *key.signal == *signal.name);
        told.truncate(SERIES_MAX);
        let (oldest, ready) = (oldest(&told), any_ready(&now, &told));
        let wanted = told.iter().map(|(key, _)| Arc::clone(key)).collect();
        let past = past(&*history, signal, wanted, &now, asked.count(&PAST)).await?;
        let mut lines = Vec::new();
        for (key, prediction) in &told {
            let past = past.iter().find(|stretch| stretch.key == **key).map(readings).unwrap_or_default();
            lines.push(Line { key, prediction, past });
        }
        let hours = u32::try_from(asked.count(&AHEAD) * 24).unwrap_or(0);
        write(&now, oldest, ready, figure(&lines, hours))
    }
    .boxed()
}

/// What was, hour by hour: one question for all series, since a day that is not over is read whole for each.
async fn past(
    history: &dyn History,
    signal: Arc<Signal>,
    wanted: BTreeSet<Arc<SeriesKey>>,
    now: &Now,
    days: usize,
) -> Result<Vec<Stretch>, Problem> {
    let hour = now.at.millis().div_euclid(3_600_000) * 3_600_000;
    let to = Timestamp::from_millis(hour);
    let days = u32::try_from(days).unwrap_or(1);
    let want = Want { signal, only: Some(wanted), from: to.minus(DAY * days), to, step: HOUR };
    let answer = history.read(&want).await.map_err(|error| Problem::unavailable(error.to_string()))?;
    Ok(answer.stretches)
}

fn readings(stretch: &Stretch) -> Vec<(Timestamp, f64)> {
    let hours = (0_u32..).zip(&stretch.values).map(|(hour, value)| (stretch.start.plus(stretch.step * hour), *value));
    hours.filter(|(_, value)| value.is_finite()).collect()
}

fn figure(lines: &[Line<'_>], hours: u32) -> Figure {
    let several = lines.iter().any(|line| lines.first().is_some_and(|first| first.key.entity != line.key.entity));
    let mut data = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let name = if several { format!("{} {}", line.key.entity, line.key.resource) } else { line.key.resource.to_string() };
        traces(&mut data, line, &name, colour(place), hours);
    }
    let first = lines.first().map_or("", |line| if several { line.key.scope.as_str() } else { &*line.key.entity });
    let title = format!("Utilisation {} {first}", if several { "by" } else { "of" });
    let y = json!({"title": {"text": "used / usable"}, "tickformat": ".0%", "rangemode": "tozero"});
    Figure { data, layout: layout(title.trim_end_matches(" of "), json!({"type": "date"}), y) }
}

/// Past, interval and forecast of one series; the interval's lower end comes first, for the upper one is filled down to it.
fn traces(data: &mut Vec<Value>, line: &Line<'_>, name: &str, [red, green, blue]: [u8; 3], hours: u32) {
    let colour = format!("rgb({red},{green},{blue})");
    let times = |rows: &[(Timestamp, f64)]| rows.iter().map(|(at, _)| at.to_string()).collect::<Vec<_>>();
    let values = |rows: &[(Timestamp, f64)]| rows.iter().map(|(_, value)| *value).collect::<Vec<_>>();
    data.push(json!({
        "type": "scatter", "mode": "lines", "name": name, "legendgroup": name, "x": times(&line.past),
        "y": values(&line.past), "line": {"color": colour, "width": 2},
        "hovertemplate": "%{x}<br>%{y:.1%}<extra></extra>",
    }));
    let ahead: Vec<_> = curve(line.prediction, hours).collect();
    if ahead.is_empty() {
        return;
    }
    let of = |value: fn(&crate::model::prediction::Band) -> f64| -> Vec<(Timestamp, f64)> {
        ahead.iter().map(|(at, band)| (*at, value(band))).collect()
    };
    let (lower, upper, mean) = (of(|band| band.lower), of(|band| band.upper), of(|band| band.mean));
    let edge = |rows: &[(Timestamp, f64)]| {
        json!({
            "type": "scatter", "mode": "lines", "legendgroup": name, "showlegend": false, "hoverinfo": "skip",
            "x": times(rows), "y": values(rows), "line": {"width": 0},
        })
    };
    data.push(edge(&lower));
    let mut filled = edge(&upper);
    if let Some(filled) = filled.as_object_mut() {
        filled.insert("fill".to_owned(), "tonexty".into());
        filled.insert("fillcolor".to_owned(), format!("rgba({red},{green},{blue},0.18)").into());
    }
    data.push(filled);
    data.push(json!({
        "type": "scatter", "mode": "lines", "name": format!("{name}, forecast"), "legendgroup": name, "x": times(&mean),
        "y": values(&mean), "line": {"color": colour, "width": 2, "dash": "dash"},
        "hovertemplate": "%{x}<br>%{y:.1%} expected<extra></extra>",
    }));
}
