//! A cloud: its token, its connections, its budgets, and the clients of its services.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Url;

use super::Settings;
use super::backoff::Backoff;
use super::budget::Budget;
use super::catalog;
use super::client::ServiceClient;
use super::clouds::CloudConfig;
use super::error::{Error, ErrorKind};
use super::http::Http;
use super::telemetry::Telemetry;
use super::tls;
use super::tokens::Tokens;
use super::versions::Range;
use crate::model::clock::{Clock, Timestamp};

/// Where a service keeps refusing fresh tokens: no new login for its sake, from 5 s to 5 min.
const REFUSED: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// A cloud that can be logged in to: one token and one connection pool for all its services.
pub struct Cloud {
    config: CloudConfig,
    pub(super) settings: Settings,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) http: Arc<Http>,
    pub(super) tokens: Arc<Tokens>,
    services: Mutex<HashMap<Key, Arc<Service>>>,
    budgets: Mutex<HashMap<String, Arc<Budget>>>,
}

/// Type, region, root.
type Key = (String, String, Url);

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What a token says about its holder.
#[derive(Clone, Debug)]
pub struct Session {
    /// When the token ends.
    pub expires: Timestamp,
    /// Role names.
    pub roles: Vec<String>,
    /// Project the token is scoped to.
    pub project_id: Option<String>,
    /// Name of that project.
    pub project_name: Option<String>,
    /// Id of the user.
    pub user_id: String,
    /// Whether the token is scoped to the system.
    pub system: bool,
    /// Regions in the catalog, sorted.
    pub regions: Vec<String>,
    /// Service types in the catalog with their regions, sorted.
    pub services: Vec<(String, Vec<String>)>,
}

impl Session {
    /// Whether the token carries the role that default policies ask for where services filter silently. On a domain it
    /// is worth nothing beyond Keystone: other services refuse such tokens, or show them nothing.
    pub fn is_admin(&self) -> bool {
        !self.is_of_domain() && self.roles.iter().any(|role| role.eq_ignore_ascii_case("admin"))
    }

    /// Whether the token is scoped to neither a project nor the system: Keystone shows it the domain's members only.
    pub fn is_of_domain(&self) -> bool {
        self.project_id.is_none() && !self.system
    }
}

impl Cloud {
    /// Prepares the HTTP client; sends nothing yet.
    pub fn new(config: CloudConfig, settings: &Settings, clock: Clock) -> Result<Arc<Self>, Error> {
        let telemetry = Arc::new(Telemetry::default());
        let http = Arc::new(Http::new(tls::client(&config, settings)?, settings));
        let tokens = Tokens::new(config.clone(), settings, clock, Arc::clone(&http), Arc::clone(&telemetry))?;
        Ok(Arc::new(Self {
            config,
            settings: settings.clone(),
            telemetry,
            http,
            tokens: Arc::new(tokens),
            services: Mutex::default(),
            budgets: Mutex::default(),
        }))
    }

    /// Name in clouds.yaml.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// What it was made of.
    pub fn config(&self) -> &CloudConfig {
        &self.config
    }

    /// Request counters.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// The current session; logs in when there is none (single flight).
    pub async fn session(&self) -> Result<Arc<Session>, Error> {
        Ok(Arc::clone(&self.tokens.get(None).await?.token.session))
    }

    /// Forgets the token: the next request logs in anew.
    pub fn invalidate(&self) {
        self.tokens.invalidate();
    }

    /// Regions to serve: those that the configuration names, else all of the catalog.
    pub async fn regions(&self) -> Result<Vec<String>, Error> {
        match self.config.regions.is_empty() {
            true => Ok(self.session().await?.regions.clone()),
            false => Ok(self.config.regions.clone()),
        }
    }

    /// A client of the first catalog type that this region has; `Catalog` error when it has none.
    pub async fn service(self: &Arc<Self>, types: &[&str], region: &str) -> Result<ServiceClient, Error> {
        let held = self.tokens.get(None).await?;
        let wanted = types.first().copied().unwrap_or_default();
        let fault = |detail| Error::new(ErrorKind::Catalog, wanted, "catalog", detail);
        let chosen = types.iter().find_map(|wanted| Some((*wanted, self.config.endpoints.get(*wanted)?.as_str())));
        let (service_type, endpoint) = match chosen {
            Some(chosen) => chosen,
            None => held.token.catalog.endpoint(types, region, self.config.interface).map_err(fault)?,
        };
        let project = held.token.session.project_id.as_deref();
        let root = catalog::root(service_type, endpoint, project).map_err(fault)?;
        Ok(ServiceClient::new(Arc::clone(self), self.shared(service_type, region, root)))
    }

    /// What all clients of an endpoint share.
    fn shared(&self, service_type: &str, region: &str, root: Url) -> Arc<Service> {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets
            .entry(catalog::official_type(service_type).to_owned())
            .or_insert_with(|| Arc::new(Budget::new(&self.settings)));
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (service_type.to_owned(), region.to_owned(), root.clone());
        let service = services.entry(key).or_insert_with(|| {
            Arc::new(Service {
                service_type: service_type.into(),
                region: region.into(),
                cloud: self.config.name.as_str().into(),
                root,
                budget: Arc::clone(budget),
                versions: tokio::sync::Mutex::default(),
                refused: Mutex::new(Backoff::new(REFUSED.0, REFUSED.1)),
            })
        });
        Arc::clone(service)
    }
}

/// What all clients of one endpoint share.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) service_type: Arc<str>,
    pub(super) region: Arc<str>,
    pub(super) cloud: Arc<str>,
    /// What paths are appended to.
    pub(super) root: Url,
    pub(super) budget: Arc<Budget>,
    pub(super) versions: tokio::sync::Mutex<Option<(Instant, Option<Range>)>>,
    pub(super) refused: Mutex<Backoff>,
}

impl Service {
    /// The same at another root, within the same budget.
    pub(super) fn at(&self, root: Url) -> Self {
        Self {
            service_type: Arc::clone(&self.service_type),
            region: Arc::clone(&self.region),
            cloud: Arc::clone(&self.cloud),
            root,
            budget: Arc::clone(&self.budget),
            versions: tokio::sync::Mutex::default(),
            refused: Mutex::new(Backoff::new(REFUSED.0, REFUSED.1)),
        }
    }
}
