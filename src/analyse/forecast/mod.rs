//! The forecast engine: from an evenly spaced history to a forecast with a calibrated interval and its own
//! measured error.
//!
//! ```text
//!  rows ─► series ─► season ─► components (about 30 cheap experts) ─► backtest (rolling origins)
//!                                                                        │
//!          forecast ◄─ interval (conformal) ◄─ kernel_weights ◄──────────┘
//!  daily means ─► outlook (weeks to a year ahead, time to exhaustion by simulation)
//! ```
//! Pure: no I/O, no clock, no threads, no async; the same input gives the same answer. It does not decide what
//! is worth forecasting, publishes nothing, and knows no data set: series, step, horizon, level and bounds
//! are all that enters.

mod backtest;
mod components;
mod engine;
mod error;
mod history;
mod interval;
#[expect(clippy::indexing_slicing, reason = "order statistics over indices derived from the slice's length")]
mod kernel_order;
#[expect(clippy::indexing_slicing, reason = "Cholesky over indices below the matrix size; property-tested")]
mod kernel_solve;
#[expect(clippy::indexing_slicing, reason = "indices of experts come from the same table; property-tested")]
mod kernel_weights;
mod learned;
mod outlook;
mod season;
mod series;
mod short;

pub use engine::{Engine, Fitted, Forecast, MAX_HORIZON, Options, Step};
pub use error::ForecastError;
pub use learned::Learned;
pub use outlook::Exhaustion;
pub use season::Seasons;
pub use series::{MAX_STEPS, Series};
pub use short::BacktestErrors;
