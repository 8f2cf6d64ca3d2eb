//! `/api/v1/profile`: what is usual at each hour of the week, from the history of one series.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Moment, write};
use super::asked::{Asked, BASIS, CLOUD, ENTITY, Parameter, REGION, RESOURCE, SCOPE, SIGNAL};
use super::problem::Problem;
use super::series::{Known, Labels, unit};
use super::{Now, Route, Work};
use crate::history::{Stretch, Want};
use crate::model::clock::Timestamp;
use crate::model::signal::SeriesKey;

const THE_SIGNAL: Parameter = SIGNAL.or("utilization");
const THE_ENTITY: Parameter = ENTITY.required();
const DAYS: Parameter = Parameter::count("days", 7, 400, "Days of history that are looked at.").or("28");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/profile",
    summary: "What one series usually is at each hour of the week (UTC): quantiles of its hourly means.",
    parameters: &[CLOUD, REGION, SCOPE, THE_ENTITY, RESOURCE, BASIS, THE_SIGNAL, DAYS],
    schema: |generator| generator.subschema_for::<Answer<Profile<'static>>>(),
    work: Work::History(|now, asked| answer(now, asked).boxed()),
};

const HOUR_SECONDS: i64 = 3600;
const WEEK_HOURS: i64 = 7 * 24;
/// Of so many weeks a profile is worth something.
const READY_SAMPLES: usize = 2;
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The usual week of a series.
#[derive(Debug, Serialize, JsonSchema)]
struct Profile<'a> {
    #[serde(flatten)]
    series: Labels<'a>,
    /// Unit of the values.
    unit: Option<&'static str>,
    /// Begin of the history that was looked at.
    from: Moment,
    /// Its end.
    to: Moment,
    /// What the store says is lacking.
    warnings: Vec<String>,
    /// The hours of the week, from Monday 00:00 UTC on.
    hours: Vec<Hour>,
}

/// One hour of the week; null where there was no sample.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Hour {
    /// Day of the week.
    weekday: &'static str,
    /// Hour of the day (UTC).
    hour: u8,
    /// One sample in ten lies below.
    p10: Option<f64>,
    /// Half of the samples lie below.
    p50: Option<f64>,
    /// Nine samples in ten lie below.
    p90: Option<f64>,
    /// The largest sample.
    max: Option<f64>,
    /// Weeks that had this hour.
    samples: usize,
}

async fn answer(now: Now, asked: Asked) -> Result<Vec<u8>, Problem> {
    let key = the_series(&now, &asked)?;
    let signal = now.signal(&key.signal);
    let signal = signal.ok_or_else(|| Problem::unavailable(format!("the signal `{}` is not kept any more", key.signal)))?;
    let history = now.history().ok_or_else(|| {
        Problem::unavailable("there is no history: analysis is off, or its store could not be opened (see the log)")
    })?;
    let hour = now.at.millis().div_euclid(HOUR_SECONDS * 1000);
    let to = Timestamp::from_seconds(hour.saturating_mul(HOUR_SECONDS));
    let days = u64::try_from(asked.count(&DAYS)).unwrap_or(28);
    let from = to.minus(Duration::from_secs(days * 86_400));
    let step = Duration::from_secs(HOUR_SECONDS.unsigned_abs());
    let want = Want { signal, only: Some([Arc::clone(&key)].into()), from, to, step };
    let found = history.read(&want).await.map_err(|error| {
        tracing::warn!(%error, "a profile cannot be told");
        Problem::unavailable("the history cannot be read now; the log says why")
    })?;
    let samples: Vec<(i64, f64)> = found.stretches.iter().flat_map(readings).collect();
    let hours = week(&samples);
    let ready = hours.iter().all(|hour| hour.samples >= READY_SAMPLES);
    let last = samples.last().map(|(hour, _)| Timestamp::from_seconds((hour + 1).saturating_mul(HOUR_SECONDS)));
    let body = Profile {
        series: Labels::of(&key),
        unit: unit(&now, &key.signal),
        from: Moment(from),
        to: Moment(to),
        warnings: found.warnings,
        hours,
    };
    write(&now, last, ready, body)
}

