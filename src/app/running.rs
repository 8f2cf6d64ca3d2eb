//! The running stages: what is started, replaced on reload, described, and stopped.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clouds::{open_clouds, open_one};
use super::probe::Pages;
use super::processes::Processes;
use super::{Error, Loader, SHUTDOWN_LIMIT};
use crate::analyse;
use crate::collect::health::Health;
use crate::collect::own::Own;
use crate::collect::runner::Runner;
use crate::collect::{Keep, SERVICES};
use crate::config::{self, Filter, Settings};
use crate::expose::{CloudLabels, CloudStatus, Exposition, Hooks, Naming, Sources, Status, View};
use crate::history::{Definitions, History};
use crate::model::clock::{Clock, Timestamp};
use crate::model::metric::Space;
use crate::model::part::{Origin, Part, PartKey};
use crate::model::signal::Signal;
use crate::model::snapshot::{SeriesLimits, SnapshotStore};
use crate::model::workload::Records;
use crate::openstack::client::Cloud;

/// The running stages.
pub(super) struct App {
    loader: Loader,
    pub(super) clock: Clock,
    pub(super) store: Arc<SnapshotStore>,
    pub(super) health: Arc<Health>,
    pub(super) own: Arc<Own>,
    pub(super) exposition: Arc<Exposition>,
    pub(super) naming: Naming,
    /// The filter in force.
    pub(super) filter: Arc<ArcSwap<Filter>>,
    /// Pages of single clouds.
    pub(super) pages: Mutex<Pages>,
    /// What analysis goes by; a reload changes it.
    pub(super) analysis: Arc<ArcSwap<analyse::Settings>>,
    /// The user's own signals; a reload changes them.
    pub(super) definitions: Arc<ArcSwap<Definitions>>,
    /// Set once analysis has opened it.
    pub(super) history: Arc<OnceLock<Arc<dyn History>>>,
    /// Set once workload records are kept.
    pub(super) records: Arc<OnceLock<Arc<dyn Records>>>,
    /// Read at each scrape, once analysis runs.
    pub(super) live: Arc<OnceLock<Vec<LivePart>>>,
    running: Mutex<Option<Running>>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
}

/// Makes a part of self metrics at a scrape.
pub(super) type LivePart = Box<dyn Fn(Timestamp) -> Part + Send + Sync>;

/// What a reload replaces.
pub(super) struct Running {
    pub(super) runner: Runner,
    pub(super) settings: Settings,
    pub(super) clouds: Vec<Arc<Cloud>>,
}

impl App {
    pub(super) fn new(settings: &Settings, loader: Loader, clock: Clock) -> Arc<Self> {
        let store = SnapshotStore::new(limits(settings));
        let health = Arc::new(Health::default());
        let own = Arc::new(Own::new(Arc::clone(&health), Arc::clone(&store), clock.clone()));
        // The page shows what it had to leave out of itself, so the two know each other.
        let (live, page) = (Arc::clone(&own), Arc::new(OnceLock::<Weak<Exposition>>::new()));
        let shown = Arc::clone(&page);
        let more = Arc::new(OnceLock::<Vec<LivePart>>::new());
        let (further, now) = (Arc::clone(&more), clock.clone());
        let parts = move || {
            let mut parts = live.parts(shown.get().and_then(Weak::upgrade).map(|p| p.dropped()).unwrap_or_default());
            parts.extend(further.get().into_iter().flatten().map(|make| make(now.now())));
            parts
        };
        let filter = Arc::new(ArcSwap::from_pointee(settings.filter.clone()));
        let exposition = Exposition::of(Arc::clone(&store), main_view(settings, &filter), Arc::new(parts));
        // Set once, here: a second call cannot happen.
        let _first = page.set(Arc::downgrade(&exposition));
        let (running, reloading) = (Mutex::new(None), tokio::sync::Mutex::new(()));
        let (naming, pages) = (settings.expose.naming.clone(), Mutex::default());
        let analysis = Arc::new(ArcSwap::from_pointee(settings.analysis.clone()));
        Arc::new(Self {
            loader,
            clock,
            store,
            health,
            own,
            exposition,
            naming,
            filter,
            pages,
            analysis,
            definitions: Arc::new(ArcSwap::from_pointee(Definitions::of(&settings.signals))),
            history: Arc::default(),
            records: Arc::default(),
            live: more,
            running,
            reloading,
        })
    }

    pub(super) fn hooks(self: &Arc<Self>) -> Hooks {
        let (status, probe, reload) = (Arc::clone(self), Arc::clone(self), Arc::clone(self));
        Hooks {
            exposition: Arc::clone(&self.exposition),
            status: Arc::new(move || status.status()),
            sources: self.sources(),
            probe: Arc::new(move |asked| Arc::clone(&probe).probe(asked).boxed()),
            reload: Arc::new(move || {
                let app = Arc::clone(&reload);
                async move { app.reload().await }.boxed()
            }),
        }
    }

