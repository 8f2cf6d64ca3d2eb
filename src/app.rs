//! Wires the stages together: owns tasks, reload and shutdown. The only file that knows them all.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::collect::SERVICES;
use crate::collect::health::Health;
use crate::collect::own::Own;
use crate::collect::runner::Runner;
use crate::config::{self, Settings};
use crate::expose::{Encoding, Exposition, Format, Hooks, ServeError, Server, Status};
use crate::model::clock::Clock;
use crate::model::part::Origin;
use crate::model::snapshot::{SeriesLimits, SnapshotStore};
use crate::openstack::client::{Cloud, Session};
use crate::openstack::clouds::CloudConfig;

/// Reads the configuration; called at the start and for every reload.
pub type Loader = Arc<dyn Fn() -> Result<Settings, config::Error> + Send + Sync>;

/// How long tasks may take to end after a signal.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// Why stackcast cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The web server.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The operating system refuses signal handlers.
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
}

/// Collects and serves until SIGTERM or SIGINT; SIGHUP and `/-/reload` load the configuration anew.
pub async fn serve(loader: Loader) -> Result<(), Error> {
    let settings = loader()?;
    let app = App::new(&settings, loader);
    let server = Server::bind(&settings.expose, app.hooks()).await?;
    for address in server.addresses() {
        tracing::info!(%address, path = settings.expose.telemetry_path, "serving");
    }
    app.start(&settings);
    let shutdown = CancellationToken::new();
    let signals = tokio::spawn(handle_signals(Arc::clone(&app), shutdown.clone()));
    let renderer = tokio::spawn(Arc::clone(&app.exposition).keep_warm());
    let served = server.run(shutdown).await;
    renderer.abort();
    signals.abort();
    app.stop().await;
    tracing::info!("stopped");
    Ok(served?)
}

async fn handle_signals(app: Arc<App>, shutdown: CancellationToken) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(Error::Signals)?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                // The outcome is logged and exported by reload itself.
                let _outcome = app.reload().await;
            }
        }
    }
    tracing::info!("stopping");
    shutdown.cancel();
    Ok(())
}

/// The running stages.
struct App {
    loader: Loader,
    clock: Clock,
    store: Arc<SnapshotStore>,
    health: Arc<Health>,
    own: Arc<Own>,
    exposition: Arc<Exposition>,
    running: Mutex<Option<Running>>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
}

/// What a reload replaces.
struct Running {
    runner: Runner,
    settings: Settings,
    clouds: Vec<Arc<Cloud>>,
}

impl App {
    fn new(settings: &Settings, loader: Loader) -> Arc<Self> {
        let clock = Clock::system();
        let store = SnapshotStore::new(limits(settings));
        let health = Arc::new(Health::default());
        let own = Arc::new(Own::new(Arc::clone(&health), Arc::clone(&store), clock.clone()));
        let live = Arc::clone(&own);
        let exposition =
            Exposition::new(Arc::clone(&store), settings.expose.naming.clone(), Arc::new(move || live.parts()));
        let (running, reloading) = (Mutex::new(None), tokio::sync::Mutex::new(()));
        Arc::new(Self { loader, clock, store, health, own, exposition, running, reloading })
    }

    fn hooks(self: &Arc<Self>) -> Hooks {
        let (status, reload) = (Arc::clone(self), Arc::clone(self));
        Hooks {
            exposition: Arc::clone(&self.exposition),
            status: Arc::new(move || status.status()),
            reload: Arc::new(move || {
                let app = Arc::clone(&reload);
                async move { app.reload().await }.boxed()
            }),
        }
    }

