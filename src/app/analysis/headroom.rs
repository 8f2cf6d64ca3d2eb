//! Headroom, counted with every look at which its facts have changed, and the plans behind it, made every few minutes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;

use super::Analysis;
use crate::analyse::Settings;
use crate::analyse::headroom::Surveyor;
use crate::model::clock::Timestamp;
use crate::model::signal::Tick;
use crate::model::snapshot::Snapshot;

const GROUP: &str = "analysis.headroom";
const PLANS: &str = "analysis.plans";

impl Analysis {
    /// For a thread that may compute. A defect costs these figures only.
    pub(super) fn survey(&self, snapshot: &Snapshot, tick: &Tick, settings: &Settings, at: Timestamp) {
        let start = self.clock.instant();
        let surveyed = catch_unwind(AssertUnwindSafe(|| {
            let mut surveyor = self.surveyor.lock().unwrap_or_else(PoisonError::into_inner);
            surveyor.survey(snapshot, &tick.readings, &settings.capacity, at)
        }));
        let Ok(surveys) = surveyed else {
            tracing::error!("counting headroom ended unexpectedly");
            *self.surveyor.lock().unwrap_or_else(PoisonError::into_inner) = Surveyor::default();
            return;
        };
        for survey in surveys {
            if let Some(plans) = survey.plans {
                self.publish(PLANS, survey.origin.clone(), plans, at);
            }
            self.publish(GROUP, survey.origin, survey.headroom, at);
        }
        self.telemetry.survey_took(start.elapsed());
    }
}
