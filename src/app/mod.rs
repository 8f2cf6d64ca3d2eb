//! Wires the stages together: owns tasks, reload and shutdown. The only module that knows them all.

mod analysis;
mod clouds;
mod kept;
mod once;
mod probe;
mod processes;
mod replay;
mod report;
mod running;
mod workload;

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{self, Settings};
use crate::expose::{ServeError, Server};
use crate::history::HistoryError;
use crate::model::clock::Clock;
use crate::model::metric::Descriptor;
use crate::openstack::clouds::CloudsError;
use crate::openstack::error::Error as CallError;
pub use kept::kept_forecasts;
pub use once::{CloudCheck, Collected, collect_once};
pub use replay::{Past, fill_history, record};
pub use report::report_of_data;
use running::App;

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
    /// The store of a history that is filled.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The web server.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The operating system refuses signal handlers.
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
}

/// Collects and serves until SIGTERM or SIGINT; SIGHUP and `/-/reload` load the configuration anew.
pub async fn serve(loader: Loader) -> Result<(), Error> {
    // Before anything can be seen of it: who sees a port that listens may send a signal already.
    let signals = Signals::listen()?;
    let settings = loader()?;
    settings.data.prepare()?;
    let app = App::new(&settings, loader, Clock::system());
    let clouds = app.open(&settings)?;
    let server = Server::bind(&settings.expose, app.hooks()).await?;
    for address in server.addresses() {
        tracing::info!(%address, path = settings.expose.telemetry_path, "serving");
    }
    app.start(&settings, clouds);
    let shutdown = CancellationToken::new();
    let analysis = app.start_analysis(&settings, shutdown.clone());
    let workload = app.start_workload(&settings, shutdown.clone());
    let reports = app.start_reports(&settings, shutdown.clone());
    let signals = tokio::spawn(signals.obey(Arc::clone(&app), shutdown.clone()));
    let renderer = tokio::spawn(Arc::clone(&app.exposition).keep_warm());
    let served = server.run(shutdown).await;
    renderer.abort();
    signals.abort();
    app.stop().await;
    // What has been read up to now is on its way to the disk.
    for task in [analysis, workload, reports].into_iter().flatten() {
        let _ended = tokio::time::timeout(SHUTDOWN_LIMIT, task).await;
    }
    tracing::info!("stopped");
    Ok(served?)
}

/// The signals that the program obeys, caught from when this is made.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(Error::Signals);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn obey(mut self, app: Arc<App>, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
                _ = self.hangup.recv() => {
                    // The outcome is logged and exported by reload itself.
                    let _outcome = app.reload().await;
                }
            }
        }
        tracing::info!("stopping");
        shutdown.cancel();
    }
}

/// Tables of self metrics that this stage fills, for the reference.
pub fn tables() -> Vec<&'static [&'static Descriptor]> {
    analysis::tables().to_vec()
}
