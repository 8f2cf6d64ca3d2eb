//! What the days of a series have been like, as one test sees them: the largest of its statistic, up and down, of each
//! of the last four weeks, and how far it must go to be news today.
//!
//! Readings of one day have one cause: a busy machine is busy for hours, and a thousand readings of it say little more
//! than one. So it is days that are counted. How far is far is found by [`super::pool`], from these days and those of
//! the series' like; this file knows one series.

use crate::analyse::anomaly::archive::Archive;

/// Days that are remembered.
const DAYS: usize = 28;
const DAY: i64 = 86_400;
const WEEK: usize = 7;
/// What the same weekday has seen must be passed by this factor: it is no news, however rare it is.
const NEWS: f32 = 1.25;
/// The most that one test scores.
const MOST: f64 = 1e3;

/// Up and down.
pub(super) const DIRECTIONS: usize = 2;

/// The days of a series by one test.
#[derive(Clone, Debug, Default)]
pub(super) struct Days {
    /// Today, counted from the epoch.
    day: i64,
    /// Largest statistic up and down of each day, the latest (today) last.
    largest: [Vec<f32>; DIRECTIONS],
    /// What is score 1 today, up and down; none while too few days are known. Follows from the days, and is not kept.
    limits: [Option<f32>; DIRECTIONS],
}

impl Days {
    /// Takes a statistic (its sign is the direction); answers with its score, above 1 for news. None while too little
    /// is known.
    pub(super) fn step(&mut self, now: i64, statistic: f64) -> Option<f64> {
        self.turn(now);
        let size = statistic.abs() as f32;
        let [up, down] = &mut self.largest;
        let [up_limit, down_limit] = self.limits;
        let (largest, limit) = if statistic > 0.0 { (up, up_limit) } else { (down, down_limit) };
        if let Some(today) = largest.last_mut() {
            *today = today.max(size);
        }
        limit.map(|limit| f64::from(size / limit).min(MOST))
    }

    /// Begins a new day if it is one; a day without a reading has had nothing.
    pub(super) fn turn(&mut self, now: i64) {
        let day = now.div_euclid(DAY);
        let new = day.saturating_sub(self.day).clamp(0, DAYS as i64);
        let first = self.largest.iter().all(Vec::is_empty);
        self.day = self.day.max(day);
        for largest in &mut self.largest {
            for _ in 0..if first { 1 } else { new } {
                if largest.len() == DAYS {
                    largest.remove(0);
                }
                largest.push(0.0);
            }
        }
    }

    /// The days before today, but for the first, which had no profile yet; none in a direction that there is not.
    pub(super) fn before(&self, direction: usize) -> &[f32] {
        let largest = self.largest.get(direction).map_or([].as_slice(), Vec::as_slice);
        largest.split_last().and_then(|(_, before)| before.get(1..)).unwrap_or_default()
    }

    /// Sets what is score 1 today; what the same weekday has seen raises it.
    pub(super) fn limit(&mut self, direction: usize, limit: Option<f64>) {
        let weekday = self.before(direction).iter().rev().skip(WEEK - 1).step_by(WEEK).copied().fold(0.0, f32::max);
        if let Some(own) = self.limits.get_mut(direction) {
            *own = limit.map(|limit| (limit as f32).max(NEWS * weekday).max(f32::MIN_POSITIVE));
        }
    }

    /// Shows every field to an archive.
    pub(super) fn fields(&mut self, archive: &mut Archive) {
        archive.i64(&mut self.day);
        self.largest.iter_mut().for_each(|largest| archive.list(largest, DAYS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(days: i64, size: impl Fn(i64) -> f64) -> Days {
        let mut known = Days::default();
        for reading in 0..4 * days {
            known.step(reading * DAY / 4, size(reading / 4));
        }
        known
    }

    #[test]
    fn the_largest_of_each_day_is_kept_by_direction() {
        let mut known = fed(5, |day| if day == 3 { -7.0 } else { day as f64 });
        assert_eq!(known.before(0), [1.0, 2.0, 0.0]);
        assert_eq!(known.before(1), [0.0, 0.0, 7.0]);
        assert_eq!(known.step(5 * DAY, 9.0), None, "without a limit nothing is said");
        assert_eq!(known.before(0), [1.0, 2.0, 0.0, 4.0]);
        known.limit(0, Some(3.0));
        assert_eq!((known.step(5 * DAY, 6.0), known.step(5 * DAY, -6.0)), (Some(2.0), None));
    }

    #[test]
    fn what_the_same_weekday_did_is_known() {
        let batch = |day: i64| if day % 7 == 6 { 4.0 } else { 1.0 };
        let mut known = fed(27, batch);
        known.turn(27 * DAY);
        known.limit(0, Some(2.0));
        assert!(known.step(27 * DAY, 4.2).unwrap() < 1.0, "the batch of the week");
        known.turn(29 * DAY);
        known.limit(0, Some(2.0));
        assert!(known.step(29 * DAY, 4.2).unwrap() > 1.0, "the same on another day");
    }

    #[test]
    fn a_restart_keeps_the_days_and_gaps_and_jumps_are_survived() {
        let mut known = fed(20, |day| day as f64);
        let mut saved = Archive::saving();
        known.clone().fields(&mut saved);
        let (mut restored, mut loading) = (Days::default(), Archive::loading(saved.into_bytes()));
        restored.fields(&mut loading);
        assert!(loading.complete());
        for (at, size) in [(20 * DAY, 1.0), (90 * DAY, -2.0), (5, 1.0), (i64::MAX, 1.0), (i64::MIN, f64::NAN)] {
            assert_eq!(known.step(at, size), restored.step(at, size));
            assert_eq!((known.before(0), known.before(1)), (restored.before(0), restored.before(1)));
        }
        assert!(known.before(0).len() < DAYS);
    }
}
