//! Weeks to a year ahead, on whole days: a level, a trend that must have proved itself in the backtest, the
//! week, and an uncertainty that grows with the lead through both the level's wandering and the trend's
//! own error. Time to exhaustion is simulated from it; no line is ever extended without its error.

use super::history::History;
use super::kernel_order::{median, quantile_sorted};
use super::season::steps_per_day;
use super::short::BacktestErrors;

/// Fewer whole days than this give no outlook.
const FEWEST_DAYS: usize = 14;
/// The trend looks back so many days at most.
const TREND_DAYS: usize = 120;
/// Past origins of the backtest.
const MAX_ORIGINS: usize = 24;
/// Smoothing weights tried for the level.
const ALPHAS: [f64; 7] = [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9];
/// Shares of the trend that compete in the backtest.
const TRENDS: [f64; 3] = [0.0, 0.5, 1.0];
/// Simulated futures.
const FUTURES: usize = 400;
/// No exhaustion is looked for further ahead, in seconds; nor further than so many times the history.
const LONGEST_WINDOW: f64 = 365.0 * 86_400.0;
const WINDOW_HISTORIES: f64 = 4.0;

/// Seconds until a threshold is crossed and stays crossed: 0 when it is now, infinite when not inside the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exhaustion {
    /// Half of the futures cross before.
    pub mid: f64,
    /// The pessimistic, soonest end.
    pub upper: f64,
    /// The optimistic, latest end.
    pub lower: f64,
    /// How far ahead was looked, in seconds.
    pub window: f64,
}

/// Level, trend and their errors at one instant.
#[derive(Clone, Copy, Debug)]
struct Trend {
    level: f64,
    slope: f64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Outlook {
    /// Steps per day, and seconds per day of the grid (a day where the calendar gives one).
    block: usize,
    block_seconds: f64,
    days: usize,
    trend: Trend,
    slope_error: f64,
    alpha: f64,
    /// One-day errors of the level.
    noise: Vec<f64>,
    sizes: Vec<f64>,
    deviation: f64,
    /// By weekday, from the first day ahead.
    week: Vec<f64>,
    /// By step of the day, from the first step ahead; and the sizes of what it leaves.
    profile: Vec<f64>,
    rest: Vec<f64>,
    factor: f64,
    errors: Option<BacktestErrors>,
}

/// The weekday of the day `back` days before the next one, counted from the next one.
fn weekday(back: usize) -> usize {
    (7 - back % 7) % 7
}

impl Outlook {
    /// From a history with at least two weeks of whole days.
    pub(crate) fn fit(history: &History, step: i64) -> Option<Self> {
        let block = steps_per_day(step).unwrap_or(if step >= 86_400 { 1 } else { history.short });
        let n = history.len();
        let days = n / block.max(1);
        if days < FEWEST_DAYS {
            return None;
        }
        let mut daily: Vec<f64> =
            (1..=days).rev().map(|back| history.mean(n - back * block, n - (back - 1) * block)).collect();
        let week = week_pattern(&daily);
        for (at, value) in daily.iter_mut().enumerate() {
            *value -= week.get(weekday(days - at)).copied().unwrap_or(0.0);
        }
        let (profile, rest) = day_profile(history, block, days);
        let steady = without(slope(&daily), &daily);
        let alpha = best_alpha(&steady);
        let noise = one_day_errors(&steady, alpha);
        let deviation = (noise.iter().map(|e| e * e).sum::<f64>() / noise.len().max(1) as f64).sqrt();
        let mut sizes: Vec<f64> = noise.iter().map(|e| e.abs()).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        let count = days.min(TREND_DAYS) as f64;
        let slope_error = deviation * (alpha * alpha / count + 12.0 / count.powi(3)).sqrt();
        let mut outlook = Self {
            block,
            block_seconds: block as f64 * step as f64,
            days,
            trend: trend(&daily, alpha),
            slope_error,
            alpha,
            noise,
            sizes,
            deviation,
            week,
            profile,
            rest,
            factor: 1.0,
            errors: None,
        };
        outlook.backtest(&daily);
        Some(outlook)
    }

    /// Whether the backtest had anything to judge by.
    pub(crate) fn tested(&self) -> bool {
        self.errors.is_some()
    }

