//! The analysis task: reads signals each minute, hands a tick to history and to the watch for anomalies at every point of
//! the grid, and has forecasts made in the background.
//!
//! It lives as long as the process: a reload changes its settings, and what models have learned stays.

mod alerts;
mod forecasts;
mod headroom;
mod projects;
mod queries;
mod recommend;
mod risk;
mod stepped;
mod telemetry;
mod threads;
mod waste;
mod watch;

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use tokio::task::JoinHandle;

use super::running::{App, LivePart};
use crate::analyse::alerts::Ledger;
use crate::analyse::headroom::Surveyor;
use crate::analyse::signals::{self, Observer};
use crate::analyse::waste::Auditor;
use crate::analyse::{Settings, tiers};
use crate::config::{self, Filter};
use crate::history::{self, Definitions};
use crate::model::clock::{Clock, Timestamp};
use crate::model::part::{Origin, PartBuilder, PartKey};
use crate::model::signal::{Signal, Tick};
use crate::model::snapshot::SnapshotStore;
use forecasts::Forecasts;
pub(super) use forecasts::NAMESPACE as FORECASTS;
use queries::{Queried, Readings};
use telemetry::Telemetry;
pub(super) use telemetry::tables;
use watch::Anomalies;

/// How often signals are read.
const LOOK: Duration = Duration::from_secs(60);
/// After the start, until the first collections have ended, more often.
const FIRST_LOOKS: Duration = Duration::from_secs(10);
const FIRST_LOOKS_END: Duration = Duration::from_secs(60);

/// What the task works with.
struct Analysis {
    store: Arc<SnapshotStore>,
    clock: Clock,
    settings: Arc<ArcSwap<Settings>>,
    filter: Arc<ArcSwap<Filter>>,
    /// None when it could not be opened: figures of this moment are told all the same.
    history: Option<history::Opened>,
    /// The user's own signals.
    definitions: Arc<ArcSwap<Definitions>>,
    /// What asks for them, where there is a store to ask.
    queried: Option<Queried>,
    /// Whether a cloud of this name is served.
    served: Box<dyn Fn(&str) -> bool + Send + Sync>,
    telemetry: Arc<Telemetry>,
    surveyor: Mutex<Surveyor>,
    auditor: Mutex<Auditor>,
    alerts: Mutex<Ledger>,
    /// Milliseconds since the epoch at which what instances used was kept last.
    usage_kept: AtomicI64,
    /// Threads that models may take.
    threads: usize,
}

impl App {
    /// Starts the analysis unless it is switched off.
    pub(super) fn start_analysis(
        self: &Arc<Self>,
        settings: &config::Settings,
        stop: CancellationToken,
    ) -> Option<JoinHandle<()>> {
        if !settings.analysis.enabled {
            return None;
        }
        let data = &settings.data;
        let mut history = history::open(&settings.history, &data.directory, data.retention_days, &self.clock);
        if let Ok(opened) = &mut history
            && let Err(error) = opened.ask(&settings.history, Arc::clone(&self.definitions))
        {
            tracing::error!(%error, "your own signals are not asked for until the next start; everything else goes on");
        }
        let history = history.map_err(|error| {
            tracing::error!(%error, "no history: nothing is kept or forecast until the next start; metrics go on");
        });
        // The other half of the cores collects and answers.
        let mut analysis = Analysis::new(self, history.ok(), cores().div_ceil(2));
        let app = Arc::downgrade(self);
        analysis.served = Box::new(move |cloud| app.upgrade().is_none_or(|app| app.keeps(cloud)));
        let own = Arc::clone(&analysis.telemetry);
        let mut live: Vec<LivePart> = vec![Box::new(move |at| own.part(at))];
        if let Some(history) = &analysis.history {
            let store = Arc::clone(&history.telemetry);
            live.push(Box::new(move |at| store.part(at)));
            let _first = self.history.set(Arc::clone(&history.history));
        }
        // Analysis is started once in the life of a process.
        let _first = self.live.set(live);
        Some(tokio::spawn(analysis.run(stop)))
    }
}

impl Analysis {
    fn new(app: &App, history: Option<history::Opened>, threads: usize) -> Self {
        let queries = history.as_ref().and_then(|history| history.queries.clone());
        Self {
            store: Arc::clone(&app.store),
            clock: app.clock.clone(),
            settings: Arc::clone(&app.analysis),
            filter: Arc::clone(&app.filter),
            queried: queries.map(|queries| Queried::new(queries, app.clock.clone())),
            history,
            definitions: Arc::clone(&app.definitions),
            served: Box::new(|_| true),
            telemetry: Arc::new(Telemetry::default()),
            surveyor: Mutex::default(),
            auditor: Mutex::default(),
            alerts: Mutex::default(),
            usage_kept: AtomicI64::default(),
            threads,
        }
    }

    /// Runs until it is stopped.
    async fn run(self, stop: CancellationToken) {
        let this = Arc::new(self);
        let forecasts = Forecasts::restore(Arc::clone(&this)).await;
        let anomalies = Arc::new(Anomalies::restore(Arc::clone(&this)).await);
        this.restore_usage().await;
        let mut observer = Observer::default();
        let mut last: Option<Timestamp> = None;
        let start = this.clock.instant();
        loop {
            let at = this.clock.now();
            let own = this.own_readings(at).await;
            observer = this.look(observer, own, &anomalies, at, last).await;
            anomalies.keep_if_due().await;
            this.keep_usage_if_due(at).await;
            forecasts.publish(at);
            forecasts.run_if_due(at);
            last = Some(at);
            let pause = if start.elapsed() < FIRST_LOOKS_END { FIRST_LOOKS } else { until_next(at) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => break,
            }
        }
        forecasts.end().await;
        anomalies.end().await;
        this.end_usage().await;
    }

