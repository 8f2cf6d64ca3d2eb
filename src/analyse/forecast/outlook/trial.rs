//! The outlook tried at past moments: which ways to go on pay off, how far intervals have to reach, how wrong it was. The
//! seasonal naive, which repeats the last week, is tried beside it.

use serde::{Deserialize, Serialize};

use super::super::kernel_order::quantile_sorted;
use super::super::short::BacktestErrors;
use super::Outlook;
use super::daily::{COURSES, courses};

/// Past origins.
const MAX_ORIGINS: usize = 24;
/// Weights are errors to this power, inverted; those below the share of the best are left out.
const POWER: i32 = 3;
const CUT: f64 = 0.2;
/// The interval whose coverage is told.
const LEVEL: f64 = 0.8;

/// What was found out, for this forecast and later ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct KeptOutlook {
    /// Smoothing weight of the level.
    pub(super) alpha: f64,
    /// How much each way to go on counts.
    pub(super) weights: [f64; COURSES],
    /// How much wider intervals are than the noise says.
    pub(super) factor: f64,
    /// Mean size of the difference of a day from that of a week before: the scale of errors.
    weekly: f64,
    origins: usize,
    /// By day ahead.
    tallies: Vec<Tally>,
}

/// Sums over past origins, at one lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tally {
    count: f64,
    /// Of sizes of errors (said less happened), of errors, of sizes of what happened.
    size: f64,
    error: f64,
    truth: f64,
    /// Of sizes of the seasonal naive's errors.
    naive: f64,
    /// How often the interval held what happened.
    inside: f64,
}

impl KeptOutlook {
    /// Before anything was tried.
    pub(super) fn untried(alpha: f64) -> Self {
        let weights = [1.0 / COURSES as f64; COURSES];
        Self { alpha, weights, factor: 1.0, weekly: 0.0, origins: 0, tallies: Vec::new() }
    }

    /// Errors over the first so many days; none where nothing was tried.
    pub(super) fn errors(&self, days: usize) -> Option<BacktestErrors> {
        let sum = |of: fn(&Tally) -> f64| self.tallies.iter().take(days).map(of).sum::<f64>();
        let (count, size, truth) = (sum(|t| t.count), sum(|t| t.size), sum(|t| t.truth));
        let per = |a: f64, b: f64| match (a > 0.0, b > 0.0) {
            (_, true) => a / b,
            (true, false) => f64::INFINITY,
            (false, false) => 0.0,
        };
        (count > 0.0).then(|| BacktestErrors {
            mase: per(size / count, self.weekly),
            wape: per(size, truth),
            bias: if truth > 0.0 { sum(|t| t.error) / truth } else { 0.0 },
            coverage: sum(|t| t.inside) / count,
            naive_mase: per(sum(|t| t.naive) / count, self.weekly),
            origins: self.origins,
        })
    }
}

/// What is tried.
pub(super) struct Trial<'a> {
    /// Means of whole days.
    pub(super) raw: &'a [f64],
    /// What is known without a trial.
    pub(super) outlook: &'a Outlook,
}

/// One prediction of one day.
struct Tried {
    lead: usize,
    truth: f64,
    /// Errors by way to go on.
    errors: [f64; COURSES],
    naive: f64,
}

/// By mean error; they sum to 1.
fn weights(tried: &[Tried]) -> [f64; COURSES] {
    let mut sizes = [0.0; COURSES];
    for t in tried {
        sizes.iter_mut().zip(t.errors).for_each(|(size, error)| *size += error.abs());
    }
    let best = sizes.iter().copied().fold(f64::INFINITY, f64::min) + 1e-12;
    let powers = sizes.map(|size| (best / (size + 1e-12)).powi(POWER));
    let kept = powers.map(|power| if power < CUT { 0.0 } else { power });
    kept.map(|weight| weight / kept.iter().sum::<f64>())
}

impl Trial<'_> {
    /// Lets ways to go on compete, and widens or narrows the interval by what it held.
    pub(super) fn run(&self) -> KeptOutlook {
        let mut learned = self.outlook.learned.clone();
        let (tried, origins) = self.predictions(learned.alpha);
        if tried.is_empty() {
            return learned;
        }
        learned.weights = weights(&tried);
        let error = |t: &Tried| t.errors.iter().zip(&learned.weights).map(|(e, w)| e * w).sum::<f64>();
        let ratio = |t: &Tried| error(t).abs() / self.outlook.half_width((t.lead + 1) as f64, LEVEL).max(1e-12);
        let mut ratios: Vec<f64> = tried.iter().map(ratio).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        // Overlapping paths are few independent ones: half way from 1 to what they say.
        let factor = (0.5 + 0.5 * quantile_sorted(&ratios, LEVEL)).clamp(0.8, 3.0);
        let mut tallies = vec![Tally::default(); tried.iter().map(|t| t.lead + 1).max().unwrap_or(0)];
        for t in &tried {
            if let Some(tally) = tallies.get_mut(t.lead) {
                tally.count += 1.0;
                tally.size += error(t).abs();
                tally.error += error(t);
                tally.truth += t.truth.abs();
                tally.naive += t.naive.abs();
                tally.inside += f64::from(u8::from(ratio(t) <= factor));
            }
        }
        (learned.factor, learned.origins, learned.weekly, learned.tallies) = (factor, origins, self.weekly(), tallies);
        learned
    }

    /// What would have been said at past origins, and how many those are.
    fn predictions(&self, alpha: f64) -> (Vec<Tried>, usize) {
        let days = self.raw.len();
        let oldest = (days / 2).max(10);
        let every = (days - oldest).div_ceil(MAX_ORIGINS).max(1);
        let longest = (days / 3).max(1);
        let mut tried = Vec::new();
        let origins = (oldest..days).step_by(every);
        let count = origins.len();
        for origin in origins {
            let ways = courses(self.raw.get(..origin).unwrap_or_default(), alpha);
            for (lead, truth) in self.raw.iter().skip(origin).take(longest).enumerate() {
                let last_week = (origin + lead % 7).checked_sub(7).and_then(|at| self.raw.get(at));
                let naive = last_week.map_or(0.0, |value| value - truth);
                tried.push(Tried { lead, truth: *truth, errors: ways.map(|way| way.day(lead) - truth), naive });
            }
        }
        (tried, count)
    }

    fn weekly(&self) -> f64 {
        let later = self.raw.get(7..).unwrap_or_default();
        later.iter().zip(self.raw).map(|(now, then)| (now - then).abs()).sum::<f64>() / later.len().max(1) as f64
    }
}
