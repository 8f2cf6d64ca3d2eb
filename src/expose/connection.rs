//! One connection from its acceptance to its end: allow list, TLS, HTTP, limits.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::guard::{Activity, Guarded, Limits};
use super::networks::Networks;
use super::routes::App;
use super::telemetry::{Refused, Telemetry};
use super::web_config::{Loaded, WebConfig};

/// Room for a request's head; larger ones are answered 431.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header lines in a request.
const HEADERS_MAX: usize = 100;
/// Requests at once in an HTTP/2 connection.
const STREAMS_MAX: u32 = 32;
/// First byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;
const PLAIN_TO_TLS: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nthis port speaks HTTPS; use https://\n";

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) app: App,
    pub(crate) web: Arc<WebConfig>,
    pub(crate) networks: Networks,
    pub(crate) limits: Limits,
    pub(crate) telemetry: Arc<Telemetry>,
    /// No further requests.
    pub(crate) shutdown: CancellationToken,
    /// No further bytes.
    pub(crate) abort: CancellationToken,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    if !shared.networks.allow(peer.ip()) {
        shared.telemetry.refused(Refused::Address);
        tracing::debug!(%peer, "connection refused: address not in the allow list");
        return;
    }
    let _open = shared.telemetry.connection();
    let _ = stream.set_nodelay(true);
    tokio::select! {
        () = shared.abort.cancelled() => {}
        () = open(stream, peer, &shared) => {}
    }
}

async fn open(stream: TcpStream, peer: SocketAddr, shared: &Shared) {
    let web = shared.web.current().await;
    let Some(tls) = &web.tls else {
        return http(stream, peer.ip(), &web, shared).await;
    };
    let handshake = async {
        let mut first = [0u8];
        if stream.peek(&mut first).await.is_ok_and(|read| read == 1) && first != [TLS_HANDSHAKE] {
            return Err(refuse_plain(stream).await);
        }
        TlsAcceptor::from(Arc::clone(tls)).accept(stream).await.map_err(|error| error.to_string())
    };
    let outcome = tokio::select! {
        () = shared.shutdown.cancelled() => return,
        outcome = tokio::time::timeout(shared.limits.header, handshake) => outcome,
    };
    match outcome {
        Ok(Ok(stream)) => http(stream, peer.ip(), &web, shared).await,
        Ok(Err(error)) => {
            shared.telemetry.refused(Refused::Tls);
            tracing::debug!(%peer, error, "TLS handshake failed");
        }
        Err(_) => shared.telemetry.refused(Refused::Timeout),
    }
}

/// Tells a client that the port speaks HTTPS; returns what to log.
async fn refuse_plain(mut stream: TcpStream) -> String {
    // What is left unread at the end would reset the connection before the client has read the answer.
    let _ = stream.read(&mut [0; 4096]).await;
    let _ = stream.write_all(PLAIN_TO_TLS).await;
    let _ = stream.shutdown().await;
    "plain HTTP".to_owned()
}

async fn http<S>(stream: S, peer: IpAddr, web: &Loaded, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new();
    let stream = TokioIo::new(Guarded::new(stream, Arc::clone(&activity), shared.limits));
    let service = hyper::service::service_fn(|request: Request<Incoming>| {
        let (app, activity) = (shared.app.clone(), Arc::clone(&activity));
        async move {
            activity.request_begins(request.version() == Version::HTTP_2);
            let response = app.answer(request, peer).await;
            // A WebSocket has no requests any more, and a pace of its own.
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                activity.request_ends();
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    if !web.http2 {
        builder = builder.http1_only();
    }
    // The time for the head is kept by `Guarded`, which also covers the time before HTTP begins.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32);
    let mut connection = pin!(builder.serve_connection_with_upgrades(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shared.shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        if activity.cut_while_reading() {
            shared.telemetry.refused(Refused::Timeout);
        }
        tracing::debug!(%peer, %error, "connection ended early");
    }
}
