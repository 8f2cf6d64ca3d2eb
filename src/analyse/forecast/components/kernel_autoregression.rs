//! Autoregression on the last hours and on the hours around one day, two days and one week ago, fitted
//! by robust ridge regression and iterated over the horizon.
//!
//! The normal equations are accumulated once, in time order; at each origin the system as it stood then
//! is solved, so a backtest of any length costs one pass over the history plus one small solve per origin.

use super::super::history::History;
use super::super::kernel_order::median;
use super::super::kernel_solve::NormalEquations;
use super::{Component, Expert, Paths, Question, each_origin};

/// Ridge penalty per observation, in units of the variance.
const PENALTY: f64 = 0.01;
/// What the penalty pulls towards: half of yesterday's value, 0.4 of the last one.
const PRIOR_DAY: f64 = 0.5;
const PRIOR_LAST: f64 = 0.4;
/// Residuals up to so many medians count squared, larger ones by their size.
const HUBER: f64 = 0.7;

/// See the module.
pub(super) struct AutoRegression {
    pub(super) name: &'static str,
    /// On logarithms.
    pub(super) log: bool,
}

/// The values less their mean, the lags and how the regression is held back.
struct Model {
    z: Vec<f64>,
    mean: f64,
    spread: f64,
    lags: Vec<usize>,
    penalty: Vec<f64>,
    prior: Vec<f64>,
}

/// The hours whose values are regressed on.
fn lags(history: &History) -> Vec<usize> {
    let day = history.short;
    let mut lags = vec![1, 2, 3, 4, day.saturating_sub(2), day.saturating_sub(1), day, day + 1, day + 2];
    lags.extend([2 * day - 1, 2 * day, 2 * day + 1]);
    if history.long > 0 {
        let week = history.long;
        lags.extend([week - day, week - 1, week, week + 1, week + day]);
    }
    lags.sort_unstable();
    lags.dedup();
    lags.retain(|l| *l > 0);
    lags
}

impl Model {
    fn new(history: &History, log: bool) -> Self {
        let mut z: Vec<f64> = if log { history.y.iter().map(|v| v.ln()).collect() } else { history.y.to_vec() };
        let n = z.len().max(1) as f64;
        let mean = z.iter().sum::<f64>() / n;
        z.iter_mut().for_each(|v| *v -= mean);
        let variance = z.iter().map(|v| v * v).sum::<f64>() / n + 1e-18;
        let lags = lags(history);
        let mut penalty = vec![PENALTY * variance; lags.len() + 1];
        penalty[0] = 1e-6;
        let mut prior = vec![0.0; lags.len() + 1];
        for (slot, lag) in prior[1..].iter_mut().zip(&lags) {
            if *lag == history.short {
                *slot = PRIOR_DAY;
            } else if *lag == 1 {
                *slot = PRIOR_LAST;
            }
        }
        Self { z, mean, spread: variance.sqrt(), lags, penalty, prior }
    }

    /// Takes another mean off the values.
    fn centre(&mut self, mean: f64) {
        let shift = self.mean - mean;
        self.z.iter_mut().for_each(|v| *v += shift);
        self.mean = mean;
    }

    fn longest(&self) -> usize {
        self.lags.last().copied().unwrap_or(1)
    }

    fn row(&self, at: usize, row: &mut [f64]) {
        row[0] = 1.0;
        for (slot, lag) in row[1..].iter_mut().zip(&self.lags) {
            *slot = self.z[at - lag];
        }
    }

    /// Weights that turn least squares into something close to least absolute deviations.
    fn robust_weights(&self) -> Vec<f64> {
        let mut weights = vec![1.0; self.z.len()];
        let mut row = vec![0.0; self.prior.len()];
        for _ in 0..2 {
            let mut equations = NormalEquations::new(row.len());
            for (at, weight) in weights.iter().enumerate().skip(self.longest()) {
                self.row(at, &mut row);
                equations.add(&row, self.z[at], *weight);
            }
            let beta = equations.solve(&self.penalty, &self.prior);
            let mut errors = Vec::with_capacity(self.z.len());
            for at in self.longest()..self.z.len() {
                self.row(at, &mut row);
                errors.push((self.z[at] - dot(&row, &beta)).abs());
            }
            let scale = median(&mut errors.clone()).max(1e-6 * self.spread);
            for (weight, error) in weights[self.longest().min(self.z.len())..].iter_mut().zip(&errors) {
                *weight = 1.0 / (error / scale).max(HUBER);
            }
        }
        weights
    }

    /// Iterates the regression over `out.len()` steps from `origin`.
    fn path(&self, beta: &[f64], origin: usize, tail: &mut Vec<f64>, out: &mut [f64]) {
        let longest = self.longest();
        tail.clear();
        tail.extend_from_slice(&self.z[origin - longest..origin]);
        for (lead, value) in out.iter_mut().enumerate() {
            let past = self.lags.iter().zip(&beta[1..]).map(|(lag, b)| b * tail[longest + lead - lag]);
            let next = (beta[0] + past.sum::<f64>()).clamp(-1e3 * self.spread, 1e3 * self.spread);
            tail.push(next);
            *value = self.mean + next;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The constants that are kept.
fn with_mean(mean: f64, beta: &[f64]) -> Vec<f64> {
    std::iter::once(mean).chain(beta.iter().copied()).collect()
}

impl AutoRegression {
    /// Paths by regressions on what lay before each origin, and the constants of the last one.
    fn fitted(&self, model: &Model, question: &Question) -> (Paths, Vec<f64>) {
        let weights = model.robust_weights();
        let mut row = vec![0.0; model.prior.len()];
        let mut equations = NormalEquations::new(row.len());
        let mut done = model.longest();
        let mut constants = Vec::new();
        let paths = self.paths(model, question, |origin| {
            while done < origin {
                model.row(done, &mut row);
                equations.add(&row, model.z[done], weights[done]);
                done += 1;
            }
            let beta = equations.solve(&model.penalty, &model.prior);
            constants = with_mean(model.mean, &beta);
            beta
        });
        (paths, constants)
    }

    fn paths(&self, model: &Model, question: &Question, mut beta: impl FnMut(usize) -> Vec<f64>) -> Paths {
        let history = question.history;
        let mut tail = Vec::new();
        each_origin(question.origins, question.horizon, |origin, out| {
            if origin < model.longest() {
                out.fill(history.mean(origin.saturating_sub(history.short), origin));
                return;
            }
            model.path(&beta(origin), origin, &mut tail, out);
            if self.log {
                out.iter_mut().for_each(|v| *v = v.exp());
            }
        })
    }
}

impl Component for AutoRegression {
    fn experts(&self, question: &Question) -> Vec<Expert> {
        if !question.wants(self.name) {
            return Vec::new();
        }
        let mut model = Model::new(question.history, self.log);
        let (paths, constants) = match question.constants(self.name) {
            // The mean, and what the values less it are multiplied by.
            Some([mean, beta @ ..]) if beta.len() == model.prior.len() => {
                model.centre(*mean);
                (self.paths(&model, question, |_| beta.to_vec()), with_mean(*mean, beta))
            }
            _ => self.fitted(&model, question),
        };
        vec![Expert { name: self.name, paths, constants }]
    }

    fn needs_positive(&self) -> bool {
        self.log
    }
}
