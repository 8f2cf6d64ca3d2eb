//! `/api/v1/compare?at=`: what is different since a moment, e.g. a deployment: before and after of every series, the
//! largest change first.
//!
//! A morning is no change: what the same hours of earlier days did is taken off, and how much that differs from day to day
//! is what a change is measured by. The mathematics is here because it is of one question; nothing is kept of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Extent, Moment, write};
use super::asked::{Asked, BASIS, CLOUD, ENTITY, LIMIT, OFFSET, Parameter, REGION, RESOURCE, SCOPE, SIGNAL};
use super::problem::Problem;
use super::series::{Known, Labels, select, unit};
use super::{Now, Route, Work};
use crate::history::{Stretch, Want};
use crate::model::anomaly::{Anomalies, signal_label};
use crate::model::clock::Timestamp;
use crate::model::signal::{SeriesKey, Signal};

const AT: Parameter =
    Parameter::moment("at", "The moment, e.g. of a deployment: 2026-11-22T06:30:00Z, or seconds since 1970.")
        .required();
const WINDOW: Parameter =
    Parameter::duration("window", "How long before and after is compared: from 15m to 30d.").or("6h");
const LEAST: Parameter =
    Parameter::count("least", 0, 1_000_000, "Only changes of at least this size; 3 is remarkable.").or("0");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/compare",
    summary: "Every series before and after a moment, less what the same hours of earlier days did; the largest change \
              first.",
    parameters: &[AT, WINDOW, LEAST, CLOUD, REGION, SCOPE, ENTITY, RESOURCE, BASIS, SIGNAL, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Compared<'static>>>(),
    work: Work::History(|now, asked| answer(now, asked).boxed()),
};

const DAY: u64 = 86_400;
const WINDOW_LEAST: Duration = Duration::from_secs(15 * 60);
const WINDOW_MOST: Duration = Duration::from_secs(30 * DAY);
/// A window has about so many points,
const POINTS: u64 = 12;
/// at a distance that the analysis grid and hourly roll-ups can answer.
const STEPS: [u64; 3] = [300, 900, 3600];
/// Earlier days (or longer stretches, of a longer window) that say what is usual.
const EARLIER: usize = 7;
/// So many say how days differ.
const EARLIER_ENOUGH: usize = 3;
/// Standard deviations in a median absolute deviation of normal noise.
const NORMAL: f64 = 1.4826;
/// Noise that every level is granted, as a share of it.
const GRANTED: f64 = 0.01;
const SIZE_MOST: f64 = 1e6;
/// So many series are asked for by name.
const SOME_MAX: usize = 100;

/// Before and after.
#[derive(Debug, Serialize, JsonSchema)]
struct Compared<'a> {
    /// The moment, at the step of the readings.
    at: Moment,
    /// How long before and after is compared.
    window_seconds: u64,
    /// How much of the time after has passed.
    after_seconds: u64,
    /// What the store says is lacking.
    warnings: Vec<String>,
    #[serde(flatten)]
    extent: Extent,
    /// The rows, the largest change first.
    items: Vec<Row<'a>>,
}

/// One series before and after.
#[derive(Debug, Serialize, JsonSchema)]
struct Row<'a> {
    #[serde(flatten)]
    series: Labels<'a>,
    /// The `signal` label of the gauges about anomalies.
    signal_label: String,
    /// Unit of the values; of counters per second.
    unit: Option<&'static str>,
    /// Median of the window before.
    before: f64,
    /// Median of the window after.
    after: f64,
    /// After less before.
    change: f64,
    /// What the same hours of earlier days did; 0 where there are none.
    usual_change: f64,
    /// Earlier days that were compared.
    earlier: usize,
    /// How far change and usual change are apart, in standard deviations: what rows are ordered by.
    size: f64,
    /// When a lasting shift began within the window, if the watch has found one.
    changepoint: Option<Moment>,
}

/// Where windows lie on a grid.
#[derive(Clone, Copy, Debug)]
struct Windows {
    step: u64,
    /// The moment, on the grid.
    at: Timestamp,
    /// Points of the window before.
    before: usize,
    /// Points of the window after that have passed.
    after: usize,
    /// Points between a window and the same of an earlier day.
    period: usize,
}