    /// What the backtest on whole days says.
    pub(crate) fn errors(&self) -> Option<BacktestErrors> {
        self.errors
    }

    /// Growth per day and its standard error.
    pub(crate) fn growth(&self) -> (f64, f64) {
        let per_day = 86_400.0 / self.block_seconds;
        (self.trend.slope * per_day, self.slope_error * self.factor * per_day)
    }

    /// (forecast, lower, upper) for each of `horizon` steps of the original grid.
    pub(crate) fn steps(&self, horizon: usize, level: f64) -> Vec<(f64, f64, f64)> {
        let rest = quantile_sorted(&self.rest, level);
        let step = |lead: usize| {
            let ahead = (lead + 1) as f64 / self.block as f64;
            let week = self.week.get((lead / self.block) % 7).copied().unwrap_or(0.0);
            let day = self.profile.get(lead % self.block).copied().unwrap_or(0.0);
            let point = self.trend.level + self.trend.slope * ahead + week + day;
            let half = self.half_width(ahead.max(1.0), level).hypot(rest);
            (point, point - half, point + half)
        };
        (0..horizon).map(step).collect()
    }

    /// Half the width of the interval of a daily mean `ahead` days ahead.
    fn half_width(&self, ahead: f64, level: f64) -> f64 {
        let noise = quantile_sorted(&self.sizes, level);
        let deviations = if self.deviation > 0.0 { noise / self.deviation } else { 0.0 };
        let wander = noise * (1.0 + (ahead - 1.0) * self.alpha * self.alpha).sqrt();
        self.factor * wander.hypot(deviations * self.slope_error * ahead)
    }

    /// See [`super::Fitted::exhaustions`].
    pub(crate) fn exhaustions(&self, thresholds: &[f64], level: f64, seed: u64) -> Vec<Exhaustion> {
        let window = (WINDOW_HISTORIES * self.days as f64 * self.block_seconds).min(LONGEST_WINDOW);
        let days = (window / self.block_seconds) as usize;
        let mut random = fastrand::Rng::with_seed(seed);
        let futures: Vec<Vec<f64>> = (0..FUTURES).map(|_| self.crossings(thresholds, days, &mut random)).collect();
        let tail = 0.5 * (1.0 - level.clamp(0.0, 1.0));
        let of = |index: usize| {
            let mut times: Vec<f64> = futures.iter().filter_map(|times| times.get(index)).copied().collect();
            times.sort_unstable_by(f64::total_cmp);
            let at = |q: f64| {
                let index = ((FUTURES - 1) as f64 * q).round() as usize;
                times.get(index).copied().unwrap_or(f64::INFINITY) * self.block_seconds
            };
            Exhaustion { mid: at(0.5), upper: at(tail), lower: at(1.0 - tail), window }
        };
        (0..thresholds.len()).map(of).collect()
    }

    /// Days until one simulated level is at or above each threshold for the rest of the window.
    fn crossings(&self, thresholds: &[f64], days: usize, random: &mut fastrand::Rng) -> Vec<f64> {
        // The sum of twelve uniform numbers: near enough to a normal one, and never wild.
        let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let slope = self.trend.slope + self.factor * self.slope_error * normal;
        let mut wander = 0.0;
        let today = |threshold: &f64| (self.trend.level < *threshold).then_some(0);
        let mut below: Vec<Option<usize>> = thresholds.iter().map(today).collect();
        for day in 1..=days {
            let shock = self.noise.get(random.usize(..self.noise.len().max(1))).copied().unwrap_or(0.0);
            wander += self.factor * self.alpha * shock;
            let level = self.trend.level + slope * day as f64 + wander;
            for (below, threshold) in below.iter_mut().zip(thresholds) {
                if level < *threshold {
                    *below = Some(day);
                }
            }
        }
        let time = |below: Option<usize>| match below {
            None => 0.0,
            Some(day) if day == days => f64::INFINITY,
            // Between the last day below and the first above.
            Some(day) => day as f64 + 0.5,
        };
        below.into_iter().map(time).collect()
    }

