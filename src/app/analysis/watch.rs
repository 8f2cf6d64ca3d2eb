//! Watching for anomalies: a step at every point of the grid; what was learned is kept over restarts.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Analysis;
use crate::analyse::Settings;
use crate::analyse::watch::Watch;
use crate::model::signal::Tick;
use crate::model::snapshot::Snapshot;

pub(super) const GROUP: &str = "analysis.anomaly";
/// Name space of the store.
const NAMESPACE: &str = "anomaly";
/// The state is kept in so many shares, one at each point of the grid: an hour at five minutes. A crash costs as much
/// learning, and no point of the grid writes all of it.
const SHARES: usize = 12;

/// What watches all series.
pub(super) struct Anomalies {
    analysis: Arc<Analysis>,
    watch: Mutex<Watch>,
    /// Whether a step was taken since a share was kept.
    due: AtomicBool,
    share: AtomicUsize,
}

impl Anomalies {
    /// With what was kept by the last process; without a store, it begins anew with each start.
    pub(super) async fn restore(analysis: Arc<Analysis>) -> Self {
        let mut watch = Watch::new(analysis.signals().iter().map(|signal| &**signal));
        if let Some(history) = &analysis.history {
            match history.store.state(NAMESPACE).await {
                Ok(entries) => {
                    let unread = watch.restore(entries);
                    if unread > 0 {
                        tracing::warn!(unread, "what was learned of some series cannot be read; it is learned anew");
                    }
                }
                Err(error) => tracing::warn!(%error, "what was learned of series cannot be read; it is learned anew"),
            }
        }
        Self { analysis, watch: Mutex::new(watch), due: AtomicBool::new(false), share: AtomicUsize::new(0) }
    }

    /// Takes the tick of a point of the grid and publishes what it means. For a thread that may compute.
    pub(super) fn step(&self, tick: &Tick, snapshot: &Snapshot, settings: &Settings) {
        if !settings.anomaly.enabled {
            return;
        }
        let (clock, telemetry) = (&self.analysis.clock, &self.analysis.telemetry);
        let start = clock.instant();
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = watch.step(tick, snapshot, &settings.anomaly, &settings.tiers);
        telemetry.count("anomaly", "ok", watch.len());
        telemetry.unwatched(watch.left_out());
        drop(watch);
        for (origin, part) in parts {
            self.analysis.publish(GROUP, origin, part, tick.at);
        }
        telemetry.watch_took(start.elapsed());
        self.due.store(true, Ordering::Release);
    }

    /// Keeps the next share of what was learned, once after each step.
    pub(super) async fn keep_if_due(&self) {
        if self.due.swap(false, Ordering::AcqRel) {
            let share = self.share.fetch_add(1, Ordering::Relaxed) % SHARES;
            self.keep(share, SHARES).await;
        }
    }

    /// Keeps everything, and nothing else: the series of long ago go.
    pub(super) async fn end(&self) {
        self.keep(0, 1).await;
    }

    async fn keep(&self, share: usize, shares: usize) {
        let Some(history) = &self.analysis.history else { return };
        let entries = self.watch.lock().unwrap_or_else(PoisonError::into_inner).save(share, shares);
        let kept = match shares {
            1 => history.store.replace_state(NAMESPACE, entries).await,
            _ => history.store.put_state(NAMESPACE, entries).await,
        };
        if let Err(error) = kept {
            tracing::error!(%error, "what was learned of series is not kept");
        }
    }
}
