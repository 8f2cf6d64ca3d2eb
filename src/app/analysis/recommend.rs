//! Recommendations: made with every look, out of the risks and the waste that it has just published.

use std::collections::BTreeSet;

use super::Analysis;
use crate::analyse::{Settings, recommend};
use crate::model::clock::Timestamp;
use crate::model::part::Origin;

const GROUP: &str = "analysis.recommendation";

impl Analysis {
    /// For a thread that may compute. A region without risks has no recommendation told, not the last ones.
    pub(super) fn recommend(&self, settings: &Settings, at: Timestamp) {
        let parts = recommend::recommend(&self.store.load(), &settings.capacity, at);
        let told: BTreeSet<&Origin> = parts.iter().map(|(origin, _)| origin).collect();
        self.withdraw(GROUP, |origin| !told.contains(origin));
        for (origin, part) in parts {
            self.publish(GROUP, origin, part, at);
        }
    }
}
