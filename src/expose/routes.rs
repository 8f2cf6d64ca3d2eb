//! What is answered: paths, methods, authentication, headers. Knows nothing of sockets.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::api;
use super::discovery::{self, Discoverer};
use super::error::ServeError;
use super::hosts::HostNames;
use super::landing;
use super::negotiate::{Encoding, encoding_for, format_for};
use super::page::{Exposition, Page};
use super::probe;
use super::rate::Limiter;
use super::telemetry::Handler;
use super::web_config::{Loaded, WebConfig};
use super::{Hooks, Probe, Settings};

/// The page of one cloud.
const PROBE: &str = "/probe";
/// Hypervisors as targets.
const HYPERVISORS: &str = "/api/v1/sd/hypervisors";
const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const READ: &[Method] = &[Method::GET, Method::HEAD];
/// Styles are embedded; nothing else may be loaded, and nobody may frame the page.
const HTML_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// Answers requests.
#[derive(Clone)]
pub(crate) struct App {
    inner: Arc<Inner>,
    router: Router,
}

pub(super) struct Inner {
    pub(super) hooks: Hooks,
    telemetry_path: String,
    pub(super) probe: Probe,
    pub(super) discovery: Discoverer,
    pub(super) turns: Arc<api::Turns>,
    pub(super) feed: api::Feed,
    hosts: HostNames,
    limiter: Limiter,
    web: Arc<WebConfig>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("telemetry_path", &self.inner.telemetry_path).finish_non_exhaustive()
    }
}

impl App {
    /// With the metrics under the telemetry path; without a landing page if that is `/`.
    pub(crate) fn new(
        hooks: Hooks,
        settings: &Settings,
        web: Arc<WebConfig>,
        listening: &[SocketAddr],
        shutdown: &CancellationToken,
    ) -> Result<Self, ServeError> {
        let telemetry_path = settings.telemetry_path.as_str();
        let fault = |fault| Err(ServeError::TelemetryPath { path: telemetry_path.to_owned(), fault });
        if !telemetry_path.starts_with('/') {
            return fault("has to begin with /");
        }
        if telemetry_path.starts_with("/-/") || api::owns(telemetry_path) || telemetry_path == PROBE {
            return fault("is taken by the program itself");
        }
        // The router would take these for patterns.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
        if !telemetry_path.bytes().all(plain) || telemetry_path.contains("//") {
            return fault("may hold letters, digits and / - . _ ~ only");
        }
        let (probe, discovery) = (settings.probe.clone(), Discoverer::new(settings.sd.clone()));
        let (turns, telemetry_path) = (Arc::default(), telemetry_path.to_owned());
        let (hosts, limiter) = (HostNames::new(&settings.hosts, listening), Limiter::new(&settings.rate_limit));
        let feed = api::Feed::new(shutdown.clone());
        let inner = Inner { hooks, telemetry_path, probe, discovery, turns, feed, hosts, limiter, web };
        let inner = Arc::new(inner);
        let telemetry_path = inner.telemetry_path.as_str();
        let mut router = Router::new().route(telemetry_path, any(metrics));
        if telemetry_path != "/" {
            router = router.route("/", any(landing_page));
        }
        if settings.probe.enabled {
            router = router.route(PROBE, any(probe::answer));
        }
        let router = api::register(router)
            .route(HYPERVISORS, any(discovery::answer))
            .route("/-/healthy", any(healthy))
            .route("/-/ready", any(ready))
            .route("/-/reload", any(reload))
            .fallback(not_found)
            .with_state(Arc::clone(&inner));
        Ok(Self { inner, router })
    }

    /// Answers one request of a client.
    pub(crate) async fn answer<B>(&self, request: hyper::Request<B>, client: IpAddr) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let start = Instant::now();
        let web = self.inner.web.current().await;
        let handler = self.handler(request.uri().path());
        let head = request.method() == Method::HEAD;
        let mut response = match self.unwelcome(handler, request.uri(), request.headers(), client) {
            Some(refusal) => refusal,
            None if is_allowed(&web, request.headers()).await => self.route(request.map(Body::new)).await,
            None => unauthorized(),
        };
        for (name, value) in &web.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        if head {
            response = without_body(response);
        }
        let telemetry = self.inner.hooks.exposition.telemetry();
        telemetry.request(handler, response.status().as_u16(), start.elapsed());
        response
    }

    async fn route(&self, request: Request) -> Response {
        let answer: Result<Response, Infallible> = self.router.clone().oneshot(request).await;
        match answer {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Whoever calls the server by a name that is not its own, or too often; told ahead of passwords, which cost time.
    fn unwelcome(&self, handler: Handler, uri: &Uri, headers: &HeaderMap, client: IpAddr) -> Option<Response> {
        use Handler::{Api, Discovery, Healthy, Metrics, Probe, Ready};
        let refuse = |status, detail: String| match handler {
            Api => api::refusal(status, detail),
            _ => text(status, detail + "\n"),
        };
        let host = uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
        let open = matches!(handler, Metrics | Probe | Discovery | Healthy | Ready);
        if !self.inner.hosts.admit(host, open) {
            let detail =
                "this server is not known by the name in `Host`; if it should be, add the name to expose.hosts";
            return Some(refuse(StatusCode::MISDIRECTED_REQUEST, detail.to_owned()));
        }
        let wait = self.inner.limiter.admit(client, open).err()?;
        let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "too many requests; see expose.rate_limit".to_owned());
        let seconds = wait.as_secs_f64().ceil() as u64;
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        Some(response)
    }

    fn handler(&self, path: &str) -> Handler {
        match path {
            path if path == self.inner.telemetry_path => Handler::Metrics,
            PROBE => Handler::Probe,
            HYPERVISORS => Handler::Discovery,
            path if api::owns(path) => Handler::Api,
            "/" => Handler::Landing,
            "/-/healthy" => Handler::Healthy,
            "/-/ready" => Handler::Ready,
            "/-/reload" => Handler::Reload,
            _ => Handler::Other,
        }
    }
}

