//! Projects: followed with every look.

use std::collections::BTreeSet;

use super::Analysis;
use crate::analyse::projects;
use crate::model::part::Origin;
use crate::model::signal::Tick;
use crate::model::snapshot::Snapshot;

const GROUP: &str = "analysis.projects";

impl Analysis {
    /// For a thread that may compute. A region whose quotas are not known any more has none told.
    pub(super) fn follow(&self, snapshot: &Snapshot, tick: &Tick) {
        let parts = projects::follow(snapshot, tick);
        let told: BTreeSet<&Origin> = parts.iter().map(|(origin, _)| origin).collect();
        self.withdraw(GROUP, |origin| !told.contains(origin));
        for (origin, part) in parts {
            self.publish(GROUP, origin, part, tick.at);
        }
    }
}
