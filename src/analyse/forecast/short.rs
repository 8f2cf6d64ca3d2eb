//! The combination on the series' own grid, for horizons of up to a few seasons.

use serde::{Deserialize, Serialize};

use super::backtest::{Backtest, answers};
use super::components::Question;
use super::history::History;
use super::interval::{KeptSpread, Residual, Spread};
use super::kernel_order::median;
use super::kernel_weights::{Errors, blend};
use crate::model::prediction::finite;

/// Fewer past origins than this leave nothing to cross-fit.
const FEWEST_ORIGINS: usize = 6;
/// The last widening: residuals of overlapping paths are fewer than they look.
const WIDEN: f64 = 1.05;
/// Widening where the weights saw the residuals.
const WIDEN_SEEN: f64 = 1.25;
/// The level at which coverage is reported.
const COVERAGE_LEVEL: f64 = 0.8;

/// What the backtest says about the forecast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BacktestErrors {
    /// Mean absolute error over that of the seasonal naive inside the history.
    #[serde(with = "finite")]
    pub mase: f64,
    /// Sum of absolute errors over the sum of absolute values.
    #[serde(with = "finite")]
    pub wape: f64,
    /// Mean of (said less happened) over the mean absolute value: above 0 says too much.
    pub bias: f64,
    /// Share of what happened inside the 80 % interval.
    pub coverage: f64,
    /// The same error for the seasonal naive over the same origins, as a measure beside ours.
    #[serde(with = "finite")]
    pub naive_mase: f64,
    /// Past origins tried.
    pub origins: usize,
}

/// A fitted combination.
#[derive(Clone, Debug)]
pub(crate) struct Short {
    /// The forecast, a value per lead.
    pub(crate) point: Vec<f64>,
    /// The interval's shape; `None` with too little history.
    pub(crate) spread: Option<Spread>,
    /// Errors in the backtest; `None` without past origins.
    pub(crate) errors: Option<BacktestErrors>,
    /// The experts with the most weight.
    pub(crate) leading: Vec<(&'static str, f64)>,
    /// Residuals by past origin, complete paths only, in units of the spread's scale; none in a renewed one.
    pub(crate) residual_paths: Vec<Vec<f64>>,
    /// The experts that count.
    chosen: Vec<Chosen>,
}

/// An expert that counts, with what it has estimated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Chosen {
    name: String,
    weight: f64,
    constants: Vec<f64>,
}

/// What a fit has learned, for later forecasts from newer values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptShort {
    chosen: Vec<Chosen>,
    spread: KeptSpread,
    errors: BacktestErrors,
}

impl Short {
    /// Backtests, weighs and predicts.
    pub(crate) fn fit(history: &History, horizon: usize, bounds: (f64, f64)) -> Self {
        let backtest = Backtest::run(history, horizon, bounds);
        let errors = backtest.errors(history);
        let weights = errors.weights(|_| true);
        let mut pairs = Vec::with_capacity(weights.len());
        let last = backtest.past();
        let point = (0..horizon)
            .map(|lead| {
                let said = backtest.experts.iter().map(|e| e.paths.row(last).get(lead).copied().unwrap_or(0.0));
                blend(said, &weights, &mut pairs)
            })
            .collect();
        let residuals = Residuals::new(&backtest, &errors, &weights, history);
        let spread = residuals.spread(|_| true, horizon, history.short);
        let leading = leading(backtest.experts.iter().map(|expert| expert.name).zip(weights.iter().copied()));
        let residual_paths = spread.as_ref().map(|s| residuals.paths(s, horizon)).unwrap_or_default();
        let measured = residuals.measure(&backtest, history, horizon);
        let counts = backtest.experts.into_iter().zip(&weights).filter(|(_, weight)| **weight > 0.0);
        let chosen = counts
            .map(|(expert, weight)| Chosen {
                name: expert.name.to_owned(),
                weight: *weight,
                constants: expert.constants,
            })
            .collect();
        Self { point, spread, errors: measured, leading, residual_paths, chosen }
    }

