//! Findings as gauges and as the typed table, with their reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::onsets::Onsets;
use super::verdict::Verdict;
use super::watched::Watched;
use crate::model::anomaly::{Anomalies, Anomaly, Change, PeerGroup, Watching, signal_label};
use crate::model::clock::Timestamp;
use crate::model::part::PartBuilder;
use crate::model::signal::{Scope, SeriesKey};

crate::metrics! {
    /// How unusual a series is; above 1 is anomalous, for every signal. Of hypervisors and projects only from 0.5 on: absent is quiet where stackcast_anomaly_watched_series counts it as watched.
    SCORE = gauge "stackcast_anomaly_score" [scope entity signal], None, "docs/anomalies.md";
    /// 1 too high, -1 too low, 0 neither; beside each score.
    DIRECTION = gauge "stackcast_anomaly_direction" [scope entity signal], State, "docs/anomalies.md";
    /// Lower end of the band that held 99 % of the readings; beside each score.
    EXPECTED_LOWER = gauge "stackcast_anomaly_expected_lower" [scope entity signal], None, "docs/anomalies.md";
    /// Upper end of the band that held 99 % of the readings; beside each score.
    EXPECTED_UPPER = gauge "stackcast_anomaly_expected_upper" [scope entity signal], None, "docs/anomalies.md";
    /// Share of an entity's watched signals that are anomalous now; of hypervisors and projects only above 0.
    RATE = gauge "stackcast_anomaly_rate_ratio" [scope entity], Ratio, "docs/anomalies.md";
    /// Times that a score rose above 1.
    EVENTS = counter "stackcast_anomaly_events_total" [scope signal], Count, "docs/anomalies.md";
    /// Series by how they are watched: learning (the first day), watched, silent (maintenance), missing.
    WATCHED = gauge "stackcast_anomaly_watched_series" [scope state], Count, "docs/anomalies.md";
    /// How far a hypervisor is from the median of its group right now; above 1 is an outlier. Shown from 0.5 on.
    PEER_SCORE = gauge "stackcast_peer_outlier_score" [entity signal group], None, "docs/anomalies.md";
    /// Members of a group of hypervisors that are compared; groups of fewer than 5 are not.
    PEER_SIZE = gauge "stackcast_peer_group_size" [group], Count, "docs/anomalies.md";
    /// When the latest lasting shift of a series began.
    CHANGEPOINT = gauge "stackcast_changepoint_timestamp_seconds" [scope entity signal], Timestamp, "docs/anomalies.md";
}

/// Scores of the many are shown from here on.
const SHOWN: f64 = 0.5;
/// Names listed in an explanation, at most.
const NAMES: usize = 10;
/// Changepoints are shown for so many seconds.
const CHANGE_SHOWN: i64 = 7 * 86_400;

