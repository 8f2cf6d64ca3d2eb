//! What is looked at in a series, and how rare each of it is by the series' own history. It does not decide: the
//! combination and the episodes do.
#![expect(clippy::indexing_slicing, reason = "numeric kernel: arrays are indexed by the features of one enumeration")]

use serde::Serialize;

use super::archive::Archive;
use super::predictor::Predictor;
use super::recent::Recent;
use super::season::Season;
use super::tail::{Tail, WARM_UP};

/// A way of being anomalous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Far from the median of the last 200 readings.
    Level,
    /// A jump from one reading to the next.
    Difference,
    /// Far from what is usual at this time of day or week.
    Season,
    /// The mean of the last 40 readings is far from that of the 288 before.
    Shift,
    /// The last 40 readings vary more than usual.
    Burst,
    /// The last 40 readings vary less than usual.
    Flat,
    /// The last readings were not what the predictor expected.
    Forecast,
    /// A lasting deviation from the usual course (cumulative sum).
    Drift,
    /// The reading came late: those before it are missing.
    Missing,
    /// Outside everything seen so far.
    Extreme,
}

impl Feature {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; COUNT] = [
        Self::Level,
        Self::Difference,
        Self::Season,
        Self::Shift,
        Self::Burst,
        Self::Flat,
        Self::Forecast,
        Self::Drift,
        Self::Missing,
        Self::Extreme,
    ];

    /// For programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Difference => "difference",
            Self::Season => "season",
            Self::Shift => "shift",
            Self::Burst => "burst",
            Self::Flat => "flat",
            Self::Forecast => "forecast",
            Self::Drift => "drift",
            Self::Missing => "missing",
            Self::Extreme => "extreme",
        }
    }

    /// For a human.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Level => "far from its recent level",
            Self::Difference => "jumped",
            Self::Season => "unusual for this time of day or week",
            Self::Shift => "moved to another level",
            Self::Burst => "varies more than usual",
            Self::Flat => "varies less than usual",
            Self::Forecast => "keeps missing its forecast",
            Self::Drift => "off its usual course for a while",
            Self::Missing => "readings are missing",
            Self::Extreme => "outside everything seen so far",
        }
    }

    /// What its decades of rarity count. Single readings are witnesses only: alone they would cry wolf (and so would a
    /// gap that is over: while it lasts, it is overdue), and the predictor's errors hold the same news, averaged. The
    /// inverse scale of a flat line has a heavy tail.
    fn claim(self, decades: f64) -> f64 {
        match self {
            Self::Shift | Self::Forecast | Self::Drift | Self::Extreme => decades.min(CAP),
            Self::Flat => (0.7 * decades).min(CAP),
            Self::Level | Self::Difference | Self::Season | Self::Burst | Self::Missing => {
                (WITNESS * decades).min(WITNESS_CAP)
            }
        }
    }
}

/// Number of features.
pub(super) const COUNT: usize = 10;
/// Readings before anything but the range is looked at.
const SETTLED: u32 = 30;
/// Averaging of the predictor's surprises, and the most one of them counts.
const SURPRISE_RATE: f64 = 0.05;
const SURPRISE_CAP: f64 = 4.0;
/// Cumulative sum: allowance, largest step and fading, in mean absolute residuals.
const DRIFT_ALLOWANCE: f64 = 1.0;
const DRIFT_STEP: f64 = 4.0;
const DRIFT_FADING: f64 = 0.99;
/// Averaging of the residuals against the profile.
const OFFSET_RATE: f64 = 0.1;
/// A new extreme must leave the range by this share of it.
const EXTREME_MARGIN: f64 = 0.05;
/// A reading is late after this many usual intervals.
const LATE: f64 = 3.0;
/// The most that one feature may claim.
const CAP: f64 = 30.0;
/// What a witness counts: alone it stays below the threshold, however rare it is.
const WITNESS: f64 = 0.4;
const WITNESS_CAP: f64 = 2.5;

/// What one reading looked like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// Decades of rarity by feature.
    decades: [f64; COUNT],
    /// What they count.
    pub(super) weighted: [f64; COUNT],
    /// Sign of the deviation by feature.
    signs: [i8; COUNT],
    /// What was expected, and how far 99 % of the readings stay from it.
    pub(super) expected: Option<(f64, f64)>,
    /// How far from both what is usual now and the recent level: the shorter way, 0 between the two.
    pub(super) way: f64,
}

