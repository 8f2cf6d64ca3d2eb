//! How far a series strays on an ordinary day, and how rare a longer way is.
//!
//! Readings of one day have one cause: a busy machine is busy for hours, and a thousand readings of it say little more
//! than one. So it is days that are counted: the longest way that lasted, up and down, of each of the last four weeks.
//! Largest values of blocks follow a Gumbel distribution, whose place and width come from median and quartiles, so that
//! a few anomalies among the days change little. What the same weekday has seen before is no news, however rare it is.
//!
//! It knows one series, and neither its values nor its profile: ways come from the detector.

use crate::analyse::anomaly::archive::Archive;

/// Days that are remembered.
const DAYS: usize = 28;
/// Fewer say nothing.
const ENOUGH: usize = 5;
const DAY: i64 = 86_400;
const WEEK: usize = 7;
/// A way lasts when so many readings in a row have gone it.
const LASTING: usize = 3;
/// Score 1 is a way that an ordinary day has once in so many days.
const RETURN_DAYS: f64 = 1000.0;
/// A way that the same weekday went must be passed by this factor.
const NEWS: f64 = 1.25;
/// Width of a Gumbel distribution in its interquartile range, and place in its median.
const WIDTH_OF_QUARTILES: f64 = 1.0 / 1.572_5;
const PLACE_OF_MEDIAN: f64 = 0.366_5;
/// Days may be so alike that their width says nothing: it is at least this share of their place.
const NARROWEST: f64 = 0.12;

/// The ways of a series.
#[derive(Clone, Debug, Default)]
pub(super) struct Days {
    /// Today, counted from the epoch.
    day: i64,
    /// The last ways, latest first.
    last: [f64; LASTING],
    /// Longest ways up and down of each day, the latest (today) last.
    ways: [Vec<f32>; 2],
}

impl Days {
    /// Takes the way of a reading; answers with how rare a day with such a way is, above 1 for news. None while too few
    /// days are known.
    pub(super) fn step(&mut self, now: i64, way: f64) -> Option<f64> {
        self.turn(now.div_euclid(DAY));
        self.last.rotate_right(1);
        if let Some(latest) = self.last.first_mut() {
            *latest = way;
        }
        let up = self.last.iter().copied().fold(f64::INFINITY, f64::min).max(0.0);
        let down = -self.last.iter().copied().fold(f64::NEG_INFINITY, f64::max).min(0.0);
        let (lasting, ways) = match &mut self.ways {
            [ways, _] if up > 0.0 => (up, ways),
            [_, ways] => (down, ways),
        };
        let score = score(ways, lasting);
        if let Some(today) = ways.last_mut() {
            *today = today.max(lasting as f32);
        }
        score
    }

    /// Begins a new day; a day without a reading has gone no way.
    fn turn(&mut self, day: i64) {
        let new = day.saturating_sub(self.day).clamp(0, DAYS as i64);
        let first = self.ways.iter().all(Vec::is_empty);
        self.day = self.day.max(day);
        for ways in &mut self.ways {
            for _ in 0..if first { 1 } else { new } {
                if ways.len() == DAYS {
                    ways.remove(0);
                }
                ways.push(0.0);
            }
        }
    }

    /// Shows every field to an archive.
    pub(super) fn fields(&mut self, archive: &mut Archive) {
        archive.i64(&mut self.day);
        archive.f64s(&mut self.last);
        self.ways.iter_mut().for_each(|ways| archive.list(ways, DAYS));
    }
}

/// How rare a way is among the days before today.
fn score(ways: &[f32], way: f64) -> Option<f64> {
    let (_, before) = ways.split_last()?;
    // The first day has no profile yet.
    let before = before.get(1..)?;
    if before.len() < ENOUGH {
        return None;
    }
    let weekday = before.iter().rev().skip(WEEK - 1).step_by(WEEK).copied().fold(0.0, f32::max);
    let mut sorted: Vec<f64> = before.iter().copied().map(f64::from).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| {
        let place = share * (sorted.len() - 1) as f64;
        let (low, high) = (sorted.get(place.floor() as usize), sorted.get(place.ceil() as usize));
        low.zip(high).map_or(0.0, |(low, high)| low + (high - low) * place.fract())
    };
    let median = quantile(0.5);
    // Few days know their width badly.
    let doubt = 1.0 + 2.0 / before.len() as f64;
    let width = ((quantile(0.75) - quantile(0.25)) * WIDTH_OF_QUARTILES).max(NARROWEST * median) * doubt;
    let place = median - PLACE_OF_MEDIAN * width;
    let known = f64::from(weekday) * NEWS;
    let longest = (place + RETURN_DAYS.ln() * width).max(known).max(f64::MIN_POSITIVE);
    Some((way / longest).min(1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four readings a day: three of them go the day's longest way.
    fn fed(days: i64, way: impl Fn(i64) -> f64) -> (Days, Option<f64>) {
        let (mut known, mut last) = (Days::default(), None);
        for reading in 0..4 * days {
            let day = reading / 4;
            last = known.step(reading * DAY / 4, if reading % 4 == 3 { 0.0 } else { way(day) });
        }
        (known, last)
    }

    /// The score of a day of so long a way after all others.
    fn then(known: &mut Days, day: i64, way: f64) -> f64 {
        (0..3).filter_map(|reading| known.step(day * DAY + reading * 300, way)).fold(0.0, f64::max)
    }

    /// Ways from 0.8 to 1.2.
    fn ordinary(day: i64) -> f64 {
        0.8 + 0.4 * (day as f64 * 0.618_033_988_75).fract()
    }

    #[test]
    fn an_ordinary_day_is_no_news_and_twice_its_way_up_or_down_is_some() {
        let (known, _) = fed(14, ordinary);
        for (way, news) in [(1.2, false), (1.3, false), (4.0, true), (-4.0, true)] {
            assert_eq!(then(&mut known.clone(), 14, way) > 1.0, news, "{way}");
        }
        assert_eq!(fed(4, ordinary).1, None, "four days say nothing");
    }

    #[test]
    fn one_or_two_readings_do_not_last() {
        let (mut known, _) = fed(14, ordinary);
        assert!(known.step(14 * DAY, 9.0).unwrap() < 1.0);
        assert!(known.step(14 * DAY + 300, 9.0).unwrap() < 1.0);
        assert!(known.step(14 * DAY + 600, 9.0).unwrap() > 1.0);
    }

    #[test]
    fn what_the_same_weekday_did_is_known_and_one_anomaly_hides_no_other() {
        let batch = |day: i64| if day % 7 == 6 { 4.0 } else { ordinary(day) };
        let (known, _) = fed(27, batch);
        assert!(then(&mut known.clone(), 27, 4.2) < 1.0, "the batch of the week");
        assert!(then(&mut known.clone(), 29, 4.2) > 1.0, "the same on another day");
    }

    #[test]
    fn a_restart_changes_nothing_and_gaps_and_jumps_are_survived() {
        let (mut known, _) = fed(20, ordinary);
        let mut saved = Archive::saving();
        known.clone().fields(&mut saved);
        let (mut restored, mut loading) = (Days::default(), Archive::loading(saved.into_bytes()));
        restored.fields(&mut loading);
        assert!(loading.complete());
        for (at, way) in [(20 * DAY, 1.0), (90 * DAY, 2.0), (5, 1.0), (i64::MAX, 1.0), (i64::MIN, 1.0)] {
            assert_eq!(known.step(at, way), restored.step(at, way));
        }
    }
}
