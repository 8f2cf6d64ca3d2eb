//! Open alerts: looked at with every look, published for the API, told in the log when they open and close.

use std::sync::{Arc, PoisonError};

use super::Analysis;
use crate::model::alert::{Alert, Tier};
use crate::model::clock::Timestamp;
use crate::model::part::{Origin, PartBuilder};

const GROUP: &str = "analysis.alerts";
/// Lines of one look; a cloud that goes wrong as a whole must not drown the log.
const LINES_MAX: usize = 20;

impl Analysis {
    /// For a thread that may compute; after risks and anomalies.
    pub(super) fn alert(&self, at: Timestamp) {
        let mut ledger = self.alerts.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = ledger.look(&self.store.load(), at);
        let mut part = PartBuilder::new();
        part.table(Arc::new(ledger.open()));
        drop(ledger);
        self.publish(GROUP, Origin::LOCAL, part, at);
        changes.raised.iter().take(LINES_MAX).for_each(opened);
        for alert in changes.closed.iter().take(LINES_MAX) {
            let (cloud, region) = place(alert);
            tracing::info!(tier = alert.tier.as_str(), cloud, region, alert = alert.text, "alert closed");
        }
        let untold = [&changes.raised, &changes.closed].map(|alerts| alerts.len().saturating_sub(LINES_MAX));
        if untold != [0, 0] {
            let [opened, closed] = untold;
            tracing::warn!(opened, closed, "further alerts opened or closed; /api/status tells what is open");
        }
    }
}

fn opened(alert: &Alert) {
    let ((cloud, region), tier) = (place(alert), alert.tier.as_str());
    if alert.tier >= Tier::High {
        tracing::warn!(tier, cloud, region, alert = alert.text, "alert open");
    } else {
        tracing::info!(tier, cloud, region, alert = alert.text, "alert open");
    }
}

fn place(alert: &Alert) -> (&str, &str) {
    let origin = &alert.subject.origin;
    (origin.cloud.as_deref().unwrap_or_default(), origin.region.as_deref().unwrap_or_default())
}
