//! Alerts: which tiers are crossed and which series anomalous now, since when, and what has changed since the last look.
//!
//! An alert closes when it has been absent for a while, so that a figure that trembles at a tier is told once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::alert::{Alert, Alerts, Subject, Tier};
use crate::model::anomaly::{Anomalies, Anomaly, signal_label};
use crate::model::clock::Timestamp;
use crate::model::part::Origin;
use crate::model::risk::{Cause, Level, Risk, Risks};
use crate::model::signal::{Basis, Scope};
use crate::model::snapshot::Snapshot;

/// How long an alert is absent before it is closed.
const CALM: Duration = Duration::from_secs(300);

/// Remembers which alerts are open.
#[derive(Debug, Default)]
pub struct Ledger(BTreeMap<Subject, Entry>);

#[derive(Debug)]
struct Entry {
    alert: Alert,
    /// When it was last there.
    seen: Timestamp,
}

/// What has changed since the last look.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    /// Opened, or become more urgent.
    pub raised: Vec<Alert>,
    /// Closed.
    pub closed: Vec<Alert>,
}

impl Ledger {
    /// Looks at the risks and anomalies of a snapshot.
    pub fn look(&mut self, snapshot: &Snapshot, at: Timestamp) -> Changes {
        let mut changes = Changes::default();
        for mut alert in present(snapshot, at) {
            match self.0.get_mut(&alert.subject) {
                Some(known) => {
                    alert.since = known.alert.since;
                    if alert.tier > known.alert.tier {
                        changes.raised.push(alert.clone());
                    }
                    *known = Entry { alert, seen: at };
                }
                None => {
                    changes.raised.push(alert.clone());
                    self.0.insert(alert.subject.clone(), Entry { alert, seen: at });
                }
            }
        }
        self.0.retain(|_, entry| {
            let stays = at.since(entry.seen) < CALM;
            if !stays {
                changes.closed.push(entry.alert.clone());
            }
            stays
        });
        changes
    }

    /// What is open, the most urgent first, then the newest.
    pub fn open(&self) -> Alerts {
        let mut all: Vec<Alert> = self.0.values().map(|entry| entry.alert.clone()).collect();
        all.sort_by(|a, b| b.tier.cmp(&a.tier).then(b.since.cmp(&a.since)));
        Alerts(all)
    }
}

fn present(snapshot: &Snapshot, at: Timestamp) -> Vec<Alert> {
    let mut found = Vec::new();
    for part in snapshot.parts() {
        let origin = &part.key.origin;
        if let Some(risks) = part.tables.get::<Risks>() {
            found.extend(risks.0.iter().filter_map(|risk| of_risk(origin, risk, at)));
        }
        if let Some(anomalies) = part.tables.get::<Anomalies>() {
            found.extend(anomalies.current.iter().map(|anomaly| of_anomaly(origin, anomaly)));
        }
    }
    found
}

fn of_risk(origin: &Origin, risk: &Risk, since: Timestamp) -> Option<Alert> {
    // A hypervisor that is allotted in full is what a scheduler is for. The rules leave those out as well.
    if (risk.scope, risk.basis) == (Scope::Hypervisor, Basis::Allocation) {
        return None;
    }
    let tier = match risk.level {
        Level::Low => return None,
        Level::Medium => Tier::Medium,
        Level::High => Tier::High,
        Level::Critical => Tier::Critical,
    };
    let why = match risk.cause {
        Cause::Level => "",
        Cause::Forecast => ", and more is expected within a day",
        Cause::Runway => ", and full too soon",
    };
    let (scope, entity, resource) = (risk.scope, Arc::clone(&risk.entity), Arc::clone(&risk.resource));
    let text = format!("{resource} of {} {entity}: {:.0} % in use{why}", scope.as_str(), risk.utilization * 100.0);
    let subject = Subject { origin: origin.clone(), scope, entity, what: resource, anomaly: false };
    Some(Alert { subject, tier, text, since })
}

fn of_anomaly(origin: &Origin, anomaly: &Anomaly) -> Alert {
    let key = &anomaly.key;
    let (what, entity) = (signal_label(key), Arc::clone(&key.entity));
    let text = format!("{what} of {} {entity}: {} (score {:.1})", key.scope.as_str(), anomaly.reason, anomaly.score);
    let subject = Subject { origin: origin.clone(), scope: key.scope, entity, what: Arc::from(what), anomaly: true };
    Alert { subject, tier: Tier::Anomaly, text, since: anomaly.since }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::part::{PartBuilder, PartKey};
    use crate::model::snapshot::{SeriesLimits, SnapshotStore};

    fn snapshot(levels: &[Level]) -> Arc<Snapshot> {
        snapshot_of(Scope::Az, levels)
    }

    fn snapshot_of(scope: Scope, levels: &[Level]) -> Arc<Snapshot> {
        let risk = |(at, level): (usize, &Level)| Risk {
            scope,
            entity: Arc::from(format!("az-{at}")),
            resource: Arc::from("memory"),
            basis: Basis::Allocation,
            level: *level,
            cause: Cause::Level,
            utilization: 0.914,
            day_ahead: None,
            full_at: None,
            daily_growth: None,
        };
        let mut part = PartBuilder::new();
        part.table(Arc::new(Risks(levels.iter().enumerate().map(risk).collect())));
        let key = PartKey { group: "test", origin: Origin::new("c", "r"), source: "test".into() };
        let store = SnapshotStore::new(SeriesLimits::default());
        store.publish(part.seal(key, Timestamp::default(), 10).0, Vec::new());
        store.load()
    }

    #[test]
    fn an_alert_opens_once_rises_and_closes_when_it_stays_away() {
        let mut ledger = Ledger::default();
        let mut look = |second: i64, levels: &[Level]| {
            let changes = ledger.look(&snapshot(levels), Timestamp::from_seconds(second));
            let open =
                ledger.open().0.iter().map(|alert| (alert.tier, alert.since.millis() / 1000)).collect::<Vec<_>>();
            (changes.raised.len(), changes.closed.len(), open)
        };
        assert_eq!(look(0, &[Level::Low]), (0, 0, vec![]));
        assert_eq!(look(60, &[Level::High, Level::Medium]), (2, 0, vec![(Tier::High, 60), (Tier::Medium, 60)]));
        assert_eq!(look(120, &[Level::Low, Level::Medium]), (0, 0, vec![(Tier::High, 60), (Tier::Medium, 60)]));
        assert_eq!(look(180, &[Level::High, Level::Critical]), (1, 0, vec![(Tier::Critical, 60), (Tier::High, 60)]));
        assert_eq!(look(420, &[Level::High]).1, 0, "four minutes");
        assert_eq!(look(480, &[Level::High]), (0, 1, vec![(Tier::High, 60)]));
        let text = ledger.open().0[0].text.clone();
        assert_eq!(text, "memory of az az-0: 91 % in use");
    }
    #[test]
    fn a_hypervisor_allotted_in_full_is_no_alert() {
        let look = |scope| Ledger::default().look(&snapshot_of(scope, &[Level::Critical]), Timestamp::default());
        assert_eq!(look(Scope::Hypervisor), Changes::default());
        assert_eq!(look(Scope::Aggregate).raised.len(), 1);
    }
}
