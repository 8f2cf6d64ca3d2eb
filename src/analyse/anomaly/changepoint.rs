//! The latest lasting shift of a series: "what changed after the deploy". A cumulative sum finds the moment, and forty
//! readings later the medians decide whether it lasted. It raises no alarm: a planned change is a changepoint, too.

use serde::{Deserialize, Serialize};

use super::archive::Archive;

/// Readings that must confirm a shift.
const CONFIRM: usize = 40;
/// Cumulative sum (in mean absolute deviations) that makes a candidate.
const TRIGGER: f64 = 20.0;
/// Deviations that count as nothing.
const ALLOWANCE: f64 = 1.5;
/// One reading adds at most this much, so that a single spike is never a candidate.
const LARGEST_STEP: f64 = 4.0;
/// How many mean absolute deviations apart before and after must be.
const LASTING: f64 = 3.0;
/// Readings before the level is known.
const WARM_UP: f64 = 60.0;
/// Readings that the level remembers.
const MEMORY: f64 = 288.0;

/// A lasting shift.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When it began, seconds since the epoch.
    pub timestamp: i64,
    /// Level before it.
    pub before: f64,
    /// Level after it.
    pub after: f64,
    /// How far apart the two are, in mean absolute deviations of the time before: what changes are ranked by.
    pub size: f64,
}

/// Follows the level of one series.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Changepoints {
    level: f64,
    deviation: f64,
    seen: f64,
    up: Sum,
    down: Sum,
    /// Since when, and the readings since the trigger.
    candidate: Option<(i64, Vec<f64>)>,
    latest: Option<Change>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Sum {
    total: f64,
    since: i64,
}

impl Sum {
    fn add(&mut self, timestamp: i64, step: f64) -> bool {
        if self.total <= 0.0 {
            self.since = timestamp;
        }
        self.total = (self.total + step - ALLOWANCE).max(0.0);
        self.total > TRIGGER
    }
}

impl Changepoints {
    /// The latest lasting shift.
    pub const fn latest(&self) -> Option<Change> {
        self.latest
    }

    /// Takes a reading; says so when it confirms a shift.
    pub fn step(&mut self, timestamp: i64, value: f64) -> Option<Change> {
        if !value.is_finite() {
            return None;
        }
        if self.candidate.is_some() {
            return self.confirm(value);
        }
        self.seen = (self.seen + 1.0).min(MEMORY);
        let off = value - self.level;
        // A level that has never moved has no scale: the smallest that a double tells apart, then.
        let scale = self.deviation.max(1e-9 * self.level.abs()).max(f64::MIN_POSITIVE);
        if self.seen >= WARM_UP {
            let step = (off / scale).clamp(-LARGEST_STEP, LARGEST_STEP);
            let (up, down) = (self.up.add(timestamp, step), self.down.add(timestamp, -step));
            if up || down {
                let since = if up { self.up.since } else { self.down.since };
                self.candidate = Some((since, Vec::with_capacity(CONFIRM)));
                return None;
            }
        }
        self.learn(off);
        None
    }

    /// Shows every field to an archive.
    pub(in crate::analyse) fn fields(&mut self, archive: &mut Archive) {
        for field in [&mut self.level, &mut self.deviation, &mut self.seen] {
            archive.f64(field);
        }
        for sum in [&mut self.up, &mut self.down] {
            archive.f64(&mut sum.total);
            archive.i64(&mut sum.since);
        }
        let mut kept = [i64::from(self.candidate.is_some()), i64::from(self.latest.is_some())];
        kept.iter_mut().for_each(|flag| archive.i64(flag));
        let [candidate, latest] = kept;
        self.candidate = (candidate != 0).then(|| self.candidate.take().unwrap_or_default());
        if let Some((since, values)) = &mut self.candidate {
            archive.i64(since);
            archive.numbers(values, CONFIRM);
        }
        let none = Change { timestamp: 0, before: 0.0, after: 0.0, size: 0.0 };
        self.latest = (latest != 0).then(|| self.latest.take().unwrap_or(none));
        if let Some(change) = &mut self.latest {
            archive.i64(&mut change.timestamp);
            for field in [&mut change.before, &mut change.after, &mut change.size] {
                archive.f64(field);
            }
        }
    }

    fn learn(&mut self, off: f64) {
        let rate = 1.0 / self.seen;
        let limit = if self.seen < WARM_UP { f64::MAX / 4.0 } else { LARGEST_STEP * self.deviation };
        self.level += rate * off.clamp(-limit, limit);
        self.deviation += rate * (off.abs().min(limit) - self.deviation);
    }

    fn confirm(&mut self, value: f64) -> Option<Change> {
        let (since, values) = self.candidate.as_mut()?;
        values.push(value);
        if values.len() < CONFIRM {
            return None;
        }
        let timestamp = *since;
        values.sort_unstable_by(f64::total_cmp);
        let after = values.get(CONFIRM / 2).copied().unwrap_or(value);
        let deviation = values.iter().map(|v| (v - after).abs()).sum::<f64>() / CONFIRM as f64;
        let before = self.level;
        let scale = self.deviation.max(1e-9 * before.abs()).max(f64::MIN_POSITIVE);
        (self.candidate, self.up, self.down) = (None, Sum::default(), Sum::default());
        let size = ((after - before).abs() / scale).min(1e6);
        if size < LASTING {
            return None;
        }
        (self.level, self.deviation, self.seen) = (after, deviation, CONFIRM as f64);
        self.latest = Some(Change { timestamp, before, after, size });
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(i: i64) -> f64 {
        (i as f64 * 0.618_033_988_749_895).fract() - 0.5
    }

    #[test]
    fn a_step_is_found_at_its_time_and_a_spike_is_not() {
        let mut points = Changepoints::default();
        for i in 0..1000 {
            let spike = if i == 300 { 1e6 } else { 0.0 };
            let level = if i >= 700 { 20.0 } else { 10.0 };
            points.step(i * 60, level + noise(i) + spike);
        }
        let change = points.latest().unwrap();
        assert!((change.timestamp - 700 * 60).abs() <= 120, "{change:?}");
        assert!((change.before - 10.0).abs() < 0.5 && (change.after - 20.0).abs() < 0.5, "{change:?}");
    }

    #[test]
    fn quiet_noise_has_no_changepoint() {
        let mut points = Changepoints::default();
        for i in 0..5000 {
            assert_eq!(points.step(i * 60, noise(i)), None);
        }
    }

    #[test]
    fn a_flat_line_that_steps_and_nonsense_values() {
        let mut points = Changepoints::default();
        for i in 0..300 {
            points.step(i, if i < 150 { 0.0 } else { 1.0 });
            points.step(i, f64::NAN);
        }
        let change = points.latest().unwrap();
        assert_eq!((change.timestamp, change.before, change.after), (150, 0.0, 1.0));
    }
}
