//! When scores rose above 1: since when an anomaly lasts, and what else began at about the same time.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::signal::SeriesKey;

/// An anomaly ends at this score, so that one at the edge does not begin anew with each reading.
const END: f64 = 0.8;
/// Two anomalies that begin within so many seconds may have one cause.
const TOGETHER: i64 = 1800;
/// Ended ones are remembered for so many seconds.
const REMEMBERED: i64 = 7200;

/// Beginnings of anomalies.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Onsets(pub(super) BTreeMap<Arc<SeriesKey>, Onset>);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Onset {
    /// When it began, seconds since the epoch.
    pub(super) since: i64,
    /// When it ended, if it has.
    pub(super) ended: Option<i64>,
    /// Its highest score.
    pub(super) peak: f64,
}

impl Onsets {
    /// Takes a score; says whether an anomaly begins with it.
    pub(super) fn step(&mut self, key: &Arc<SeriesKey>, score: f64, now: i64) -> bool {
        if score > 1.0 {
            let fresh = Onset { since: now, ended: None, peak: score };
            let onset = self.0.entry(Arc::clone(key)).or_insert(Onset { ended: Some(i64::MIN), ..fresh });
            let begins = onset.ended.is_some();
            if begins {
                *onset = fresh;
            }
            onset.peak = onset.peak.max(score);
            return begins;
        }
        if score <= END
            && let Some(onset) = self.0.get_mut(key)
        {
            onset.ended.get_or_insert(now);
        }
        false
    }

    /// Forgets what ended long ago.
    pub(super) fn forget(&mut self, now: i64) {
        self.0.retain(|_, onset| onset.ended.is_none_or(|ended| now.saturating_sub(ended) < REMEMBERED));
    }

    /// Since when an anomaly has lasted.
    pub(super) fn since(&self, key: &SeriesKey) -> Option<i64> {
        self.0.get(key).filter(|onset| onset.ended.is_none()).map(|onset| onset.since)
    }

    /// Other series of the region whose anomaly began near a moment, strongest first.
    pub(super) fn around(&self, key: &SeriesKey, moment: i64, most: usize) -> Vec<Arc<SeriesKey>> {
        let near = self.0.iter().filter(|(other, onset)| {
            other.origin == key.origin && ***other != *key && onset.since.abs_diff(moment) <= TOGETHER.unsigned_abs()
        });
        let mut near: Vec<(&Arc<SeriesKey>, f64)> = near.map(|(other, onset)| (other, onset.peak)).collect();
        near.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        near.into_iter().take(most).map(|(other, _)| Arc::clone(other)).collect()
    }
}
