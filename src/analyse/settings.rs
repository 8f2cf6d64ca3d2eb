//! Settings of analysis.

use serde::{Deserialize, Serialize};

use super::{capacity, predict, risk, tiers, waste, watch};

/// Analysis of what was collected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether anything is analysed and kept; takes effect at the start only.
    pub enabled: bool,
    /// Minutes between the points that history and models work on; divides a day. COLLECTION_INTERVAL_MINUTES
    /// in the environment sets it too.
    pub grid_minutes: u32,
    /// How capacity is counted.
    pub capacity: capacity::Settings,
    /// Forecasts.
    pub forecast: predict::Settings,
    /// Anomalies.
    pub anomaly: watch::Settings,
    /// Where risk begins: the one table that gauges, rules and dashboards read.
    pub tiers: tiers::Tiers,
    /// Which forecast dates are a risk.
    pub risk: risk::Settings,
    /// What counts as waste.
    pub waste: waste::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            grid_minutes: 5,
            capacity: capacity::Settings::default(),
            forecast: predict::Settings::default(),
            anomaly: watch::Settings::default(),
            tiers: tiers::Tiers::default(),
            risk: risk::Settings::default(),
            waste: waste::Settings::default(),
        }
    }
}
