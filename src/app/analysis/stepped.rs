//! The analysis without a task of its own: looks are asked for one by one, on a clock that somebody else moves.

use std::sync::Arc;
use std::time::Duration;

use super::forecasts::Forecasts;
use super::watch::Anomalies;
use super::{Analysis, Readings, cores};
use crate::analyse::signals::Observer;
use crate::app::running::App;
use crate::config;
use crate::history::{self, HistoryError};
use crate::model::clock::Timestamp;

/// What the analysis task holds between two looks.
pub(in crate::app) struct Stepped {
    analysis: Arc<Analysis>,
    forecasts: Forecasts,
    anomalies: Arc<Anomalies>,
    observer: Observer,
    last: Timestamp,
}

impl App {
    /// An analysis that looks when it is told to, over the store in the data directory.
    pub(in crate::app) async fn stepped_analysis(&self, settings: &config::Settings) -> Result<Stepped, HistoryError> {
        let data = &settings.data;
        let history = history::open(&settings.history, &data.directory, data.retention_days, &self.clock)?;
        // Nobody else wants the cores in the meantime.
        let analysis = Arc::new(Analysis::new(self, Some(history), cores()));
        let forecasts = Forecasts::passing(Arc::clone(&analysis));
        let anomalies = Arc::new(Anomalies::restore(Arc::clone(&analysis)).await);
        // The first look is complete: whoever asks for it has collected before.
        let last = self.clock.now().minus(Duration::from_millis(1));
        Ok(Stepped { analysis, forecasts, anomalies, observer: Observer::default(), last })
    }
}

impl App {
    /// Publishes the forecasts that the last process kept in the data directory, without making any.
    pub(in crate::app) async fn publish_kept(&self, settings: &config::Settings) -> Result<(), HistoryError> {
        let stepped = self.stepped_analysis(settings).await?;
        stepped.forecasts.publish(self.clock.now());
        if let Some(history) = &stepped.analysis.history {
            let _first = self.history.set(Arc::clone(&history.history));
        }
        Ok(())
    }
}

impl Stepped {
    /// Does at once what the task does around this time, and waits until it is done: reads and keeps signals, makes
    /// forecasts that are due, publishes all of it.
    pub(in crate::app) async fn look(&mut self) -> Result<(), HistoryError> {
        let at = self.analysis.clock.now();
        let observer = std::mem::take(&mut self.observer);
        self.observer = self.analysis.look(observer, Readings::new(), &self.anomalies, at, Some(self.last)).await;
        self.last = at;
        self.settle().await?;
        self.forecasts.run_if_due(at);
        self.forecasts.finished().await;
        self.forecasts.publish(at);
        Ok(())
    }

    /// Keeps what was learned, for whoever starts next.
    pub(in crate::app) async fn end(self) {
        self.anomalies.end().await;
    }

    /// Waits for the disk, so that a later step reads what an earlier one kept and no tick is refused.
    async fn settle(&self) -> Result<(), HistoryError> {
        let Some(history) = &self.analysis.history else { return Ok(()) };
        let store = Arc::clone(&history.store);
        tokio::task::spawn_blocking(move || store.settle()).await.map_err(|_| HistoryError::Closed)?
    }
}
