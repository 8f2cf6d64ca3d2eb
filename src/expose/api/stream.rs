//! `/api/v1/stream`: the status again and again, as server-sent events.
//!
//! Nothing is made before the client has taken what was sent; one that takes nothing is cut by the connection's own limit.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use tokio::sync::OwnedSemaphorePermit;

use super::asked::Asked;
use super::feed::{HEARTBEAT, INTERVAL, current, interval};
use super::problem::Problem;
use super::{Route, Work};
use crate::expose::routes::Inner;

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/stream",
    summary: "The status as server-sent events of the type `status`, the first at once; without end.",
    parameters: &[INTERVAL],
    schema: |_| schemars::json_schema!({"type": "string"}),
    work: Work::Stream(answer),
};

/// A listener and what it waits for.
struct Listener {
    inner: Arc<Inner>,
    interval: Duration,
    /// Until the next status.
    left: Duration,
    _place: OwnedSemaphorePermit,
}

fn answer(inner: Arc<Inner>, asked: &Asked) -> Result<Response, Problem> {
    let place = inner.feed.listen()?;
    let listener = Listener { inner, interval: interval(asked), left: Duration::ZERO, _place: place };
    let events = unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let headers = [
        (CONTENT_TYPE.as_str(), "text/event-stream"),
        (CACHE_CONTROL.as_str(), "no-store"),
        (X_CONTENT_TYPE_OPTIONS.as_str(), "nosniff"),
        // nginx would hold events back otherwise.
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

impl Listener {
    /// The next event; none at the end of the server.
    async fn next(&mut self) -> Option<Bytes> {
        let pause = self.left.min(HEARTBEAT);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.inner.feed.shutdown.cancelled() => return None,
        }
        self.left -= pause;
        if !self.left.is_zero() {
            return Some(Bytes::from_static(b": still here\n\n"));
        }
        self.left = self.interval;
        let status = current(&self.inner).await;
        Some(Bytes::from(format!("event: status\ndata: {status}\n\n")))
    }
}