impl Evidence {
    /// The strongest feature, if any says something.
    pub(super) fn leading(&self) -> Option<Feature> {
        let best = Feature::ALL
            .into_iter()
            .max_by(|a, b| self.weighted[*a as usize].total_cmp(&self.weighted[*b as usize]))?;
        (self.weighted[best as usize] > 0.0).then_some(best)
    }

    /// Weighted decades of a feature.
    pub(super) const fn of(&self, feature: Feature) -> f64 {
        self.weighted[feature as usize]
    }

    /// Sign of a feature.
    pub(super) const fn sign(&self, feature: Feature) -> i8 {
        self.signs[feature as usize]
    }

    /// Decades of rarity of a feature.
    pub(super) const fn decades(&self, feature: Feature) -> f64 {
        self.decades[feature as usize]
    }

    fn set(&mut self, feature: Feature, decades: f64, sign: f64) {
        self.decades[feature as usize] = decades;
        self.weighted[feature as usize] = feature.claim(decades);
        self.signs[feature as usize] = if sign > 0.0 { 1 } else { -i8::from(sign < 0.0) };
    }
}

/// All that is remembered of a series.
#[derive(Clone, Debug)]
pub(super) struct Features {
    origin: f64,
    tails: [Tail; COUNT - 1],
    errors: Tail,
    recent: Recent,
    season: Season,
    predictor: Predictor,
    surprise: f64,
    surprise_sign: f64,
    /// Mean absolute residual against the profile, and the mean of the last few.
    residual: f64,
    offset: f64,
    drift: [f64; 2],
    range: [f64; 2],
    interval: f64,
    seen: f64,
}

impl Features {
    pub(super) fn new(timestamp: i64, value: f64) -> Self {
        Self {
            origin: value,
            tails: std::array::from_fn(|_| Tail::new()),
            errors: Tail::new(),
            recent: Recent::default(),
            season: Season::new(timestamp),
            predictor: Predictor::new(),
            surprise: 0.0,
            surprise_sign: 0.0,
            residual: 0.0,
            offset: 0.0,
            drift: [0.0; 2],
            range: [0.0; 2],
            interval: 0.0,
            seen: 0.0,
        }
    }

    /// The usual interval between readings, seconds; 0 while unknown.
    pub(super) const fn interval(&self) -> f64 {
        self.interval
    }

    /// What is usual in each hour of the day.
    pub(super) fn daily_profile(&self) -> Option<[f64; 24]> {
        self.season.hours()
    }

    /// Whether the series is known well enough for alarms.
    pub(super) fn ready(&self, timestamp: i64) -> bool {
        self.seen >= WARM_UP && self.season.ready(timestamp)
    }

    /// Looks at a reading `late` seconds after the one before, then learns it.
    pub(super) fn observe(&mut self, timestamp: i64, value: f64, late: f64) -> Evidence {
        let value = value - self.origin;
        let mut evidence =
            Evidence { decades: [0.0; COUNT], weighted: [0.0; COUNT], signs: [0; COUNT], expected: None, way: 0.0 };
        let settled = self.seen >= f64::from(SETTLED);
        self.predictor.measure(value);
        let scale = self.predictor.scale();
        evidence.expected = self.expected(timestamp);
        self.missing(late, &mut evidence);
        if settled {
            let level = self.recent.median().unwrap_or(value);
            self.rate(Feature::Level, value - level, &mut evidence);
            evidence.way = between(value - level, value - self.season.usual(timestamp).unwrap_or(level));
            self.rate(Feature::Difference, value - self.recent.back(0).unwrap_or(value), &mut evidence);
        }
        self.forecast(timestamp, value, settled, &mut evidence);
        self.recent.push(value);
        if settled {
            self.windows(scale, self.season.weekly(timestamp), &mut evidence);
        }
        if self.seen >= WARM_UP {
            self.extreme(value, &mut evidence);
        }
        self.seasonal(timestamp, value, scale, &mut evidence);
        self.season.learn(timestamp, value, scale);
        self.predictor.follow(value);
        self.range = [self.range[0].min(value), self.range[1].max(value)];
        self.seen = (self.seen + 1.0).min(1e9);
        evidence
    }

    pub(super) fn fields(&mut self, archive: &mut Archive) {
        archive.f64(&mut self.origin);
        self.tails.iter_mut().for_each(|tail| tail.fields(archive));
        self.errors.fields(archive);
        self.recent.fields(archive);
        self.season.fields(archive);
        self.predictor.fields(archive);
        archive.f64s(&mut self.drift);
        archive.f64s(&mut self.range);
        for field in [
            &mut self.surprise,
            &mut self.surprise_sign,
            &mut self.residual,
            &mut self.offset,
            &mut self.interval,
            &mut self.seen,
        ] {
            archive.f64(field);
        }
    }

