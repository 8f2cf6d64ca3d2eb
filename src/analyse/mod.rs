//! What is made of snapshot and history: capacity, signals, forecasts, anomalies. Pure: no I/O, no clock, no async.

pub mod anomaly;
pub mod capacity;
pub mod clean;
pub mod forecast;
pub mod headroom;
pub mod predict;
mod settings;
pub mod signals;
pub mod tiers;
pub mod watch;

pub use settings::Settings;

use crate::model::metric::Descriptor;

/// Every table of gauges that analysis fills, for the reference.
pub fn tables() -> [&'static [&'static Descriptor]; 6] {
    [capacity::METRICS, headroom::METRICS, signals::METRICS, predict::METRICS, tiers::METRICS, watch::METRICS]
}
