//! Forecasts of every signal: made in the background, kept over restarts, published with the time that is left.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Analysis;
use super::threads::side_by_side;
use crate::analyse::Settings;
use crate::analyse::clean::{Rejected, clean};
use crate::analyse::forecast::ForecastError;
use crate::analyse::predict::{self, Memory, Subject, predict};
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

type Memories = HashMap<Arc<SeriesKey>, Arc<Memory>>;

/// The forecasts of all series, and when they were made.
pub(super) struct Forecasts(Arc<Inner>);

struct Inner {
    analysis: Arc<Analysis>,
    /// By region.
    current: Mutex<BTreeMap<Origin, Arc<Predictions>>>,
    /// What spares most runs the fits.
    memories: Mutex<Memories>,
    /// Whether there is a next process to keep all this for.
    lasting: bool,
    /// Seconds since the epoch of the last run's beginning.
    last_run: AtomicI64,
    /// The run that is under way, or the last one; a run that ended by a defect has ended too.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Forecasts {
    /// With what was kept by the last process.
    pub(super) async fn restore(analysis: Arc<Analysis>) -> Self {
        let inner = Inner::new(analysis, true);
        if let Err(error) = inner.restore().await {
            tracing::warn!(%error, "forecasts of the last process cannot be read; they are made anew");
        }
        Self(Arc::new(inner))
    }

    /// For this process only.
    pub(super) fn passing(analysis: Arc<Analysis>) -> Self {
        Self(Arc::new(Inner::new(analysis, false)))
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
    fn new(analysis: Arc<Analysis>, lasting: bool) -> Self {
        let (current, memories, task) = Default::default();
        Self { analysis, current, memories, lasting, last_run: AtomicI64::new(i64::MIN), task }
    }

    async fn restore(&self) -> Result<(), HistoryError> {
        let Some(history) = &self.analysis.history else { return Ok(()) };
        let (mut last_run, mut all_read) = (None, true);
        for (key, bytes) in history.store.state(NAMESPACE).await? {
            if key == LAST_RUN {
                last_run = str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
            } else if let Ok(kept) = serde_json::from_slice::<Vec<(SeriesKey, Prediction, Option<Memory>)>>(&bytes) {
                self.take_back(kept);
            } else {
                all_read = false;
            }
        }
        // What another version has written is not read, and its run does not count.
        self.last_run.store(last_run.filter(|_| all_read).unwrap_or(i64::MIN), Ordering::Relaxed);
        Ok(())
    }

    fn take_back(&self, kept: Vec<(SeriesKey, Prediction, Option<Memory>)>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, prediction, memory) in kept {
            let (key, slot) = (Arc::new(key.clone()), current.entry(key.origin).or_default());
            Arc::make_mut(slot).0.insert(Arc::clone(&key), Arc::new(prediction));
            memories.extend(memory.map(|memory| (key, Arc::new(memory))));
        }
    }

    /// Keeps a signal's predictions for the next process.
    async fn keep(&self, signal: &str) -> Result<(), HistoryError> {
        let Some(history) = self.analysis.history.as_ref().filter(|_| self.lasting) else { return Ok(()) };
        let entries = {
            let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            let memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
            let all = current.values().flat_map(|predictions| &predictions.0);
            let own: Vec<(&SeriesKey, &Prediction, Option<&Memory>)> = all
                .filter(|(key, _)| &*key.signal == signal)
                .map(|(key, kept)| (&**key, &**kept, memories.get(key).map(|memory| &**memory)))
                .collect();
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
        let live: Vec<Stretch> = stretches.into_iter().filter(|stretch| !ended(stretch)).collect();
        telemetry.count("forecast", "skipped", all - live.len());
        let before: Vec<Option<Arc<Memory>>> = {
            let memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
            live.iter().map(|stretch| memories.get(&stretch.key).map(Arc::clone)).collect()
        };
        let work = |index: usize| Some(one(signal, live.get(index)?, settings, before.get(index)?.as_deref()));
        let made = side_by_side(self.analysis.threads, live.len(), work);
        let mut fresh: BTreeMap<Origin, BTreeMap<Arc<SeriesKey>, Arc<Prediction>>> = BTreeMap::new();
        let mut fitted = Memories::new();
        let mut missing = 0.0;
        for (stretch, result) in live.iter().zip(made) {
            let Some(Some(Made { rejected, missing: lately, prediction })) = result else {
                telemetry.count("forecast", "error", 1);
                continue;
            };
            missing += lately;
            rejected.into_iter().for_each(|(reason, samples)| telemetry.rejected(&signal.name, reason, samples));
            match prediction {
                Ok((prediction, memory)) => {
                    let of_region = fresh.entry(stretch.key.origin.clone()).or_default();
                    of_region.insert(Arc::clone(&stretch.key), Arc::new(prediction));
                    fitted.extend(memory.map(|memory| (Arc::clone(&stretch.key), Arc::new(memory))));
                    telemetry.count("forecast", "ok", 1);
                }
                Err(error) => {
                    tracing::debug!(key = ?stretch.key, %error, "no forecast");
                    telemetry.count("forecast", "skipped", 1);
                }
            }
        }
        if !live.is_empty() {
            telemetry.missing(&signal.name, missing / live.len() as f64);
        }
        self.remember(&signal.name, &fresh, fitted);
        self.take_in(&signal.name, fresh);
    }

    /// Takes in what was learned, and forgets the series of a signal that are no longer forecast.
    fn remember(
        &self,
        signal: &str,
        fresh: &BTreeMap<Origin, BTreeMap<Arc<SeriesKey>, Arc<Prediction>>>,
        fitted: Memories,
    ) {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        let made = |key: &Arc<SeriesKey>| fresh.get(&key.origin).is_some_and(|series| series.contains_key(key));
        memories.retain(|key, _| &*key.signal != signal || made(key));
        memories.extend(fitted);
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

/// What came of one series.
struct Made {
    rejected: Rejected,
    /// Share of the last day without a value.
    missing: f64,
    prediction: Result<(Prediction, Option<Memory>), ForecastError>,
}

fn one(signal: &Signal, stretch: &Stretch, settings: &Settings, memory: Option<&Memory>) -> Made {
    let mut stretch = stretch.clone();
    let rejected = clean(signal, &mut stretch);
    let shifted = rejected.get("shift").copied().unwrap_or(0);
    let subject = Subject { signal, stretch: &stretch, shifted };
    let prediction = predict(&subject, &settings.forecast, &settings.tiers, memory);
    Made { rejected, missing: missing_lately(&stretch), prediction }
}

#[cfg(test)]
mod tests;
