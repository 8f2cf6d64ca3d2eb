//! What comes next: an online predictor (recursive least squares on the last four readings and what is usual now) and the
//! running statistics it needs. It forecasts one step; horizons are the business of the forecast.
#![expect(clippy::indexing_slicing, reason = "numeric kernel: fixed-size arrays, constant loops")]

use super::archive::Archive;
use super::recent::{LONG, Recent};

/// Readings back that the predictor looks at.
const LAGS: usize = 4;
/// Lags, what is usual, constant.
const INPUTS: usize = LAGS + 2;
/// Forgetting per reading.
const MEMORY: f64 = 0.999;
const PRIOR_VARIANCE: f64 = 10.0;
/// Running statistics cover at most this many readings.
const STATISTICS: f64 = 32_768.0;

/// Predictor of the next reading.
#[derive(Clone, Debug)]
pub(super) struct Predictor {
    weights: [f64; INPUTS],
    covariance: [[f64; INPUTS]; INPUTS],
    /// Mean absolute error, in standard deviations.
    error: f64,
    /// Slow robust level and its spread.
    level: f64,
    level_spread: f64,
    mean: f64,
    variance: f64,
    seen: f64,
}

impl Predictor {
    pub(super) const fn new() -> Self {
        let mut weights = [0.0; INPUTS];
        weights[0] = 1.0;
        Self {
            weights,
            covariance: prior(),
            error: 0.0,
            level: 0.0,
            level_spread: 0.0,
            mean: 0.0,
            variance: 0.0,
            seen: 0.0,
        }
    }

    /// Standard deviation of the whole series.
    pub(super) fn scale(&self) -> f64 {
        self.variance.max(0.0).sqrt()
    }

    /// Counts a reading into mean and standard deviation.
    pub(super) fn measure(&mut self, value: f64) {
        self.seen = (self.seen + 1.0).min(STATISTICS);
        let rate = 1.0 / self.seen;
        let off = value - self.mean;
        self.mean += rate * off;
        self.variance = (1.0 - rate) * (self.variance + rate * off * off);
    }

    /// The error of the prediction of `value` in standard deviations; learns from it. `recent` ends before `value`.
    pub(super) fn error(&mut self, value: f64, recent: &Recent, usual: Option<f64>) -> Option<f64> {
        recent.back(INPUTS - 1)?;
        let scale = self.scale() + 1e-9;
        let normal = |v: f64, limit: f64| ((v - self.level) / scale).clamp(-limit, limit);
        let mut inputs = [0.0; INPUTS];
        for (i, input) in inputs.iter_mut().take(LAGS).enumerate() {
            *input = normal(recent.back(i).unwrap_or(self.level), 6.0);
        }
        inputs[LAGS] = usual.map_or(0.0, |u| normal(u, 6.0));
        inputs[LAGS + 1] = 0.1;
        let predicted: f64 = self.weights.iter().zip(inputs).map(|(w, x)| w * x).sum();
        let error = normal(value, 30.0) - predicted;
        self.learn(&inputs, error);
        Some(error)
    }

    /// Moves the slow level; a reading moves it by four spreads at most.
    pub(super) fn follow(&mut self, value: f64) {
        let rate = 1.0 / self.seen.clamp(1.0, LONG as f64);
        let limit = if self.seen <= 20.0 { f64::MAX / 4.0 } else { 4.0 * self.level_spread + 1e-9 };
        self.level += rate * (value - self.level).clamp(-limit, limit);
        self.level_spread += rate * ((value - self.level).abs() - self.level_spread);
    }

    pub(super) fn fields(&mut self, archive: &mut Archive) {
        archive.f64s(&mut self.weights);
        self.covariance.iter_mut().for_each(|row| archive.f64s(row));
        for field in [
            &mut self.error,
            &mut self.level,
            &mut self.level_spread,
            &mut self.mean,
            &mut self.variance,
            &mut self.seen,
        ] {
            archive.f64(field);
        }
    }

    fn learn(&mut self, inputs: &[f64; INPUTS], error: f64) {
        // A single wild reading must not bend the predictor.
        let limit = if self.seen > 50.0 { 4.0 * self.error + 1e-6 } else { f64::MAX };
        let bounded = error.clamp(-limit, limit);
        self.error += 0.02 * (error.abs().min(5.0 * self.error + 1.0) - self.error);
        let mut gain = [0.0; INPUTS];
        for (g, row) in gain.iter_mut().zip(&self.covariance) {
            *g = row.iter().zip(inputs).map(|(p, x)| p * x).sum();
        }
        let divisor = MEMORY + gain.iter().zip(inputs).map(|(g, x)| g * x).sum::<f64>();
        for (weight, g) in self.weights.iter_mut().zip(gain) {
            *weight += g / divisor * bounded;
        }
        let mut wild = false;
        for a in 0..INPUTS {
            for b in 0..INPUTS {
                self.covariance[a][b] = (self.covariance[a][b] - gain[a] * gain[b] / divisor) / MEMORY;
            }
            // Without excitation the covariance grows without end (and NaN compares as wild, too).
            wild |= !(self.covariance[a][a] <= 1e4 && self.weights[a].abs() < 1e6);
        }
        if wild {
            self.covariance = prior();
            if !self.weights.iter().all(|w| w.abs() < 1e6) {
                self.weights = Self::new().weights;
            }
        }
    }
}

const fn prior() -> [[f64; INPUTS]; INPUTS] {
    let mut matrix = [[0.0; INPUTS]; INPUTS];
    let mut i = 0;
    while i < INPUTS {
        matrix[i][i] = PRIOR_VARIANCE;
        i += 1;
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_an_oscillation() {
        let (mut predictor, mut recent) = (Predictor::new(), Recent::default());
        let mut late = 0.0f64;
        for i in 0..2000 {
            let value = (f64::from(i) * 0.7).sin() * 10.0;
            predictor.measure(value);
            let error = predictor.error(value, &recent, None);
            predictor.follow(value);
            recent.push(value);
            if i > 1000 {
                late = late.max(error.unwrap().abs());
            }
        }
        assert!(late < 0.1, "{late}");
    }

    #[test]
    fn a_constant_series_then_a_jump_stays_finite() {
        let (mut predictor, mut recent) = (Predictor::new(), Recent::default());
        for i in 0..20_000 {
            let value = if i < 15_000 { 0.0 } else { 1e12 };
            predictor.measure(value);
            let error = predictor.error(value, &recent, Some(0.0));
            predictor.follow(value);
            recent.push(value);
            assert!(error.is_none_or(f64::is_finite));
        }
    }
}
