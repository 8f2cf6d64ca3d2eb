//! What the client counts about its own requests; turned into metrics by `collect::own`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::clock::Timestamp;
use crate::model::histogram::{Histogram, HistogramValue, NETWORK_SECONDS};

/// Counters of one cloud; shared by all its service clients.
#[derive(Debug, Default)]
pub struct Telemetry(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requests: BTreeMap<RequestKey, u64>,
    retries: BTreeMap<(Arc<str>, &'static str), u64>,
    durations: BTreeMap<(Arc<str>, Arc<str>), Arc<Histogram>>,
    token_expires: Option<Timestamp>,
    logins: u64,
}

/// What requests are told apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKey {
    /// Region; empty for Keystone.
    pub region: Arc<str>,
    /// Service type.
    pub service: Arc<str>,
    /// HTTP status, or an error kind's label when no answer came.
    pub code: Arc<str>,
}

/// Everything counted so far.
#[derive(Clone, Debug, Default)]
pub struct TelemetrySnapshot {
    /// Requests by region, service and code.
    pub requests: Vec<(RequestKey, u64)>,
    /// Repeated requests by service and reason (`throttled`, `server`, `connect`, `unauthorized`).
    pub retries: Vec<(Arc<str>, &'static str, u64)>,
    /// Durations by region and service.
    pub durations: Vec<(Arc<str>, Arc<str>, HistogramValue)>,
    /// When the current token ends.
    pub token_expires: Option<Timestamp>,
    /// Tokens fetched.
    pub logins: u64,
}

impl Telemetry {
    /// Counts one request that was sent, answered or not.
    pub fn request(&self, region: &Arc<str>, service: &Arc<str>, code: &str, duration: Duration) {
        let mut inner = self.lock();
        let key = RequestKey { region: Arc::clone(region), service: Arc::clone(service), code: Arc::from(code) };
        *inner.requests.entry(key).or_default() += 1;
        let histogram = inner
            .durations
            .entry((Arc::clone(region), Arc::clone(service)))
            .or_insert_with(|| Arc::new(Histogram::new(NETWORK_SECONDS)));
        histogram.observe(duration);
    }

    /// Counts one repetition.
    pub fn retry(&self, service: &Arc<str>, reason: &'static str) {
        *self.lock().retries.entry((Arc::clone(service), reason)).or_default() += 1;
    }

    /// Notes a fetched token.
    pub fn login(&self, expires: Timestamp) {
        let mut inner = self.lock();
        inner.logins += 1;
        inner.token_expires = Some(expires);
    }

    /// Everything counted so far.
    pub fn snapshot(&self) -> TelemetrySnapshot {
        let inner = self.lock();
        TelemetrySnapshot {
            requests: inner.requests.iter().map(|(key, count)| (key.clone(), *count)).collect(),
            retries: inner.retries.iter().map(|((service, reason), n)| (Arc::clone(service), *reason, *n)).collect(),
            durations: inner
                .durations
                .iter()
                .map(|((region, service), h)| (Arc::clone(region), Arc::clone(service), h.snapshot()))
                .collect(),
            token_expires: inner.token_expires,
            logins: inner.logins,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
