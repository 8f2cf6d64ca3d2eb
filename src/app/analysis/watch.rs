//! Watching for anomalies: a step at every point of the grid, and what was learned is kept over restarts.

use std::sync::{Arc, Mutex, PoisonError};

use super::Analysis;
use crate::analyse::Settings;
use crate::analyse::signals::built_in;
use crate::analyse::watch::Watch;
use crate::history::sqlite::Store;
use crate::model::signal::Tick;
use crate::model::snapshot::Snapshot;

const GROUP: &str = "analysis.anomaly";
/// Name space of the kept state.
const STATE: &str = "anomaly";
/// The state is kept in so many shares, one at each point of the grid: an hour at five minutes, so that a crash
/// costs an hour of learning, and no point of the grid writes all of it.
const SHARES: usize = 12;

/// What watches, and where it is kept; without a store, it begins anew with each start.
pub(super) struct Anomalies {
    watch: Mutex<Watch>,
    store: Option<Arc<Store>>,
    /// Points of the grid since the start.
    points: Mutex<usize>,
}

impl Anomalies {
    /// With what was kept by the last process.
    pub(super) async fn restore(store: Option<Arc<Store>>) -> Self {
        let mut watch = Watch::new(built_in());
        if let Some(store) = &store {
            match store.state(STATE).await {
                Ok(entries) => {
                    let unread = watch.restore(entries);
                    if unread > 0 {
                        tracing::warn!(unread, "kept states of series cannot be read; these series are learned anew");
                    }
                }
                Err(error) => tracing::error!(%error, "the kept state of anomalies cannot be read; all is learned anew"),
            }
        }
        Self { watch: Mutex::new(watch), store, points: Mutex::default() }
    }

    /// Takes the tick of a point of the grid and publishes what it means. Blocking: for a thread that may compute.
    pub(super) fn step(&self, analysis: &Analysis, tick: &Tick, snapshot: &Snapshot, settings: &Settings) {
        if !settings.anomaly.enabled {
            return;
        }
        let start = analysis.clock.instant();
        let (parts, series) = {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            (watch.step(tick, snapshot, &settings.anomaly, &settings.tiers), watch.len())
        };
        for (origin, part) in parts {
            analysis.publish(GROUP, origin, part, tick.at);
        }
        analysis.telemetry.count("anomaly", "ok", series);
        analysis.telemetry.anomaly_took(start.elapsed());
    }

    /// Keeps the next share of what was learned.
    pub(super) async fn keep(&self) {
        let share = {
            let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
            *points = points.wrapping_add(1);
            *points % SHARES
        };
        self.put(share, SHARES).await;
    }

    /// Keeps everything: at the end.
    pub(super) async fn end(&self) {
        self.put(0, 1).await;
    }

    async fn put(&self, share: usize, shares: usize) {
        let Some(store) = &self.store else { return };
        let entries = self.watch.lock().unwrap_or_else(PoisonError::into_inner).save(share, shares);
        if let Err(error) = store.put_state(STATE, entries.into_iter().collect()).await {
            tracing::error!(%error, "what was learned of anomalies is not kept");
        }
    }
}