    /// Lets shares of the trend compete at past origins, and widens or narrows the interval by what it held.
    fn backtest(&mut self, daily: &[f64]) {
        let oldest = (self.days / 2).max(10);
        let every = (self.days - oldest).div_ceil(MAX_ORIGINS).max(1);
        let longest = (self.days / 3).max(1);
        let mut tried: Vec<(f64, f64, [f64; 3])> = Vec::new();
        let mut origins = 0;
        for origin in (oldest..self.days).step_by(every) {
            let (past, future) = daily.split_at(origin);
            let trend = trend(past, self.alpha);
            origins += 1;
            for (lead, truth) in future.iter().enumerate().take(longest) {
                let ahead = (lead + 1) as f64;
                // The mean of a day lies half a day before its end.
                let error = TRENDS.map(|share| trend.level + share * trend.slope * (ahead - 0.5) - truth);
                tried.push((ahead, truth + self.week_at(self.days - origin - lead), error));
            }
        }
        if tried.is_empty() {
            return;
        }
        let size = |i: usize| tried.iter().map(|t| t.2.get(i).map_or(0.0, |e| e.abs())).sum::<f64>();
        let sizes = [size(0), size(1), size(2)];
        let best = sizes.iter().copied().fold(f64::INFINITY, f64::min) + 1e-12;
        let weights = sizes.map(|s| (best / (s + 1e-12)).powi(3));
        let share = weights.iter().zip(TRENDS).map(|(w, t)| w * t).sum::<f64>() / weights.iter().sum::<f64>();
        self.trend.slope *= share;
        let mixed = |e: &[f64; 3]| e[0] + share * (e[2] - e[0]);
        let mut ratios: Vec<f64> =
            tried.iter().map(|(ahead, _, e)| mixed(e).abs() / self.half_width(*ahead, 0.8).max(1e-12)).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        // Overlapping paths are few independent ones: half way from 1 to what they say.
        self.factor = (0.5 + 0.5 * quantile_sorted(&ratios, 0.8)).clamp(0.8, 3.0);
        let n = tried.len() as f64;
        let total: f64 = tried.iter().map(|t| mixed(&t.2).abs()).sum();
        let truth: f64 = tried.iter().map(|t| t.1.abs()).sum();
        let naive = daily.get(1..).unwrap_or_default().iter().zip(daily).map(|(a, b)| (a - b).abs()).sum::<f64>()
            / (daily.len() - 1).max(1) as f64;
        let per = |a: f64, b: f64| {
            if b > 0.0 {
                a / b
            } else if a > 0.0 {
                f64::INFINITY
            } else {
                0.0
            }
        };
        self.errors = Some(BacktestErrors {
            mase: per(total / n, naive),
            wape: per(total, truth),
            bias: if truth > 0.0 { tried.iter().map(|t| mixed(&t.2)).sum::<f64>() / truth } else { 0.0 },
            coverage: ratios.iter().filter(|r| **r <= self.factor).count() as f64 / n,
            naive_mase: per(sizes[0] / n, naive),
            origins,
        });
    }