    /// For later, with intervals at one level; none where the backtest had too little to go by.
    pub(super) fn keep(&self, history: &History, level: f64) -> Option<KeptShort> {
        let spread = self.spread.as_ref()?.keep(history.len() % history.short, level);
        Some(KeptShort { chosen: self.chosen.clone(), spread, errors: self.errors? })
    }

    /// Predicts from a history that has gone on for `elapsed` steps since `kept` was learned; none where an expert of
    /// then cannot answer any more.
    pub(super) fn renew(
        history: &History,
        horizon: usize,
        bounds: (f64, f64),
        kept: &KeptShort,
        elapsed: usize,
    ) -> Option<Self> {
        let known: Vec<(&str, &[f64])> = kept.chosen.iter().map(|chosen| (&*chosen.name, &*chosen.constants)).collect();
        let origins = [history.len()];
        let experts = answers(&Question { history, origins: &origins, horizon, known: Some(&known) }, bounds);
        // In the order of the experts, which is the same in each run of one program, and may not be in the next program.
        let weight = |name: &str| kept.chosen.iter().find(|chosen| chosen.name == name).map(|chosen| chosen.weight);
        let weights: Vec<f64> = experts.iter().map_while(|expert| weight(expert.name)).collect();
        if experts.len() != kept.chosen.len() || weights.len() != experts.len() {
            return None;
        }
        let mut pairs = Vec::with_capacity(weights.len());
        let said = |lead: usize| experts.iter().map(move |e| e.paths.row(0).get(lead).copied().unwrap_or(0.0));
        let point = (0..horizon).map(|lead| blend(said(lead), &weights, &mut pairs)).collect();
        let leading = leading(experts.iter().map(|expert| expert.name).zip(weights.iter().copied()));
        Some(Self {
            point,
            spread: Some(kept.spread.at(history.len() % history.short, elapsed)),
            errors: Some(kept.errors),
            leading,
            residual_paths: Vec::new(),
            chosen: kept.chosen.clone(),
        })
    }
}