impl Windows {
    fn of(now: Timestamp, asked: &Asked) -> Result<Self, Problem> {
        let window = asked.duration(&WINDOW).unwrap_or(WINDOW_LEAST);
        if !(WINDOW_LEAST..=WINDOW_MOST).contains(&window) {
            return Err(Problem::parameter(WINDOW.name, "`window` is from 15m to 30d"));
        }
        let seconds = window.as_secs();
        let step = STEPS.into_iter().rev().find(|step| step * POINTS <= seconds).unwrap_or(300);
        let moment = asked.moment(&AT).unwrap_or_default();
        let millis = i64::try_from(step).unwrap_or(i64::MAX).saturating_mul(1000);
        let at = Timestamp::from_millis(moment.millis().div_euclid(millis).saturating_mul(millis));
        // What has not passed for a whole step would be half a mean.
        let passed = now.since(at).min(window).as_secs() / step;
        if passed == 0 {
            let detail = format!("nothing is known yet of the time after `at`; it has to lie {step} seconds back");
            return Err(Problem::parameter(AT.name, detail));
        }
        let points = |seconds: u64| usize::try_from(seconds / step).unwrap_or_default();
        let period = points(seconds.div_ceil(DAY) * DAY);
        Ok(Self { step, at, before: points(seconds), after: points(passed * step), period })
    }

    fn seconds(&self, points: usize) -> u64 {
        self.step.saturating_mul(points as u64)
    }

    /// Points before the moment that are read.
    const fn lead(&self) -> usize {
        self.period * EARLIER + self.before
    }

    fn from(&self) -> Timestamp {
        self.at.minus(Duration::from_secs(self.seconds(self.lead())))
    }

    fn to(&self) -> Timestamp {
        self.at.plus(Duration::from_secs(self.seconds(self.after)))
    }
}

/// What is told of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    before: f64,
    after: f64,
    usual: f64,
    earlier: usize,
    size: f64,
}

async fn answer(now: Now, asked: Asked) -> Result<Vec<u8>, Problem> {
    let windows = Windows::of(now.at, &asked)?;
    let tables: Vec<Arc<Anomalies>> = now.snapshot.parts().filter_map(|part| part.tables.get()).collect();
    let known = Known::of(&now.snapshot);
    let watched = tables.iter().flat_map(|table| &table.watched).map(|(key, _)| key);
    let all: BTreeSet<&Arc<SeriesKey>> = watched.chain(known.all().map(|(key, _)| key)).collect();
    let wanted = select(all.into_iter().collect(), |key| key, &asked)?;
    let (found, warnings) = read(&now, &windows, &wanted).await?;
    let least = asked.count(&LEAST) as f64;
    let made = tokio::task::spawn_blocking(move || {
        let judged = found.into_iter().filter_map(|(signal, stretch)| {
            let change = windows.judge(&values(&windows, &signal, &stretch))?;
            (change.size >= least).then_some((stretch.key, change))
        });
        let mut rows: Vec<(Arc<SeriesKey>, Change)> = judged.collect();
        rows.sort_by(|(_, a), (_, b)| b.size.total_cmp(&a.size));
        rows
    });
    let rows = made.await.map_err(|fault| Problem::internal(&fault))?;
    let extent = Extent::of(rows.len(), &asked);
    let shifts = Shifts::of(&tables, &windows);
    let items = extent.cut(rows.iter().map(|(key, change)| row(&now, key, change, &shifts)));
    let whole = windows.after == windows.before;
    let body = Compared {
        at: Moment(windows.at),
        window_seconds: windows.seconds(windows.before),
        after_seconds: windows.seconds(windows.after),
        warnings,
        items,
        extent,
    };
    let ready = now.status.ready.is_ok() && whole && !rows.is_empty();
    write(&now, (!rows.is_empty()).then(|| windows.to()), ready, body)
}