    /// Rates a deviation by the feature's own history, then adds it to that.
    fn rate(&mut self, feature: Feature, deviation: f64, evidence: &mut Evidence) {
        let tail = &mut self.tails[feature as usize];
        evidence.set(feature, tail.decades(deviation.abs()), deviation);
        tail.push(deviation.abs());
    }

    /// Centre and half width of the band that holds 99 % of the readings.
    fn expected(&self, timestamp: i64) -> Option<(f64, f64)> {
        let (centre, feature) = match self.season.usual(timestamp) {
            Some(usual) => (usual, Feature::Season),
            None => (self.recent.median()?, Feature::Level),
        };
        let width = self.tails[feature as usize].quantile(0.99)?;
        Some((centre + self.origin, width))
    }

    fn missing(&mut self, late: f64, evidence: &mut Evidence) {
        if late <= 0.0 {
            return;
        }
        if self.interval > 0.0 && late > LATE * self.interval {
            evidence.set(Feature::Missing, self.tails[Feature::Missing as usize].decades(late), 0.0);
        }
        self.tails[Feature::Missing as usize].push(late);
        let rate = if self.interval > 0.0 { 0.02 } else { 1.0 };
        self.interval += rate * (late.min(2.0 * self.interval.max(late * rate)) - self.interval);
    }

    fn forecast(&mut self, timestamp: i64, value: f64, settled: bool, evidence: &mut Evidence) {
        let usual = self.season.usual(timestamp).or_else(|| self.season.daily(timestamp));
        let Some(error) = self.predictor.error(value, &self.recent, usual) else { return };
        if !settled {
            return;
        }
        let surprise = self.errors.decades(error.abs()).min(SURPRISE_CAP);
        self.errors.push(error.abs());
        self.surprise += SURPRISE_RATE * (surprise - self.surprise);
        self.surprise_sign += SURPRISE_RATE * (surprise.copysign(error) - self.surprise_sign);
        let tail = &mut self.tails[Feature::Forecast as usize];
        evidence.set(Feature::Forecast, tail.decades(self.surprise), self.surprise_sign);
        tail.push(self.surprise);
    }

    fn windows(&mut self, scale: f64, weekly: bool, evidence: &mut Evidence) {
        if let Some(mut shift) = self.recent.shift() {
            if weekly {
                // A daily cycle is part of the history of shifts; a weekly batch is too rare for that. What the weekly
                // profile explains is no shift.
                shift =
                    if shift * self.offset > 0.0 { shift.abs().min(self.offset.abs()).copysign(shift) } else { 0.0 };
            }
            self.rate(Feature::Shift, shift, evidence);
        }
        if let Some(spread) = self.recent.spread() {
            self.rate(Feature::Burst, spread, evidence);
            self.rate(Feature::Flat, 1.0 / (spread + 1e-3 * scale + 1e-12), evidence);
            evidence.signs[Feature::Burst as usize] = 0;
            evidence.signs[Feature::Flat as usize] = 0;
        }
    }

    fn seasonal(&mut self, timestamp: i64, value: f64, scale: f64, evidence: &mut Evidence) {
        let Some(usual) = self.season.usual(timestamp) else { return };
        let residual = value - usual;
        self.rate(Feature::Season, residual, evidence);
        self.offset += OFFSET_RATE * (residual - self.offset);
        self.residual += 0.005 * (residual.abs().min(6.0 * self.residual + 1e-9 + scale) - self.residual);
        let step = (residual / (self.residual + 0.05 * scale + 1e-12)).clamp(-DRIFT_STEP, DRIFT_STEP);
        self.drift[0] = (self.drift[0] * DRIFT_FADING + step - DRIFT_ALLOWANCE).max(0.0);
        self.drift[1] = (self.drift[1] * DRIFT_FADING - step - DRIFT_ALLOWANCE).max(0.0);
        let [up, down] = self.drift;
        self.rate(Feature::Drift, if up >= down { up } else { -down }, evidence);
    }

    fn extreme(&self, value: f64, evidence: &mut Evidence) {
        let [low, high] = self.range;
        let excess = (value - high).max(low - value) / (high - low).max(1e-9);
        if excess > EXTREME_MARGIN {
            evidence.set(Feature::Extreme, 4.0 + 4.0 * excess.min(1.0), value - high.midpoint(low));
        }
    }
}

/// The shorter of two ways in one direction; 0 where they part.
fn between(a: f64, b: f64) -> f64 {
    if a * b <= 0.0 { 0.0 } else { a.abs().min(b.abs()).copysign(a) }
}
