//! How much each expert counts: first by its error in the backtest, then refined together, so that an
//! expert which errs as another does adds little and one that errs the other way adds much.

use super::kernel_order::weighted_median;

/// Weights start as error^-POWER; those below CUT of the best are left out.
const POWER: f64 = 3.0;
const CUT: f64 = 0.2;
/// Steps and rate of the exponentiated gradient. Stopping early keeps the weights near their start.
const STEPS: usize = 40;
const RATE: f32 = 0.3;
/// Errors below this share of the mean error count squared, larger ones by their size.
const SMOOTH: f32 = 0.3;
/// How much of the combination is the weighted median; the rest is the weighted mean.
const MEDIAN_SHARE: f64 = 0.8;

/// Which prediction a row of errors belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Index of the origin.
    pub(crate) origin: usize,
    /// Steps ahead, from 0.
    pub(crate) lead: usize,
    /// How much it counts.
    pub(crate) weight: f64,
}

/// Errors (said less happened) of all experts, a row per origin and lead.
#[derive(Clone, Debug)]
pub(crate) struct Errors {
    experts: usize,
    cells: Vec<f64>,
    rows: Vec<Row>,
}

impl Errors {
    /// For so many experts.
    pub(crate) fn new(experts: usize) -> Self {
        Self { experts: experts.max(1), cells: Vec::new(), rows: Vec::new() }
    }

    /// Adds a row; `cells` has one error per expert.
    pub(crate) fn push(&mut self, row: Row, cells: &[f64]) {
        self.rows.push(row);
        self.cells.extend_from_slice(cells);
    }

    /// The rows with their errors.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Row, &[f64])> {
        self.rows.iter().zip(self.cells.chunks_exact(self.experts))
    }

    /// Weights that sum to 1, from the rows whose origin `include` admits; equal ones without any.
    pub(crate) fn weights(&self, include: impl Fn(usize) -> bool) -> Vec<f64> {
        let chosen: Vec<(f64, &[f64])> =
            self.iter().filter(|(row, _)| include(row.origin)).map(|(row, cells)| (row.weight, cells)).collect();
        let total: f64 = chosen.iter().map(|c| c.0).sum();
        if total <= 0.0 {
            return vec![1.0 / self.experts as f64; self.experts];
        }
        let start = start(&chosen, self.experts, total);
        refine(&chosen, start, total)
    }
}

/// Inverse powers of the mean absolute errors, the weak ones left out.
fn start(rows: &[(f64, &[f64])], experts: usize, total: f64) -> Vec<f64> {
    let mut size = vec![0.0; experts];
    for (weight, cells) in rows {
        for (sum, error) in size.iter_mut().zip(*cells) {
            *sum += weight * error.abs();
        }
    }
    let mean = size.iter().sum::<f64>() / total / experts as f64;
    let floor = 0.02 * mean + 1e-12;
    let best = size.iter().copied().fold(f64::INFINITY, f64::min) / total + floor;
    let mut weights: Vec<f64> = size.iter().map(|s| (best / (s / total + floor)).powf(POWER)).collect();
    weights.iter_mut().for_each(|w| *w = if *w < CUT { 0.0 } else { *w });
    normalise(&mut weights);
    weights
}

/// Rows are padded to a multiple of this, so that sums run in lanes that become vector instructions.
const LANES: usize = 8;

/// The errors of the experts left in, in units of the mean error, row by row, padded with zeros. Single
/// precision is plenty for weights, and twice as quick.
struct Compact {
    cells: Vec<f32>,
    width: usize,
    weights: Vec<f32>,
}

impl Compact {
    /// `total` is the sum of the rows' weights, which sum to 1 here.
    fn new(rows: &[(f64, &[f64])], kept: &[usize], scale: f64, total: f64) -> Self {
        let width = kept.len().next_multiple_of(LANES);
        let mut cells = vec![0.0; rows.len() * width];
        for ((_, from), to) in rows.iter().zip(cells.chunks_exact_mut(width)) {
            to.iter_mut().zip(kept).for_each(|(t, &i)| *t = (from[i] / scale) as f32);
        }
        Self { cells, width, weights: rows.iter().map(|r| (r.0 / total) as f32).collect() }
    }

