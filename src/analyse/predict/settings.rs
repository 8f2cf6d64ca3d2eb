//! How predictions are made.

use serde::{Deserialize, Serialize};

/// Forecasts of every signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether forecasts are made.
    pub enabled: bool,
    /// Minutes between two forecasts of a series.
    pub interval_minutes: u32,
    /// Hours between two fits of a series' models: in between, forecasts are made from the newest values with the weights,
    /// intervals and errors of the last fit, at a small part of the cost.
    pub fit_hours: u32,
    /// Probability (0 to 1) that the value lies inside the forecast's interval.
    pub interval_level: f64,
    /// Days of history that models read.
    pub history_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, interval_minutes: 60, fit_hours: 24, interval_level: 0.8, history_days: 60 }
    }
}
