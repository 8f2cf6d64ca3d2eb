//! Anomalies worth waking up for: a streaming detector that learns what is usual for one series, and says how unusual
//! each reading is, on one scale for all series: above 1 is anomalous.
//!
//! Each reading is looked at in ten ways ([`Feature`]); each of them is rated by its own history as decades of rarity
//! (3 = one reading in a thousand); the strongest plus what all of them have beyond 1.5 decades is the strength; and of
//! an episode only the first reading, an escalation and reminders have a score above 1.
//!
//! Causal: a score depends on the readings up to its own only. Bounded: at most 16 kB saved. Deliberately absent: I/O,
//! clocks (time comes with the reading), the decision whom to tell. Series are compared in [`peers`] only.

pub(super) mod archive;
mod changepoint;
mod episode;
mod features;
pub mod peers;
mod predictor;
mod recent;
mod season;
mod tail;
mod threshold;

use serde::{Deserialize, Serialize};

use archive::Archive;
pub use changepoint::{Change, Changepoints};
pub use episode::Episode;
use episode::Episodes;
pub use features::Feature;
use features::{Evidence, Features};
pub use threshold::{Limit, Threshold};

/// The strength that is score 1.
const THRESHOLD: f64 = 4.9;
/// Decades that every healthy series shows all the time.
const ORDINARY: f64 = 1.5;
/// Version of the saved form.
pub(in crate::analyse) const FORMAT: i64 = 3;

/// How a series is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Multiplies the score: 2 reports more, 0.5 reports less.
    pub sensitivity: f64,
    /// A deviation smaller than this (in the unit of the series) is never anomalous.
    pub absolute_floor: f64,
    /// A deviation smaller than this share of the expected value is never anomalous.
    pub relative_floor: f64,
    /// Whether the series is a counter: its increase per second is looked at, and a reset is no anomaly.
    pub counter: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { sensitivity: 1.0, absolute_floor: 0.0, relative_floor: 0.0, counter: false }
    }
}

impl Options {
    /// Whether a value is too near to what is expected to matter.
    pub(super) fn is_small(&self, value: f64, expected: f64) -> bool {
        (value - expected).abs() < self.absolute_floor.max(self.relative_floor * expected.abs())
    }
}

/// What a reading means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// Above 1: an alarm. One per episode, repeated when it doubles or lasts.
    pub score: f64,
    /// The same without the silence after an alarm: for a gauge, and rules with a `for`.
    pub strength: f64,
    /// 1 too high, -1 too low, 0 neither (or both).
    pub direction: i8,
    /// The band that held 99 % of the readings; none while learning.
    pub expected: Option<(f64, f64)>,
    /// What is most unusual.
    pub feature: Option<Feature>,
    /// Probability of that feature being at least this unusual, by the history of this series.
    pub rarity: f64,
    /// How far from both what is usual now and the recent level; 0 between the two.
    pub way: f64,
    /// The episode that this reading belongs to.
    pub episode: Option<Episode>,
}

impl Reading {
    /// Whether what is most unusual is that nothing moves, or comes: such a reading has no deviation.
    pub(super) const fn is_still(&self) -> bool {
        matches!(self.feature, Some(Feature::Flat | Feature::Missing))
    }

    const QUIET: Self = Self {
        score: 0.0,
        strength: 0.0,
        direction: 0,
        expected: None,
        feature: None,
        rarity: 1.0,
        way: 0.0,
        episode: None,
    };
}

/// The detector of one series.
#[derive(Clone, Debug)]
pub struct Detector {
    options: Options,
    features: Option<Box<Features>>,
    episodes: Episodes,
    last: Option<(i64, f64)>,
    silent: bool,
}

impl Detector {
    /// A detector that knows nothing yet.
    pub fn new(options: &Options) -> Self {
        Self { options: *options, features: None, episodes: Episodes::default(), last: None, silent: false }
    }

    /// Looks at the series in another way from the next reading on; what was learned stays.
    pub const fn set_options(&mut self, options: &Options) {
        self.options = *options;
    }

    /// What is usual in each hour of the day, less a constant; none until every hour was seen.
    pub fn daily_profile(&self) -> Option<[f64; 24]> {
        self.features.as_ref()?.daily_profile()
    }

    /// Whether enough is known for a judgement.
    pub fn is_ready(&self) -> bool {
        self.last.zip(self.features.as_ref()).is_some_and(|((at, _), features)| features.ready(at))
    }

