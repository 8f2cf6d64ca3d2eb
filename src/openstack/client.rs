//! Requests to one service of one region: the face that collectors see.
//!
//! A GET returns bytes; what is in them is the caller's business. Around it: a token that is renewed when refused,
//! the microversion's header, budget, repeats, counters (`http`), pages (`page`).

use std::borrow::Cow;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Url;
use serde::de::DeserializeOwned;

use super::Settings;
use super::backoff::Backoff;
use super::catalog;
use super::cloud::Service;
pub use super::cloud::{Cloud, Session};
use super::error::{Error, ErrorKind};
use super::http::{Answer, Target};
use super::microversion::Microversion;
use super::page;
use super::versions::{self, Range};
use crate::model::clock::Timestamp;

/// How long a service's range of microversions is believed.
const VERSIONS_AGE_MAX: Duration = Duration::from_secs(3600);

/// Requests to one service of one region; cheap to clone.
#[derive(Clone, Debug)]
pub struct ServiceClient {
    cloud: Arc<Cloud>,
    service: Arc<Service>,
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
    /// Headers that only this service knows, e.g. Designate's `x-auth-all-projects`; sent with every page.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl<'a> Request<'a> {
    /// A request without parameters.
    pub fn new(path: impl Into<Cow<'a, str>>) -> Self {
        Self { path: path.into(), query: Vec::new(), microversion: None, headers: Vec::new() }
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

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
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
    pub(super) fn new(cloud: Arc<Cloud>, service: Arc<Service>) -> Self {
        Self { cloud, service }
    }

    /// The cloud.
    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// The type under which the catalog has it, e.g. `volumev3`.
    pub fn service_type(&self) -> &str {
        &self.service.service_type
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.service.region
    }

    /// The URL that paths are appended to; it holds no credentials.
    pub fn endpoint_url(&self) -> &str {
        self.service.root.as_str()
    }

    /// The greatest microversion that both sides speak and that is at most `wanted`;
    /// none when the service has no microversions or its least one is above `wanted`.
    pub async fn negotiate(&self, wanted: Microversion) -> Result<Option<Microversion>, Error> {
        let range = self.microversions().await?;
        let limit = self.settings().version_limit(catalog::official_type(&self.service.service_type));
        let wanted = limit.map_or(wanted, |limit| wanted.min(limit));
        Ok(range.filter(|(least, _)| *least <= wanted).map(|(_, greatest)| greatest.min(wanted)))
    }

    /// Asks for the endpoint's version document, once, without token and repeats: how long an answer of any kind took, or
    /// why none came. Refusals (4xx) are answers; overload and faults of the server (429, 5xx) are not.
    pub async fn ping(&self) -> Result<Duration, Error> {
        let mut url = self.service.root.clone();
        let path = match catalog::version_of(url.path()) {
            Some((_, path)) => format!("{path}/"),
            None => format!("{}/", url.path().trim_end_matches('/')),
        };
        url.set_path(&path);
        let target = self.target("", url);
        let started = Instant::now();
        let answer = self.cloud.http.once(&target, &self.cloud.telemetry).await?;
        match answer.status {
            429 | 500.. => Err(answer.error(&target, "")),
            _ => Ok(started.elapsed()),
        }
    }

    /// The range of microversions the service reports, if it has any.
    pub async fn microversions(&self) -> Result<Option<Range>, Error> {
        if !catalog::may_have_microversions(&self.service.service_type) {
            return Ok(None);
        }
        let mut known = self.service.versions.lock().await;
        if let Some((asked, range)) = *known
            && asked.elapsed() < VERSIONS_AGE_MAX
        {
            return Ok(range);
        }
        let range = self.ask_versions().await?;
        *known = Some((Instant::now(), range));
        Ok(range)
    }

    /// Asks the version's own document, then the one in front of it, which some gateways hide.
    async fn ask_versions(&self) -> Result<Option<Range>, Error> {
        let root = &self.service.root;
        let (version, own) = match catalog::version_of(root.path()) {
            Some((version, path)) => (Some(version), format!("{path}/")),
            None => (None, format!("{}/", root.path().trim_end_matches('/'))),
        };
        let parent = own.strip_suffix('/').zip(version).and_then(|(path, version)| path.strip_suffix(version));
        let mut last = Ok(None);
        for path in std::iter::once(own.as_str()).chain(parent) {
            let mut url = root.clone();
            url.set_path(path);
            let document = match self.fetch(self.target("versions", url), None).await {
                Ok(answer) => serde_json::from_slice(&answer.body).map_err(|e| {
                    Error::new(ErrorKind::Decode, self.service_type(), "versions", page::decode_fault(&answer.body, &e))
                }),
                Err(error) => Err(error),
            };
            match document {
                Ok(document) => match versions::range(&document, version) {
                    Some(range) => return Ok(Some(range)),
                    None => last = Ok(None),
                },
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Decode | ErrorKind::Client) => {
                    last = last.and(Err(error));
                }
                Err(error) => return Err(error),
            }
        }
        last
    }

