//! Intervals from what the combination got wrong in the backtest (conformal): residuals are brought to one
//! scale by lead and by hour of the season, their quantiles are taken at the level asked, and scaled back.
//!
//! The residuals are out of sample twice over: each half of the past origins is combined with weights that
//! only saw the other half.

use serde::{Deserialize, Serialize};

use super::kernel_order::quantile_sorted;

/// The scale at a lead leans on the mean scale as much as on so many residuals.
const SHRINK_LEAD: f64 = 12.0;
/// The scale at an hour leans on 1 as much as on so many residuals.
const SHRINK_HOUR: f64 = 6.0;
/// The hour's scale is taken to this power: half of what it says.
const HOUR_POWER: f64 = 0.5;
/// How much each side's own quantile counts beside that of the sizes.
const ONE_SIDED: f64 = 0.6;
/// Fewer residuals than this say nothing about quantiles.
pub(crate) const FEWEST: usize = 20;

/// What happened less what was said, at a lead and a slot of the season.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Residual {
    /// Steps ahead, from 0.
    pub(crate) lead: usize,
    /// Slot of the season.
    pub(crate) slot: usize,
    /// The residual.
    pub(crate) value: f64,
}

/// The spread of the residuals.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    by_lead: Vec<f64>,
    by_slot: Vec<f64>,
    reach: Reach,
}

/// How far intervals reach, in units of the scale.
#[derive(Clone, Debug)]
enum Reach {
    /// From the residuals themselves, and their sizes, both ascending.
    Residuals { scaled: Vec<f64>, sizes: Vec<f64>, factor: f64 },
    /// At one level, below and above.
    Fixed { low: f64, high: f64 },
}

/// A spread as it is kept for later: at one level, its slots counted from the first step ahead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptSpread {
    by_lead: Vec<f64>,
    by_slot: Vec<f64>,
    low: f64,
    high: f64,
}

impl KeptSpread {
    /// The spread again, where the first step ahead is that of slot `first`, `elapsed` steps later.
    pub(super) fn at(&self, first: usize, elapsed: usize) -> Spread {
        let mut by_slot = self.by_slot.clone();
        let season = by_slot.len().max(1);
        by_slot.rotate_left(elapsed % season);
        by_slot.rotate_right(first % season);
        Spread { by_lead: self.by_lead.clone(), by_slot, reach: Reach::Fixed { low: self.low, high: self.high } }
    }
}

impl Spread {
    /// From residuals; `None` when they are too few.
    pub(crate) fn new(residuals: &[Residual], horizon: usize, season: usize) -> Option<Self> {
        if residuals.len() < FEWEST {
            return None;
        }
        let by_lead = lead_scale(residuals, horizon, season);
        let lead = |r: &Residual| by_lead.get(r.lead).copied().unwrap_or(1.0);
        let by_slot = slot_scale(residuals, season, lead);
        let slot = |r: &Residual| by_slot.get(r.slot).copied().unwrap_or(1.0);
        let mut scaled: Vec<f64> = residuals.iter().map(|r| ratio(r.value, lead(r) * slot(r))).collect();
        let mut sizes: Vec<f64> = scaled.iter().map(|x| x.abs()).collect();
        scaled.sort_unstable_by(f64::total_cmp);
        sizes.sort_unstable_by(f64::total_cmp);
        Some(Self { by_lead, by_slot, reach: Reach::Residuals { scaled, sizes, factor: 1.0 } })
    }

    /// Widens every interval by a factor.
    pub(crate) fn widen(mut self, by: f64) -> Self {
        match &mut self.reach {
            Reach::Residuals { factor, .. } => *factor *= by,
            Reach::Fixed { low, high } => (*low, *high) = (*low * by, *high * by),
        }
        self
    }

    /// For later, at one level; the first step ahead is that of slot `first`.
    pub(super) fn keep(&self, first: usize, level: f64) -> KeptSpread {
        let (low, high) = self.reach(level);
        let mut by_slot = self.by_slot.clone();
        let season = by_slot.len().max(1);
        by_slot.rotate_left(first % season);
        KeptSpread { by_lead: self.by_lead.clone(), by_slot, low, high }
    }

