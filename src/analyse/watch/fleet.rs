//! What moves most of a fleet is one anomaly of the fleet, and nobody's own: a thousand alarms of one cause are one alarm.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hosts::Hosts;
use super::verdict::Verdict;
use crate::analyse::anomaly::peers::SMALLEST_GROUP;
use crate::model::anomaly::Watching;
use crate::model::signal::{Scope, SeriesKey};

type Verdicts = BTreeMap<Arc<SeriesKey>, Verdict>;

/// A series moves from this score on: many that move a little at once are as telling as one that moves a lot.
const MOVING: f64 = 0.7;
/// Share of a fleet that must move the same way.
const MOST: f64 = 0.5;
/// The most that a member of a moving fleet scores.
const DAMPED: f64 = 0.9;
/// What a member shows beyond this many times the fleet's score is its own.
const OWN: f64 = 2.0;

/// Members settle one after the other: for so many seconds after a fleet has moved, they are still its.
const SETTLING: i64 = 6 * 3600;

/// Fleets that have moved lately: when last, and how strongly.
pub(super) type Moved = BTreeMap<Arc<SeriesKey>, (i64, f64)>;

/// Finds moving fleets, damps their members, and adds or raises the verdict of the zone or cloud.
pub(super) fn join(verdicts: &mut Verdicts, hosts: &Hosts, moved: &mut Moved, now: i64) {
    moved.retain(|_, (at, _)| now.saturating_sub(*at) < SETTLING);
    let mut places: BTreeMap<Arc<SeriesKey>, Vec<Arc<SeriesKey>>> = BTreeMap::new();
    let mut parts: BTreeMap<Arc<SeriesKey>, Vec<Arc<SeriesKey>>> = BTreeMap::new();
    for (key, verdict) in verdicts.iter() {
        if matches!(key.scope, Scope::Az | Scope::Aggregate) {
            parts.entry(place(key, Scope::Cloud, key.origin.cloud.as_ref())).or_default().push(Arc::clone(key));
        }
        if !matches!(key.scope, Scope::Hypervisor | Scope::Project) || verdict.state == Watching::Silent {
            continue;
        }
        places.entry(place(key, Scope::Cloud, key.origin.cloud.as_ref())).or_default().push(Arc::clone(key));
        let zone = hosts.of_series(key).map(|host| &host.zone).filter(|zone| !zone.is_empty());
        if zone.is_some() {
            places.entry(place(key, Scope::Az, zone)).or_default().push(Arc::clone(key));
        }
    }
    // Clouds come before zones: what the whole cloud does is no zone's own.
    for (place, members) in places {
        let now_moving = moving(verdicts, &members);
        if let Some((score, _)) = now_moving {
            let (at, strongest) = moved.entry(Arc::clone(&place)).or_insert((now, score));
            (*at, *strongest) = (now, strongest.max(score));
        }
        let Some((_, strongest)) = moved.get(&place).copied() else { continue };
        for key in members.iter().chain(parts.get(&place).into_iter().flatten()) {
            if let Some(verdict) = verdicts.get_mut(key)
                && verdict.score < OWN * strongest
            {
                verdict.score = verdict.score.min(DAMPED);
            }
        }
        let Some((score, direction)) = now_moving else { continue };
        let whole = verdicts.entry(place).or_insert_with(|| Verdict::quiet(Watching::Watched));
        if score > whole.score {
            whole.raise(score, direction, "fleet", "most of its members moved alike");
        }
    }
}

/// The series of the same signal of a place.
fn place(key: &SeriesKey, scope: Scope, entity: Option<&Arc<str>>) -> Arc<SeriesKey> {
    Arc::new(SeriesKey { scope, entity: entity.cloned().unwrap_or_default(), ..key.clone() })
}

/// Median score and direction of what moves, if that is most of the members.
fn moving(verdicts: &Verdicts, members: &[Arc<SeriesKey>]) -> Option<(f64, i8)> {
    for direction in [1, -1, 0] {
        let moved = members.iter().filter_map(|key| verdicts.get(key));
        let moved = moved.filter(|verdict| verdict.score > MOVING && verdict.direction == direction);
        let mut scores: Vec<f64> = moved.map(|verdict| verdict.score).collect();
        if scores.len() >= SMALLEST_GROUP && scores.len() as f64 > MOST * members.len() as f64 {
            scores.sort_unstable_by(f64::total_cmp);
            return scores.get(scores.len() / 2).map(|median| (*median, direction));
        }
    }
    None
}
