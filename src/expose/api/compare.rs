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
const HOUR: u64 = 3600;
/// From this distance of points on, earlier days are read by the hour.
const HOURS_DO_FROM: u64 = 900;
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
    let rows = judge(windows, found, least).await?;
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

/// The changes of at least a size, the largest first; ties in the order of series.
async fn judge(
    windows: Windows,
    mut found: BTreeMap<Arc<SeriesKey>, Readings>,
    least: f64,
) -> Result<Vec<(Arc<SeriesKey>, Change)>, Problem> {
    let half = found.keys().nth(found.len() / 2).cloned();
    let later = half.map(|half| found.split_off(&half)).unwrap_or_default();
    // Two at a time, as they were read.
    let parts = [found, later].map(|part| {
        tokio::task::spawn_blocking(move || {
            let mut values = Vec::new();
            let judged = part.into_iter().filter_map(|(key, readings)| {
                readings.values(&windows, &mut values);
                let change = windows.judge(&values)?;
                (change.size >= least).then_some((key, change))
            });
            judged.collect::<Vec<_>>()
        })
    });
    let mut rows = try_join_all(parts).await.map_err(|fault| Problem::internal(&fault))?.concat();
    rows.sort_by(|(_, a), (_, b)| b.size.total_cmp(&a.size));
    Ok(rows)
}

/// What was read of one series.
struct Readings {
    counter: bool,
    /// Later ones say it better.
    stretches: Vec<Stretch>,
}

/// Reads every signal of the wanted series.
async fn read(
    now: &Now,
    windows: &Windows,
    wanted: &[&Arc<SeriesKey>],
) -> Result<(BTreeMap<Arc<SeriesKey>, Readings>, Vec<String>), Problem> {
    let history = now.history().ok_or_else(|| {
        Problem::unavailable("there is no history: analysis is off, or its store could not be opened (see the log)")
    })?;
    let mut signals: BTreeMap<&str, Vec<&Arc<SeriesKey>>> = BTreeMap::new();
    wanted.iter().for_each(|key| signals.entry(&key.signal).or_default().push(key));
    // Signals no longer kept are left out. The store itself says how many questions it takes at a time.
    let signals = signals.into_iter().filter_map(|(name, keys)| Some((now.signal(name)?, keys)));
    let signals: Vec<(Arc<Signal>, Vec<&Arc<SeriesKey>>)> = signals.collect();
    let wants = signals.iter().flat_map(|(signal, keys)| {
        // All of a signal are as many as there are.
        let only: Option<BTreeSet<_>> = (keys.len() <= SOME_MAX).then(|| keys.iter().copied().cloned().collect());
        let want = move |(from, to, step)| Want { signal: Arc::clone(signal), only: only.clone(), from, to, step };
        windows.spans(signal.counter).into_iter().map(want)
    });
    let wants: Vec<Want> = wants.collect();
    let answers = wants.iter().map(|want| {
        let history = &history;
        async move {
            history.read(want).await.map_err(|error| {
                tracing::warn!(%error, signal = &*want.signal.name, "before and after cannot be compared");
                Problem::unavailable(
                    "the history cannot be read now (the log says why); a shorter window or one `signal` asks for less",
                )
            })
        }
    });
    let keys: BTreeSet<&Arc<SeriesKey>> = signals.iter().flat_map(|(_, keys)| keys.iter().copied()).collect();
    let (mut found, mut warnings) = (BTreeMap::new(), Vec::new());
    for (want, answer) in wants.iter().zip(try_join_all(answers).await?) {
        for stretch in answer.stretches.into_iter().filter(|stretch| keys.contains(&stretch.key)) {
            let new = || Readings { counter: want.signal.counter, stretches: Vec::new() };
            found.entry(Arc::clone(&stretch.key)).or_insert_with(new).stretches.push(stretch);
        }
        warnings.extend(answer.warnings);
    }
    Ok((found, warnings))
}

impl Readings {
    /// Puts the values of the whole grid in place of what was there; of a counter, its increase per second.
    fn values(&self, windows: &Windows, values: &mut Vec<f64>) {
        values.clear();
        values.resize(windows.lead() + windows.after, f64::NAN);
        for stretch in &self.stretches {
            windows.lay(stretch, values);
        }
        if self.counter {
            let mut before = f64::NAN;
            for value in values {
                let increase = *value - std::mem::replace(&mut before, *value);
                // A counter that went down began anew.
                *value = if increase >= 0.0 { increase / windows.step as f64 } else { f64::NAN };
            }
        }
    }
}

