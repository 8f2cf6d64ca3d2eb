//! What was: series of signals over weeks, from an embedded store or from any Prometheus-compatible one.
//!
//! Both answer on an even grid, so that models need not care where a series comes from. History neither computes figures
//! nor decides which are worth keeping; that is analysis. [`open`] is the way in: it opens the embedded store in any case,
//! for the state of models lives there, and the Prometheus-compatible one where settings name one.

mod grid;
mod prometheus;
mod queries;
mod settings;
mod sqlite;
mod telemetry;
#[cfg(test)]
mod testing;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::model::clock::{Clock, Timestamp};
use crate::model::signal::{SeriesKey, Signal, Tick};

pub use prometheus::{PrometheusError, PrometheusHistory};
use queries::Asking;
pub use queries::{Definition, Definitions, Newest, Places, Queries, SignalQuery, SignalUnit};
pub use settings::{Header, Prometheus, Settings};
pub(crate) use sqlite::file;
pub use sqlite::{FILE_NAME, Reading, Retention, Selection, Store, StoreError, Trouble, backup, export, kept_state};
pub use telemetry::{Telemetry, tables};

/// An answer under way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, HistoryError>> + Send + 'a>>;

/// Where series of signals are kept.
pub trait History: Send + Sync + fmt::Debug {
    /// Hands over a tick; never waits for a disk. A store that others fill (Prometheus) takes it as done.
    fn append(&self, tick: Tick) -> Result<(), HistoryError>;

    /// Reads all series of a signal, or some, on an even grid.
    fn read<'a>(&'a self, want: &'a Want) -> Pending<'a, Answer>;
}

/// What to read.
#[derive(Clone, Debug)]
pub struct Want {
    /// The signal.
    pub signal: Arc<Signal>,
    /// Some series of it; none: all.
    pub only: Option<BTreeSet<Arc<SeriesKey>>>,
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

/// A series on an even grid, from its first value to the end of the range.
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
    /// The store's thread has ended.
    #[error("the history store is closed")]
    Closed,
    /// More than memory should hold.
    #[error(
        "{values} values are asked for at once, {max} are allowed; ask for a shorter range, a longer step or one series"
    )]
    TooMuch {
        /// Points times series.
        values: usize,
        /// The limit.
        max: usize,
    },
    /// The embedded store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The Prometheus-compatible store.
    #[error(transparent)]
    Prometheus(#[from] PrometheusError),
}

/// What [`open`] gives.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Where ticks go and series come from, as settings say.
    pub history: Arc<dyn History>,
    /// The embedded store: it keeps the state of models whatever the history is.
    pub store: Arc<Store>,
    /// What both count, for the page.
    pub telemetry: Arc<Telemetry>,
    /// The user's own signals, where there is a store to ask.
    pub queries: Option<Arc<Queries>>,
}

impl Opened {
    /// From now on with the user's own signals: they are asked of the store of `history.signals`, or else of
    /// `history.prometheus`.
    ///
    /// # Errors
    /// A certificate or a secret of that store cannot be read; everything else goes on.
    pub fn ask(&mut self, settings: &Settings, definitions: Arc<ArcSwap<Definitions>>) -> Result<(), HistoryError> {
        let Some(source) = settings.of_signals() else { return Ok(()) };
        let queries = Arc::new(Queries::new(PrometheusHistory::new(source)?, definitions));
        let (base, store) = (Arc::clone(&self.history), Arc::clone(&self.store));
        self.history = Arc::new(Asking { base, store, queries: Arc::clone(&queries) });
        self.queries = Some(queries);
        Ok(())
    }
}

/// Opens the store in a directory (made and checked by `config::Data`), and the history that the settings choose.
///
/// Raw readings are kept for `raw_days` days that have any.
pub fn open(settings: &Settings, directory: &Path, raw_days: u32, clock: &Clock) -> Result<Opened, HistoryError> {
    let telemetry = Arc::new(Telemetry::default());
    let retention = Retention { raw_days, rollup_days: settings.rollup_days };
    let path: PathBuf = directory.join(FILE_NAME);
    let store = Arc::new(Store::open(&path, retention, clock, &telemetry)?);
    let history: Arc<dyn History> = match &settings.prometheus.url {
        Some(_) => Arc::new(PrometheusHistory::new(&settings.prometheus)?),
        None => Arc::clone(&store) as Arc<dyn History>,
    };
    Ok(Opened { history, store, telemetry, queries: None })
}