    /// The body of one answer.
    pub async fn get(&self, request: Request<'_>) -> Result<Bytes, Error> {
        let target = self.target_of(&request)?;
        Ok(self.fetch(target, request.microversion).await?.body)
    }

    /// One decoded answer.
    pub async fn get_json<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<T, Error> {
        let path = request.path.to_string();
        let body = self.get(request).await?;
        serde_json::from_slice(&body).map_err(|e| self.decode_error(&path, &body, &e))
    }

    /// Values of some headers of one answer, for what a service tells there only; the body is thrown away.
    pub async fn headers<const N: usize>(
        &self,
        request: Request<'_>,
        names: [&str; N],
    ) -> Result<[Option<String>; N], Error> {
        let target = self.target_of(&request)?;
        let answer = self.fetch(target, request.microversion).await?;
        Ok(names.map(|name| answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)))
    }

    /// All pages of a list (`{"<key>": [...]}`), item by item; an item that does not decode is skipped and reported.
    pub async fn list<T, F>(&self, request: Request<'_>, key: &str, each: F) -> Result<Listed, Error>
    where
        T: DeserializeOwned,
        F: FnMut(T) + Send,
    {
        page::list(self, request, key, each).await
    }

    /// The same service for another project, where the endpoint's path ends in the id of the token's `own` (Swift's
    /// accounts); none where it does not, or where `other` is no id.
    pub fn at_project(&self, own: &str, other: &str) -> Option<Self> {
        let plain = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let root = &self.service.root;
        let account = root.path().trim_end_matches('/').strip_suffix(own).filter(|_| plain(own) && plain(other))?;
        let mut url = root.clone();
        url.set_path(&format!("{account}{other}"));
        Some(Self::new(Arc::clone(&self.cloud), Arc::new(self.service.at(url))))
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.cloud.settings
    }

    pub(super) fn fault(&self, kind: ErrorKind, path: &str, detail: impl Into<String>) -> Error {
        Error::new(kind, self.service_type(), path, detail)
    }

    pub(super) fn decode_error(&self, path: &str, body: &[u8], error: &serde_json::Error) -> Error {
        let mut detail = page::decode_fault(body, error);
        if page::looks_like_html(body) {
            detail += &format!(": is {} really the {} API?", self.endpoint_url(), self.service_type());
        }
        self.fault(ErrorKind::Decode, path, detail)
    }

    /// The target of a request. Parameters are encoded; a path cannot leave the endpoint.
    pub(super) fn target_of(&self, request: &Request<'_>) -> Result<Target, Error> {
        let path = request.path.trim_start_matches('/');
        if path.split('/').any(|segment| matches!(segment, "." | "..") || segment.to_ascii_lowercase().contains("%2e"))
        {
            return Err(self.fault(ErrorKind::Config, path, "a path with dots as a segment is not sent"));
        }
        let mut url = self.service.root.clone();
        url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query.iter());
        }
        Ok(Target { headers: request.headers.clone(), ..self.target(path, url) })
    }

    fn target(&self, path: &str, url: Url) -> Target {
        Target {
            cloud: Arc::clone(&self.service.cloud),
            service: Arc::clone(&self.service.service_type),
            region: Arc::clone(&self.service.region),
            path: path.to_owned(),
            url,
            headers: Vec::new(),
        }
    }

    /// One answer of success: with a token, at a microversion, within the budget. A refused token is renewed once.
    pub(super) async fn fetch(&self, target: Target, version: Option<Microversion>) -> Result<Answer, Error> {
        let headers = version.map(|version| versions::headers(&self.service.service_type, version)).unwrap_or_default();
        let mut refused = None;
        loop {
            let held = self.cloud.tokens.get(refused).await?;
            let token = &held.token.header;
            let request = || {
                let request = self.cloud.http.get(&target.url).header("x-auth-token", token.clone());
                let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
                target.headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
            };
            let permit = || self.service.budget.permit();
            let secret = token.to_str().unwrap_or_default();
            let answer =
                self.cloud.http.exchange_within(&target, &self.cloud.telemetry, secret, request, permit).await?;
            match answer.status {
                200..=300 => {
                    if refused.is_some() {
                        self.lock_refused().reset();
                    }
                    return Ok(answer);
                }
                401 if refused.is_none() && self.lock_refused().left().is_none() => {
                    refused = Some(held.generation);
                    self.cloud.telemetry.retry(&target.service, "unauthorized");
                }
                401 => {
                    let mut error = answer.error(&target, secret);
                    if refused.is_some() {
                        self.lock_refused().fail();
                        error.detail += " (a fresh token is refused too: does the service ask the same Keystone?)";
                    }
                    return Err(error);
                }
                _ => return Err(answer.error(&target, secret)),
            }
        }
    }

    fn lock_refused(&self) -> std::sync::MutexGuard<'_, Backoff> {
        self.service.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
