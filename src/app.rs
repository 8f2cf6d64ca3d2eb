//! Wires the stages together: owns tasks, reload and shutdown. The only file that knows them all.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::collect::health::Health;
use crate::collect::own::Own;
use crate::collect::runner::Runner;
use crate::collect::{Keep, SERVICES};
use crate::config::{self, EndpointType, Settings, Wanted};
use crate::expose::{CloudLabels, CloudStatus, Encoding, Exposition, Format, Hooks, ServeError, Server, Status};
use crate::model::clock::Clock;
use crate::model::part::Origin;
use crate::model::snapshot::{SeriesLimits, SnapshotStore};
use crate::openstack::client::{Cloud, Session};
use crate::openstack::clouds::{self, CloudConfig, CloudsError, Interface};
use crate::openstack::error::{Error as CallError, ErrorKind};

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
    /// clouds.yaml, secure.yaml or `OS_*`.
    #[error(transparent)]
    Clouds(#[from] CloudsError),
    /// A cloud whose client cannot be made.
    #[error("cloud `{0}`: {1}")]
    Cloud(String, CallError),
    /// Two clouds' series would be the same without labels to tell them apart.
    #[error("expose.naming.cloud_labels is `never`, but {0} clouds are served; choose `auto` or serve one cloud")]
    Unlabelled(usize),
    /// The data directory.
    #[error(transparent)]
    Data(#[from] config::DirectoryError),
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
    settings.data.prepare()?;
    let app = App::new(&settings, loader);
    let clouds = app.open(&settings)?;
    let server = Server::bind(&settings.expose, app.hooks()).await?;
    for address in server.addresses() {
        tracing::info!(%address, path = settings.expose.telemetry_path, "serving");
    }
    app.start(&settings, clouds);
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
        // The page shows what it had to leave out of itself, so the two know each other.
        let (live, page) = (Arc::clone(&own), Arc::new(OnceLock::<Weak<Exposition>>::new()));
        let shown = Arc::clone(&page);
        let parts =
            move || live.parts(shown.get().and_then(Weak::upgrade).map(|page| page.dropped()).unwrap_or_default());
        let exposition = Exposition::new(Arc::clone(&store), settings.expose.naming.clone(), Arc::new(parts));
        // Set once, here: a second call cannot happen.
        let _first = page.set(Arc::downgrade(&exposition));
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
    fn start(&self, settings: &Settings, clouds: Vec<Arc<Cloud>>) {
        let runner = Runner {
            store: Arc::clone(&self.store),
            health: Arc::clone(&self.health),
            settings: Arc::new(settings.collect.clone()),
            keep: keep(settings),
            clock: self.clock.clone(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        if clouds.is_empty() {
            tracing::warn!("no cloud is configured: serving the local host only; {}", config::Clouds::HOW_TO_ADD);
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

    fn open(&self, settings: &Settings) -> Result<Vec<Arc<Cloud>>, Error> {
        let clouds = open_clouds(settings, &self.clock)?.insist()?;
        match settings.expose.naming.cloud_labels {
            CloudLabels::Never if clouds.len() > 1 => Err(Error::Unlabelled(clouds.len())),
            _ => Ok(clouds),
        }
    }

    async fn replace(&self, settings: &Settings, clouds: Vec<Arc<Cloud>>) {
        let former = self.lock().take();
        if let Some(former) = former {
            for key in config::restart_keys(&config::changed_keys(&former.settings, settings)) {
                tracing::warn!(key, "changed, but takes effect only after a restart");
            }
            stop_runner(&former.runner).await;
            self.health.forget(|_| true);
        }
        self.start(settings, clouds);
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
        let hints = if clouds.is_empty() { vec![config::Clouds::HOW_TO_ADD.to_owned()] } else { Vec::new() };
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

fn keep(settings: &Settings) -> Keep {
    let filter = settings.filter.clone();
    Keep::new(move |row| !filter.drops(&row.name, row.slow, row.deprecated))
}

fn limits(settings: &Settings) -> SeriesLimits {
    SeriesLimits { per_family: settings.limits.series_per_family, total: settings.limits.series_total }
}

/// The configured clouds, and why some of them cannot be used.
struct Opened {
    clouds: Vec<Arc<Cloud>>,
    faults: Vec<(String, CallError)>,
}

impl Opened {
    /// One broken cloud does not keep the others out of service, but nothing is served in silence when all are broken.
    fn insist(self) -> Result<Vec<Arc<Cloud>>, Error> {
        for (cloud, fault) in &self.faults {
            tracing::error!(cloud, %fault, "cloud left out");
        }
        match self.faults.into_iter().next() {
            Some((cloud, fault)) if self.clouds.is_empty() => Err(Error::Cloud(cloud, fault)),
            _ => Ok(self.clouds),
        }
    }
}

fn open_clouds(settings: &Settings, clock: &Clock) -> Result<Opened, Error> {
    let mut opened = Opened { clouds: Vec::new(), faults: Vec::new() };
    let wanted = settings.clouds.wanted(std::env::var("OS_CLOUD").ok().as_deref());
    let sources = clouds::Sources::of_process(settings.clouds.file.clone());
    let found = match clouds::Clouds::read(&sources) {
        Ok(found) => found,
        Err(CloudsError::Nothing { .. }) if wanted == Wanted::All => return Ok(opened),
        Err(error) => return Err(error.into()),
    };
    let unusable = |fault: CloudsError| CallError::new(ErrorKind::Config, "identity", "clouds.yaml", fault.to_string());
    let mut configs = Vec::new();
    match wanted {
        Wanted::All => {
            configs = found.usable;
            opened.faults.extend(found.faults.into_iter().map(|(name, fault)| (name, unusable(fault))));
        }
        Wanted::Named(names) => {
            for name in names {
                match found.clone().select(&name) {
                    Ok(config) => configs.push(config),
                    Err(unknown @ CloudsError::Unknown { .. }) => return Err(unknown.into()),
                    Err(fault) => opened.faults.push((name, unusable(fault))),
                }
            }
        }
    }
    for mut config in configs {
        let name = config.name.clone();
        choose_interface(&mut config, settings.clouds.endpoint_type);
        match Cloud::new(config, &settings.openstack, clock.clone()) {
            Ok(cloud) => opened.clouds.push(cloud),
            Err(fault) => opened.faults.push((name, fault)),
        }
    }
    Ok(opened)
}

fn choose_interface(config: &mut CloudConfig, endpoint_type: Option<EndpointType>) {
    config.interface = match endpoint_type {
        Some(EndpointType::Public) => Interface::Public,
        Some(EndpointType::Internal) => Interface::Internal,
        Some(EndpointType::Admin) => Interface::Admin,
        None => config.interface,
    };
}

/// Everything that one run of every collector found.
#[derive(Debug)]
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
#[derive(Debug)]
pub struct CloudCheck {
    /// Name in clouds.yaml.
    pub name: String,
    /// The session, or why there is none.
    pub session: Result<Arc<Session>, CallError>,
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
        keep: keep(&settings),
        clock: app.clock.clone(),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
    };
    let Opened { clouds, faults } = open_clouds(&settings, &app.clock)?;
    app.own.set_clouds(clouds.clone());
    if settings.collect.host.enabled {
        runner.collect_host_once().await;
    }
    let mut checks =
        futures_util::future::join_all(clouds.iter().map(|cloud| check_cloud(&runner, cloud, patience))).await;
    checks.extend(faults.into_iter().map(|(name, fault)| CloudCheck { name, session: Err(fault) }));
    let page = app.exposition.page(format, Encoding::Identity).await;
    let bytes: Vec<u8> = page.pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
    let page = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Collected { page, health: Arc::clone(&app.health), store: Arc::clone(&app.store), clouds: checks })
}

async fn check_cloud(runner: &Runner, cloud: &Arc<Cloud>, patience: Duration) -> CloudCheck {
    let name = cloud.name().to_owned();
    let region = cloud.config().region.as_deref().unwrap_or("");
    let unfinished = || {
        let detail = format!("no answer within {} s", patience.as_secs());
        CallError::new(ErrorKind::Timeout, "identity", "auth/tokens", detail)
    };
    let deadline = tokio::time::Instant::now() + patience;
    let session = match tokio::time::timeout_at(deadline, cloud.session()).await {
        Ok(session) => session,
        Err(_) => Err(unfinished()),
    };
    match &session {
        // What does not end in time stays without an outcome, and is reported so.
        Ok(session) => drop(tokio::time::timeout_at(deadline, runner.collect_cloud_once(cloud, session)).await),
        Err(error) => runner.note_login_failure(&Origin::new(&name, region), error),
    }
    CloudCheck { name, session }
}
