//! A Keystone with a catalog, and behind it whatever a test wants to answer.

use std::collections::HashSet;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioIo};
use secrecy::SecretString;
use serde_json::json;
use stackcast::model::clock::Clock;
use stackcast::openstack::Settings;
use stackcast::openstack::client::{Cloud, ServiceClient};
use stackcast::openstack::clouds::CloudConfig;
use tokio::net::TcpListener;

pub(crate) type Reply = hyper::Response<Body>;
type Answering = Pin<Box<dyn Future<Output = Reply> + Send>>;
type Handler = Box<dyn Fn(Arc<Fake>, Seen) -> Answering + Send + Sync>;

/// The password in use everywhere; `secrets` looks for it (and for tokens) in the log.
pub(crate) const PASSWORD: &str = "planted-hunter2";

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The cloud.
pub(crate) struct Fake {
    pub(crate) url: String,
    pub(crate) logins: AtomicUsize,
    /// Status of logins; 0 lets them succeed.
    pub(crate) login_status: AtomicU16,
    pub(crate) login_delay_ms: AtomicU64,
    pub(crate) token_seconds: AtomicU64,
    pub(crate) seen: Mutex<Vec<Seen>>,
    valid: Mutex<HashSet<String>>,
    handler: Handler,
}

impl Fake {
    pub(crate) async fn start<F, R>(answer: F) -> Arc<Self>
    where
        F: Fn(Arc<Fake>, Seen) -> R + Send + Sync + 'static,
        R: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener, None, answer)
    }

    /// Answers at once, without waiting for anything.
    pub(crate) async fn plain(answer: impl Fn(&Fake, &Seen) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Self::start(move |fake, seen| std::future::ready(answer(&fake, &seen))).await
    }

    pub(crate) fn serve<F, R>(listener: TcpListener, tls: Option<tokio_rustls::TlsAcceptor>, answer: F) -> Arc<Self>
    where
        F: Fn(Arc<Fake>, Seen) -> R + Send + Sync + 'static,
        R: Future<Output = Reply> + Send + 'static,
    {
        Self::serve_boxed(listener, tls, Box::new(move |fake, seen| Box::pin(answer(fake, seen))))
    }

    /// Apart from `serve`, so that it is compiled once and not for every test.
    fn serve_boxed(listener: TcpListener, tls: Option<tokio_rustls::TlsAcceptor>, handler: Handler) -> Arc<Self> {
        let address: SocketAddr = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let fake = Arc::new(Self {
            url: format!("{scheme}://{address}"),
            logins: AtomicUsize::new(0),
            login_status: AtomicU16::new(0),
            login_delay_ms: AtomicU64::new(0),
            token_seconds: AtomicU64::new(3600),
            seen: Mutex::default(),
            valid: Mutex::default(),
            handler,
        });
        let shared = Arc::clone(&fake);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (fake, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                connection(fake, TokioIo::new(stream)).await;
                            }
                        }
                        None => connection(fake, TokioIo::new(stream)).await,
                    }
                });
            }
        });
        fake
    }

    pub(crate) fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }

    /// Every token given out so far is refused from now on.
    pub(crate) fn revoke(&self) {
        self.valid.lock().unwrap().clear();
    }

    /// Requests to paths that begin so.
    pub(crate) fn requests(&self, prefix: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path.starts_with(prefix)).cloned().collect()
    }

    pub(crate) fn config(&self) -> CloudConfig {
        CloudConfig::with_password("test", &self.url, "user", SecretString::from(PASSWORD), "project")
    }

    pub(crate) fn cloud(&self) -> Arc<Cloud> {
        self.cloud_with(&quick())
    }

    pub(crate) fn cloud_with(&self, settings: &Settings) -> Arc<Cloud> {
        Cloud::new(self.config(), settings, Clock::system()).unwrap()
    }

    pub(crate) async fn compute(&self) -> ServiceClient {
        self.cloud().service(&["compute"], "one").await.unwrap()
    }

    async fn answer(self: Arc<Self>, request: hyper::Request<Incoming>) -> Reply {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let seen = Seen {
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        self.seen.lock().unwrap().push(seen.clone());
        if seen.path == "/v3/auth/tokens" {
            return self.login().await;
        }
        let token = seen.header("x-auth-token").unwrap_or_default().to_owned();
        if !self.valid.lock().unwrap().contains(&token) {
            return json_reply(401, &json!({"error": {"code": 401, "message": "requires authentication"}}));
        }
        (self.handler)(Arc::clone(&self), seen).await
    }

    async fn login(&self) -> Reply {
        let number = self.logins.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(Duration::from_millis(self.login_delay_ms.load(Ordering::SeqCst))).await;
        let status = self.login_status.load(Ordering::SeqCst);
        if status != 0 {
            return json_reply(status, &json!({"error": {"code": status, "message": format!("no: {PASSWORD}")}}));
        }
        let token = format!("planted-token-{number}");
        self.valid.lock().unwrap().insert(token.clone());
        let now = Clock::system().now();
        let expires = now.plus(Duration::from_secs(self.token_seconds.load(Ordering::SeqCst)));
        let endpoint = |kind: &str, path: &str| json!({"type": kind, "endpoints": [{"interface": "public", "region_id": "one", "region": "one", "url": format!("{}{path}", self.url)}]});
        let body = json!({"token": {
            "methods": ["password"], "issued_at": now.to_string(), "expires_at": expires.to_string(),
            "user": {"id": "u1", "name": "user"}, "project": {"id": "p1", "name": "project"},
            "roles": [{"id": "r", "name": "admin"}],
            "catalog": [
                endpoint("compute", "/v2.1"), endpoint("placement", "/placement"), endpoint("image", "/image"),
                endpoint("network", "/network"), endpoint("identity", ""), endpoint("volumev3", "/volume/v3/p1"),
                endpoint("orchestration", "/heat/v1/p1"), endpoint("sharev2", "/share/v2"),
                endpoint("object-store", "/swift/v1/AUTH_p1"),
            ],
        }});
        with_headers(json_reply(201, &body), &[("x-subject-token", &token)])
    }
}

async fn connection<S>(fake: Arc<Fake>, stream: TokioIo<S>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request| {
        let fake = Arc::clone(&fake);
        async move { Ok::<_, std::convert::Infallible>(fake.answer(request).await) }
    });
    let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await;
}

/// Defaults, but quick to give up.
pub(crate) fn quick() -> Settings {
    Settings { request_timeout_seconds: 2, connect_timeout_seconds: 1, retries: 2, ..Settings::default() }
}

pub(crate) fn reply(status: u16, body: impl Into<Body>) -> Reply {
    hyper::Response::builder().status(status).body(body.into()).unwrap()
}

pub(crate) fn json_reply(status: u16, body: &serde_json::Value) -> Reply {
    with_headers(reply(status, body.to_string()), &[("content-type", "application/json")])
}

pub(crate) fn with_headers(mut reply: Reply, headers: &[(&str, &str)]) -> Reply {
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        reply.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    reply
}
