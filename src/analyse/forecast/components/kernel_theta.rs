//! Theta-like: simple smoothing of the seasonally adjusted values plus half of the linear drift. The
//! seasonal profile is a median of deviations from the centred moving average, so that a single bad day
//! does not bend it.

use super::super::history::History;
use super::super::kernel_order::median;
use super::{Component, Expert, Question, each_origin};

const NAME: &str = "theta";
/// The smoothing weights tried.
const ALPHAS: [f64; 8] = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9];
/// How much of the fitted drift is carried on, as in the theta method.
const DRIFT: f64 = 0.5;

/// See the module.
pub(super) struct Theta;

impl Component for Theta {
    fn experts(&self, question: &Question) -> Vec<Expert> {
        let Question { history, origins, horizon, .. } = *question;
        if !question.wants(NAME) {
            return Vec::new();
        }
        let y = history.y;
        let season = history.short;
        let deviations = deviations(history);
        let alpha = match question.constants(NAME) {
            Some([alpha]) => *alpha,
            _ => best_alpha(y, &profile(&deviations, season, y.len())),
        };
        let paths = each_origin(origins, horizon, |origin, out| {
            let profile = profile(&deviations, season, origin);
            // Values further back than this weigh less than exp(-60).
            let from = origin.saturating_sub((60.0 / alpha) as usize);
            let mut level = y[from] - profile[from % season];
            for at in from + 1..origin {
                level += alpha * (y[at] - profile[at % season] - level);
            }
            let drift = DRIFT * slope(history, origin);
            for (lead, value) in out.iter_mut().enumerate() {
                *value = level + drift * (lead + 1) as f64 + profile[(origin + lead) % season];
            }
        });
        vec![Expert { name: NAME, paths, constants: vec![alpha] }]
    }
}

/// Each value less the mean of the season around it; the ends, which have none, are left out as `NaN`.
fn deviations(history: &History) -> Vec<f64> {
    let half = history.short / 2;
    let n = history.len();
    let around = |at: usize| {
        if at < half || at + half >= n || half == 0 {
            return f64::NAN;
        }
        history.y[at] - history.mean(at - half, at - half + history.short)
    };
    (0..n).map(around).collect()
}

/// The median deviation of each slot of the season before `origin`, summing to 0.
fn profile(deviations: &[f64], season: usize, origin: usize) -> Vec<f64> {
    // The window around a value reaches half a season ahead of it.
    let known = &deviations[..origin.saturating_sub(season / 2 + 1)];
    let mut buffer = Vec::with_capacity(known.len() / season + 1);
    let mut slots: Vec<f64> = (0..season)
        .map(|slot| {
            buffer.clear();
            buffer.extend(known.iter().skip(slot).step_by(season).filter(|d| d.is_finite()));
            if buffer.is_empty() { 0.0 } else { median(&mut buffer) }
        })
        .collect();
    let centre = slots.iter().sum::<f64>() / season as f64;
    slots.iter_mut().for_each(|s| *s -= centre);
    slots
}

/// The weight with the smallest absolute one-step error.
fn best_alpha(y: &[f64], profile: &[f64]) -> f64 {
    let adjusted: Vec<f64> = y.iter().zip(profile.iter().cycle()).map(|(v, p)| v - p).collect();
    let error = |alpha: f64| {
        let mut level = adjusted[0];
        let mut sum = 0.0;
        for value in &adjusted[1..] {
            let error = value - level;
            sum += error.abs();
            level += alpha * error;
        }
        sum
    };
    ALPHAS.into_iter().map(|a| (error(a), a)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.1, |b| b.1)
}

/// The least-squares slope of everything before `origin`.
fn slope(history: &History, origin: usize) -> f64 {
    let middle = (origin as f64 - 1.0) / 2.0;
    let mean = history.mean(0, origin);
    let (mut xx, mut xy) = (0.0, 0.0);
    for (at, value) in history.y[..origin].iter().enumerate() {
        let x = at as f64 - middle;
        xx += x * x;
        xy += x * (value - mean);
    }
    if xx > 0.0 { xy / xx } else { 0.0 }
}