    /// Starts collecting; parts of the former run stay until they are replaced or too old.
    fn start(&self, settings: &Settings) {
        let runner = Runner {
            store: Arc::clone(&self.store),
            health: Arc::clone(&self.health),
            settings: Arc::new(settings.collect.clone()),
            clock: self.clock.clone(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let clouds = open_clouds(settings, &self.clock);
        if clouds.is_empty() {
            tracing::warn!("no cloud configured: serving the local host only; {}", config::CLOUD_HINT);
        }
        self.own.set_clouds(clouds.clone());
        self.withdraw_foreign(settings, &clouds);
        if settings.collect.host.enabled {
            runner.spawn_host();
        }
        for cloud in &clouds {
            runner.spawn_cloud(Arc::clone(cloud));
        }
        *self.lock() = Some(Running { runner, settings: settings.clone(), clouds });
    }

    /// Removes parts of clouds and services that the configuration has no more.
    fn withdraw_foreign(&self, settings: &Settings, clouds: &[Arc<Cloud>]) {
        let names: BTreeSet<&str> = clouds.iter().map(|cloud| cloud.name()).collect();
        let unwanted = |group: &str| {
            let off = settings.collect.services.get(group).and_then(|s| s.enabled) == Some(false);
            (off && SERVICES.iter().any(|s| s.name == group)) || (group == "host" && !settings.collect.host.enabled)
        };
        for part in self.store.load().parts() {
            let foreign = part.key.origin.cloud.as_deref().is_some_and(|cloud| !names.contains(cloud));
            if foreign || unwanted(part.key.group) {
                self.store.withdraw(&part.key);
            }
        }
    }

    async fn reload(&self) -> Result<(), String> {
        let _one = self.reloading.lock().await;
        let settings = match (self.loader)() {
            Ok(settings) => settings,
            Err(error) => {
                tracing::error!(%error, "reload failed; the former configuration stays in force");
                self.own.reloaded(false);
                return Err(error.to_string());
            }
        };
        let former = self.lock().take();
        if let Some(former) = &former {
            for key in former.settings.needs_restart(&settings) {
                tracing::warn!(key, "changed, but takes effect only after a restart");
            }
            stop_runner(&former.runner).await;
            self.health.forget(|_| true);
        }
        self.start(&settings);
        self.own.reloaded(true);
        tracing::info!("configuration reloaded");
        Ok(())
    }

    /// Ready when every collector has ended its first run, well or not: a dead cloud must not keep
    /// the host's figures and the other clouds out of service.
    fn status(&self) -> Status {
        let running = self.lock();
        let entries = self.health.entries();
        let waiting = entries.iter().filter(|entry| entry.state().success.is_none()).count();
        let clouds: Vec<String> = running.iter().flat_map(|r| &r.clouds).map(|cloud| self.describe(cloud)).collect();
        let seen = |cloud: &Arc<Cloud>| entries.iter().any(|e| e.origin.cloud.as_deref() == Some(cloud.name()));
        let unseen = running.iter().flat_map(|r| &r.clouds).filter(|cloud| !seen(cloud)).count();
        let ready = match (waiting, unseen) {
            (0, 0) => Ok(()),
            (_, 0) => Err(format!("{waiting} collectors have not ended their first run")),
            _ => Err(format!("{unseen} clouds have not answered a login yet")),
        };
        let hints = if clouds.is_empty() { vec![config::CLOUD_HINT.to_owned()] } else { Vec::new() };
        Status { ready, clouds, hints }
    }

    fn describe(&self, cloud: &Cloud) -> String {
        let entries = self.health.entries();
        let of_cloud: Vec<_> = entries.iter().filter(|e| e.origin.cloud.as_deref() == Some(cloud.name())).collect();
        let failing = of_cloud.iter().filter(|entry| entry.failing()).count();
        let good = of_cloud.iter().filter(|entry| entry.state().success == Some(true)).count();
        format!("{}: {good} of {} collectors succeed, {failing} fail", cloud.name(), of_cloud.len())
    }

    async fn stop(&self) {
        let running = self.lock().take();
        if let Some(running) = running {
            stop_runner(&running.runner).await;
        }
    }

    /// A holder that panicked left the option whole, so poison is no reason to stop.
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
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

fn limits(settings: &Settings) -> SeriesLimits {
    SeriesLimits { per_family: settings.limits.series_per_family, total: settings.limits.series_total }
}

/// The clouds of the configuration; one that cannot work is logged and left out, the others go on.
fn open_clouds(settings: &Settings, clock: &Clock) -> Vec<Arc<Cloud>> {
    let mut clouds = Vec::new();
    for configured in settings.clouds.load() {
        let opened = configured.and_then(|config: CloudConfig| Ok(Cloud::new(config, &settings.openstack, clock.clone())?));
        match opened {
            Ok(cloud) => clouds.push(cloud),
            Err(error) => tracing::error!(%error, "cloud left out"),
        }
    }
    clouds
}

/// Everything that one run of every collector found.
pub struct Collected {
    /// The metrics page.
    pub page: String,
    /// How each collector came out.
    pub health: Arc<Health>,
    /// The parts.
    pub store: Arc<SnapshotStore>,
    /// How each login came out.
    pub clouds: Vec<CloudCheck>,
}

/// One cloud's login.
pub struct CloudCheck {
    /// Name in clouds.yaml.
    pub name: String,
    /// The session, or why there is none.
    pub session: Result<Arc<Session>, String>,
}

/// Runs every collector once, side by side, for at most `patience`: for `once` and `check`.
pub async fn collect_once(settings: &Settings, patience: Duration, format: Format) -> Result<Collected, Error> {
    let settings = settings.clone();
    let once = settings.clone();
    let app = App::new(&settings, Arc::new(move || Ok(once.clone())));
    let runner = Runner {
        store: Arc::clone(&app.store),
        health: Arc::clone(&app.health),
        settings: Arc::new(settings.collect.clone()),
        clock: app.clock.clone(),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
    };
    let clouds = open_clouds(&settings, &app.clock);
    app.own.set_clouds(clouds.clone());
    if settings.collect.host.enabled {
        runner.collect_host_once().await;
    }
    let checks = futures_util::future::join_all(clouds.iter().map(|cloud| check_cloud(&runner, cloud, patience))).await;
    let page = app.exposition.page(format, Encoding::Identity).await;
    let bytes: Vec<u8> = page.pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
    let page = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Collected { page, health: Arc::clone(&app.health), store: Arc::clone(&app.store), clouds: checks })
}

async fn check_cloud(runner: &Runner, cloud: &Arc<Cloud>, patience: Duration) -> CloudCheck {
    let name = cloud.name().to_owned();
    let run = async {
        let session = cloud.session().await.map_err(|error| error.to_string())?;
        runner.collect_cloud_once(cloud, &session).await;
        Ok(session)
    };
    let session = match tokio::time::timeout(patience, run).await {
        Ok(session) => session,
        Err(_) => Err(format!("not done within {} s", patience.as_secs())),
    };
    if let Err(error) = &session {
        runner.note_login_failed(&Origin::new(&name, cloud.region().unwrap_or("")), error);
    }
    CloudCheck { name, session }
}
