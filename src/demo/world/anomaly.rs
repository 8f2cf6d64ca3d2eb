//! What goes wrong in the simulated cloud, when, and to whom: the list that tests and demonstrations can check against.

use crate::model::clock::Timestamp;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnomalyKind {
    /// A compute service stops reporting: state down, heartbeat stands still.
    StuckAgent,
    /// A project keeps creating instances.
    RunawayProject,
    /// A project loses most of its instances at once, at the first moment.
    LostInstances,
    /// The instances of a host burn more CPU than their peers elsewhere.
    OddHost,
    /// The instances of a host take ever more memory.
    MemoryLeak,
}

/// Something planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// What.
    pub kind: AnomalyKind,
    /// Row of the host or project.
    pub target: u32,
    /// First moment.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Days before the present at which something goes wrong in a past that is long enough for models to have learned.
const PAST_DAYS: i64 = 10;
/// Days of a past that is.
const LEARNED_DAYS: i64 = 14;

/// The planted list, counted from `lead_days` after the start of the cloud; hosts 3, 5 and 7 and the busiest project.
/// In a long past some of it has happened before, for longer, so that it shows in what was read once an hour.
pub(crate) fn planted(start: Timestamp, lead_days: u32, hosts: usize) -> Vec<Anomaly> {
    let host = |number: usize| (number % hosts.max(1)) as u32;
    let busiest = super::identity::OWN_PROJECTS as u32;
    let lead = i64::from(lead_days) * DAY;
    let mut list = vec![
        (AnomalyKind::StuckAgent, host(3), lead + 2 * HOUR, lead + 3 * HOUR),
        (AnomalyKind::RunawayProject, busiest, lead + 6 * HOUR, lead + 9 * HOUR),
        (AnomalyKind::OddHost, host(5), lead - 30 * DAY, lead + 3650 * DAY),
        (AnomalyKind::MemoryLeak, host(7), lead + DAY, lead + 4 * DAY),
        (AnomalyKind::StuckAgent, host(3), lead + 5 * DAY, lead + 5 * DAY + 20 * 60_000),
    ];
    let past = lead - PAST_DAYS * DAY;
    if past >= LEARNED_DAYS * DAY {
        list.extend([
            (AnomalyKind::StuckAgent, host(3), past + 2 * HOUR, past + 8 * HOUR),
            (AnomalyKind::RunawayProject, busiest, past + 3 * DAY, past + 3 * DAY + 3 * HOUR),
            (AnomalyKind::MemoryLeak, host(7), past + DAY, past + 4 * DAY),
        ]);
    }
    let at = |millis: i64| Timestamp::from_millis(start.millis() + millis);
    list.into_iter().map(|(kind, target, from, to)| Anomaly { kind, target, from: at(from), to: at(to) }).collect()
}

/// The anomaly of a kind that is going on at a target.
pub(crate) fn ongoing(all: &[Anomaly], kind: AnomalyKind, target: u32, at: Timestamp) -> Option<Anomaly> {
    all.iter().find(|a| a.kind == kind && a.target == target && a.from <= at && at < a.to).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anomalies_lie_around_the_present_and_in_a_long_past() {
        let start = Timestamp::from_seconds(1_700_000_000);
        let days = |lead: u32| -> Vec<i64> {
            let all = planted(start, lead, 20).into_iter().filter(|anomaly| anomaly.kind != AnomalyKind::OddHost);
            all.map(|anomaly| (anomaly.from.millis() - start.millis()).div_euclid(DAY)).collect()
        };
        assert_eq!(days(0), [0, 0, 1, 5]);
        assert_eq!(days(3), [3, 3, 4, 8], "a short past has nothing to compare with");
        assert_eq!(days(45), [45, 45, 46, 50, 35, 38, 36]);
    }
}
