//! `/ws`: the status again and again through a WebSocket. What the client says is not listened to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{RawQuery, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use super::asked::{Asked, Parameter};
use super::feed::{HEARTBEAT, INTERVAL, current, interval};
use super::problem::Problem;
use crate::expose::routes::Inner;

/// Where it is.
pub(super) const PATH: &str = "/ws";
const PARAMETERS: &[Parameter] = &[INTERVAL];
/// Longest message of a client: it has nothing to say.
const MESSAGE_BYTES_MAX: usize = 4096;
/// A client that does not take a message for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(10);
/// So is one that has answered no ping for so long.
const SILENCE: Duration = Duration::from_secs(45);

/// Opens a WebSocket.
pub(super) async fn answer(
    State(inner): State<Arc<Inner>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let opened = open(&inner, query.as_deref().unwrap_or_default(), &headers, upgrade);
    let response = opened.unwrap_or_else(Problem::into_response);
    inner.hooks.exposition.telemetry().api_request(PATH, response.status().as_u16());
    response
}

fn open(
    inner: &Arc<Inner>,
    query: &str,
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let asked = Asked::read(PARAMETERS, query)?;
    // A browser lets any page open a WebSocket to anywhere, with the passwords that it knows; it says whose page it is.
    if !same_site(headers) {
        return Err(Problem::body(StatusCode::FORBIDDEN, "another site's page may not listen here"));
    }
    let upgrade = upgrade.map_err(|rejection| {
        Problem::body(rejection.status(), format!("this is a WebSocket: {}", rejection.body_text()))
    })?;
    let place = inner.feed.listen()?;
    let (inner, interval) = (Arc::clone(inner), interval(&asked));
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| tell(socket, inner, interval, place)).into_response())
}

/// Whether a page of this server asks, or no page at all.
fn same_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let authority = origin.as_ref().and_then(Uri::authority).map(|authority| authority.as_str());
    authority.is_some() && authority == text(HOST)
}

/// Until the client or the server goes.
async fn tell(mut socket: WebSocket, inner: Arc<Inner>, interval: Duration, _place: OwnedSemaphorePermit) {
    let mut statuses = tokio::time::interval(interval);
    let mut beats = tokio::time::interval(HEARTBEAT);
    for ticks in [&mut statuses, &mut beats] {
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    }
    let mut heard = Instant::now();
    loop {
        let message = tokio::select! {
            () = inner.feed.shutdown.cancelled() => {
                let frame = CloseFrame { code: close_code::AWAY, reason: "the server ends".into() };
                let _gone = send(&mut socket, Message::Close(Some(frame))).await;
                return;
            }
            said = socket.recv() => match said {
                None | Some(Err(_) | Ok(Message::Close(_))) => return,
                Some(Ok(_)) => {
                    heard = Instant::now();
                    continue;
                }
            },
            _ = statuses.tick() => Message::Text((&*current(&inner).await).into()),
            _ = beats.tick() => {
                if heard.elapsed() > SILENCE {
                    return;
                }
                Message::Ping(bytes::Bytes::new())
            }
        };
        if !send(&mut socket, message).await {
            return;
        }
    }
}

/// Whether the client has taken it in time.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(PATIENCE, socket.send(message)).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_pages_and_programs_may_listen() {
        let allowed = |origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, "localhost:9180".parse().unwrap());
            headers.extend(origin.map(|origin| (ORIGIN, origin.parse().unwrap())));
            same_site(&headers)
        };
        assert!(allowed(None) && allowed(Some("http://localhost:9180")) && allowed(Some("https://localhost:9180")));
        for origin in ["http://evil.example", "http://localhost", "http://localhost:9180.evil.example", "null", ""] {
            assert!(!allowed(Some(origin)), "{origin}");
        }
    }
}
