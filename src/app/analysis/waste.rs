//! Waste: looked for every few minutes; what instances used is kept over restarts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Analysis;
use crate::analyse::Settings;
use crate::analyse::waste::Auditor;
use crate::model::clock::Timestamp;
use crate::model::snapshot::Snapshot;

const GROUP: &str = "analysis.waste";
/// Name space of the store.
const NAMESPACE: &str = "usage";
/// A crash costs as much of what instances used.
const KEPT_EVERY: Duration = Duration::from_secs(3600);

impl Analysis {
    /// Takes in what the last process kept; without it, idle and oversized instances are unknown for two weeks.
    pub(super) async fn restore_usage(&self) {
        let Some(history) = &self.history else { return };
        match history.store.state(NAMESPACE).await {
            Ok(entries) => {
                let (auditor, unread) = Auditor::restore(entries);
                if unread > 0 {
                    tracing::warn!(unread, "the use of instances on some days cannot be read");
                }
                *self.auditor.lock().unwrap_or_else(PoisonError::into_inner) = auditor;
            }
            Err(error) => tracing::warn!(%error, "the use of instances cannot be read; it is measured anew"),
        }
    }

    /// For a thread that may compute. A defect costs these figures only.
    pub(super) fn audit(&self, snapshot: &Snapshot, settings: &Settings, at: Timestamp) {
        let audited = catch_unwind(AssertUnwindSafe(|| {
            let mut auditor = self.auditor.lock().unwrap_or_else(PoisonError::into_inner);
            auditor.audit(snapshot, &settings.waste, at)
        }));
        let Ok(parts) = audited else {
            tracing::error!("looking for waste ended unexpectedly");
            return;
        };
        for (origin, part) in parts {
            self.publish(GROUP, origin, part, at);
        }
    }

    /// Keeps what instances used, every hour.
    pub(super) async fn keep_usage_if_due(&self, at: Timestamp) {
        let before = Timestamp::from_millis(self.usage_kept.load(Ordering::Relaxed));
        if at.since(before) < KEPT_EVERY {
            return;
        }
        self.usage_kept.store(at.millis(), Ordering::Relaxed);
        let entries = self.auditor.lock().unwrap_or_else(PoisonError::into_inner).save();
        let Some(history) = self.history.as_ref().filter(|_| !entries.is_empty()) else { return };
        if let Err(error) = history.store.put_state(NAMESPACE, entries).await {
            tracing::error!(%error, "the use of instances is not kept");
        }
    }

    /// Keeps all of it, and nothing else: days of long ago go.
    pub(super) async fn end_usage(&self) {
        let entries = self.auditor.lock().unwrap_or_else(PoisonError::into_inner).save_all();
        let Some(history) = &self.history else { return };
        if let Err(error) = history.store.replace_state(NAMESPACE, entries).await {
            tracing::error!(%error, "the use of instances is not kept");
        }
    }
}