/// Findings about one region.
#[derive(Debug, Default)]
pub(super) struct Findings<'a> {
    pub(super) verdicts: Vec<(&'a Arc<SeriesKey>, &'a Verdict)>,
    pub(super) changes: Vec<(&'a Arc<SeriesKey>, crate::analyse::anomaly::Change)>,
    pub(super) groups: Vec<PeerGroup>,
    pub(super) events: Vec<(Scope, &'a str, u64)>,
}

impl<'a> Findings<'a> {
    /// Takes in a series' latest change.
    pub(super) fn change(&mut self, key: &'a Arc<SeriesKey>, watched: &Watched, now: i64) {
        let recent = |change: &crate::analyse::anomaly::Change| now.saturating_sub(change.timestamp) < CHANGE_SHOWN;
        if let Some(change) = watched.change().filter(recent) {
            self.changes.push((key, change));
        }
    }

    /// All gauges, and the table.
    pub(super) fn part(self, onsets: &Onsets, at: Timestamp) -> PartBuilder {
        let mut part = PartBuilder::new();
        self.scores(&mut part);
        self.counts(&mut part);
        self.peers(&mut part);
        for (key, change) in &self.changes {
            part.put(&CHANGEPOINT, [key.scope.as_str(), &key.entity, &signal_label(key)], change.timestamp as f64);
        }
        part.table(Arc::new(self.table(onsets, at)));
        part
    }

    fn scores(&self, part: &mut PartBuilder) {
        for (key, verdict) in &self.verdicts {
            if matches!(verdict.state, Watching::Silent | Watching::Learning) && verdict.score <= 1.0
                || many(key.scope) && verdict.score <= SHOWN
            {
                continue;
            }
            let signal = signal_label(key);
            let labels = [key.scope.as_str(), &*key.entity, &*signal];
            part.put(&SCORE, labels, verdict.score);
            part.put(&DIRECTION, labels, f64::from(verdict.direction));
            if let Some((lower, upper)) = verdict.expected {
                part.put(&EXPECTED_LOWER, labels, lower);
                part.put(&EXPECTED_UPPER, labels, upper);
            }
        }
    }

    fn counts(&self, part: &mut PartBuilder) {
        let mut rates: BTreeMap<(Scope, &Arc<str>), (u32, u32)> = BTreeMap::new();
        let mut states: BTreeMap<(Scope, Watching), u32> = BTreeMap::new();
        for (key, verdict) in &self.verdicts {
            *states.entry((key.scope, verdict.state)).or_default() += 1;
            if matches!(verdict.state, Watching::Watched | Watching::Missing) {
                let (anomalous, all) = rates.entry((key.scope, &key.entity)).or_default();
                *anomalous += u32::from(verdict.score > 1.0);
                *all += 1;
            }
        }
        for ((scope, entity), (anomalous, all)) in rates {
            if anomalous > 0 || !many(scope) {
                part.put(&RATE, [scope.as_str(), entity], f64::from(anomalous) / f64::from(all));
            }
        }
        let scopes: BTreeSet<Scope> = states.keys().map(|(scope, _)| *scope).collect();
        for scope in scopes {
            for state in Watching::ALL {
                let count = states.get(&(scope, state)).copied().unwrap_or(0);
                part.put(&WATCHED, [scope.as_str(), state.as_str()], f64::from(count));
            }
        }
        for (scope, signal, count) in &self.events {
            part.put(&EVENTS, [scope.as_str(), signal], *count as f64);
        }
    }

    fn peers(&self, part: &mut PartBuilder) {
        let mut sizes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for group in &self.groups {
            let size = sizes.entry(&group.group).or_default();
            *size = group.members.len().max(*size);
            for peer in group.members.iter().take_while(|peer| peer.score > SHOWN) {
                part.put(&PEER_SCORE, [&*peer.entity, &*group.signal, &*group.group], peer.score);
            }
        }
        for (group, size) in sizes {
            part.put(&PEER_SIZE, [group], size as f64);
        }
    }

    fn table(self, onsets: &Onsets, at: Timestamp) -> Anomalies {
        let quiet = self.quiet_members();
        let mut current: Vec<Anomaly> =
            self.verdicts.iter().filter_map(|(key, verdict)| anomaly(key, verdict, onsets, &quiet, at)).collect();
        current.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut changes: Vec<Change> = self.changes.iter().map(|(key, change)| change_of(key, *change)).collect();
        changes.sort_by(|a, b| b.size.total_cmp(&a.size));
        let watched = self.verdicts.iter().map(|(key, verdict)| (Arc::clone(key), verdict.state)).collect();
        Anomalies { at, watched, current, changes, groups: self.groups }
    }

    /// Members that are as usual, by group and signal.
    fn quiet_members(&self) -> BTreeMap<(Arc<str>, String), Vec<Arc<str>>> {
        let mut quiet: BTreeMap<(Arc<str>, String), Vec<Arc<str>>> = BTreeMap::new();
        for (key, verdict) in &self.verdicts {
            let Some(group) = verdict.group.as_ref().filter(|_| verdict.score <= 1.0) else { continue };
            let names = quiet.entry((Arc::clone(group), signal_label(key))).or_default();
            if names.len() < NAMES && verdict.unlike_since.is_none() {
                names.push(Arc::clone(&key.entity));
            }
        }
        quiet
    }
}

/// Scopes with so many entities that only what is unusual is shown.
const fn many(scope: Scope) -> bool {
    matches!(scope, Scope::Hypervisor | Scope::Project)
}

fn anomaly(
    key: &Arc<SeriesKey>,
    verdict: &Verdict,
    onsets: &Onsets,
    quiet: &BTreeMap<(Arc<str>, String), Vec<Arc<str>>>,
    at: Timestamp,
) -> Option<Anomaly> {
    let now = at.millis().div_euclid(1000);
    let (score, since, cause, reason) = match (verdict.score > 1.0, verdict.unlike_since, verdict.peer_score) {
        (true, ..) => (verdict.score, onsets.since(key).unwrap_or(now), verdict.cause, verdict.reason),
        (false, Some(since), Some(score)) => (score, since, "peers", "unlike the others of its group"),
        _ => return None,
    };
    let group = verdict.group.clone();
    let names = group.as_ref().and_then(|group| quiet.get(&(Arc::clone(group), signal_label(key))));
    Some(Anomaly {
        key: Arc::clone(key),
        since: Timestamp::from_seconds(since),
        score,
        direction: verdict.direction,
        cause,
        reason,
        value: verdict.value,
        expected: verdict.expected,
        rarity: verdict.rarity,
        quiet_peers: names.cloned().unwrap_or_default(),
        group,
        peer_score: verdict.peer_score,
        also: onsets.around(key, since, NAMES),
    })
}

fn change_of(key: &Arc<SeriesKey>, change: crate::analyse::anomaly::Change) -> Change {
    Change {
        key: Arc::clone(key),
        at: Timestamp::from_seconds(change.timestamp),
        before: change.before,
        after: change.after,
        size: change.size,
    }
}
