//! Analogues: find the stretches of the past that look most like the last hours and take the median of
//! what followed them. Catches cycles of any length, jobs that shift in time, and a machine that falls
//! back to one of its habits; needs no season.

use super::super::history::History;
use super::super::kernel_order::column_medians;
use super::{Component, Expert, Paths, Question};

/// One search, several answers from it.
pub(super) struct Analogue {
    /// Length of the stretch compared, in steps; a multiple of [`LANES`].
    window: usize,
    /// How much a different level counts against a stretch of the same shape.
    level_penalty: f32,
    /// Name, how many neighbours, how much of the difference in level is added to what followed.
    variants: &'static [(&'static str, usize, f64)],
}

/// Sums are kept in so many lanes, which the compiler turns into vector instructions.
const LANES: usize = 4;
/// A stretch from the opposite time of day counts as so much further away.
const PHASE_PENALTY: f32 = 0.5;

/// The last 24 steps, level included.
pub(super) const DAY: Analogue = Analogue {
    window: 24,
    level_penalty: 0.3,
    variants: &[
        ("analogue-9", 9, 0.5),
        ("analogue-4", 4, 0.5),
        ("analogue-25", 25, 0.5),
        ("analogue-9-shifted", 9, 1.0),
        ("analogue-4-shifted", 4, 1.0),
    ],
};
/// The shape of the last 24 steps, whatever the level.
pub(super) const SHAPE: Analogue = Analogue {
    window: 24,
    level_penalty: 0.0,
    variants: &[("shape-9-shifted", 9, 1.0), ("shape-4-shifted", 4, 1.0), ("shape-25-shifted", 25, 1.0)],
};
/// The last 8 steps.
pub(super) const SHORT: Analogue = Analogue {
    window: 8,
    level_penalty: 0.3,
    variants: &[("recent-9", 9, 0.5), ("recent-25", 25, 0.5), ("recent-9-shifted", 9, 1.0)],
};

/// A stretch of the past: its distance, and where what followed begins.
#[derive(Clone, Copy)]
struct Neighbour {
    distance: f32,
    next: usize,
}

/// Mean 0 and spread 1, so that single precision, twice as quick, is enough to rank distances.
struct Standard {
    mean: f64,
    spread: f64,
}

impl Standard {
    fn of(history: &History) -> Self {
        let mean = history.mean(0, history.len());
        let spread = history.y.iter().map(|v| (v - mean).abs()).sum::<f64>() / history.len().max(1) as f64;
        Self { mean, spread: if spread > 0.0 { spread } else { 1.0 } }
    }

    fn apply(&self, value: f64) -> f32 {
        ((value - self.mean) / self.spread) as f32
    }
}

impl Analogue {
    /// The nearest stretches before `origin` whose continuation is known, nearest first.
    fn search(
        &self,
        history: &History,
        (scale, y): (&Standard, &[f32]),
        origin: usize,
        horizon: usize,
        found: &mut Vec<Neighbour>,
    ) {
        let window = self.window;
        let mean_before = |end: usize| scale.apply(history.mean(end - window, end));
        let level = mean_before(origin);
        let shape: Vec<f32> = y[origin - window..origin].iter().map(|v| v - level).collect();
        // Later values count more, the last one three times.
        let weights: Vec<f32> = (0..window).map(|i| 1.0 + 2.0 / (window - i) as f32).collect();
        let penalty = self.level_penalty * window as f32;
        let keep = self.variants.iter().map(|v| v.1).max().unwrap_or(1);
        let mut cutoff = f32::INFINITY;
        found.clear();
        for next in window..=origin - horizon {
            let mean = mean_before(next);
            let past = &y[next - window..next];
            let mut lanes = [0.0_f32; LANES];
            let blocks = shape.chunks_exact(LANES).zip(past.chunks_exact(LANES)).zip(weights.chunks_exact(LANES));
            for ((now, then), weight) in blocks {
                for lane in 0..LANES {
                    lanes[lane] += weight[lane] * (now[lane] - then[lane] + mean).abs();
                }
            }
            let phase = (origin - next) % history.short;
            let apart = phase.min(history.short - phase) as f32 / history.short as f32;
            let distance = (lanes.iter().sum::<f32>() + penalty * (level - mean).abs()) * (1.0 + PHASE_PENALTY * apart);
            if distance < cutoff {
                found.push(Neighbour { distance, next });
                if found.len() >= 4 * keep {
                    cutoff = keep_nearest(found, keep);
                }
            }
        }
        keep_nearest(found, keep);
        found.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance));
    }
}

/// Keeps the nearest ones, in any order, and answers the distance of the furthest of them.
fn keep_nearest(found: &mut Vec<Neighbour>, keep: usize) -> f32 {
    if found.len() <= keep {
        return f32::INFINITY;
    }
    let (_, furthest, _) = found.select_nth_unstable_by(keep - 1, |a, b| a.distance.total_cmp(&b.distance));
    let cutoff = furthest.distance;
    found.truncate(keep);
    cutoff
}

impl Component for Analogue {
    fn experts(&self, question: &Question) -> Vec<Expert> {
        let Question { history, origins, horizon, .. } = *question;
        let variants: Vec<_> = self.variants.iter().filter(|variant| question.wants(variant.0)).collect();
        let empty = |v: &&(&'static str, usize, f64)| Expert::plain(v.0, Paths::new(origins.len(), horizon));
        let mut experts: Vec<Expert> = variants.iter().map(empty).collect();
        if experts.is_empty() {
            return experts;
        }
        let scale = Standard::of(history);
        let y: Vec<f32> = history.y.iter().map(|v| scale.apply(*v)).collect();
        let mut found = Vec::new();
        let mut buffer = Vec::new();
        for (index, &origin) in origins.iter().enumerate() {
            if origin < 2 * self.window + horizon {
                let flat = history.mean(origin.saturating_sub(history.short), origin);
                experts.iter_mut().for_each(|e| e.paths.row_mut(index).fill(flat));
                continue;
            }
            self.search(history, (&scale, &y), origin, horizon, &mut found);
            let mean_before = |end: usize| history.mean(end - self.window, end);
            let level = mean_before(origin);
            let shifts: Vec<f64> = found.iter().map(|n| level - mean_before(n.next)).collect();
            for (expert, &&(_, keep, shift)) in experts.iter_mut().zip(&variants) {
                buffer.clear();
                for (near, level) in found.iter().zip(&shifts).take(keep) {
                    let followed = &history.y[near.next..near.next + horizon];
                    buffer.extend(followed.iter().map(|value| value + shift * level));
                }
                column_medians(&mut buffer, expert.paths.row_mut(index));
            }
        }
        experts
    }
}
