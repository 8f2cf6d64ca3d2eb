//! Which cycles a series may have, in steps of its grid.
//!
//! The calendar comes first: a day where the step divides one, a week on top, a week alone for daily
//! values. Whether the cycle is real is decided later, by the backtest: models with and without it compete.
//! Only a cycle that the calendar does not explain (a batch job every ten hours) is looked for in the data.

use serde::{Deserialize, Serialize};

use super::kernel_order::median;

const DAY: i64 = 86_400;

/// The seasons of a grid, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seasons {
    /// The short season: usually a day. At least 1; 1 means none.
    pub short: usize,
    /// The long season: usually a week; 0 where there is none or the history does not hold two of them.
    pub long: usize,
}

/// Steps per day, where a whole number of them makes one.
pub(crate) fn steps_per_day(step: i64) -> Option<usize> {
    if step <= 0 || step > DAY / 2 || DAY % step != 0 {
        return None;
    }
    usize::try_from(DAY / step).ok()
}

/// The seasons of `y` at `step` seconds.
pub(crate) fn detect(y: &[f64], step: i64) -> Seasons {
    let calendar = match steps_per_day(step) {
        Some(day) => day,
        None if step == DAY => 7,
        None => 1,
    };
    known(y, step, other_cycle(y, calendar).unwrap_or(calendar))
}

/// The seasons of `y` whose short one is known: a day has a week on top, where the history holds two of them.
pub(crate) fn known(y: &[f64], step: i64, short: usize) -> Seasons {
    let short = short.max(1);
    let long = if steps_per_day(step) == Some(short) { short * 7 } else { 0 };
    Seasons { short, long: if long > 0 && y.len() > 2 * long + short { long } else { 0 } }
}

/// A cycle of up to a day and a half that neither is the calendar's nor divides it, and that repeats
/// itself much better than the calendar does.
fn other_cycle(y: &[f64], calendar: usize) -> Option<usize> {
    let longest = if calendar > 1 { calendar * 3 / 2 } else { 200 }.min(y.len() / 4);
    if longest < 4 {
        return None;
    }
    // The latest part is enough, and bounds the cost for fine grids.
    let recent = y.get(y.len().saturating_sub(longest.saturating_mul(14))..).unwrap_or(y);
    let clean = clipped(recent);
    let scores: Vec<f64> = (1..=longest + 1).map(|lag| repeat(&clean, lag)).collect();
    let at = |lag: usize| lag.checked_sub(1).and_then(|i| scores.get(i)).copied().unwrap_or(0.0);
    // A peak at least 4 steps out, with a real valley before it: smooth series are alike at short lags.
    let mut valley = f64::INFINITY;
    let mut best: Option<(usize, f64)> = None;
    for lag in 2..=longest {
        let score = at(lag);
        valley = valley.min(score);
        let peak = lag >= 4 && score >= at(lag - 1) && score > at(lag + 1) && score - valley > 0.3;
        if peak && best.is_none_or(|b| score > b.1 + 0.05) {
            best = Some((lag, score));
        }
    }
    let (lag, score) = best?;
    let explained = calendar > 1 && (calendar.is_multiple_of(lag) || lag.abs_diff(calendar) <= 1);
    let calendar_score = if calendar > 1 { at(calendar) } else { 0.0 };
    (!explained && score > 0.5 && score > calendar_score + 0.2).then_some(lag)
}

/// The values less their median, at most three robust standard deviations away.
fn clipped(y: &[f64]) -> Vec<f64> {
    let centre = median(&mut y.to_vec());
    let mut sizes: Vec<f64> = y.iter().map(|v| (v - centre).abs()).collect();
    let mean = sizes.iter().sum::<f64>() / sizes.len().max(1) as f64;
    let limit = 3.0 * (1.4826 * median(&mut sizes)).max(mean);
    y.iter().map(|v| (v - centre).clamp(-limit, limit)).collect()
}

/// Autocorrelation at a lag.
fn repeat(z: &[f64], lag: usize) -> f64 {
    let Some(later) = z.get(lag..) else { return 0.0 };
    let (mut both, mut a, mut b) = (0.0, 0.0, 0.0);
    for (x, y) in z.iter().zip(later) {
        both += x * y;
        a += x * x;
        b += y * y;
    }
    if a > 0.0 && b > 0.0 { both / (a * b).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize, period: f64) -> Vec<f64> {
        (0..n)
            .map(|i| (i as f64 * std::f64::consts::TAU / period).sin() + 0.1 * ((i * 7919 % 13) as f64 / 13.0))
            .collect()
    }

    #[test]
    fn the_calendar_comes_first() {
        assert_eq!(detect(&wave(700, 24.0), 3600), Seasons { short: 24, long: 168 });
        assert_eq!(detect(&wave(700, 8.0), 3600), Seasons { short: 24, long: 168 });
        assert_eq!(detect(&wave(200, 24.0), 3600), Seasons { short: 24, long: 0 });
        assert_eq!(detect(&wave(2700, 96.0), 900), Seasons { short: 96, long: 672 });
        assert_eq!(detect(&wave(100, 7.0), 86_400), Seasons { short: 7, long: 0 });
        assert_eq!(detect(&wave(9000, 288.0), 300), Seasons { short: 288, long: 2016 });
    }

    #[test]
    fn a_cycle_the_calendar_does_not_know_is_found() {
        assert_eq!(detect(&wave(700, 10.0), 3600), Seasons { short: 10, long: 0 });
        assert_eq!(detect(&wave(700, 20.0), 7_000), Seasons { short: 20, long: 0 });
    }

    #[test]
    fn noise_has_no_other_cycle() {
        let mut random = fastrand::Rng::with_seed(7);
        let noise: Vec<f64> = (0..700).map(|_| random.f64()).collect();
        assert_eq!(detect(&noise, 3600), Seasons { short: 24, long: 168 });
        assert_eq!(detect(&[1.0; 700], 3600), Seasons { short: 24, long: 168 });
        assert_eq!(detect(&[], 3600), Seasons { short: 24, long: 0 });
    }
}