    /// The gradient of the smoothed absolute error at `weights`.
    fn gradient(&self, weights: &[f32], gradient: &mut [f32]) {
        gradient.fill(0.0);
        let mut pull = 0.0;
        for (weight, cells) in self.weights.iter().zip(self.cells.chunks_exact(self.width)) {
            let error = dot(cells, weights);
            let push = weight * (error / SMOOTH).clamp(-1.0, 1.0);
            pull += push * error;
            for (g, e) in gradient.iter_mut().zip(cells) {
                *g += push * e;
            }
        }
        gradient.iter_mut().for_each(|g| *g -= pull);
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for (x, y) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum()
}

/// Exponentiated gradient on the absolute error of the weighted mean.
fn refine(rows: &[(f64, &[f64])], start: Vec<f64>, total: f64) -> Vec<f64> {
    let kept: Vec<usize> = (0..start.len()).filter(|&i| start[i] > 0.0).collect();
    let size = |cells: &[f64]| kept.iter().map(|&i| start[i] * cells[i].abs()).sum::<f64>();
    let scale = rows.iter().map(|(weight, cells)| weight * size(cells)).sum::<f64>() / total;
    if scale <= 1e-12 {
        return start;
    }
    let errors = Compact::new(rows, &kept, scale, total);
    let mut first: Vec<f32> = kept.iter().map(|&i| start[i] as f32).collect();
    first.resize(errors.width, 0.0);
    let mut weights = first.clone();
    let mut exponent = vec![0.0_f32; errors.width];
    let mut gradient = vec![0.0_f32; errors.width];
    for _ in 0..STEPS {
        errors.gradient(&weights, &mut gradient);
        exponent.iter_mut().zip(&gradient).for_each(|(x, g)| *x -= RATE * g);
        let top = exponent[..kept.len()].iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for ((w, f), x) in weights.iter_mut().zip(&first).zip(&exponent) {
            *w = f * (x - top).clamp(-30.0, 0.0).exp();
        }
        let sum: f32 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
    }
    let mut all = vec![0.0; start.len()];
    kept.iter().zip(&weights).for_each(|(&i, w)| all[i] = f64::from(*w));
    normalise(&mut all);
    all
}

fn normalise(weights: &mut [f64]) {
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
}

/// The combination of what the experts say.
pub(crate) fn blend(said: impl Iterator<Item = f64>, weights: &[f64], pairs: &mut Vec<(f64, f64)>) -> f64 {
    pairs.clear();
    pairs.extend(said.zip(weights).filter(|p| *p.1 > 0.0).map(|(s, w)| (s, *w)));
    let mean: f64 = pairs.iter().map(|p| p.0 * p.1).sum();
    MEDIAN_SHARE * weighted_median(pairs) + (1.0 - MEDIAN_SHARE) * mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn errors(rows: &[[f64; 3]]) -> Errors {
        let mut e = Errors::new(3);
        for (i, row) in rows.iter().enumerate() {
            e.push(Row { origin: i, lead: 0, weight: 1.0 }, row);
        }
        e
    }

    #[test]
    fn opposite_errors_are_paired() {
        let rows: Vec<[f64; 3]> = (0..40).map(|i| [1.0 + 0.1 * f64::from(i % 3), -1.0, 1.2]).collect();
        let w = errors(&rows).weights(|_| true);
        assert!(w[1] > 0.4 && w[1] < 0.7, "{w:?}");
    }

    #[test]
    fn a_perfect_expert_takes_nearly_all() {
        let rows: Vec<[f64; 3]> = (0..40).map(|_| [0.0, 1.0, -2.0]).collect();
        assert!(errors(&rows).weights(|_| true)[0] > 0.99);
    }

    #[test]
    fn without_rows_all_count_the_same() {
        assert_eq!(errors(&[]).weights(|_| true), vec![1.0 / 3.0; 3]);
    }

    proptest! {
        #[test]
        fn weights_are_a_distribution(rows in prop::collection::vec(prop::array::uniform3(-1e3..1e3f64), 0..30)) {
            let w = errors(&rows).weights(|_| true);
            prop_assert!(w.iter().all(|x| (0.0..=1.0 + 1e-9).contains(x)));
            prop_assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
