//! What a fit has found out that holds for longer than an hour: which experts count and what they estimated, how far
//! intervals reach, how wrong such forecasts were. With it, a forecast from newer values costs a small part of a fit.
//!
//! It says itself when it is no longer fit for a series; how old it may become is for whoever keeps it to say.

use serde::{Deserialize, Serialize};

use super::outlook::KeptOutlook;
use super::season::{Seasons, known};
use super::series::Series;
use super::short::KeptShort;

/// A history that has grown by more than one in so many since is worth a fit: weights rest on few past moments at first.
const GROWN: usize = 16;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// Seconds since the epoch of the last value that it rests on.
    pub(super) last: i64,
    /// Seconds between two values.
    pub(super) step: i64,
    /// How many values there were.
    pub(super) steps: usize,
    /// What they were divided by.
    pub(super) scale: f64,
    pub(super) seasons: Seasons,
    /// The probability that intervals hold.
    pub(super) level: f64,
    pub(super) short: KeptShort,
    pub(super) outlook: Option<KeptOutlook>,
}

impl Learned {
    /// Seconds since the epoch of the last value that it rests on.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// The seasons found, in steps.
    pub fn season(&self) -> Seasons {
        self.seasons
    }

    /// The probability that its intervals hold.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// Steps from what it rests on to the end of a series; none where the series is not the one it was, gone on.
    pub(super) fn elapsed(&self, series: &Series) -> Option<usize> {
        let steps = series.values().len();
        let grown = steps.abs_diff(self.steps) > self.steps / GROWN;
        let same = series.step() == self.step && known(series.values(), self.step, self.seasons.short) == self.seasons;
        let seconds = series.last().checked_sub(self.last).filter(|_| same && !grown)?;
        usize::try_from(seconds / self.step.max(1)).ok().filter(|_| seconds % self.step.max(1) == 0)
    }
}