    /// Every signal, the user's own among them.
    fn signals(&self) -> Vec<Arc<Signal>> {
        let built_in = signals::built_in().into_iter().map(|signal| Arc::new(signal.clone()));
        let own = self.definitions.load();
        built_in.chain(own.iter().map(|definition| Arc::clone(&definition.signal))).collect()
    }

    /// The newest values of the user's own signals.
    async fn own_readings(&self, at: Timestamp) -> Readings {
        let Some(queried) = &self.queried else { return Readings::new() };
        let grid = Duration::from_secs(60) * self.settings.load().grid_minutes;
        queried.look(&self.store.load(), at, grid).await
    }

    /// Reads all signals, publishes them, and keeps them when a point of the grid has been reached.
    async fn look(
        self: &Arc<Self>,
        mut observer: Observer,
        own: Readings,
        anomalies: &Arc<Anomalies>,
        at: Timestamp,
        last: Option<Timestamp>,
    ) -> Observer {
        let (this, anomalies) = (Arc::clone(self), Arc::clone(anomalies));
        // Tens of thousands of instances are counted: not on the threads that answer requests.
        let looked = tokio::task::spawn_blocking(move || {
            let settings = this.settings.load();
            let snapshot = this.store.load();
            let mut observation = observer.observe(&snapshot, &settings, at);
            for (signal, readings) in own {
                observation.take_in(&signal, readings);
            }
            let resources = observation.tick.readings.iter().map(|(key, _)| &*key.resource);
            let thresholds = tiers::emit(&settings.tiers, resources);
            this.publish("analysis.tiers", Origin::LOCAL, thresholds, at);
            for (key, part) in observation.parts {
                this.publish(key.group, key.origin, part, at);
            }
            this.describe(at);
            if !settings.anomaly.enabled {
                this.withdraw(watch::GROUP, |_| true);
            }
            let mut tick = observation.tick;
            this.survey(&snapshot, &tick, &settings, at);
            this.assess(&snapshot, &tick, &settings);
            this.follow(&snapshot, &tick);
            this.audit(&snapshot, &settings, at);
            this.recommend(&settings, at);
            if let Some(point) = point_reached(last, at, settings.grid_minutes) {
                tick.at = point;
                anomalies.step(&tick, &snapshot, &settings);
                this.keep(tick);
            }
            this.alert(at);
            observer
        });
        match looked.await {
            Ok(observer) => observer,
            Err(fault) => {
                // A defect of ours: the next look begins anew, so that the rest goes on.
                tracing::error!(%fault, "reading signals ended unexpectedly");
                Observer::default()
            }
        }
    }

    /// What the signals are, and how queries for the user's own fare.
    fn describe(&self, at: Timestamp) {
        let mut part = PartBuilder::new();
        signals::describe(&mut part, self.signals().iter().map(|signal| &**signal));
        if let Some(queried) = &self.queried {
            queried.emit(&mut part);
        }
        self.publish("analysis.queries", Origin::LOCAL, part, at);
    }

    fn keep(&self, tick: Tick) {
        let Some(history) = &self.history else { return };
        if let Err(error) = history.history.append(tick) {
            tracing::error!(%error, "readings of signals are not kept");
        }
    }

    fn publish(&self, group: &'static str, origin: Origin, mut part: PartBuilder, at: Timestamp) {
        let filter = self.filter.load();
        part.retain(|row| !filter.drops(&row.name, row.slow, row.deprecated));
        part.drop_labels(|row, label| filter.drops_label(&row.name, label));
        let key = PartKey { group, origin, source: group.into() };
        let (part, dropped) = part.seal(key, at, self.store.limits().per_family);
        self.store.publish(part, dropped);
    }
}

impl Analysis {
    /// Whether a region, or this host, is still looked at.
    fn serves(&self, origin: &Origin) -> bool {
        origin.cloud.as_deref().is_none_or(|cloud| (self.served)(cloud))
    }

    /// Takes parts of a group out of the page, for the origins given.
    fn withdraw(&self, group: &str, unwanted: impl Fn(&Origin) -> bool) {
        for part in self.store.load().group(group).filter(|part| unwanted(&part.key.origin)) {
            self.store.withdraw(&part.key);
        }
    }
}

/// Cores that this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Until the next full minute, so that points of the grid are met.
fn until_next(at: Timestamp) -> Duration {
    let look = i64::try_from(LOOK.as_millis()).unwrap_or(i64::MAX);
    Duration::from_millis(u64::try_from(look - at.millis().rem_euclid(look)).unwrap_or(0))
}

/// The latest point of the grid, if none was read since: what is read a little after it counts for it.
fn point_reached(last: Option<Timestamp>, at: Timestamp, grid_minutes: u32) -> Option<Timestamp> {
    let grid = i64::from(grid_minutes.max(1)) * 60_000;
    let point = at.millis().div_euclid(grid) * grid;
    let before = last?.millis();
    (before < point).then(|| Timestamp::from_millis(point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_met_once() {
        let at = Timestamp::from_seconds;
        assert_eq!(point_reached(None, at(600), 5), None, "at the start nothing is complete");
        assert_eq!(point_reached(Some(at(590)), at(601), 5), Some(at(600)));
        assert_eq!(point_reached(Some(at(601)), at(660), 5), None);
        assert_eq!(point_reached(Some(at(601)), at(1300), 5), Some(at(1200)), "after a pause the latest one only");
        assert_eq!(point_reached(Some(at(700)), at(650), 5), None, "the clock went back");
        assert_eq!(until_next(at(601)), Duration::from_secs(59));
    }
}
