//! What is usual at this time of day, and of the week: a robust centre per bin, learned on the go. UTC only: a change to
//! daylight saving moves the load by an hour against the profile, which the bins unlearn within days.
#![expect(clippy::indexing_slicing, reason = "numeric kernel: bins come from a remainder")]

use super::archive::Archive;

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// Quarter hours.
const DAY_BINS: usize = 96;
/// Hours of the week.
const WEEK_BINS: usize = 168;
/// Readings after which a bin forgets the oldest.
const BIN_MEMORY: f32 = 30.0;
/// A bin speaks from this many readings on.
const BIN_READY: f32 = 2.0;
/// How quickly the errors of the two profiles are averaged.
const ERROR_RATE: f64 = 0.005;

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    centre: f32,
    spread: f32,
    seen: f32,
}

impl Bin {
    fn learn(&mut self, value: f64) {
        let value = value as f32;
        if self.seen == 0.0 {
            self.centre = value;
            self.seen = 1.0;
            return;
        }
        let rate = 1.0 / (self.seen + 1.0).min(BIN_MEMORY);
        let residual = value - self.centre;
        // From the third reading on an outlier moves the centre by three spreads at most.
        let limit = if self.seen < 3.0 { f32::MAX / 4.0 } else { 3.0 * self.spread + f32::MIN_POSITIVE };
        self.centre += rate * residual.clamp(-limit, limit);
        self.spread += rate * (residual.abs().min(3.0 * limit) - self.spread);
        self.seen = (self.seen + 1.0).min(1e6);
    }
}

/// Daily and weekly profile of a series.
#[derive(Clone, Debug)]
pub(super) struct Season {
    day: Box<[Bin; DAY_BINS]>,
    week: Box<[Bin; WEEK_BINS]>,
    day_error: f64,
    week_error: f64,
    first: i64,
}

impl Season {
    pub(super) fn new(first: i64) -> Self {
        Self {
            day: Box::new([Bin::default(); DAY_BINS]),
            week: Box::new([Bin::default(); WEEK_BINS]),
            day_error: 0.0,
            week_error: 0.0,
            first,
        }
    }

    /// What is usual at this time of day; none before anything was seen there.
    pub(super) fn daily(&self, timestamp: i64) -> Option<f64> {
        let bin = self.day[day_bin(timestamp)];
        (bin.seen > 0.0).then_some(f64::from(bin.centre))
    }

    /// What is usual in each hour of the day; none until every hour was seen.
    pub(super) fn hours(&self) -> Option<[f64; 24]> {
        let mut hours = [0.0; 24];
        for (hour, bins) in hours.iter_mut().zip(self.day.chunks(DAY_BINS / 24)) {
            let seen = || bins.iter().filter(|bin| bin.seen > 0.0);
            if seen().count() == 0 {
                return None;
            }
            *hour = seen().map(|bin| f64::from(bin.centre)).sum::<f64>() / seen().count() as f64;
        }
        Some(hours)
    }

    /// What is usual now by the better of the two profiles; none before the bin was seen twice.
    pub(super) fn usual(&self, timestamp: i64) -> Option<f64> {
        let day = self.day[day_bin(timestamp)];
        let centre = if self.weekly(timestamp) { self.week[week_bin(timestamp)].centre } else { day.centre };
        (day.seen >= BIN_READY).then_some(f64::from(centre))
    }

    /// Whether a whole day has been seen: before, everything is new.
    pub(super) const fn ready(&self, timestamp: i64) -> bool {
        timestamp.saturating_sub(self.first) >= DAY
    }

    /// Whether the weekly profile is in use: more than two weeks old, and better than the daily one.
    pub(super) fn weekly(&self, timestamp: i64) -> bool {
        timestamp.saturating_sub(self.first) > 2 * WEEK + 2 * DAY
            && self.week[week_bin(timestamp)].seen >= BIN_READY
            && self.week_error < self.day_error
    }

    /// Learns a reading; `scale` is the spread of the whole series.
    pub(super) fn learn(&mut self, timestamp: i64, value: f64, scale: f64) {
        let (day, week) = (&mut self.day[day_bin(timestamp)], &mut self.week[week_bin(timestamp)]);
        if day.seen >= BIN_READY {
            follow(&mut self.day_error, value - f64::from(day.centre), scale);
            if week.seen >= BIN_READY && timestamp.saturating_sub(self.first) > 2 * WEEK {
                follow(&mut self.week_error, value - f64::from(week.centre), scale);
            } else {
                // Until it has proved itself, the weekly profile is the worse one.
                self.week_error = self.day_error * 1.5;
            }
        }
        day.learn(value);
        week.learn(value);
    }

    pub(super) fn fields(&mut self, archive: &mut Archive) {
        for bin in self.day.iter_mut().chain(self.week.iter_mut()) {
            archive.f32s(std::slice::from_mut(&mut bin.centre));
            archive.f32s(std::slice::from_mut(&mut bin.spread));
            archive.f32s(std::slice::from_mut(&mut bin.seen));
        }
        archive.f64(&mut self.day_error);
        archive.f64(&mut self.week_error);
        archive.i64(&mut self.first);
    }
}

fn follow(error: &mut f64, residual: f64, scale: f64) {
    *error += ERROR_RATE * (residual.abs().min(6.0 * *error + scale) - *error);
}

fn day_bin(timestamp: i64) -> usize {
    (timestamp.rem_euclid(DAY) * DAY_BINS as i64 / DAY) as usize
}

fn week_bin(timestamp: i64) -> usize {
    (timestamp.rem_euclid(WEEK) / 3600) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weekly_batch_becomes_usual() {
        let mut season = Season::new(0);
        let load = |t: i64| if t.rem_euclid(WEEK) / 3600 == 50 { 90.0 } else { 10.0 };
        let mut t = 0;
        while t < 6 * WEEK {
            season.learn(t, load(t), 5.0);
            t += 300;
        }
        let batch = t + 50 * 3600;
        assert!((season.usual(batch).unwrap() - 90.0).abs() < 5.0);
        assert!((season.usual(batch + DAY).unwrap() - 10.0).abs() < 5.0);
    }

    #[test]
    fn times_before_1970_and_extreme_ones_have_a_bin() {
        let mut season = Season::new(i64::MAX);
        for t in [i64::MIN, -1, 0, i64::MAX] {
            season.learn(t, 1.0, 1.0);
            season.usual(t);
        }
    }
}