/// The three experts with the most weight, heaviest first.
fn leading(experts: impl Iterator<Item = (&'static str, f64)>) -> Vec<(&'static str, f64)> {
    let mut all: Vec<(&'static str, f64)> = experts.collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(3);
    all
}

/// Out-of-sample residuals of the combination, by past origin.
struct Residuals {
    rows: Vec<(usize, Residual)>,
    origins: usize,
}

impl Residuals {
    /// Each half of the origins by the weights of the other; by the common weights when there are few.
    fn new(backtest: &Backtest, errors: &Errors, common: &[f64], history: &History) -> Self {
        let origins = backtest.past();
        let half = origins / 2;
        let (older, newer) = if origins >= FEWEST_ORIGINS {
            (errors.weights(|o| o >= half), errors.weights(|o| o < half))
        } else {
            (common.to_vec(), common.to_vec())
        };
        let mut pairs = Vec::with_capacity(common.len());
        let rows = errors.iter().map(|(row, cells)| {
            let weights = if row.origin < half { &older } else { &newer };
            let value = -blend(cells.iter().copied(), weights, &mut pairs);
            let at = backtest.origins.get(row.origin).copied().unwrap_or(0) + row.lead;
            (row.origin, Residual { lead: row.lead, slot: at % history.short, value })
        });
        Self { rows: rows.collect(), origins }
    }

    /// The spread of the residuals of some origins.
    fn spread(&self, include: impl Fn(usize) -> bool, horizon: usize, season: usize) -> Option<Spread> {
        let chosen: Vec<Residual> = self.rows.iter().filter(|r| include(r.0)).map(|r| r.1).collect();
        let widen = if self.origins >= FEWEST_ORIGINS { WIDEN } else { WIDEN_SEEN };
        Spread::new(&chosen, horizon, season).map(|s| s.widen(widen))
    }

    /// Complete residual paths in units of the scale, for simulation.
    fn paths(&self, spread: &Spread, horizon: usize) -> Vec<Vec<f64>> {
        let mut paths = vec![Vec::with_capacity(horizon); self.origins];
        for (origin, r) in &self.rows {
            let scale = spread.scale(r.lead, r.slot);
            if let Some(path) = paths.get_mut(*origin) {
                path.push(if scale > 0.0 { r.value / scale } else { 0.0 });
            }
        }
        paths.retain(|p| p.len() == horizon);
        paths
    }

    /// Errors of the combination; coverage by intervals of the other half's residuals.
    fn measure(&self, backtest: &Backtest, history: &History, horizon: usize) -> Option<BacktestErrors> {
        if self.rows.is_empty() {
            return None;
        }
        let n = self.rows.len() as f64;
        let season = history.short;
        let half = self.origins / 2;
        let older = self.spread(|o| o >= half, horizon, season);
        let newer = self.spread(|o| o < half, horizon, season);
        let reach = |s: &Option<Spread>| s.as_ref().map(|s| s.reach(COVERAGE_LEVEL));
        let (older_reach, newer_reach) = (reach(&older), reach(&newer));
        let (mut size, mut naive, mut sum, mut truth, mut inside) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (origin, r) in &self.rows {
            let start = backtest.origins.get(*origin).copied().unwrap_or(0);
            let value = |at: usize| history.y.get(at).copied().unwrap_or(0.0);
            let actual = value(start + r.lead);
            size += r.value.abs();
            sum -= r.value;
            truth += actual.abs();
            naive += (actual - value((start + r.lead % season).saturating_sub(season))).abs();
            let (spread, reach) = if *origin < half { (&older, older_reach) } else { (&newer, newer_reach) };
            if let (Some(spread), Some((low, high))) = (spread, reach) {
                let scale = spread.scale(r.lead, r.slot);
                inside += f64::from(r.value >= low * scale && r.value <= high * scale);
            }
        }
        let scale = naive_scale(history);
        let per = |a: f64, b: f64| {
            if b > 0.0 {
                a / b
            } else if a > 0.0 {
                f64::INFINITY
            } else {
                0.0
            }
        };
        Some(BacktestErrors {
            mase: per(size / n, scale),
            wape: per(size, truth),
            bias: if truth > 0.0 { sum / truth } else { 0.0 },
            coverage: inside / n,
            naive_mase: per(naive / n, scale),
            origins: self.origins,
        })
    }
}

/// The mean absolute error of the seasonal naive inside the history: the scale of MASE.
fn naive_scale(history: &History) -> f64 {
    let later = history.y.get(history.short..).unwrap_or_default();
    later.iter().zip(history.y).map(|(a, b)| (a - b).abs()).sum::<f64>() / later.len().max(1) as f64
}

/// The model of last resort: the median of the latest values, with a spread that grows with the changes
/// seen over so many steps. Honest, not clever.
pub(crate) fn simple(y: &[f64], horizon: usize, level: f64) -> Vec<(f64, f64, f64)> {
    let recent = y.get(y.len().saturating_sub(5)..).unwrap_or_default();
    let point = median(&mut recent.to_vec());
    let mut changes: Vec<f64> = y.windows(2).filter_map(|w| Some((w.last()? - w.first()?).abs())).collect();
    let mean = changes.iter().sum::<f64>() / changes.len().max(1) as f64;
    let typical = median(&mut changes).max(0.5 * mean);
    let low = y.iter().copied().fold(f64::INFINITY, f64::min);
    let high = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // The normal quantile, near enough for a spread that is a guess anyway.
    let reach = (2.0 * level / (1.0 - level).max(1e-3)).ln_1p() * 1.2;
    let most = (high - low).max(typical) * reach;
    (0..horizon)
        .map(|lead| {
            let half = (typical * reach * ((lead + 1) as f64).sqrt()).min(most);
            (point, point - half, point + half)
        })
        .collect()
}
