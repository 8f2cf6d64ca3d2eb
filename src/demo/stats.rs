//! Counts requests, for tests of request budgets.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// Requests since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Requests being answered at this moment, control requests not counted.
    pub in_flight: u64,
    /// Most of them at once.
    pub in_flight_max: u64,
    /// Requests by service, then by method and path with ids replaced: `GET v2.1/servers/{id}/diagnostics`.
    pub requests: BTreeMap<String, BTreeMap<String, u64>>,
    /// Answers by service, then by status; hung and cut ones are not in.
    pub answers: BTreeMap<String, BTreeMap<u16, u64>>,
    /// Bytes of the bodies that the services answered, ahead of any fault.
    pub bytes: u64,
}

impl Report {
    /// Requests to a service.
    pub fn service(&self, service: &str) -> u64 {
        self.requests.get(service).map_or(0, |paths| paths.values().sum())
    }

    /// Requests to a service whose method and path are these.
    pub fn path(&self, service: &str, path: &str) -> u64 {
        self.requests.get(service).and_then(|paths| paths.get(path)).copied().unwrap_or(0)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Report>);

/// Counts a request as in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a Stats);

impl Stats {
    fn report(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self) -> Report {
        self.report().clone()
    }

    /// Starts anew; requests in flight stay counted.
    pub(crate) fn reset(&self) {
        let mut report = self.report();
        let in_flight = report.in_flight;
        *report = Report { in_flight, in_flight_max: in_flight, ..Report::default() };
    }

    pub(crate) fn begin(&self, service: &str, method: &str, path: &[&str]) -> InFlight<'_> {
        let mut report = self.report();
        report.in_flight += 1;
        report.in_flight_max = report.in_flight_max.max(report.in_flight);
        let template = format!("{method} {}", template(path));
        *report.requests.entry(service.to_owned()).or_default().entry(template).or_default() += 1;
        InFlight(self)
    }

    pub(crate) fn answered(&self, service: &str, status: u16, bytes: usize) {
        let mut report = self.report();
        report.bytes += bytes as u64;
        *report.answers.entry(service.to_owned()).or_default().entry(status).or_default() += 1;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.report().in_flight -= 1;
    }
}

/// The path with whatever looks like an id replaced, so that a thousand servers count as one path.
fn template(path: &[&str]) -> String {
    let piece = |piece: &&str| {
        let id = super::world::seed::parse_id(piece).is_some() || piece.bytes().all(|byte| byte.is_ascii_digit());
        if id { "{id}" } else { *piece }.to_owned()
    };
    path.iter().map(piece).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_share_a_template_and_the_peak_stays() {
        let stats = Stats::default();
        let first = stats.begin("nova", "GET", &["v2.1", "servers", "000214c2-38a2-4204-82bc-c0aa8aeb8ff7"]);
        let second = stats.begin("nova", "GET", &["v2.1", "servers", "ffa9e5bf-29eb-472a-9945-8333b6ff3d9f"]);
        drop((first, second));
        let report = stats.read();
        assert_eq!(report.path("nova", "GET v2.1/servers/{id}"), 2);
        assert_eq!((report.in_flight, report.in_flight_max, report.service("nova")), (0, 2, 2));
        stats.reset();
        assert_eq!(stats.read(), Report::default());
    }
}
