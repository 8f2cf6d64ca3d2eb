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

/// The planted list, counted from the start of the cloud; hosts 3, 5 and 7 and the busiest project.
pub(crate) fn planted(start: Timestamp, hosts: usize) -> Vec<Anomaly> {
    let host = |number: usize| (number % hosts.max(1)) as u32;
    let span = |from: i64, to: i64| {
        (Timestamp::from_millis(start.millis() + from), Timestamp::from_millis(start.millis() + to))
    };
    [
        (AnomalyKind::StuckAgent, host(3), span(2 * HOUR, 3 * HOUR)),
        (AnomalyKind::RunawayProject, super::identity::OWN_PROJECTS as u32, span(6 * HOUR, 9 * HOUR)),
        (AnomalyKind::OddHost, host(5), span(-30 * DAY, 3650 * DAY)),
        (AnomalyKind::MemoryLeak, host(7), span(DAY, 4 * DAY)),
        (AnomalyKind::StuckAgent, host(3), span(5 * DAY, 5 * DAY + 20 * 60_000)),
    ]
    .into_iter()
    .map(|(kind, target, (from, to))| Anomaly { kind, target, from, to })
    .collect()
}

/// The anomaly of a kind that is going on at a target.
pub(crate) fn ongoing(all: &[Anomaly], kind: AnomalyKind, target: u32, at: Timestamp) -> Option<Anomaly> {
    all.iter().find(|a| a.kind == kind && a.target == target && a.from <= at && at < a.to).copied()
}
