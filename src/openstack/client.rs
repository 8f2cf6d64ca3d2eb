//! Requests to one service of one region. (interface stub: helper `openstack` replaces this file)

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::Settings;
use super::clouds::CloudConfig;
use super::error::{Error, ErrorKind};
use super::microversion::Microversion;
use super::telemetry::Telemetry;
use crate::model::clock::{Clock, Timestamp};

/// A cloud that can be logged in to: one token and one connection pool for all its services.
#[derive(Debug)]
pub struct Cloud {
    config: CloudConfig,
    telemetry: Telemetry,
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

impl Cloud {
    /// Prepares the HTTP client; sends nothing yet.
    pub fn new(config: CloudConfig, _settings: &Settings, _clock: Clock) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self { config, telemetry: Telemetry::default() }))
    }

    /// Name in clouds.yaml.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// The configured region, if any.
    pub fn region(&self) -> Option<&str> {
        self.config.region.as_deref()
    }

    /// Request counters.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// The current session; logs in when there is none (single flight).
    pub async fn session(&self) -> Result<Arc<Session>, Error> {
        Err(Error::new(ErrorKind::Auth, "identity", "auth/tokens", "not built yet"))
    }

    /// A client of the first catalog type that this region has; `Catalog` error when it has none.
    pub async fn service(self: &Arc<Self>, types: &[&str], region: &str) -> Result<ServiceClient, Error> {
        let _ = region;
        Err(Error::new(ErrorKind::Catalog, types.first().copied().unwrap_or(""), "catalog", "not built yet"))
    }
}

/// Requests to one service of one region; cheap to clone.
#[derive(Clone, Debug)]
pub struct ServiceClient {
    cloud: Arc<Cloud>,
}

/// One GET.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Path behind the endpoint, without a leading slash, e.g. `servers/detail`.
    pub path: Cow<'a, str>,
    /// Query parameters, not encoded yet.
    pub query: Vec<(&'a str, Cow<'a, str>)>,
    /// Microversion to ask at; none sends no header (the service's oldest).
    pub microversion: Option<Microversion>,
}

impl<'a> Request<'a> {
    /// A request without parameters.
    pub fn new(path: impl Into<Cow<'a, str>>) -> Self {
        Self { path: path.into(), query: Vec::new(), microversion: None }
    }

    /// Adds a query parameter.
    pub fn query(mut self, key: &'a str, value: impl Into<Cow<'a, str>>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    /// Sets the microversion.
    pub fn at(mut self, version: impl Into<Option<Microversion>>) -> Self {
        self.microversion = version.into();
        self
    }
}

/// How a list came out.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// Items handed on.
    pub items: usize,
    /// Pages read.
    pub pages: usize,
    /// Items that could not be decoded: (reason, what the decoder said of the first one).
    pub rejected: Vec<(&'static str, String)>,
    /// The service's clock (Date header of the first page), for `changes-since`.
    pub server_time: Option<Timestamp>,
}

impl ServiceClient {
    /// The cloud.
    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// The greatest microversion that both sides speak and that is at most `wanted`;
    /// none when the service has no microversions or its least one is above `wanted`.
    pub async fn negotiate(&self, wanted: Microversion) -> Result<Option<Microversion>, Error> {
        let _ = wanted;
        Ok(None)
    }

    /// The range of microversions the service reports, if it has any.
    pub async fn microversions(&self) -> Result<Option<(Microversion, Microversion)>, Error> {
        Ok(None)
    }

    /// The body of one answer.
    pub async fn get(&self, request: Request<'_>) -> Result<Bytes, Error> {
        Err(Error::new(ErrorKind::Connect, "", request.path, "not built yet"))
    }

    /// One decoded answer.
    pub async fn get_json<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<T, Error> {
        let path = request.path.to_string();
        let body = self.get(request).await?;
        serde_json::from_slice(&body).map_err(|e| Error::new(ErrorKind::Decode, "", path, e.to_string()))
    }

    /// All pages of a list (`{"<key>": [...]}`), item by item; an item that does not decode is skipped and reported.
    pub async fn list<T, F>(&self, request: Request<'_>, key: &str, each: F) -> Result<Listed, Error>
    where
        T: DeserializeOwned,
        F: FnMut(T) + Send,
    {
        let _ = (request, key, each);
        Ok(Listed::default())
    }
}
