//! Forecasts of every signal: made in the background, kept over restarts, published with the time that is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Analysis;
use crate::analyse::clean::clean;
use crate::analyse::predict::{self, predict};
use crate::analyse::{Settings, forecast::ForecastError};
use crate::history::{HistoryError, Stretch, Want};
use crate::model::clock::Timestamp;
use crate::model::part::{Origin, PartBuilder};
use crate::model::prediction::{Prediction, Predictions};
use crate::model::signal::{SeriesKey, Signal};

/// Models work on hours.
const HOUR: Duration = Duration::from_secs(3600);
/// A series without a value for so many hours has ended: there is nothing to say of its future.
const ENDED_HOURS: usize = 6;
/// Of a series that could not be forecast anew for so much longer than the interval, nothing is published: the history
/// cannot be read, or it is long gone.
const OUTDATED: Duration = Duration::from_secs(24 * 3600);
const GROUP: &str = "analysis.forecast";

/// The forecasts of all series, and when they were made.
pub(super) struct Forecasts(Arc<Inner>);

struct Inner {
    analysis: Arc<Analysis>,
    /// By region.
    current: Mutex<BTreeMap<Origin, Arc<Predictions>>>,
    /// Seconds since the epoch of the last run's beginning.
    last_run: AtomicI64,
    /// The run that is under way, or the last one; a run that ended by a defect has ended too.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Forecasts {
    /// With what was kept by the last process.
    pub(super) async fn restore(analysis: Arc<Analysis>) -> Self {
        let inner =
            Inner { analysis, current: Mutex::default(), last_run: AtomicI64::new(i64::MIN), task: Mutex::default() };
        if let Err(error) = inner.restore().await {
            tracing::warn!(%error, "forecasts of the last process cannot be read; they are made anew");
        }
        Self(Arc::new(inner))
    }

    /// Publishes what is known, counted from `at`.
    pub(super) fn publish(&self, at: Timestamp) {
        self.0.publish(at);
    }

    /// Starts a run unless one is under way or the last one is recent.
    pub(super) fn run_if_due(&self, at: Timestamp) {
        let settings = self.0.analysis.settings.load_full();
        let now = at.millis().div_euclid(1000);
        let interval = i64::from(settings.forecast.interval_minutes) * 60;
        let due = now.saturating_sub(self.0.last_run.load(Ordering::Relaxed)) >= interval;
        let mut task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner);
        let running = task.as_ref().is_some_and(|task| !task.is_finished());
        if !settings.forecast.enabled || !due || running {
            return;
        }
        self.0.last_run.store(now, Ordering::Relaxed);
        let inner = Arc::clone(&self.0);
        *task = Some(tokio::spawn(async move {
            let start = inner.analysis.clock.instant();
            inner.run(&settings, at).await;
            inner.analysis.telemetry.forecast_took(start.elapsed());
            inner.publish(inner.analysis.clock.now());
        }));
    }

    /// Waits for the run that is under way.
    pub(super) async fn finished(&self) {
        let task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(fault) = task.await
        {
            tracing::error!(%fault, "forecasting ended unexpectedly");
        }
    }

    /// Waits for nothing: what a cut run had not finished is made anew after the start.
    pub(super) async fn end(&self) {
        let task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
        }
    }
}

/// Namespace of the store.
pub(in crate::app) const NAMESPACE: &str = "forecast";
/// Key of the time of the last run.
const LAST_RUN: &str = "last_run";

impl Inner {
    async fn restore(&self) -> Result<(), HistoryError> {
        let Some(history) = &self.analysis.history else { return Ok(()) };
        for (key, bytes) in history.store.state(NAMESPACE).await? {
            if key == LAST_RUN {
                let seconds = str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
                self.last_run.store(seconds.unwrap_or(i64::MIN), Ordering::Relaxed);
            } else if let Ok(kept) = serde_json::from_slice::<Vec<(SeriesKey, Prediction)>>(&bytes) {
                let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
                for (key, prediction) in kept {
                    let slot = current.entry(key.origin.clone()).or_default();
                    Arc::make_mut(slot).0.insert(Arc::new(key), Arc::new(prediction));
                }
            }
        }
        Ok(())
    }

    /// Keeps a signal's predictions for the next process.
    async fn keep(&self, signal: &str) -> Result<(), HistoryError> {
        let Some(history) = &self.analysis.history else { return Ok(()) };
        let entries = {
            let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            let all = current.values().flat_map(|predictions| &predictions.0);
            let own: Vec<(&SeriesKey, &Prediction)> =
                all.filter(|(key, _)| &*key.signal == signal).map(|(key, kept)| (&**key, &**kept)).collect();
            let last_run = self.last_run.load(Ordering::Relaxed).to_string();
            let bytes = serde_json::to_vec(&own).unwrap_or_default();
            vec![(signal.to_owned(), bytes), (LAST_RUN.to_owned(), last_run.into_bytes())]
        };
        history.store.put_state(NAMESPACE, entries).await
    }

