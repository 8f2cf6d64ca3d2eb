//! Predictions of every signal: the engine applied to series of the history, and the gauges made of it.
//!
//! ```text
//!  history (hours) ─► one (engine, twice: next day, weeks to a quarter) ─► Prediction ─► gauges
//! ```
//! Pure; when to run, and on which threads, is `app`'s business.

mod emit;
mod memory;
mod one;
mod settings;

pub use emit::emit;
pub use memory::Memory;
pub use one::{Subject, predict};
pub use settings::Settings;

use crate::model::metric::Descriptor;

/// The families of predictions.
pub(super) static METRICS: &[&Descriptor] = emit::METRICS;