    fn sources(self: &Arc<Self>) -> Sources {
        let (history, signals) = (Arc::clone(&self.history), analyse::signals::built_in());
        let (records, analysis) = (Arc::clone(&self.records), Arc::clone(&self.analysis));
        let (looking, processes) = (Arc::clone(self), Processes::default());
        let signals: Vec<Arc<Signal>> = signals.into_iter().map(|signal| Arc::new(signal.clone())).collect();
        let definitions = Arc::clone(&self.definitions);
        let own = move |name: &str| definitions.load().get(name).map(|own| Arc::clone(&own.signal));
        Sources {
            clock: self.clock.clone(),
            history: Arc::new(move || history.get().cloned()),
            signal: Arc::new(move |name| {
                signals.iter().find(|signal| signal.name == name).cloned().or_else(|| own(name))
            }),
            records: Arc::new(move || records.get().cloned()),
            what_if: Arc::new(move |snapshot, scenario, now| {
                analyse::headroom::what_if(snapshot, scenario, &analysis.load().capacity, now)
            }),
            processes: Arc::new(move |count| if looking.looks_at_host() { processes.top(count) } else { None }),
        }
    }

    /// Whether the host that this runs on is collected; what runs on it is told then only.
    fn looks_at_host(&self) -> bool {
        self.lock().as_ref().is_some_and(|running| running.settings.collect.host.enabled)
    }

