//! Risks: assessed with every look.

use std::collections::BTreeSet;

use super::Analysis;
use crate::analyse::Settings;
use crate::analyse::risk;
use crate::model::part::Origin;
use crate::model::signal::Tick;
use crate::model::snapshot::Snapshot;

const GROUP: &str = "analysis.risk";

impl Analysis {
    /// For a thread that may compute. A region without utilisations has no risk told, not the last one.
    pub(super) fn assess(&self, snapshot: &Snapshot, tick: &Tick, settings: &Settings) {
        let parts = risk::assess(snapshot, tick, &settings.tiers, &settings.risk);
        let told: BTreeSet<&Origin> = parts.iter().map(|(origin, _)| origin).collect();
        self.withdraw(GROUP, |origin| !told.contains(origin));
        for (origin, part) in parts {
            self.publish(GROUP, origin, part, tick.at);
        }
    }
}