    /// The scale of the error at a lead and slot.
    pub(crate) fn scale(&self, lead: usize, slot: usize) -> f64 {
        let last = self.by_lead.last().copied().unwrap_or(0.0);
        self.by_lead.get(lead).copied().unwrap_or(last) * self.by_slot.get(slot).copied().unwrap_or(1.0)
    }

    /// How far the interval reaches below (negative) and above the forecast, in units of [`Spread::scale`]; of a spread
    /// that was kept, at the level that it was kept for.
    pub(crate) fn reach(&self, level: f64) -> (f64, f64) {
        let (scaled, sizes, factor) = match &self.reach {
            Reach::Residuals { scaled, sizes, factor } => (scaled, sizes, factor),
            Reach::Fixed { low, high } => return (*low, *high),
        };
        let tail = 0.5 * (1.0 - level);
        let both = quantile_sorted(sizes, level);
        let side = |q: f64, sign: f64| ONE_SIDED * quantile_sorted(scaled, q) + sign * (1.0 - ONE_SIDED) * both;
        (factor * side(tail, -1.0).min(0.0), factor * side(1.0 - tail, 1.0).max(0.0))
    }
}

fn ratio(value: f64, scale: f64) -> f64 {
    if scale > 0.0 { value / scale } else { 0.0 }
}

/// Mean size of the residuals around each lead.
fn lead_scale(residuals: &[Residual], horizon: usize, season: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); horizon];
    for r in residuals {
        if let Some((sum, count)) = sums.get_mut(r.lead) {
            *sum += r.value.abs();
            *count += 1.0;
        }
    }
    let total: f64 = sums.iter().map(|s| s.0).sum();
    let count: f64 = sums.iter().map(|s| s.1).sum();
    let mean = ratio(total, count);
    let width = 0.1 * season as f64;
    let around = |lead: usize| {
        let mut sum = (mean * SHRINK_LEAD, SHRINK_LEAD);
        for (other, cell) in sums.iter().enumerate() {
            let apart = other.abs_diff(lead) as f64 / width;
            let weight = 1.0 / (1.0 + apart * apart);
            sum = (sum.0 + weight * cell.0, sum.1 + weight * cell.1);
        }
        sum.0 / sum.1
    };
    (0..horizon).map(around).collect()
}

/// How much larger the residuals of a slot of the season are than the others at the same lead.
fn slot_scale(residuals: &[Residual], season: usize, lead: impl Fn(&Residual) -> f64) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); season.max(1)];
    for r in residuals {
        let size = ratio(r.value.abs(), lead(r));
        for (shift, weight) in [(season - 1, 0.5), (0, 1.0), (1, 0.5)] {
            if let Some((sum, count)) = sums.get_mut((r.slot + shift) % season.max(1)) {
                *sum += weight * size;
                *count += weight;
            }
        }
    }
    sums.iter().map(|(sum, count)| ((sum + SHRINK_HOUR) / (count + SHRINK_HOUR)).powf(HOUR_POWER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal_like(n: usize) -> Vec<Residual> {
        let mut random = fastrand::Rng::with_seed(3);
        let mut one = || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        (0..n).map(|i| Residual { lead: i % 24, slot: i % 24, value: one() }).collect()
    }

    #[test]
    fn reaches_as_far_as_the_normal_distribution_asks() {
        let spread = Spread::new(&normal_like(4000), 24, 24).unwrap();
        for (level, want) in [(0.5, 0.674), (0.8, 1.2816), (0.95, 1.96)] {
            let (low, high) = spread.reach(level);
            let scale = spread.scale(5, 5);
            assert!((high * scale - want).abs() < 0.15 * want, "{level}: {}", high * scale);
            assert!((low * scale + want).abs() < 0.15 * want, "{level}: {}", low * scale);
        }
    }

    #[test]
    fn few_residuals_give_no_interval_and_zeros_a_narrow_one() {
        assert!(Spread::new(&normal_like(5), 24, 24).is_none());
        let zeros: Vec<Residual> = (0..50).map(|i| Residual { lead: i % 24, slot: 0, value: 0.0 }).collect();
        let spread = Spread::new(&zeros, 24, 24).unwrap();
        assert_eq!((spread.reach(0.8), spread.scale(3, 0)), ((0.0, 0.0), 0.0));
    }
}
