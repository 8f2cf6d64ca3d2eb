//! Headroom and its kin: counted with every look at which their facts have changed, told with every look.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;

use super::Analysis;
use crate::analyse::Settings;
use crate::analyse::headroom::Surveyor;
use crate::model::clock::Timestamp;
use crate::model::signal::Tick;
use crate::model::snapshot::Snapshot;

const GROUP: &str = "analysis.headroom";

impl Analysis {
    /// For a thread that may compute. A defect costs these figures only.
    pub(super) fn survey(&self, snapshot: &Snapshot, tick: &Tick, settings: &Settings, at: Timestamp) {
        let start = self.clock.instant();
        let surveyed = catch_unwind(AssertUnwindSafe(|| {
            let mut surveyor = self.surveyor.lock().unwrap_or_else(PoisonError::into_inner);
            surveyor.survey(snapshot, &tick.readings, &settings.capacity)
        }));
        let Ok(parts) = surveyed else {
            tracing::error!("counting headroom ended unexpectedly");
            *self.surveyor.lock().unwrap_or_else(PoisonError::into_inner) = Surveyor::default();
            return;
        };
        for (origin, part) in parts {
            self.publish(GROUP, origin, part, at);
        }
        self.telemetry.survey_took(start.elapsed());
    }
}