/// The one series that is asked for.
fn the_series(now: &Now, asked: &Asked) -> Result<Arc<SeriesKey>, Problem> {
    let known = Known::of(&now.snapshot);
    let told = known.select(asked)?;
    match told.as_slice() {
        [(key, _)] => Ok(Arc::clone(key)),
        [] if known.all().next().is_none() => Err(Problem::unavailable("no series has been forecast yet")),
        [] => Err(Problem::not_found("no series has all of this; /api/v1/accuracy and /api/forecasts tell which there are")),
        several => Err(ambiguous(several.iter().map(|(key, _)| &***key))),
    }
}

/// Reads one label off a series.
type Label = fn(&SeriesKey) -> String;

/// Names the first parameter that would tell several series apart.
fn ambiguous<'a>(keys: impl Iterator<Item = &'a SeriesKey> + Clone) -> Problem {
    let labels: [(Parameter, Label); 5] = [
        (RESOURCE, |key| key.resource.to_string()),
        (BASIS, |key| key.basis.map_or_else(String::new, |basis| basis.as_str().to_owned())),
        (SCOPE, |key| key.scope.as_str().to_owned()),
        (CLOUD, |key| key.origin.cloud.as_deref().unwrap_or_default().to_owned()),
        (REGION, |key| key.origin.region.as_deref().unwrap_or_default().to_owned()),
    ];
    for (parameter, label) in labels {
        let values: std::collections::BTreeSet<String> = keys.clone().map(label).collect();
        if values.len() > 1 {
            let detail = format!("several series are meant; say which `{}`", parameter.name);
            return Problem::parameter(parameter.name, detail).allowing(values);
        }
    }
    Problem::parameter(ENTITY.name, "several series are meant")
}

/// Values with their hour since 1970.
fn readings(stretch: &Stretch) -> impl Iterator<Item = (i64, f64)> {
    let first = stretch.start.millis().div_euclid(HOUR_SECONDS * 1000);
    (first..).zip(stretch.values.iter().copied()).filter(|(_, value)| value.is_finite())
}

fn week(samples: &[(i64, f64)]) -> Vec<Hour> {
    // 1970 began on a Thursday.
    let of_week = |hour: i64| (hour + 3 * 24).rem_euclid(WEEK_HOURS);
    let of_hour = |wanted: i64| {
        let mut values: Vec<f64> =
            samples.iter().filter(|(hour, _)| of_week(*hour) == wanted).map(|(_, value)| *value).collect();
        values.sort_unstable_by(f64::total_cmp);
        let day = usize::try_from(wanted / 24).unwrap_or_default();
        Hour {
            weekday: WEEKDAYS.get(day).copied().unwrap_or_default(),
            hour: u8::try_from(wanted % 24).unwrap_or_default(),
            p10: quantile(&values, 0.1),
            p50: quantile(&values, 0.5),
            p90: quantile(&values, 0.9),
            max: values.last().copied(),
            samples: values.len(),
        }
    };
    (0..WEEK_HOURS).map(of_hour).collect()
}

/// By linear interpolation between sorted values.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let below = sorted.get(place.floor() as usize)?;
    let above = sorted.get(place.ceil() as usize)?;
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_the_week_begin_on_monday_and_have_their_own_quantiles() {
        // 2026-11-16T00:00:00Z is a Monday; three weeks of it, and one Tuesday 01:00.
        let monday = Timestamp::parse("2026-11-16T00:00:00Z").unwrap().millis() / 3_600_000;
        let mut samples: Vec<(i64, f64)> =
            [(0, 1.0), (1, 3.0), (2, 2.0)].into_iter().map(|(week, value)| (monday + week * WEEK_HOURS, value)).collect();
        samples.push((monday + 25, 9.0));
        let week = week(&samples);
        assert_eq!(week.len(), 168);
        let monday = &week[0];
        assert_eq!((monday.weekday, monday.hour, monday.samples), ("Monday", 0, 3));
        assert_eq!((monday.p50, monday.max), (Some(2.0), Some(3.0)));
        assert!((monday.p90.unwrap() - 2.8).abs() < 1e-12 && (monday.p10.unwrap() - 1.2).abs() < 1e-12);
        assert_eq!((week[25].weekday, week[25].hour, week[25].p90), ("Tuesday", 1, Some(9.0)));
        assert_eq!((week[1].samples, week[1].max), (0, None));
    }
}