/// Reads every signal of the wanted series.
async fn read(
    now: &Now,
    windows: &Windows,
    wanted: &[&Arc<SeriesKey>],
) -> Result<(Vec<(Arc<Signal>, Stretch)>, Vec<String>), Problem> {
    let history = now.history().ok_or_else(|| {
        Problem::unavailable("there is no history: analysis is off, or its store could not be opened (see the log)")
    })?;
    let mut signals: BTreeMap<&str, Vec<&Arc<SeriesKey>>> = BTreeMap::new();
    wanted.iter().for_each(|key| signals.entry(&key.signal).or_default().push(key));
    // Signals no longer kept are left out. The store itself says how many questions it takes at a time.
    let readings = signals.into_iter().filter_map(|(name, keys)| {
        let signal = now.signal(name)?;
        let step = Duration::from_secs(windows.step);
        // All of a signal are as many as there are.
        let only = (keys.len() <= SOME_MAX).then(|| keys.iter().copied().cloned().collect());
        let want = Want { signal: Arc::clone(&signal), only, from: windows.from(), to: windows.to(), step };
        let history = &history;
        Some(async move {
            let answer = history.read(&want).await.map_err(|error| {
                tracing::warn!(%error, signal = name, "before and after cannot be compared");
                Problem::unavailable(
                    "the history cannot be read now (the log says why); a shorter window or one `signal` asks for less",
                )
            })?;
            Ok((signal, keys, answer))
        })
    });
    let (mut found, mut warnings) = (Vec::new(), Vec::new());
    for (signal, keys, answer) in try_join_all(readings).await? {
        let keys: BTreeSet<&Arc<SeriesKey>> = keys.into_iter().collect();
        let stretches = answer.stretches.into_iter().filter(|stretch| keys.contains(&stretch.key));
        found.extend(stretches.map(|stretch| (Arc::clone(&signal), stretch)));
        warnings.extend(answer.warnings);
    }
    Ok((found, warnings))
}

/// The values of the whole grid; of a counter, its increase per second.
fn values(windows: &Windows, signal: &Signal, stretch: &Stretch) -> Vec<f64> {
    let late = stretch.start.since(windows.from()).as_secs() / windows.step;
    let late = usize::try_from(late).unwrap_or(usize::MAX).min(windows.lead() + windows.after);
    let mut values = vec![f64::NAN; late];
    values.extend(&stretch.values);
    values.resize(windows.lead() + windows.after, f64::NAN);
    if signal.counter {
        let before = std::iter::once(f64::NAN).chain(values.clone());
        for (value, before) in values.iter_mut().zip(before) {
            let increase = *value - before;
            // A counter that went down began anew.
            *value = if increase >= 0.0 { increase / windows.step as f64 } else { f64::NAN };
        }
    }
    values
}

impl Windows {
    /// Compares the windows of one series; none where one of them is empty.
    fn judge(&self, values: &[f64]) -> Option<Change> {
        let moment = self.lead();
        let (before, noise) = self.level(values, moment.checked_sub(self.before)?, self.before)?;
        let (after, _) = self.level(values, moment, self.after)?;
        let mut earlier: Vec<f64> = (1..=EARLIER)
            .filter_map(|days| {
                let moment = moment.checked_sub(days * self.period)?;
                let (before, _) = self.level(values, moment.checked_sub(self.before)?, self.before)?;
                let (after, _) = self.level(values, moment, self.after)?;
                Some(after - before)
            })
            .collect();
        let count = earlier.len();
        let (usual, differing) = middle(&mut earlier).unwrap_or_default();
        // How days differ is known of several; else the noise within the window has to do, daily wave and all.
        let noise = if count >= EARLIER_ENOUGH { noise / (self.before as f64).sqrt() } else { noise };
        let granted = GRANTED * before.abs().max(after.abs());
        let scale = (NORMAL * noise.max(differing)).max(granted).max(f64::MIN_POSITIVE);
        let size = ((after - before - usual).abs() / scale).min(SIZE_MOST);
        Some(Change { before, after, usual, earlier: count, size })
    }