    /// Takes a reading (`timestamp` in seconds since the epoch). A value that is no number is not learned, and quiet.
    pub fn step(&mut self, timestamp: i64, value: f64) -> Reading {
        let late = self.last.map_or(0, |(last, _)| timestamp.saturating_sub(last));
        let value = if self.options.counter { self.per_second(timestamp, value) } else { Some(value) };
        // Values that short numbers cannot hold are nonsense of the source, not measurements.
        let Some(value) = value.filter(|v| v.abs() < 1e30) else { return Reading::QUIET };
        if !self.options.counter {
            self.last = Some((timestamp, value));
        }
        if self.silent {
            return Reading::QUIET;
        }
        let features = self.features.get_or_insert_with(|| Box::new(Features::new(timestamp, value)));
        let evidence = features.observe(timestamp, value, late as f64);
        if !features.ready(timestamp) {
            return Reading::QUIET;
        }
        self.judge(timestamp, value, &evidence)
    }

    /// Maintenance: while silent, nothing is scored and nothing is learned.
    pub const fn set_silent(&mut self, silent: bool) {
        self.silent = silent;
    }

    /// How overdue the next reading is at `now`, on the scale of scores: above 1 after 10 usual intervals.
    pub fn overdue(&self, now: i64) -> f64 {
        let interval = self.features.as_ref().map_or(0.0, |f| f.interval());
        match self.last {
            Some((last, _)) if interval > 0.0 && !self.silent => now.saturating_sub(last) as f64 / (10.0 * interval),
            _ => 0.0,
        }
    }

    /// How many episodes there were.
    pub const fn episodes(&self) -> i64 {
        self.episodes.count()
    }

    /// All that was learned, exact to the bit.
    pub fn save(&self) -> Vec<u8> {
        let mut copy = self.clone();
        let mut archive = Archive::saving();
        copy.fields(&mut archive);
        archive.into_bytes()
    }

    /// The detector that was saved; none when the bytes are damaged or of another version.
    pub fn restore(options: &Options, bytes: Vec<u8>) -> Option<Self> {
        let mut detector = Self::new(options);
        let mut archive = Archive::loading(bytes);
        let version = detector.fields(&mut archive);
        (version == FORMAT && archive.complete()).then_some(detector)
    }

    /// Shows every field to an archive; answers with the version of the form.
    pub(in crate::analyse) fn fields(&mut self, archive: &mut Archive) -> i64 {
        let mut version = FORMAT;
        archive.i64(&mut version);
        let (mut timestamp, mut value) = self.last.unwrap_or((i64::MIN, 0.0));
        archive.i64(&mut timestamp);
        archive.f64(&mut value);
        self.last = (timestamp != i64::MIN).then_some((timestamp, value));
        self.episodes.fields(archive);
        let mut learned = i64::from(self.features.is_some());
        let mut silent = i64::from(self.silent);
        archive.i64(&mut silent);
        archive.i64(&mut learned);
        self.silent = silent != 0;
        if learned != 0 {
            self.features.get_or_insert_with(|| Box::new(Features::new(0, 0.0))).fields(archive);
        }
        version
    }

    /// Increase per second since the last reading of a counter; none over a reset: what was counted before it is lost.
    fn per_second(&mut self, timestamp: i64, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let (last, before) = self.last.replace((timestamp, value))?;
        let seconds = timestamp.saturating_sub(last);
        (seconds > 0 && value >= before).then(|| (value - before) / seconds as f64)
    }

    fn judge(&mut self, timestamp: i64, value: f64, evidence: &Evidence) -> Reading {
        let feature = evidence.leading();
        let strongest = feature.map_or(0.0, |f| evidence.of(f));
        let beyond: f64 = evidence.weighted.iter().map(|w| (w - ORDINARY).max(0.0)).sum();
        let mut strength = (strongest + beyond) / THRESHOLD * self.options.sensitivity;
        if self.below_floor(value, evidence, feature) {
            strength = strength.min(0.99);
        }
        let (score, episode) = self.episodes.judge(timestamp, strength);
        Reading {
            score,
            strength,
            direction: feature.map_or(0, |f| evidence.sign(f)),
            expected: evidence.expected.map(|(centre, width)| (centre - width, centre + width)),
            feature,
            rarity: feature.map_or(1.0, |f| 10f64.powf(-evidence.decades(f))),
            way: evidence.way,
            episode,
        }
    }

    /// Whether the deviation is too small to matter. Missing and frozen readings have no deviation.
    fn below_floor(&self, value: f64, evidence: &Evidence, feature: Option<Feature>) -> bool {
        if matches!(feature, Some(Feature::Missing | Feature::Flat)) {
            return false;
        }
        evidence.expected.is_some_and(|(centre, _)| self.options.is_small(value, centre))
    }
}

/// The saved form of a detector within JSON and other text formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved(pub Vec<u8>);

impl Serialize for Saved {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&archive::to_text(&self.0))
    }
}

impl<'de> Deserialize<'de> for Saved {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        archive::from_text(&text).map(Self).ok_or_else(|| {
            serde::de::Error::custom("the state of the anomaly detector is damaged: remove it to start anew")
        })
    }
}

#[cfg(test)]
mod tests;
