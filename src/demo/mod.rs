//! A simulated OpenStack inside the binary: speaks the APIs over real sockets, so that stackcast can be tried
//! without a cloud, tested against faults and measured at scale.
//!
//! ```text
//! settings + seed + clock ─► world (events) ─► service (one file each) ─► http (delay, faults) ─► socket
//! ```
//! A client cannot tell it from the real services: answers agree field by field with recorded ones (see `tests`).
//! It can only be read: no request creates or changes anything but tokens. It never listens beyond the address
//! given, by default loopback.

mod call;
mod cloud;
mod control;
mod fault;
mod http;
mod json;
mod page;
mod service;
mod settings;
mod stats;
#[cfg(test)]
mod tests;
mod tokens;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, RwLockReadGuard};

use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::model::clock::Clock;
use cloud::Cloud;
pub use fault::{Effect, Fault, FaultPlan, Faults};
pub use settings::Settings;
pub use stats::Report;
pub use world::{
    Aggregate, Anomaly, AnomalyKind, Counts, Domain, Flavor, Host, Identity, Image, LoadClass, LoadProfile, Project,
    ProjectUse, Quota, Resources, Server, Status, User, World,
};

/// Why the simulated cloud does not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A setting is out of range.
    #[error("demo settings: {0}")]
    Settings(&'static str),
    /// The address cannot be listened on.
    #[error("demo cannot listen on {address}: {source}; choose another address or port 0")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Building the cloud did not end.
    #[error("demo cloud was not built: {0}")]
    Build(#[from] tokio::task::JoinError),
}

/// How to log in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// User with the role `admin`; `monitoring`, with the same password, only has `reader`.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// Domain of the user.
    pub user_domain_name: String,
    /// Project to scope to.
    pub project_name: String,
    /// Domain of the project.
    pub project_domain_name: String,
    /// Id of an application credential of the same user.
    pub application_credential_id: String,
    /// Its secret.
    pub application_credential_secret: SecretString,
    /// The regions.
    pub regions: Vec<String>,
}

/// A running simulated cloud; it ends when dropped.
#[derive(Debug)]
pub struct Demo {
    cloud: Arc<Cloud>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
    stop: DropGuard,
}

impl Demo {
    /// Builds the cloud as it stands at the clock's moment, listens, and answers from then on.
    pub async fn start(settings: Settings, clock: Clock) -> Result<Self, DemoError> {
        if let Some(problem) = settings.problem() {
            return Err(DemoError::Settings(problem));
        }
        let failed = |source| DemoError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let base = format!("http://{address}");
        let cloud = Arc::new(tokio::task::spawn_blocking(move || Cloud::new(settings, clock, base)).await?);
        let stop = CancellationToken::new();
        let task = tokio::spawn(http::serve(listener, Arc::clone(&cloud), stop.clone()));
        Ok(Self { cloud, address, task, stop: stop.drop_guard() })
    }

    /// Address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Keystone's URL, version included.
    pub fn auth_url(&self) -> String {
        format!("{}/v3", self.cloud.identity_url())
    }

    /// How to log in as administrator.
    pub fn credentials(&self) -> Credentials {
        let tokens = self.cloud.tokens();
        let (id, secret) = tokens.credential();
        Credentials {
            username: "admin".to_owned(),
            password: tokens.password().clone(),
            user_domain_name: "Default".to_owned(),
            project_name: "admin".to_owned(),
            project_domain_name: "Default".to_owned(),
            application_credential_id: format!("{id:032x}"),
            application_credential_secret: secret.clone(),
            regions: self.cloud.settings.regions.clone(),
        }
    }

    /// A clouds.yaml with the clouds `demo` (administrator), `demo-reader` and `demo-credential`; it holds secrets.
    pub fn clouds_yaml(&self) -> String {
        let credentials = self.credentials();
        let (url, password) = (self.auth_url(), credentials.password.expose_secret());
        let region = match credentials.regions.as_slice() {
            [only] => format!("    region_name: {only}\n"),
            _ => String::new(),
        };
        let by_password = |cloud: &str, user: &str| {
            format!(
                "  {cloud}:\n    auth:\n      auth_url: {url}\n      username: {user}\n      password: {password}\n      \
                 user_domain_name: Default\n      project_name: admin\n      project_domain_name: Default\n{region}"
            )
        };
        format!(
            "clouds:\n{}{}  demo-credential:\n    auth_type: v3applicationcredential\n    auth:\n      auth_url: {url}\n      \
             application_credential_id: {}\n      application_credential_secret: {}\n{region}",
            by_password("demo", "admin"),
            by_password("demo-reader", "monitoring"),
            credentials.application_credential_id,
            credentials.application_credential_secret.expose_secret(),
        )
    }

    /// The truth about a region at this moment; do not hold it across an `await`, requests wait for it.
    pub fn world(&self, region: usize) -> Option<RwLockReadGuard<'_, World>> {
        let now = self.cloud.clock.now();
        self.cloud.advance(region, now);
        self.cloud.world(region, now)
    }

    /// Faults, settable at any time.
    pub fn faults(&self) -> &Faults {
        &self.cloud.faults
    }

    /// Requests so far.
    pub fn stats(&self) -> Report {
        self.cloud.stats.read()
    }

    /// Counts anew.
    pub fn reset_stats(&self) {
        self.cloud.stats.reset();
    }

    /// Ends all tokens; says how many there were.
    pub fn revoke_tokens(&self) -> usize {
        self.cloud.tokens().revoke_all()
    }

    /// Stops listening and ends open connections, hung ones included.
    pub async fn shutdown(self) {
        drop(self.stop);
        let _ = self.task.await;
    }
}
