//! What is made of snapshot and history: capacity, signals, forecasts, anomalies. Pure: no I/O, no clock, no async.

pub mod alerts;
pub mod anomaly;
pub mod capacity;
pub mod clean;
pub mod forecast;
pub mod headroom;
pub mod predict;
pub mod projects;
pub mod recommend;
pub mod risk;
mod settings;
pub mod signals;
pub mod tiers;
pub mod waste;
pub mod watch;

pub use settings::Settings;

use crate::model::metric::Descriptor;

/// Every table of gauges that analysis fills, for the reference.
pub fn tables() -> [&'static [&'static Descriptor]; 10] {
    [
        capacity::METRICS,
        headroom::METRICS,
        signals::METRICS,
        predict::METRICS,
        tiers::METRICS,
        risk::METRICS,
        projects::METRICS,
        waste::METRICS,
        recommend::METRICS,
        watch::METRICS,
    ]
}
