//! What is remembered of a series from one forecast to the next, and when its models are due to be fitted anew.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::one::Subject;
use super::settings::Settings;
use crate::analyse::forecast::Learned;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    pub(super) learned: Learned,
    /// Values that cleaning had moved to the level after a lasting shift.
    pub(super) shifted: u64,
}

impl Memory {
    /// Whether models have to look at the series as a whole again: after some hours, at an hour of the series' own, so
    /// that not all are due at once; when a shift was found since; and when another interval or season is asked for.
    pub(super) fn fit_due(&self, subject: &Subject, settings: &Settings, season: Option<usize>) -> bool {
        let Subject { stretch, shifted, .. } = *subject;
        let hours = i64::from(settings.fit_hours.max(1));
        let steps = u32::try_from(stretch.values.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let last = stretch.start.plus(stretch.step * steps).millis().div_euclid(3_600_000);
        let age = last - self.learned.last().div_euclid(3600);
        let mut hasher = DefaultHasher::new();
        stretch.key.hash(&mut hasher);
        let turn = i64::try_from(hasher.finish() >> 32).unwrap_or(0);
        let asked_otherwise =
            self.learned.level() != settings.interval_level || season.is_some_and(|s| s != self.learned.season().short);
        let turn_has_come = age > 0 && (last + turn).rem_euclid(hours) == 0;
        age < 0 || age >= hours || turn_has_come || shifted > self.shifted || asked_otherwise
    }
}
