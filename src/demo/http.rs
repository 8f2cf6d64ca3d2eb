//! Listens, finds the service that a path names, and sends its answer: late, damaged or as it is.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::call::{Answer, Call};
use super::cloud::Cloud;
use super::control;
use super::fault::Effect;
use super::fault::body::{Damaged, damage};
use super::service::Service;

/// Logins and fault plans are small.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// Accepts connections until told to stop; then ends those that are open, hung ones included.
pub(crate) async fn serve(listener: TcpListener, cloud: Arc<Cloud>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let cloud = Arc::clone(&cloud);
                    connections.spawn(async move {
                        // Without it, Nagle and delayed acknowledgements add 40 ms to small answers.
                        let _ = stream.set_nodelay(true);
                        let service = hyper::service::service_fn(move |request| {
                            let cloud = Arc::clone(&cloud);
                            async move { Ok::<_, Infallible>(respond(&cloud, peer, request).await) }
                        });
                        // A client that goes away mid answer is no event here.
                        let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                    });
                }
                // Out of descriptors, mostly: waiting lets others close theirs.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// A service and where in it a request goes.
struct Place<'a> {
    region: usize,
    service: &'static Service,
    path: Vec<&'a str>,
}

fn locate<'a>(cloud: &Cloud, path: &'a str) -> Option<Place<'a>> {
    let pieces: Vec<&str> = path.split('/').filter(|piece| !piece.is_empty()).collect();
    let region = pieces.first().and_then(|first| cloud.settings.regions.iter().skip(1).position(|name| name == first));
    let (region, pieces) = match region {
        Some(at) => (at + 1, pieces.get(1..).unwrap_or_default()),
        None => (0, pieces.as_slice()),
    };
    let (base, rest) = pieces.split_first()?;
    Some(Place { region, service: Service::by_base(base)?, path: rest.to_vec() })
}

async fn respond(cloud: &Cloud, peer: SocketAddr, request: Request<hyper::body::Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, REQUEST_BYTES_MAX).collect().await.map(http_body_util::Collected::to_bytes)
    else {
        return send(cloud, Answer::new(413, Vec::new()), None);
    };
    if let Some(rest) = parts.uri.path().strip_prefix("/_demo/") {
        let answer = if peer.ip().is_loopback() {
            control::answer(cloud, &parts.method, rest, parts.uri.query().unwrap_or(""), &body)
        } else {
            Answer::new(403, b"the control path is for loopback only\n".to_vec()).with("content-type", "text/plain")
        };
        return send(cloud, answer, None);
    }
    let Some(place) = locate(cloud, parts.uri.path()) else {
        return send(cloud, Answer::new(404, b"{\"error\": \"no such service\"}".to_vec()), None);
    };
    let service = place.service.name;
    let in_flight = cloud.stats.begin(service, parts.method.as_str(), &place.path);
    let effect = cloud.faults.hit(service, &place.path.join("/"), cloud.clock.now());
    delay(cloud).await;
    if effect == Some(Effect::Hang) {
        std::future::pending::<()>().await;
    }
    let answer = ask(cloud, &place, &parts.method, &parts.uri, &parts.headers, &body);
    cloud.stats.answered(service, answer.status, answer.body.len());
    let response = match effect {
        None => send(cloud, answer, None),
        Some(effect) => match damage(answer, &effect, &format!("{}{}", cloud.base, parts.uri)) {
            Damaged::Whole(answer) => send(cloud, answer, None),
            Damaged::Streamed(answer, body) => send(cloud, answer, Some(body)),
        },
    };
    drop(in_flight);
    response
}

async fn delay(cloud: &Cloud) {
    let jitter = cloud.settings.jitter_ms;
    let millis = cloud.settings.delay_ms + if jitter > 0 { fastrand::u64(..=jitter) } else { 0 };
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

fn ask(cloud: &Cloud, place: &Place<'_>, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Answer {
    let now = cloud.clock.now();
    let Some(world) = cloud.world(place.region, now) else { return Answer::new(503, Vec::new()) };
    let number = u128::from(fastrand::u64(..)) << 64 | u128::from(fastrand::u64(..));
    let request_id = format!("req-{}", super::json::Uuid(number));
    let call = Call {
        cloud,
        world,
        url: cloud.service_url(place.service, place.region),
        root: cloud.service_root(place.service, place.region),
        method,
        path: place.path.clone(),
        query: uri.query().unwrap_or(""),
        headers,
        body,
        now,
        request_id,
    };
    let answer = (place.service.answer)(&call);
    let request_id = call.request_id;
    answer.with("x-openstack-request-id", request_id)
}

/// Puts status, headers and body together; `Date` follows the demo's clock, as deltas rely on it.
fn send(cloud: &Cloud, answer: Answer, body: Option<Body>) -> Response<Body> {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header("date", date(cloud));
    let typed = answer.headers.iter().any(|(name, _)| *name == "content-type");
    if !typed {
        response = response.header("content-type", "application/json");
    }
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    response.body(body.unwrap_or_else(|| Body::from(answer.body))).unwrap_or_default()
}

fn date(cloud: &Cloud) -> String {
    let second = cloud.clock.now().millis().div_euclid(1000);
    jiff::Timestamp::from_second(second)
        .map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}