    /// Median and median absolute deviation of some points, if at least a quarter of them has a value.
    fn level(&self, values: &[f64], from: usize, points: usize) -> Option<(f64, f64)> {
        let range = values.get(from..from.checked_add(points)?)?;
        let mut finite: Vec<f64> = range.iter().copied().filter(|value| value.is_finite()).collect();
        if finite.len() * 4 < points {
            return None;
        }
        middle(&mut finite)
    }
}

/// Median and median absolute deviation.
fn middle(values: &mut [f64]) -> Option<(f64, f64)> {
    let mut median = || {
        values.sort_unstable_by(f64::total_cmp);
        let half = values.len() / 2;
        let upper = *values.get(half)?;
        Some(if values.len() % 2 == 1 { upper } else { values.get(half - 1)?.midpoint(upper) })
    };
    let centre = median()?;
    let mut off: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    off.sort_unstable_by(f64::total_cmp);
    Some((centre, *off.get(off.len() / 2)?))
}

/// Lasting shifts that the watch has found around the moment.
struct Shifts(BTreeMap<Arc<SeriesKey>, Timestamp>);

impl Shifts {
    fn of(tables: &[Arc<Anomalies>], windows: &Windows) -> Self {
        let near = tables.iter().flat_map(|table| table.around(windows.at, windows.seconds(windows.before)));
        Self(near.map(|change| (Arc::clone(&change.key), change.at)).collect())
    }
}

fn row<'a>(now: &Now, key: &'a Arc<SeriesKey>, change: &Change, shifts: &Shifts) -> Row<'a> {
    Row {
        series: Labels::of(key),
        signal_label: signal_label(key),
        unit: unit(now, &key.signal),
        before: change.before,
        after: change.after,
        change: change.after - change.before,
        usual_change: change.usual,
        earlier: change.earlier,
        size: change.size,
        changepoint: shifts.0.get(key).map(|at| Moment(*at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> Windows {
        let asked = Asked::read(ROUTE.parameters, "at=864000&window=6h").unwrap();
        Windows::of(Timestamp::from_seconds(864_000 + 90_000), &asked).unwrap()
    }

    /// A wave over the day, with some noise, and something from the moment on.
    fn day(windows: &Windows, more: f64) -> Vec<f64> {
        let points = windows.lead() + windows.after;
        let wave = |at: usize| (at as f64 / 48.0 * std::f64::consts::TAU).sin();
        let noise = |at: usize| (at as f64 * 0.618_033_988_75).fract() * 0.02;
        (0..points).map(|at| 10.0 + wave(at) + noise(at) + if at >= windows.lead() { more } else { 0.0 }).collect()
    }

    #[test]
    fn what_every_day_does_is_no_change() {
        let windows = windows();
        assert_eq!((windows.step, windows.before, windows.after, windows.period), (900, 24, 24, 96));
        let wave: Vec<f64> = day(&windows, 0.0);
        let usual = windows.judge(&wave).unwrap();
        assert!(usual.size < 1.0 && usual.earlier == 7, "{usual:?}");
        let shifted = windows.judge(&day(&windows, 3.0)).unwrap();
        assert!(shifted.size > 3.0 && shifted.size > 3.0 * usual.size, "{shifted:?}");
        assert!((shifted.after - shifted.before - shifted.usual - 3.0).abs() < 0.1, "{shifted:?}");
    }

    #[test]
    fn gaps_counters_and_constant_series() {
        let windows = windows();
        assert_eq!(windows.judge(&vec![f64::NAN; windows.lead() + windows.after]), None);
        let same = windows.judge(&vec![7.0; windows.lead() + windows.after]).unwrap();
        assert_eq!((same.before, same.after, same.size), (7.0, 7.0, 0.0));
        // Only the two windows are known.
        let mut young = vec![f64::NAN; windows.lead() + windows.after];
        for (at, value) in young.iter_mut().enumerate().skip(windows.lead() - windows.before) {
            *value = if at >= windows.lead() { 2.0 } else { 1.0 };
        }
        let change = windows.judge(&young).unwrap();
        assert_eq!((change.earlier, change.usual, change.size), (0, 0.0, 50.0));
    }
}