    async fn run(self: &Arc<Self>, settings: &Arc<Settings>, at: Timestamp) {
        let Some(history) = &self.analysis.history else { return };
        let hours = at.millis().div_euclid(3_600_000);
        let to = Timestamp::from_millis(hours * 3_600_000);
        let from = to.minus(HOUR * 24 * settings.forecast.history_days);
        for signal in self.analysis.signals() {
            let want = Want { signal: Arc::clone(&signal), only: None, from, to, step: HOUR };
            let answer = match history.history.read(&want).await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::error!(signal = %signal.name, %error, "no forecast: the history cannot be read");
                    self.analysis.telemetry.count("forecast", "error", 1);
                    continue;
                }
            };
            for warning in answer.warnings {
                tracing::warn!(signal = %signal.name, warning, "the history is incomplete");
            }
            let (inner, settings) = (Arc::clone(self), Arc::clone(settings));
            let name = signal.name.clone();
            let made = tokio::task::spawn_blocking(move || inner.make(&signal, answer.stretches, &settings));
            if let Err(fault) = made.await {
                tracing::error!(signal = %name, %fault, "forecasting a signal ended unexpectedly");
            }
            if let Err(error) = self.keep(&name).await {
                tracing::error!(signal = %name, %error, "forecasts are not kept for the next start");
            }
        }
    }

    /// Forecasts all series of a signal and takes them in.
    fn make(&self, signal: &Signal, stretches: Vec<Stretch>, settings: &Settings) {
        let telemetry = &self.analysis.telemetry;
        let all = stretches.len();
        let mut live: Vec<Stretch> = stretches.into_iter().filter(|stretch| !ended(stretch)).collect();
        for stretch in &mut live {
            for (reason, samples) in clean(signal, stretch) {
                telemetry.rejected(&signal.name, reason, samples);
            }
        }
        telemetry.count("forecast", "skipped", all - live.len());
        if !live.is_empty() {
            let missing = live.iter().map(missing_lately).sum::<f64>() / live.len() as f64;
            telemetry.missing(&signal.name, missing);
        }
        let made = side_by_side(self.analysis.threads, &live, |stretch| {
            predict(signal, stretch, &settings.forecast, &settings.tiers)
        });
        let mut fresh: BTreeMap<Origin, BTreeMap<Arc<SeriesKey>, Arc<Prediction>>> = BTreeMap::new();
        for (stretch, result) in live.iter().zip(made) {
            match result {
                Some(Ok(prediction)) => {
                    let of_region = fresh.entry(stretch.key.origin.clone()).or_default();
                    of_region.insert(Arc::clone(&stretch.key), Arc::new(prediction));
                    telemetry.count("forecast", "ok", 1);
                }
                Some(Err(error)) => {
                    tracing::debug!(key = ?stretch.key, %error, "no forecast");
                    telemetry.count("forecast", "skipped", 1);
                }
                None => telemetry.count("forecast", "error", 1),
            }
        }
        self.take_in(&signal.name, fresh);
    }

    /// Replaces all predictions of a signal.
    fn take_in(&self, signal: &str, mut fresh: BTreeMap<Origin, BTreeMap<Arc<SeriesKey>, Arc<Prediction>>>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let origins: BTreeSet<Origin> = current.keys().chain(fresh.keys()).cloned().collect();
        for origin in origins {
            let slot = current.entry(origin.clone()).or_default();
            let others = slot.0.iter().filter(|(key, _)| &*key.signal != signal);
            let mut all: BTreeMap<_, _> = others.map(|(key, kept)| (Arc::clone(key), Arc::clone(kept))).collect();
            all.append(&mut fresh.remove(&origin).unwrap_or_default());
            *slot = Arc::new(Predictions(all));
        }
    }

    /// Publishes what may still be told, and withdraws the rest.
    fn publish(&self, at: Timestamp) {
        let current = self.tellable(at);
        self.analysis.withdraw(GROUP, |origin| !current.contains_key(origin));
        for (origin, predictions) in current {
            let mut part = PartBuilder::new();
            predict::emit(&mut part, &predictions, at);
            part.table(predictions);
            self.analysis.publish(GROUP, origin, part, at);
        }
    }
}

impl Inner {
    /// Predictions that are not outdated, of clouds that are served and signals that there are; none when forecasts were
    /// switched off.
    fn tellable(&self, at: Timestamp) -> BTreeMap<Origin, Arc<Predictions>> {
        let settings = self.analysis.settings.load();
        if !settings.forecast.enabled {
            return BTreeMap::new();
        }
        let interval = Duration::from_secs(60) * settings.forecast.interval_minutes;
        let oldest = at.minus(OUTDATED + interval).millis().div_euclid(1000);
        let signals = self.analysis.signals();
        let names: BTreeSet<&str> = signals.iter().map(|signal| &*signal.name).collect();
        let fine = |(key, prediction): (&Arc<SeriesKey>, &Arc<Prediction>)| {
            prediction.trained >= oldest && names.contains(&*key.signal)
        };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.retain(|origin, _| self.analysis.serves(origin));
        for predictions in current.values_mut() {
            // They are shared with the page: a copy is made only where something has to go.
            if !predictions.0.iter().all(fine) {
                Arc::make_mut(predictions).0.retain(|key, prediction| fine((key, prediction)));
            }
        }
        current.clone()
    }
}

/// Whether a series has no value lately.
fn ended(stretch: &Stretch) -> bool {
    stretch.values.iter().rev().take(ENDED_HOURS).all(|value| value.is_nan())
}

/// Share of the last day without a value.
fn missing_lately(stretch: &Stretch) -> f64 {
    let day = || stretch.values.iter().rev().take(24);
    day().filter(|value| value.is_nan()).count() as f64 / day().count().max(1) as f64
}

/// Applies `work` to each series on so many threads. A panic costs its own result only.
fn side_by_side(
    threads: usize,
    stretches: &[Stretch],
    work: impl Fn(&Stretch) -> Result<Prediction, ForecastError> + Sync,
) -> Vec<Option<Result<Prediction, ForecastError>>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<Prediction, ForecastError>>>> =
        stretches.iter().map(|_| Mutex::default()).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(stretch), Some(slot)) = (stretches.get(index), results.get(index)) else { break };
                    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(stretch))).ok();
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = result;
                }
            });
        }
    });
    results.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

#[cfg(test)]
mod tests;