    fn week_at(&self, back: usize) -> f64 {
        self.week.get(weekday(back)).copied().unwrap_or(0.0)
    }
}

/// Median deviation of each weekday from the week around it, held back where weeks are few; empty under
/// three weeks.
fn week_pattern(daily: &[f64]) -> Vec<f64> {
    let n = daily.len();
    if n < 21 {
        return Vec::new();
    }
    let mut by_day: Vec<Vec<f64>> = vec![Vec::new(); 7];
    for (at, around) in daily.windows(7).enumerate() {
        let mean = around.iter().sum::<f64>() / 7.0;
        if let (Some(middle), Some(slot)) = (around.get(3), by_day.get_mut(weekday(n - at - 3))) {
            slot.push(middle - mean);
        }
    }
    let held = |v: &mut Vec<f64>| {
        let count = v.len() as f64;
        if v.is_empty() { 0.0 } else { median(v) * count / (count + 2.0) }
    };
    let mut week: Vec<f64> = by_day.iter_mut().map(held).collect();
    let centre = week.iter().sum::<f64>() / 7.0;
    week.iter_mut().for_each(|w| *w -= centre);
    week
}

/// Median deviation from the day's mean by step of the day over four weeks, and the sizes of the rest, sorted.
fn day_profile(history: &History, block: usize, days: usize) -> (Vec<f64>, Vec<f64>) {
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
fn slope(daily: &[f64]) -> f64 {
    let recent = daily.get(daily.len().saturating_sub(TREND_DAYS)..).unwrap_or_default();
    let mut slopes = Vec::with_capacity(recent.len() * recent.len() / 2);
    for (i, a) in recent.iter().enumerate() {
        slopes.extend(recent.iter().skip(i + 1).enumerate().map(|(gap, b)| (b - a) / (gap + 1) as f64));
    }
    if slopes.is_empty() { 0.0 } else { median(&mut slopes) }
}

/// The values without the slope, so that smoothing does not lag behind it.
fn without(slope: f64, daily: &[f64]) -> Vec<f64> {
    daily.iter().enumerate().map(|(day, value)| value - slope * day as f64).collect()
}

/// Level at the end of the last day, and slope.
fn trend(daily: &[f64], alpha: f64) -> Trend {
    let slope = slope(daily);
    let level = without(slope, daily).into_iter().reduce(|level, value| level + alpha * (value - level));
    // The mean of a day is its level at noon.
    Trend { level: level.unwrap_or(0.0) + slope * (daily.len() as f64 - 0.5), slope }
}

fn one_day_errors(daily: &[f64], alpha: f64) -> Vec<f64> {
    let mut level = daily.first().copied().unwrap_or(0.0);
    let mut learn = |value: &f64| {
        let error = value - level;
        level += alpha * error;
        error
    };
    daily.iter().skip(1).map(&mut learn).collect()
}

fn best_alpha(daily: &[f64]) -> f64 {
    let error = |alpha: f64| one_day_errors(daily, alpha).iter().map(|e| e.abs()).sum::<f64>();
    ALPHAS.into_iter().map(|a| (error(a), a)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.2, |b| b.1)
}

#[cfg(test)]
mod tests {
    use super::super::season::detect;
    use super::*;

    fn outlook(value: impl Fn(usize) -> f64, days: usize) -> Outlook {
        let y: Vec<f64> = (0..days * 24).map(value).collect();
        Outlook::fit(&History::new(&y, detect(&y, 3600)), 3600).unwrap()
    }

    fn noise(i: usize) -> f64 {
        fastrand::Rng::with_seed(i as u64).f64() - 0.5
    }

    #[test]
    fn a_steady_growth_reaches_the_threshold_when_it_should() {
        // 0.5 at the start, 0.005 a day, 60 days: 0.8 now, 0.9 in 20 days.
        let o =
            outlook(|i| 0.5 + 0.005 * i as f64 / 24.0 + 0.02 * noise(i) + 0.05 * ((i % 24) as f64 / 24.0 - 0.5), 60);
        let one = |threshold: f64| o.exhaustions(&[threshold], 0.8, 1)[0];
        let e = one(0.9);
        let days = e.mid / 86_400.0;
        assert!((15.0..26.0).contains(&days), "{days}");
        assert!(e.upper <= e.mid && e.mid <= e.lower);
        assert_eq!(one(0.2).mid, 0.0);
        assert!(one(50.0).upper.is_infinite());
        assert_eq!(o.exhaustions(&[0.2, 0.9, 50.0], 0.8, 1), [one(0.2), e, one(50.0)], "the same futures for all");
    }

    #[test]
    fn a_flat_series_is_not_exhausted_and_uncertainty_grows() {
        let o = outlook(|i| 0.5 + 0.1 * noise(i), 45);
        assert!(o.exhaustions(&[0.9], 0.8, 1)[0].mid.is_infinite());
        let steps = o.steps(90 * 24, 0.8);
        let width = |i: usize| steps[i].2 - steps[i].1;
        assert!(width(89 * 24) > width(6 * 24));
    }

    #[test]
    fn the_weekend_stays_at_the_weekend() {
        let o = outlook(|i| if (i / 24) % 7 >= 5 { 10.0 } else { 20.0 } + noise(i), 42);
        let day = |d: usize| o.steps(7 * 24, 0.8)[d * 24..(d + 1) * 24].iter().map(|s| s.0).sum::<f64>() / 24.0;
        assert!(day(0) - day(5) > 5.0, "{} {}", day(0), day(5));
        assert!(day(4) - day(6) > 5.0);
    }
}
