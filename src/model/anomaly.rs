//! Anomalies: what watching says of all series of a region at one time, as gauges and API tell it.
//!
//! How it was found is analysis' business; here are only the findings, with their reasons.

use std::sync::Arc;

use super::clock::Timestamp;
use super::signal::{Basis, SeriesKey};

/// The `signal` label of the anomaly families: they have no labels for resource and basis, so that of a utilisation
/// names both, e.g. `vcpu_allocation_utilization`.
pub fn signal_label(key: &SeriesKey) -> String {
    let parts = [&*key.resource, key.basis.map_or("", Basis::as_str), &*key.signal];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

/// A series that is anomalous now.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomaly {
    /// Which one.
    pub key: Arc<SeriesKey>,
    /// Since when its score has been above 1.
    pub since: Timestamp,
    /// Above 1; what anomalies are ranked by.
    pub score: f64,
    /// 1 too high, -1 too low, 0 neither.
    pub direction: i8,
    /// What is most unusual, for programs: a feature of the detector, `stray`, `jump`, `relation`, `still`, `threshold`,
    /// `missing`, `peers` or `fleet`.
    pub cause: &'static str,
    /// The same for a human.
    pub reason: &'static str,
    /// The value; none while the series is missing.
    pub value: Option<f64>,
    /// The band that held 99 % of the readings; none where there is no such expectation.
    pub expected: Option<(f64, f64)>,
    /// Probability of a reading (of a stray, jump or relation: of a day) at least this unusual, by the history of the
    /// series and its like.
    pub rarity: f64,
    /// The group it was compared with.
    pub group: Option<Arc<str>>,
    /// How far it is from that group's median; above 1 is an outlier.
    pub peer_score: Option<f64>,
    /// Members of the group that are not anomalous, a few of them.
    pub quiet_peers: Vec<Arc<str>>,
    /// What else became anomalous within half an hour before or after, strongest first, a few of them.
    pub also: Vec<Arc<SeriesKey>>,
}

/// The latest lasting shift of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which one.
    pub key: Arc<SeriesKey>,
    /// When it began.
    pub at: Timestamp,
    /// Level before.
    pub before: f64,
    /// Level after.
    pub after: f64,
    /// How far apart the two are, in mean absolute deviations of the time before.
    pub size: f64,
}

/// A group compared at one instant by one signal.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerGroup {
    /// Name of the group.
    pub group: Arc<str>,
    /// The `signal` label.
    pub signal: String,
    /// What is usual right now.
    pub median: f64,
    /// Members, the one that is furthest off first.
    pub members: Vec<Peer>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// Hypervisor.
    pub entity: Arc<str>,
    /// Its value.
    pub value: f64,
    /// How far off; above 1 is an outlier.
    pub score: f64,
}

/// How a series is doing as a watched series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watching {
    /// Too little is known for a judgement.
    Learning,
    /// Judged.
    Watched,
    /// In maintenance or silenced.
    Silent,
    /// Known, but without a reading now.
    Missing,
}

impl Watching {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Learning, Self::Watched, Self::Silent, Self::Missing];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Learning => "learning",
            Self::Watched => "watched",
            Self::Silent => "silent",
            Self::Missing => "missing",
        }
    }
}

/// All findings of a region (or of the local host).
#[derive(Clone, Debug, Default)]
pub struct Anomalies {
    /// The time of the readings.
    pub at: Timestamp,
    /// Every series that is looked at: what is in none of the lists below is quiet only if it is watched.
    pub watched: Vec<(Arc<SeriesKey>, Watching)>,
    /// Highest score first.
    pub current: Vec<Anomaly>,
    /// Largest first.
    pub changes: Vec<Change>,
    /// By group and signal.
    pub groups: Vec<PeerGroup>,
}

impl Anomalies {
    /// Changes that began within `seconds` of a moment, largest first: what a deployment at that moment changed.
    pub fn around(&self, moment: Timestamp, seconds: u64) -> impl Iterator<Item = &Change> {
        let limit = std::time::Duration::from_secs(seconds);
        self.changes.iter().filter(move |change| change.at.since(moment).max(moment.since(change.at)) <= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::part::Origin;
    use crate::model::signal::Scope;

    #[test]
    fn the_label_tells_resources_and_bases_apart() {
        let mut key = SeriesKey {
            signal: Arc::from("utilization"),
            origin: Origin::LOCAL,
            scope: Scope::Host,
            entity: Arc::from("h"),
            resource: Arc::from("vcpu"),
            basis: Some(Basis::Allocation),
        };
        assert_eq!(signal_label(&key), "vcpu_allocation_utilization");
        (key.signal, key.resource, key.basis) = (Arc::from("load1"), Arc::from(""), None);
        assert_eq!(signal_label(&key), "load1");
        let change = |at| Change {
            key: Arc::new(key.clone()),
            at: Timestamp::from_seconds(at),
            before: 1.0,
            after: 2.0,
            size: 5.0,
        };
        let found = Anomalies { changes: vec![change(100), change(9000), change(60)], ..Anomalies::default() };
        let near: Vec<_> = found.around(Timestamp::from_seconds(90), 30).map(|c| c.at.millis()).collect();
        assert_eq!(near, [100_000, 60_000]);
    }
}
