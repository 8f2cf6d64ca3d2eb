//! The single models that the engine combines. Each one answers, for every origin asked, the path that
//! it would have predicted knowing the history before that origin only.
//!
//! A family of models may share work (one search for neighbours, one pass of smoothing), therefore a
//! [`Component`] may answer several paths: one per expert. Adding a model: one file, one line in [`all`].

use super::history::History;

// Numeric inner loops over ranges that the loops themselves bound; property-tested with the engine.
#[expect(clippy::indexing_slicing, reason = "inner loop over ranges bounded by the history's length")]
mod kernel_analogue;
#[expect(clippy::indexing_slicing, reason = "inner loop over ranges bounded by the history's length")]
mod kernel_autoregression;
#[expect(clippy::indexing_slicing, reason = "inner loop over ranges bounded by the history's length")]
mod kernel_median;
#[expect(clippy::indexing_slicing, reason = "inner loop over ranges bounded by the history's length")]
mod kernel_smoothing;
#[expect(clippy::indexing_slicing, reason = "inner loop over ranges bounded by the history's length")]
mod kernel_theta;

/// Predicted values, one row per origin, one column per lead.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    horizon: usize,
    values: Vec<f64>,
}

impl Paths {
    /// Zeros for so many origins.
    pub(crate) fn new(origins: usize, horizon: usize) -> Self {
        Self { horizon, values: vec![0.0; origins * horizon] }
    }

    /// The path from the `index`-th origin; empty when there is none.
    pub(crate) fn row(&self, index: usize) -> &[f64] {
        self.values.get(index * self.horizon..(index + 1) * self.horizon).unwrap_or_default()
    }

    /// The same, to be written.
    pub(crate) fn row_mut(&mut self, index: usize) -> &mut [f64] {
        self.values.get_mut(index * self.horizon..(index + 1) * self.horizon).unwrap_or_default()
    }

    /// Replaces what is not a number by `fallback` and keeps everything between the limits.
    pub(crate) fn limit(&mut self, low: f64, high: f64, fallback: f64) {
        for value in &mut self.values {
            *value = if value.is_finite() { value.clamp(low, high) } else { fallback };
        }
    }
}

/// One model's answer.
#[derive(Clone, Debug)]
pub(crate) struct Expert {
    /// Shown in reports.
    pub(crate) name: &'static str,
    /// What it predicted from every origin.
    pub(crate) paths: Paths,
    /// What it has estimated from the history, in its own order; empty where it estimates nothing.
    pub(crate) constants: Vec<f64>,
}

impl Expert {
    /// Of a model that estimates nothing.
    fn plain(name: &'static str, paths: Paths) -> Self {
        Self { name, paths, constants: Vec::new() }
    }
}

/// What models are asked: paths of `horizon` steps from each origin (ascending; the last one may be the end of the history).
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) history: &'a History<'a>,
    pub(crate) origins: &'a [usize],
    pub(crate) horizon: usize,
    /// Constants of an earlier fit, by the name of their expert: the others are not asked at all.
    pub(crate) known: Option<&'a [(&'a str, &'a [f64])]>,
}

impl<'a> Question<'a> {
    /// Whether an expert's answer is wanted.
    fn wants(&self, name: &str) -> bool {
        self.known.is_none_or(|known| known.iter().any(|(other, _)| *other == name))
    }

    /// What an expert estimated before: it estimates anew without.
    fn constants(&self, name: &str) -> Option<&'a [f64]> {
        self.known?.iter().find(|(other, _)| *other == name).map(|(_, constants)| *constants)
    }
}

/// A model, or several that share their work.
pub(crate) trait Component: Sync {
    /// A path must depend on the values before its origin only; constants such as smoothing weights may
    /// be estimated from the whole history.
    fn experts(&self, question: &Question) -> Vec<Expert>;

    /// Whether the model takes logarithms and so needs a history well above zero.
    fn needs_positive(&self) -> bool {
        false
    }
}

/// Every model, in a fixed order.
pub(crate) fn all() -> &'static [&'static dyn Component] {
    &[
        &kernel_median::SAME_HOUR,
        &kernel_median::FLAT,
        &kernel_smoothing::DoubleSeasonal { name: "smoothing-week", weekly: true, log: false },
        &kernel_smoothing::DoubleSeasonal { name: "smoothing-day", weekly: false, log: false },
        &kernel_smoothing::DoubleSeasonal { name: "smoothing-week-log", weekly: true, log: true },
        &kernel_theta::Theta,
        &kernel_autoregression::AutoRegression { name: "autoregression", log: false },
        &kernel_autoregression::AutoRegression { name: "autoregression-log", log: true },
        &kernel_analogue::DAY,
        &kernel_analogue::SHAPE,
        &kernel_analogue::SHORT,
    ]
}

/// Fills one path per origin.
fn each_origin(origins: &[usize], horizon: usize, mut fill: impl FnMut(usize, &mut [f64])) -> Paths {
    let mut paths = Paths::new(origins.len(), horizon);
    for (index, &origin) in origins.iter().enumerate() {
        fill(origin, paths.row_mut(index));
    }
    paths
}
