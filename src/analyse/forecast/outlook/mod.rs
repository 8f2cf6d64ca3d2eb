//! Weeks to a year ahead, on whole days: a few ways to go on (level, trend, week), each counting for as much as it has
//! proved itself in the backtest, and an uncertainty that grows with the lead through both the level's wandering and the trend's
//! own error. Time to exhaustion is simulated from it; no line is ever extended without its error.

mod daily;
mod trial;

use daily::{Course, TREND_DAYS, best_alpha, courses, day_profile, one_day_errors, slope, without, without_week};
pub(super) use trial::KeptOutlook;
use trial::Trial;

use super::history::History;
use super::kernel_order::quantile_sorted;
use super::season::steps_per_day;
use super::short::BacktestErrors;

/// Fewer whole days than this give no outlook.
const FEWEST_DAYS: usize = 14;
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

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Outlook {
    /// Steps per day, and seconds per day of the grid (a day where the calendar gives one).
    block: usize,
    block_seconds: f64,
    days: usize,
    course: Course,
    slope_error: f64,
    /// One-day errors of the level.
    noise: Vec<f64>,
    sizes: Vec<f64>,
    deviation: f64,
    /// By step of the day, from the first step ahead; and the sizes of what it leaves.
    profile: Vec<f64>,
    rest: Vec<f64>,
    /// How much each way to go on counts, how much wider intervals are than the noise says, and how wrong it was.
    learned: KeptOutlook,
}

impl Outlook {
    /// From a history with at least two weeks of whole days; tried at past moments, unless it is `known` how that went.
    pub(super) fn fit(history: &History, step: i64, known: Option<&KeptOutlook>) -> Option<Self> {
        let block = steps_per_day(step).unwrap_or(if step >= 86_400 { 1 } else { history.short });
        let n = history.len();
        let days = n / block.max(1);
        if days < FEWEST_DAYS {
            return None;
        }
        let raw: Vec<f64> =
            (1..=days).rev().map(|back| history.mean(n - back * block, n - (back - 1) * block)).collect();
        let (level, _) = without_week(&raw);
        let steady = without(slope(&level), &level);
        let alpha = known.map_or_else(|| best_alpha(&steady), |known| known.alpha);
        let noise = one_day_errors(&steady, alpha);
        let deviation = (noise.iter().map(|e| e * e).sum::<f64>() / noise.len().max(1) as f64).sqrt();
        let mut sizes: Vec<f64> = noise.iter().map(|e| e.abs()).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        let count = days.min(TREND_DAYS) as f64;
        let slope_error = deviation * (alpha * alpha / count + 12.0 / count.powi(3)).sqrt();
        let (profile, rest) = day_profile(history, block, days);
        let block_seconds = block as f64 * step as f64;
        let (ways, learned) = (courses(&raw, alpha), KeptOutlook::untried(alpha));
        let course = Course::default();
        let mut outlook =
            Self { block, block_seconds, days, course, slope_error, noise, sizes, deviation, profile, rest, learned };
        outlook.learned = match known {
            Some(known) => known.clone(),
            None => Trial { raw: &raw, outlook: &outlook }.run(),
        };
        outlook.course = Course::blend(&ways, &outlook.learned.weights);
        Some(outlook)
    }

    /// Whether the backtest had anything to judge by.
    pub(crate) fn tested(&self) -> bool {
        self.learned.errors(1).is_some()
    }

    /// What the backtest on whole days says of the first so many steps.
    pub(crate) fn errors(&self, horizon: usize) -> Option<BacktestErrors> {
        self.learned.errors(horizon.div_ceil(self.block.max(1)))
    }

    /// For later.
    pub(super) fn keep(&self) -> KeptOutlook {
        self.learned.clone()
    }

    /// Growth per day and its standard error.
    pub(crate) fn growth(&self) -> (f64, f64) {
        let per_day = 86_400.0 / self.block_seconds;
        (self.course.slope * per_day, self.slope_error * self.learned.factor * per_day)
    }

    /// (forecast, lower, upper) for each of `horizon` steps of the original grid.
    pub(crate) fn steps(&self, horizon: usize, level: f64) -> Vec<(f64, f64, f64)> {
        let rest = quantile_sorted(&self.rest, level);
        let step = |lead: usize| {
            let ahead = (lead + 1) as f64 / self.block as f64;
            let day = self.profile.get(lead % self.block).copied().unwrap_or(0.0);
            let level = self.course.level + self.course.slope * ahead;
            let point = level + self.course.week_at(lead / self.block) + day;
            let half = self.half_width(ahead.max(1.0), level).hypot(rest);
            (point, point - half, point + half)
        };
        (0..horizon).map(step).collect()
    }

    /// Half the width of the interval of a daily mean `ahead` days ahead.
    fn half_width(&self, ahead: f64, level: f64) -> f64 {
        let noise = quantile_sorted(&self.sizes, level);
        let deviations = if self.deviation > 0.0 { noise / self.deviation } else { 0.0 };
        let wander = noise * (1.0 + (ahead - 1.0) * self.learned.alpha * self.learned.alpha).sqrt();
        self.learned.factor * wander.hypot(deviations * self.slope_error * ahead)
    }

    /// See [`super::Fitted::exhaustions`].
    pub(crate) fn exhaustions(&self, thresholds: &[f64], level: f64, seed: u64) -> Vec<Exhaustion> {
        let window = (WINDOW_HISTORIES * self.days as f64 * self.block_seconds).min(LONGEST_WINDOW);
        let days = (window / self.block_seconds) as usize;
        let mut random = fastrand::Rng::with_seed(seed);
        let mut path = Vec::with_capacity(days + 1);
        let futures: Vec<Vec<f64>> =
            (0..FUTURES).map(|_| self.crossings(thresholds, days, &mut random, &mut path)).collect();
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
    fn crossings(&self, thresholds: &[f64], days: usize, random: &mut fastrand::Rng, path: &mut Vec<f64>) -> Vec<f64> {
        // The sum of twelve uniform numbers: near enough to a normal one, and never wild.
        let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let slope = self.course.slope + self.learned.factor * self.slope_error * normal;
        let step = self.learned.factor * self.learned.alpha;
        let mut wander = 0.0;
        path.clear();
        path.push(self.course.level);
        path.extend((1..=days).map(|day| {
            let shock = self.noise.get(random.usize(..self.noise.len().max(1))).copied().unwrap_or(0.0);
            wander += step * shock;
            self.course.level + slope * day as f64 + wander
        }));
        let time = |threshold: &f64| match path.iter().rposition(|level| level < threshold) {
            None => 0.0,
            Some(day) if day == days => f64::INFINITY,
            // Between the last day below and the first above.
            Some(day) => day as f64 + 0.5,
        };
        thresholds.iter().map(time).collect()
    }
}

#[cfg(test)]
mod tests;
