//! Every collector once, side by side: for `once` and `check`.

use std::sync::Arc;
use std::time::Duration;

use super::Error;
use super::clouds::{Opened, open_clouds};
use super::running::App;
use crate::collect::health::Health;
use crate::collect::runner::Runner;
use crate::config::Settings;
use crate::expose::{Encoding, Format};
use crate::model::part::Origin;
use crate::model::snapshot::SnapshotStore;
use crate::openstack::client::{Cloud, Session};
use crate::openstack::error::{Error as CallError, ErrorKind};

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
    let runner = app.runner(&settings);
    let Opened { clouds, faults } = open_clouds(&settings, &app.clock)?;
    app.own.set_clouds(clouds.clone());
    if settings.collect.host.enabled {
        runner.collect_host_once().await;
    }
    let reader = runner.clone();
    if let Err(failure) = tokio::task::spawn_blocking(move || reader.read_textfiles_once()).await {
        tracing::error!(%failure, "text files could not be read");
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
