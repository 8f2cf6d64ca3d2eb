//! What a row of whole days is made of: level, slope, week; and of the hours, the day.

use super::super::history::History;
use super::super::kernel_order::median;

/// The trend looks back so many days at most.
pub(super) const TREND_DAYS: usize = 120;
/// Smoothing weights tried for the level.
const ALPHAS: [f64; 7] = [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9];

/// What comes on top by day ahead, from the first one.
pub(super) type Week = [f64; 7];

/// A way to go on: a level at the end of the last day, a slope per day, a week.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Course {
    pub(super) level: f64,
    pub(super) slope: f64,
    pub(super) week: Week,
}

/// How many are tried: smoothed level or mean of four weeks, with none, half or all of the trend; the last week's mean;
/// the last week again.
pub(super) const COURSES: usize = 8;

impl Course {
    /// The mean of the day `lead`, from 0.
    pub(super) fn day(&self, lead: usize) -> f64 {
        self.level + self.slope * (lead as f64 + 0.5) + self.week_at(lead)
    }

    /// What the week adds on the day `lead`.
    pub(super) fn week_at(&self, lead: usize) -> f64 {
        self.week.get(lead % 7).copied().unwrap_or(0.0)
    }

    /// All of them together.
    pub(super) fn blend(courses: &[Self; COURSES], weights: &[f64; COURSES]) -> Self {
        let mut whole = Self::default();
        for (course, weight) in courses.iter().zip(weights) {
            whole.level += weight * course.level;
            whole.slope += weight * course.slope;
            whole.week.iter_mut().zip(course.week).for_each(|(sum, own)| *sum += weight * own);
        }
        whole
    }
}

/// The weekday of the day `back` days before the next one, counted from the next one.
fn weekday(back: usize) -> usize {
    (7 - back % 7) % 7
}

/// Median deviation of each weekday from the week around it, held back where weeks are few; none under
/// three weeks.
fn week_pattern(daily: &[f64]) -> Week {
    let n = daily.len();
    let mut week = [0.0; 7];
    if n < 21 {
        return week;
    }
    let mut by_day: [Vec<f64>; 7] = Default::default();
    for (at, around) in daily.windows(7).enumerate() {
        let mean = around.iter().sum::<f64>() / 7.0;
        if let (Some(middle), Some(slot)) = (around.get(3), by_day.get_mut(weekday(n - at - 3))) {
            slot.push(middle - mean);
        }
    }
    for (slot, deviations) in week.iter_mut().zip(&mut by_day) {
        let count = deviations.len() as f64;
        *slot = if deviations.is_empty() { 0.0 } else { median(deviations) * count / (count + 2.0) };
    }
    let centre = week.iter().sum::<f64>() / 7.0;
    week.map(|deviation| deviation - centre)
}

/// Median deviation from the day's mean by step of the day over four weeks, and the sizes of the rest, sorted.
pub(super) fn day_profile(history: &History, block: usize, days: usize) -> (Vec<f64>, Vec<f64>) {
    let n = history.len();
    let look = days.min(28);
    let deviation = |back: usize, slot: usize| {
        let start = n - back * block;
        history.y.get(start + slot).copied().unwrap_or(0.0) - history.mean(start, start + block)
    };
    let profile: Vec<f64> =
        (0..block).map(|slot| median(&mut (1..=look).map(|b| deviation(b, slot)).collect::<Vec<_>>())).collect();
    let mut rest: Vec<f64> = (1..=look)
        .flat_map(|back| profile.iter().enumerate().map(move |(slot, p)| (back, slot, *p)))
        .map(|(back, slot, p)| (deviation(back, slot) - p).abs())
        .collect();
    rest.sort_unstable_by(f64::total_cmp);
    (profile, rest)
}

/// The slope by Theil and Sen: the median of the slopes between all pairs of days.
pub(super) fn slope(daily: &[f64]) -> f64 {
    let recent = daily.get(daily.len().saturating_sub(TREND_DAYS)..).unwrap_or_default();
    let mut slopes = Vec::with_capacity(recent.len() * recent.len() / 2);
    for (i, a) in recent.iter().enumerate() {
        slopes.extend(recent.iter().skip(i + 1).enumerate().map(|(gap, b)| (b - a) / (gap + 1) as f64));
    }
    if slopes.is_empty() { 0.0 } else { median(&mut slopes) }
}

/// The values without the slope, so that smoothing does not lag behind it.
pub(super) fn without(slope: f64, daily: &[f64]) -> Vec<f64> {
    daily.iter().enumerate().map(|(day, value)| value - slope * day as f64).collect()
}

/// Days less their week, and what the week adds from the first day ahead.
pub(super) fn without_week(raw: &[f64]) -> (Vec<f64>, Week) {
    let week = week_pattern(raw);
    let less = |(at, value): (usize, &f64)| value - week.get(weekday(raw.len() - at)).unwrap_or(&0.0);
    (raw.iter().enumerate().map(less).collect(), week)
}

/// Ways to go on after so many days.
pub(super) fn courses(raw: &[f64], alpha: f64) -> [Course; COURSES] {
    let (level, week) = without_week(raw);
    let slope = slope(&level);
    let steady = without(slope, &level);
    let smooth = steady.iter().copied().reduce(|smooth, value| smooth + alpha * (value - smooth)).unwrap_or(0.0);
    // The mean of a day is its level at noon.
    let now = slope * (level.len() as f64 - 0.5);
    let on = |level: f64, share: f64| Course { level: level + now, slope: share * slope, week };
    let month = mean_of_last(&steady, 28);
    let flat = mean_of_last(raw, 7);
    let last_week = raw.get(raw.len().saturating_sub(7)..).unwrap_or_default();
    let mut repeated = [0.0; 7];
    repeated.iter_mut().zip(last_week).for_each(|(slot, value)| *slot = value - flat);
    [
        on(smooth, 0.0),
        on(smooth, 0.5),
        on(smooth, 1.0),
        on(month, 0.0),
        on(month, 0.5),
        on(month, 1.0),
        Course { level: flat, ..Course::default() },
        Course { level: flat, slope: 0.0, week: repeated },
    ]
}

fn mean_of_last(days: &[f64], count: usize) -> f64 {
    let last = days.get(days.len().saturating_sub(count)..).unwrap_or_default();
    last.iter().sum::<f64>() / last.len().max(1) as f64
}

pub(super) fn one_day_errors(daily: &[f64], alpha: f64) -> Vec<f64> {
    let mut level = daily.first().copied().unwrap_or(0.0);
    let mut learn = |value: &f64| {
        let error = value - level;
        level += alpha * error;
        error
    };
    daily.iter().skip(1).map(&mut learn).collect()
}

pub(super) fn best_alpha(daily: &[f64]) -> f64 {
    let error = |alpha: f64| one_day_errors(daily, alpha).iter().map(|e| e.abs()).sum::<f64>();
    ALPHAS.into_iter().map(|a| (error(a), a)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.2, |b| b.1)
}