impl Windows {
    /// What to read, from when to when and at which distance. Of earlier days the hours will do where a window has
    /// several: roll-ups are a twelfth of the values. Not of counters, whose increase would be all in one point.
    fn spans(&self, counter: bool) -> Vec<(Timestamp, Timestamp, Duration)> {
        let step = Duration::from_secs(self.step);
        if counter || !(HOURS_DO_FROM..HOUR).contains(&self.step) {
            return vec![(self.from(), self.to(), step)];
        }
        let hour = |at: Timestamp| Timestamp::from_seconds((at.millis() / 1000).div_euclid(HOUR as i64) * HOUR as i64);
        let near = self.at.minus(Duration::from_secs(self.seconds(self.before)));
        // What lies between the window of the day before and this one is in none.
        let behind = self.to().minus(Duration::from_secs(self.seconds(self.period))).min(near);
        let earlier = (hour(self.from()), hour(behind).plus(Duration::from_secs(HOUR)), Duration::from_secs(HOUR));
        vec![earlier, (near, self.to(), step)]
    }

    /// Puts a stretch where it belongs; a step longer than the grid's says the same of all its points.
    fn lay(&self, stretch: &Stretch, values: &mut [f64]) {
        let millis = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000);
        let (step, length) = (millis(self.step).max(1), millis(stretch.step.as_secs()));
        let (first, points) = (self.from().millis(), values.len());
        let point = |at: i64| {
            let after = at.saturating_sub(first).saturating_add(step - 1).div_euclid(step);
            usize::try_from(after).unwrap_or(0).min(points)
        };
        let mut from = point(stretch.start.millis());
        for (value, at) in stretch.values.iter().zip(1..) {
            let to = point(stretch.start.millis().saturating_add(length.saturating_mul(at)));
            if let Some(points) = values.get_mut(from..to) {
                points.fill(*value);
            }
            from = to;
        }
    }

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
    fn earlier_days_are_read_by_the_hour_and_lie_where_they_belong() {
        let asked = Asked::read(ROUTE.parameters, "at=864900&window=6h").unwrap();
        let windows = Windows::of(Timestamp::from_seconds(864_900 + 90_000), &asked).unwrap();
        let spans = windows.spans(false);
        let seconds = |span: &(Timestamp, Timestamp, Duration)| {
            (span.0.millis() / 1000, span.1.millis() / 1000, span.2.as_secs())
        };
        let near = 864_900 - 6 * 3600;
        let behind = 864_900 - 86_400 + 6 * 3600;
        assert_eq!(seconds(&spans[0]), (near - 7 * 86_400 - 900, behind - 900 + 3600, 3600));
        assert_eq!(seconds(&spans[1]), (near, 864_900 + 6 * 3600, 900));
        assert_eq!(windows.spans(true).len(), 1, "counters");
        let key = Arc::new(SeriesKey {
            signal: "s".into(),
            origin: crate::model::part::Origin::LOCAL,
            scope: crate::model::signal::Scope::Host,
            entity: "e".into(),
            resource: "r".into(),
            basis: None,
        });
        // Each value is the time that it begins with.
        let stretches = spans.into_iter().map(|(from, to, step)| {
            let times = (from.millis() / 1000..to.millis() / 1000).step_by(step.as_secs() as usize);
            Stretch { key: Arc::clone(&key), start: from, step, values: times.map(|at| at as f64).collect() }
        });
        let readings = Readings { counter: false, stretches: stretches.collect() };
        let mut values = Vec::new();
        readings.values(&windows, &mut values);
        for (at, value) in values.iter().enumerate() {
            let time = windows.from().millis() / 1000 + 900 * at as i64;
            let expected = if time < near { time.div_euclid(3600) * 3600 } else { time };
            let between = time.div_euclid(3600) * 3600 > behind && time < near;
            assert!(if between { value.is_nan() } else { *value == expected as f64 }, "point {at}");
        }
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
