//! What analysis says about its own work.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::clock::Timestamp;
use crate::model::histogram::Histogram;
use crate::model::metric::Descriptor;
use crate::model::part::{Origin, Part, PartBuilder, PartKey};

crate::metrics! {
    /// Series that a model was run for, by stage (forecast, anomaly) and result (ok, skipped, error).
    RUNS = counter "stackcast_model_runs_total" [stage result], Count, "analysis";
    /// How long one run over all series (stage headroom: over all hosts and flavors) took.
    DURATION = histogram "stackcast_model_run_duration_seconds" [stage], Seconds, "analysis";
    /// Share of the last day's hours without a reading, mean over a signal's series that are still read.
    MISSING = gauge "stackcast_data_missing_samples_ratio" [signal], Ratio, "history";
    /// Readings that were not watched for anomalies because analysis.anomaly.series_max series are watched already.
    UNWATCHED = counter "stackcast_anomaly_unwatched_readings_total" [], Count, "analysis";
    /// Samples of histories that forecasts left out or moved, by reason: range (not possible), outlier (a lone spike), reset (of a counter), shift (moved to the level after a lasting shift).
    REJECTED = counter "stackcast_data_rejected_samples_total" [signal reason], Count, "cleaning of histories, each run anew";
}

/// Every table of this folder.
pub(in crate::app) fn tables() -> [&'static [&'static Descriptor]; 2] {
    [METRICS, super::queries::METRICS]
}

/// Upper ends of the buckets, in seconds.
const BOUNDS: &[f64] = &[0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0];
const GROUP: &str = "own.analysis";

/// Counts of this process.
#[derive(Debug)]
pub(super) struct Telemetry {
    counts: Mutex<Counts>,
    forecasting: Histogram,
    watching: Histogram,
    surveying: Histogram,
}

#[derive(Debug, Default)]
struct Counts {
    runs: BTreeMap<(&'static str, &'static str), u64>,
    missing: BTreeMap<String, f64>,
    rejected: BTreeMap<(String, &'static str), u64>,
    unwatched: u64,
}

impl Default for Telemetry {
    fn default() -> Self {
        let histogram = || Histogram::new(BOUNDS);
        Self { counts: Mutex::default(), forecasting: histogram(), watching: histogram(), surveying: histogram() }
    }
}

impl Telemetry {
    /// Counts series of a run.
    pub(super) fn count(&self, stage: &'static str, result: &'static str, series: usize) {
        *self.lock().runs.entry((stage, result)).or_default() += series as u64;
    }

    /// Notes the share of samples that a signal lacked.
    pub(super) fn missing(&self, signal: &str, ratio: f64) {
        self.lock().missing.insert(signal.to_owned(), ratio);
    }

    /// Counts samples that cleaning rejected.
    pub(super) fn rejected(&self, signal: &str, reason: &'static str, samples: u64) {
        *self.lock().rejected.entry((signal.to_owned(), reason)).or_default() += samples;
    }

    /// Notes how long all forecasts took.
    pub(super) fn forecast_took(&self, duration: Duration) {
        self.forecasting.observe(duration);
    }

    /// Notes how long a step of all watched series took.
    pub(super) fn watch_took(&self, duration: Duration) {
        self.watching.observe(duration);
    }

    /// Notes how long headroom and its kin took.
    pub(super) fn survey_took(&self, duration: Duration) {
        self.surveying.observe(duration);
    }

    /// Notes how many series were ever left out of watching, because there are too many.
    pub(super) fn unwatched(&self, readings: u64) {
        self.lock().unwatched = readings;
    }

    /// The families.
    pub(super) fn part(&self, at: Timestamp) -> Part {
        let mut part = PartBuilder::new();
        let counts = self.lock();
        for ((stage, result), series) in &counts.runs {
            part.put(&RUNS, [stage, result], *series as f64);
        }
        for (signal, ratio) in &counts.missing {
            part.put(&MISSING, [signal], *ratio);
        }
        for ((signal, reason), samples) in &counts.rejected {
            part.put(&REJECTED, [signal, reason], *samples as f64);
        }
        part.put(&UNWATCHED, [], counts.unwatched as f64);
        part.put_histogram(&DURATION, ["forecast"], self.forecasting.snapshot());
        part.put_histogram(&DURATION, ["anomaly"], self.watching.snapshot());
        part.put_histogram(&DURATION, ["headroom"], self.surveying.snapshot());
        part.seal(PartKey { group: GROUP, origin: Origin::LOCAL, source: GROUP.into() }, at, usize::MAX).0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