    /// A runner over the shared registers; nothing runs yet.
    pub(super) fn runner(&self, settings: &Settings) -> Runner {
        self.filter.store(Arc::new(settings.filter.clone()));
        self.own.set_modes(&settings.collect);
        Runner {
            store: Arc::clone(&self.store),
            health: Arc::clone(&self.health),
            settings: Arc::new(settings.collect.clone()),
            keep: keep(settings),
            clock: self.clock.clone(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Starts collecting; parts of the former run stay until they are replaced or too old.
    pub(super) fn start(&self, settings: &Settings, clouds: Vec<Arc<Cloud>>) {
        let runner = self.runner(settings);
        self.analysis.store(Arc::new(settings.analysis.clone()));
        self.definitions.store(Arc::new(Definitions::of(&settings.signals)));
        if settings.clouds.is_per_cloud() {
            tracing::info!("a cloud is collected from its first probe on: /probe?cloud=NAME");
        } else if clouds.is_empty() {
            tracing::warn!("no cloud is configured: serving the local host only; {}", config::Clouds::HOW_TO_ADD);
        }
        self.own.set_clouds(clouds.clone());
        self.withdraw_foreign(settings, &clouds);
        if settings.collect.host.enabled {
            runner.spawn_host();
        }
        runner.spawn_textfiles();
        for cloud in &clouds {
            runner.spawn_cloud(Arc::clone(cloud));
        }
        *self.lock() = Some(Running { runner, settings: settings.clone(), clouds });
    }

    /// Whether what is known of a cloud may still be told; while a reload is under way, nothing is given up.
    pub(super) fn keeps(&self, cloud: &str) -> bool {
        self.lock().as_ref().is_none_or(|running| running.clouds.iter().any(|known| known.name() == cloud))
    }

    /// Removes parts of clouds and services that the configuration has no more.
    fn withdraw_foreign(&self, settings: &Settings, clouds: &[Arc<Cloud>]) {
        let names: BTreeSet<&str> = clouds.iter().map(|cloud| cloud.name()).collect();
        let unwanted = |key: &PartKey| {
            let service = SERVICES.iter().find(|s| s.collectors.iter().any(|spec| spec.name == key.source));
            let off = |name: &str| settings.collect.services.get(name).and_then(|s| s.enabled) == Some(false);
            service.is_some_and(|s| off(s.name))
                || (key.group == "host" && !settings.collect.host.enabled)
                || (key.group == "api" && !settings.collect.api.enabled)
                || (key.group == "textfile" && settings.collect.textfile.directories.is_empty())
        };
        for part in self.store.load().parts() {
            let foreign = part.key.origin.cloud.as_deref().is_some_and(|cloud| !names.contains(cloud));
            if foreign || unwanted(&part.key) {
                self.store.withdraw(&part.key);
            }
        }
    }

    pub(super) async fn reload(&self) -> Result<(), String> {
        let _one = self.reloading.lock().await;
        match self.load() {
            Ok((settings, clouds)) => {
                self.replace(&settings, clouds).await;
                self.own.reloaded(true);
                tracing::info!("configuration reloaded");
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "reload failed; the former configuration stays in force");
                self.own.reloaded(false);
                Err(error.to_string())
            }
        }
    }

    fn load(&self) -> Result<(Settings, Vec<Arc<Cloud>>), Error> {
        let settings = (self.loader)()?;
        let clouds = self.open(&settings)?;
        Ok((settings, clouds))
    }

    pub(super) fn open(&self, settings: &Settings) -> Result<Vec<Arc<Cloud>>, Error> {
        if settings.clouds.is_per_cloud() {
            return Ok(Vec::new());
        }
        let clouds = open_clouds(settings, &self.clock)?.insist()?;
        match settings.expose.naming.cloud_labels {
            CloudLabels::Never if clouds.len() > 1 => Err(Error::Unlabelled(clouds.len())),
            _ => Ok(clouds),
        }
    }

    async fn replace(&self, settings: &Settings, mut clouds: Vec<Arc<Cloud>>) {
        let former = self.lock().take();
        if let Some(former) = former {
            if settings.clouds.multi_cloud {
                clouds.extend(self.reopen(settings, &former.clouds, &clouds));
            }
            for key in config::restart_keys(&config::changed_keys(&former.settings, settings)) {
                tracing::warn!(key, "changed, but takes effect only after a restart");
            }
            stop_runner(&former.runner).await;
            self.health.forget(|_| true);
        }
        self.start(settings, clouds);
    }

    /// Clouds that probes had asked for, with the credentials of now.
    fn reopen(&self, settings: &Settings, former: &[Arc<Cloud>], present: &[Arc<Cloud>]) -> Vec<Arc<Cloud>> {
        let names = former.iter().map(|cloud| cloud.name());
        let gone = names.filter(|name| present.iter().all(|cloud| cloud.name() != *name));
        let open = |name: &str| match open_one(settings, name, &self.clock) {
            Ok(cloud) => Some(cloud),
            Err(fault) => {
                tracing::warn!(cloud = name, %fault, "cloud left out");
                None
            }
        };
        gone.filter_map(open).collect()
    }

    /// Ready when every collector has ended its first run, well or not: a dead cloud must not keep
    /// the host's figures and the other clouds out of service.
    fn status(&self) -> Status {
        let running = self.lock();
        let entries = self.health.entries();
        let waiting = entries.iter().filter(|entry| entry.state().success.is_none()).count();
        let clouds: Vec<_> = running.iter().flat_map(|r| &r.clouds).map(|cloud| self.describe(cloud)).collect();
        let seen = |cloud: &Arc<Cloud>| entries.iter().any(|e| e.origin.cloud.as_deref() == Some(cloud.name()));
        let unseen = running.iter().flat_map(|r| &r.clouds).filter(|cloud| !seen(cloud)).count();
        let ready = match (waiting, unseen) {
            (0, 0) => Ok(()),
            (_, 0) => Err(format!("{waiting} collectors have not ended their first run")),
            _ => Err(format!("{unseen} clouds have not answered a login yet")),
        };
        let per_cloud = running.as_ref().is_some_and(|running| running.settings.clouds.is_per_cloud());
        let hints =
            if clouds.is_empty() && !per_cloud { vec![config::Clouds::HOW_TO_ADD.to_owned()] } else { Vec::new() };
        Status { ready, clouds, hints }
    }

    fn describe(&self, cloud: &Cloud) -> CloudStatus {
        let entries = self.health.entries();
        let of_cloud: Vec<_> = entries.iter().filter(|e| e.origin.cloud.as_deref() == Some(cloud.name())).collect();
        let failing = of_cloud.iter().filter(|entry| entry.failing()).count();
        let good = of_cloud.iter().filter(|entry| entry.state().success == Some(true)).count();
        let regions: BTreeSet<&str> = of_cloud.iter().filter_map(|entry| entry.origin.region.as_deref()).collect();
        CloudStatus {
            cloud: cloud.name().to_owned(),
            region: regions.into_iter().collect::<Vec<_>>().join(", "),
            up: good > 0 && failing == 0,
            detail: format!("{good} of {} collectors succeed, {failing} fail", of_cloud.len()),
        }
    }

    pub(super) async fn stop(&self) {
        let running = self.lock().take();
        if let Some(running) = running {
            stop_runner(&running.runner).await;
        }
    }

    /// A holder that panicked left the option whole, so poison is no reason to stop.
    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn stop_runner(runner: &Runner) {
    runner.stop.cancel();
    runner.tasks.close();
    if tokio::time::timeout(SHUTDOWN_LIMIT, runner.tasks.wait()).await.is_err() {
        tracing::warn!(limit_s = SHUTDOWN_LIMIT.as_secs(), "some tasks did not end in time");
    }
}

fn keep(settings: &Settings) -> Keep {
    let (filter, labels) = (settings.filter.clone(), settings.filter.clone());
    Keep::new(move |row| !filter.drops(&row.name, row.slow, row.deprecated))
        .without_labels(move |row, label| labels.drops_label(&row.name, label))
}

/// The metrics page: everything that the filter leaves, or, where each cloud has a page of its own, only what is not
/// about a cloud. Then the filter is for those pages: this one is about the program, as openstack-exporter's is.
fn main_view(settings: &Settings, filter: &Arc<ArcSwap<Filter>>) -> View {
    let view = View::whole(settings.expose.naming.clone());
    if settings.clouds.is_per_cloud() {
        return view.showing(|key| key.origin == Origin::LOCAL).keeping(|row| row.space() != Space::OpenStack);
    }
    let filter = Arc::clone(filter);
    view.keeping(move |row| !filter.load().drops(&row.name, row.slow, row.deprecated))
}

fn limits(settings: &Settings) -> SeriesLimits {
    SeriesLimits { per_family: settings.limits.series_per_family, total: settings.limits.series_total }
}
