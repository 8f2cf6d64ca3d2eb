//! What one takes, others make room for: a move against a much stronger one of the same signal, in its wake, is its echo
//! and no anomaly of its own. Of numbers of things only, whose sum somebody holds: instances of projects, for example.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::verdict::Verdict;
use crate::model::signal::{Scope, SeriesKey};

/// An anomaly has a wake for so many seconds.
const WAKE: i64 = 2 * 3600;
/// How much stronger than its echo it must be.
const STRONGER: f64 = 2.0;
/// The most that an echo scores.
const DAMPED: f64 = 0.9;

/// Anomalies that may have echoes.
pub(super) type Wakes = BTreeMap<Arc<SeriesKey>, Wake>;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Wake {
    /// When its score was above 1 last, seconds since the epoch.
    last: i64,
    direction: i8,
    /// Its highest score.
    peak: f64,
}

/// Takes note of anomalies and damps their echoes, among the projects and hypervisors whose signals `count` things.
pub(super) fn silence(
    verdicts: &mut BTreeMap<Arc<SeriesKey>, Verdict>,
    wakes: &mut Wakes,
    count: impl Fn(&SeriesKey) -> bool,
    now: i64,
) {
    wakes.retain(|_, wake| now.saturating_sub(wake.last) < WAKE);
    let found = |(key, verdict): &(&Arc<SeriesKey>, &mut Verdict)| {
        verdict.score > 1.0 && matches!(key.scope, Scope::Project | Scope::Hypervisor) && count(key)
    };
    let mut loud: Vec<_> = verdicts.iter_mut().filter(found).collect();
    for (key, verdict) in &loud {
        let fresh = Wake { last: now, direction: verdict.direction, peak: verdict.score };
        let wake = wakes.entry(Arc::clone(key)).or_insert(fresh);
        let peak = if wake.direction == verdict.direction { wake.peak.max(verdict.score) } else { verdict.score };
        *wake = Wake { peak, ..fresh };
    }
    for (key, verdict) in &mut loud {
        let of_same = |(other, _): &(&Arc<SeriesKey>, &Wake)| {
            *other != *key && other.signal == key.signal && other.scope == key.scope && other.origin == key.origin
        };
        let against = |wake: &Wake| wake.direction * verdict.direction < 0 && wake.peak > STRONGER * verdict.score;
        if wakes.iter().filter(of_same).any(|(_, wake)| against(wake)) {
            verdict.score = DAMPED;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::anomaly::Watching;
    use crate::model::part::Origin;

    fn project(name: &str) -> Arc<SeriesKey> {
        Arc::new(SeriesKey {
            signal: Arc::from("instances"),
            origin: Origin::new("c", "r"),
            scope: Scope::Project,
            entity: Arc::from(name),
            resource: Arc::from(""),
            basis: None,
        })
    }

    /// Scores (negative: downwards) of projects after a step at `now`.
    fn after(wakes: &mut Wakes, now: i64, scores: &[(&str, f64)]) -> Vec<f64> {
        let verdict = |score: f64| {
            let mut verdict = Verdict::quiet(Watching::Watched);
            verdict.raise(score.abs(), if score < 0.0 { -1 } else { 1 }, "jump", "moved");
            verdict
        };
        let mut verdicts = scores.iter().map(|(name, score)| (project(name), verdict(*score))).collect();
        silence(&mut verdicts, wakes, |_| true, now);
        scores.iter().filter_map(|(name, _)| Some(verdicts.get(&project(name))?.score)).collect()
    }

    #[test]
    fn a_weaker_move_against_a_strong_one_is_its_echo_for_two_hours() {
        let mut wakes = Wakes::new();
        assert_eq!(after(&mut wakes, 0, &[("lost", -5.0), ("gains", 1.5), ("alike", -1.5)]), [5.0, 0.9, 1.5]);
        assert_eq!(after(&mut wakes, 3600, &[("lost", -0.2), ("gains", 1.5), ("strong", 4.0)]), [0.2, 0.9, 4.0]);
        assert_eq!(after(&mut wakes, 2 * 3600, &[("lost", -0.2), ("gains", 1.5)])[1], 1.5);
    }
}
