//! What is made of the history: forecasts, anomalies, capacity. Pure: no I/O, no clock, no async.

pub mod anomaly;
pub mod forecast;
