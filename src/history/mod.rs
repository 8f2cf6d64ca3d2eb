//! What was: series of signals over weeks, from an embedded store or from any Prometheus-compatible one.
//!
//! Both answer on an even grid, so that models need not care where a series comes from. History neither computes figures
//! nor decides which are worth keeping; that is analysis.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::model::clock::Timestamp;
use crate::model::signal::{SeriesKey, Signal, Tick};

/// An answer under way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, HistoryError>> + Send + 'a>>;

/// Where series of signals are kept.
pub trait History: Send + Sync + fmt::Debug {
    /// Hands over a tick; never waits for a disk. A store that others fill (Prometheus) takes it as done.
    fn append(&self, tick: Tick) -> Result<(), HistoryError>;

    /// Reads all series of a signal, or one, on an even grid.
    fn read<'a>(&'a self, want: &'a Want) -> Pending<'a, Answer>;
}

/// What to read.
#[derive(Clone, Debug)]
pub struct Want {
    /// The signal.
    pub signal: Arc<Signal>,
    /// One series of it; none: all.
    pub only: Option<Arc<SeriesKey>>,
    /// First point of the grid.
    pub from: Timestamp,
    /// End of the grid, exclusive.
    pub to: Timestamp,
    /// Distance of points. Several readings within a step become their mean (the last one for counters).
    pub step: Duration,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// One stretch for each series that has a value in the range, ordered by key.
    pub stretches: Vec<Stretch>,
    /// What the store says is lacking (partial answers of a sharded store); for the log and the API.
    pub warnings: Vec<String>,
}

/// A series on an even grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// Which one.
    pub key: Arc<SeriesKey>,
    /// Time of the first value.
    pub start: Timestamp,
    /// Distance of values.
    pub step: Duration,
    /// Values; NaN where there is none.
    pub values: Vec<f64>,
}

/// Why history cannot answer or take a tick.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The queue of the store is full: the disk is slower than the ticks.
    #[error("the history store is too slow: {0} ticks wait; this one is not kept")]
    Busy(usize),
}
