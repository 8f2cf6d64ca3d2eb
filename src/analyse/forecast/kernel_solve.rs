//! Normal equations of a small weighted ridge regression: accumulated row by row, solved by Cholesky.
//!
//! Own code, because the backtest solves the same growing system at every origin: adding rows to one
//! accumulated matrix and solving p x p costs microseconds, where a library call starts from all rows
//! (a test below compares the answers with smartcore's; figures in docs/forecasting.md).

/// Accumulated X'WX (lower triangle, packed by rows) and X'Wy.
#[derive(Clone, Debug)]
pub(crate) struct NormalEquations {
    gram: Vec<f64>,
    moment: Vec<f64>,
    rows: usize,
}

impl NormalEquations {
    /// For `columns` predictors.
    pub(crate) fn new(columns: usize) -> Self {
        Self { gram: vec![0.0; columns * (columns + 1) / 2], moment: vec![0.0; columns], rows: 0 }
    }

    /// Adds one observation.
    pub(crate) fn add(&mut self, row: &[f64], target: f64, weight: f64) {
        let mut at = 0;
        for (i, x) in row.iter().enumerate() {
            let weighted = weight * x;
            for (sum, other) in self.gram[at..=at + i].iter_mut().zip(row) {
                *sum += weighted * other;
            }
            at += i + 1;
            self.moment[i] += weighted * target;
        }
        self.rows += 1;
    }

    /// Coefficients that minimise the squared error plus `penalty[i]` times rows times the squared distance
    /// from `prior[i]`; the prior itself when the system cannot be solved.
    pub(crate) fn solve(&self, penalty: &[f64], prior: &[f64]) -> Vec<f64> {
        let p = self.moment.len();
        let rows = self.rows.max(1) as f64;
        let mut a = vec![0.0; p * p];
        let mut b = self.moment.clone();
        let mut at = 0;
        for i in 0..p {
            a[i * p..=i * p + i].copy_from_slice(&self.gram[at..=at + i]);
            at += i + 1;
            a[i * p + i] += penalty[i] * rows;
            b[i] += penalty[i] * rows * prior[i];
        }
        if cholesky_solve(&mut a, &mut b) && b.iter().all(|x| x.is_finite()) { b } else { prior.to_vec() }
    }
}

/// Solves A x = b in place (lower triangle of the row-major p x p `a`, x left in `b`); false when A is
/// not positive definite.
fn cholesky_solve(a: &mut [f64], b: &mut [f64]) -> bool {
    let p = b.len();
    for j in 0..p {
        let (above, rest) = a.split_at_mut((j + 1) * p);
        let row = &mut above[j * p..];
        let pivot = row[j] - row[..j].iter().map(|v| v * v).sum::<f64>();
        if pivot.is_nan() || pivot <= f64::MIN_POSITIVE {
            return false;
        }
        let pivot = pivot.sqrt();
        row[j] = pivot;
        for below in rest.chunks_exact_mut(p) {
            let dot: f64 = below[..j].iter().zip(&row[..j]).map(|(u, v)| u * v).sum();
            below[j] = (below[j] - dot) / pivot;
        }
    }
    for i in 0..p {
        let dot: f64 = a[i * p..i * p + i].iter().zip(&b[..i]).map(|(u, v)| u * v).sum();
        b[i] = (b[i] - dot) / a[i * p + i];
    }
    for i in (0..p).rev() {
        let dot: f64 = (i + 1..p).map(|k| a[k * p + i] * b[k]).sum();
        b[i] = (b[i] - dot) / a[i * p + i];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_unsolvable_system_answers_the_prior() {
        let eq = NormalEquations::new(2);
        assert_eq!(eq.solve(&[0.0, 0.0], &[1.0, 2.0]), vec![1.0, 2.0]);
    }

    #[test]
    fn answers_what_smartcore_answers() {
        use smartcore::linalg::basic::{arrays::Array, matrix::DenseMatrix};
        use smartcore::linear::ridge_regression::{RidgeRegression, RidgeRegressionParameters};
        let mut random = fastrand::Rng::with_seed(1);
        // Pairs of opposite rows: everything has mean 0, and the intercept, which smartcore leaves out, is 0 too.
        let half: Vec<Vec<f64>> = (0..40).map(|_| (0..5).map(|_| random.f64() - 0.5).collect()).collect();
        let rows: Vec<Vec<f64>> = half.iter().flat_map(|r| [r.clone(), r.iter().map(|x| -x).collect()]).collect();
        let y: Vec<f64> = rows.iter().map(|r| r[0] - 2.0 * r[3] + 0.5 * r[4] * r[4] * r[4]).collect();
        let mut own = NormalEquations::new(5);
        rows.iter().zip(&y).for_each(|(r, t)| own.add(r, *t, 1.0));
        let own = own.solve(&[0.01; 5], &[0.0; 5]);
        let settings = RidgeRegressionParameters::default().with_alpha(0.01 * 80.0).with_normalize(false);
        let theirs = RidgeRegression::fit(&DenseMatrix::from_2d_vec(&rows).unwrap(), &y, settings).unwrap();
        for (i, b) in own.iter().enumerate() {
            assert!((b - theirs.coefficients().get((i, 0))).abs() < 1e-9);
        }
    }

    proptest! {
        #[test]
        fn recovers_an_exact_relation(
            truth in prop::collection::vec(-3.0..3.0f64, 3),
            rows in prop::collection::vec(prop::collection::vec(-1.0..1.0f64, 3), 12..30),
        ) {
            let mut eq = NormalEquations::new(3);
            for row in &rows {
                let target = row.iter().zip(&truth).map(|(x, b)| x * b).sum();
                eq.add(row, target, 1.0);
            }
            let got = eq.solve(&[1e-12; 3], &[0.0; 3]);
            for row in &rows {
                let want: f64 = row.iter().zip(&truth).map(|(x, b)| x * b).sum();
                let have: f64 = row.iter().zip(&got).map(|(x, b)| x * b).sum();
                prop_assert!((want - have).abs() < 1e-4);
            }
        }
    }
}