async fn is_allowed(web: &Loaded, headers: &HeaderMap) -> bool {
    match &web.auth {
        Some(auth) => auth.allows(headers.get(AUTHORIZATION).map(HeaderValue::as_bytes)).await,
        None => true,
    }
}

fn unauthorized() -> Response {
    let challenge = (WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"stackcast\", charset=\"UTF-8\""));
    (StatusCode::UNAUTHORIZED, [challenge], "unauthorized\n").into_response()
}

/// `None` if the method may be used, else the answer.
pub(super) fn refusal(method: &Method, allowed: &[Method]) -> Option<Response> {
    if allowed.contains(method) {
        return None;
    }
    let list = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let body = format!("method {method} is not allowed here; use {list}\n");
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, body);
    if let Ok(list) = HeaderValue::try_from(list) {
        response.headers_mut().insert(ALLOW, list);
    }
    Some(response)
}

pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Response {
    let headers = [(CONTENT_TYPE, TEXT), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (CACHE_CONTROL, "no-store")];
    (status, headers, body.into()).into_response()
}

async fn metrics(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    if let Some(refusal) = refusal(request.method(), READ) {
        return refusal;
    }
    page_of(&inner.hooks.exposition, request.headers()).await
}

/// A page in the format and encoding that the request's headers ask for.
pub(super) async fn page_of(exposition: &Arc<Exposition>, asked: &HeaderMap) -> Response {
    let format = format_for(joined(asked, &ACCEPT).as_deref());
    let encoding = encoding_for(joined(asked, &ACCEPT_ENCODING).as_deref());
    let page = exposition.page(format, encoding).await;
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if page.encoding == Encoding::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    *response.body_mut() = Body::new(PageBody::from(page));
    response
}

/// All values of a header that may be sent in several lines.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

async fn landing_page(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    if let Some(refusal) = refusal(request.method(), READ) {
        return refusal;
    }
    let html = landing::page(&(inner.hooks.status)(), &inner.telemetry_path);
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, HTML_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, html).into_response()
}

async fn healthy(request: Request) -> Response {
    refusal(request.method(), READ).unwrap_or_else(|| text(StatusCode::OK, "healthy\n"))
}

async fn ready(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    if let Some(refusal) = refusal(request.method(), READ) {
        return refusal;
    }
    match (inner.hooks.status)().ready {
        Ok(()) => text(StatusCode::OK, "ready\n"),
        Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
    }
}

async fn reload(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    if let Some(refusal) = refusal(request.method(), &[Method::POST, Method::PUT]) {
        return refusal;
    }
    // A form on somebody else's page may post here, too; browsers say where it comes from.
    let site = request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes);
    if !matches!(site, None | Some(b"same-origin" | b"none")) {
        return text(StatusCode::FORBIDDEN, "a reload cannot be asked for by another site\n");
    }
    let mut result = (inner.hooks.reload)().await;
    if result.is_ok() {
        let web = Arc::clone(&inner.web);
        let refreshed = tokio::task::spawn_blocking(move || web.refresh(true)).await;
        result = refreshed.unwrap_or_else(|error| Err(error.to_string()));
    }
    match result {
        Ok(()) => text(StatusCode::OK, "reloaded\n"),
        Err(reason) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("not reloaded: {reason}\n")),
    }
}

async fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "not found\n")
}

/// The answer to HEAD: the same headers, with the length that the body would have.
fn without_body(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    // The router has done this for its own answers already, and taken the body away.
    if let Some(length) = body.size_hint().exact().filter(|_| !parts.headers.contains_key(CONTENT_LENGTH)) {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(parts, Body::empty())
}

/// A page as a body: its pieces one after the other, never copied.
#[derive(Debug)]
struct PageBody {
    pieces: std::vec::IntoIter<Bytes>,
    left: u64,
}

impl From<Page> for PageBody {
    fn from(page: Page) -> Self {
        Self { left: page.bytes(), pieces: page.pieces.into_iter() }
    }
}

impl HttpBody for PageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.next();
        self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
