//! (temporary: the lead replaces this)

use std::sync::Arc;
use std::time::Duration;

use crate::collect::health::Health;
use crate::config::{self, Settings};
use crate::model::snapshot::{SeriesLimits, SnapshotStore};
use crate::openstack;

/// Called at start and on every reload.
pub type Loader = Arc<dyn Fn() -> Result<Settings, config::Error> + Send + Sync>;

/// What stops the program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Text format of `once`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnceFormat {
    /// Prometheus text 0.0.4.
    Classic,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// What one round of every collector found.
#[derive(Debug)]
pub struct Collected {
    /// The metrics page.
    pub page: String,
    /// How each collector did.
    pub health: Arc<Health>,
    /// The snapshot.
    pub store: Arc<SnapshotStore>,
    /// How each login went.
    pub clouds: Vec<CloudCheck>,
}

/// How the login to a cloud went.
#[derive(Debug)]
pub struct CloudCheck {
    /// Name of the cloud.
    pub name: String,
    /// The session, or why there is none.
    pub session: Result<Arc<openstack::client::Session>, openstack::error::Error>,
}

/// Runs until SIGTERM or SIGINT.
pub async fn serve(loader: Loader) -> Result<(), Error> {
    loader()?;
    Ok(())
}

/// Every collector once.
pub async fn collect_once(settings: &Settings, patience: Duration, format: OnceFormat) -> Result<Collected, Error> {
    let _ = (settings, patience, format);
    Ok(Collected {
        page: String::new(),
        health: Arc::new(Health::default()),
        store: SnapshotStore::new(SeriesLimits::default()),
        clouds: Vec::new(),
    })
}
