//! What the server counts about itself, and how it becomes metrics at each scrape.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::clock::Timestamp;
use crate::model::histogram::{Histogram, MEMORY_SECONDS};
use crate::model::part::{Origin, Part, PartBuilder, PartKey};

use super::page::GroupStats;

crate::metrics! {
    /// HTTP requests answered, by handler and status code.
    HTTP_REQUESTS = counter "stackcast_http_requests_total" [handler code], Count, "stackcast itself";
    /// Time until the answer to an HTTP request was ready to be sent.
    HTTP_DURATION = histogram "stackcast_http_request_duration_seconds" [handler], Seconds, "stackcast itself";
    /// Open HTTP connections.
    HTTP_CONNECTIONS = gauge "stackcast_http_connections" [], Count, "stackcast itself";
    /// Connections closed without an answer: address (not in the allow list), tls (handshake failed), timeout.
    HTTP_REFUSED = counter "stackcast_http_connections_refused_total" [reason], Count, "stackcast itself";
    /// Bytes of metrics text rendered; unchanged rows are not rendered again.
    RENDERED_BYTES = counter "stackcast_exposition_rendered_bytes_total" [group], Bytes, "stackcast itself";
    /// Time spent rendering and compressing metrics text.
    RENDER_SECONDS = counter "stackcast_exposition_render_seconds_total" [group], Seconds, "stackcast itself";
}

/// More samples than any of the families can have.
const FAMILY_CAP: usize = 10_000;

/// Who answered a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Handler {
    Metrics,
    Probe,
    Discovery,
    Landing,
    Healthy,
    Ready,
    Reload,
    Other,
}

impl Handler {
    const ALL: [Self; 8] = [
        Self::Metrics,
        Self::Probe,
        Self::Discovery,
        Self::Landing,
        Self::Healthy,
        Self::Ready,
        Self::Reload,
        Self::Other,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Probe => "probe",
            Self::Discovery => "discovery",
            Self::Landing => "landing",
            Self::Healthy => "healthy",
            Self::Ready => "ready",
            Self::Reload => "reload",
            Self::Other => "other",
        }
    }
}

/// Why a connection was closed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refused {
    Address,
    Tls,
    Timeout,
}

impl Refused {
    fn label(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
        }
    }
}

/// The server's counters.
#[derive(Debug)]
pub(crate) struct Telemetry {
    requests: Mutex<BTreeMap<(Handler, u16), u64>>,
    refused: Mutex<BTreeMap<Refused, u64>>,
    durations: BTreeMap<Handler, Histogram>,
    connections: AtomicI64,
}

impl Default for Telemetry {
    fn default() -> Self {
        let durations = Handler::ALL.into_iter().map(|handler| (handler, Histogram::new(MEMORY_SECONDS))).collect();
        Self { requests: Mutex::default(), refused: Mutex::default(), durations, connections: AtomicI64::new(0) }
    }
}

impl Telemetry {
    /// Counts an answered request.
    pub(crate) fn request(&self, handler: Handler, code: u16, took: Duration) {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry((handler, code)).or_default() += 1;
        if let Some(histogram) = self.durations.get(&handler) {
            histogram.observe(took);
        }
    }

    /// Counts a connection closed without an answer.
    pub(crate) fn refused(&self, reason: Refused) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }

    /// Counts a connection for as long as the returned value lives.
    pub(crate) fn connection(self: &std::sync::Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(std::sync::Arc::clone(self))
    }

    /// Everything as a part of the live piece.
    pub(crate) fn part(&self, rendering: &BTreeMap<&'static str, GroupStats>) -> Part {
        let mut part = PartBuilder::new();
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for ((handler, code), count) in requests {
            part.put(&HTTP_REQUESTS, [handler.label(), &code.to_string()], count as f64);
        }
        for (handler, histogram) in &self.durations {
            let value = histogram.snapshot();
            if value.counts.iter().any(|count| *count > 0) {
                part.put_histogram(&HTTP_DURATION, [handler.label()], value);
            }
        }
        part.put(&HTTP_CONNECTIONS, [], self.connections.load(Ordering::Relaxed) as f64);
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for reason in [Refused::Address, Refused::Tls, Refused::Timeout] {
            part.put(&HTTP_REFUSED, [reason.label()], refused.get(&reason).copied().unwrap_or(0) as f64);
        }
        for (group, stats) in rendering {
            part.put(&RENDERED_BYTES, [group], stats.bytes as f64);
            part.put(&RENDER_SECONDS, [group], stats.duration.as_secs_f64());
        }
        let key = PartKey { group: "live", origin: Origin::LOCAL, source: "expose.http".into() };
        part.seal(key, Timestamp::default(), FAMILY_CAP).0
    }
}

/// Counts down when dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(std::sync::Arc<Telemetry>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
