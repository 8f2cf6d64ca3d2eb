//! What is made of snapshot and history: capacity, signals, forecasts, anomalies. Pure: no I/O, no clock, no async.

pub mod anomaly;
pub mod capacity;
pub mod forecast;
pub mod predict;
mod settings;
pub mod signals;
pub mod tiers;

pub use settings::Settings;
