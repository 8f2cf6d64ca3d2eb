//! `/api/v1/sd/hypervisors`: Nova's hypervisors as targets, in the form of Prometheus' HTTP service discovery.
//!
//! Prometheus keeps the targets of its last good answer, and drops what an answer leaves out. So nothing is answered
//! but 503 before there is something to tell, and hypervisors of a cloud that fails just now stay in the list.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::routes::{Inner, READ, refusal, text};
use super::{Discovery, DiscoveryAddress, Status};
use crate::model::inventory::hypervisor::{Hypervisor, Hypervisors};
use crate::model::part::Origin;
use crate::model::snapshot::Snapshot;

/// When to come again before the first collection has ended.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("10");

/// A group of one target: each hypervisor has labels of its own.
#[derive(Debug, PartialEq, Serialize)]
struct TargetGroup {
    targets: [String; 1],
    labels: BTreeMap<String, String>,
}

/// Turns tables of hypervisors into targets; remembers those that were there.
#[derive(Debug)]
pub(super) struct Discoverer {
    settings: Discovery,
    known: Mutex<BTreeMap<Origin, Arc<Hypervisors>>>,
}

impl Discoverer {
    pub(super) fn new(settings: Discovery) -> Self {
        Self { settings, known: Mutex::default() }
    }

    /// The targets, or what is awaited.
    fn targets(&self, snapshot: &Snapshot, status: &Status) -> Result<Vec<TargetGroup>, String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let served = |cloud: &str| status.clouds.iter().any(|status| status.cloud == cloud);
        known.retain(|origin, _| origin.cloud.as_deref().is_some_and(served));
        for part in snapshot.parts().filter(|part| part.key.origin.cloud.as_deref().is_some_and(served)) {
            if let Some(table) = part.tables.get::<Hypervisors>() {
                known.insert(part.key.origin.clone(), table);
            }
        }
        status.ready.clone()?;
        if known.is_empty() {
            return Err("no cloud has told its hypervisors yet".to_owned());
        }
        let rows = known.iter().flat_map(|(origin, table)| table.0.iter().map(move |row| (origin, row)));
        Ok(rows.map(|(origin, row)| self.target(origin, row)).collect())
    }

    /// Labels are named as in Prometheus' own discovery of OpenStack (role `hypervisor`), and a few more.
    fn target(&self, origin: &Origin, row: &Hypervisor) -> TargetGroup {
        let mut labels = self.settings.labels.clone();
        let mut put = |name: &str, value: &str| labels.insert(format!("__meta_openstack_{name}"), value.to_owned());
        put("hypervisor_hostname", &row.name);
        put("hypervisor_state", &row.state);
        put("hypervisor_status", &row.status);
        put("hypervisor_host_ip", row.host_ip.as_deref().unwrap_or_default());
        put("hypervisor_id", row.uuid.as_deref().unwrap_or_default());
        put("hypervisor_service_host", &row.service_host);
        put("hypervisor_availability_zone", &row.zone);
        // With commas around each, so that a relabelling rule finds `,name,`.
        let aggregates: String = row.aggregates.iter().map(|name| format!("{name},")).collect();
        let aggregates = if aggregates.is_empty() { aggregates } else { format!(",{aggregates}") };
        put("hypervisor_aggregates", &aggregates);
        put("cloud", origin.cloud.as_deref().unwrap_or_default());
        put("region", origin.region.as_deref().unwrap_or_default());
        TargetGroup { targets: [self.address(row)], labels }
    }

    fn address(&self, row: &Hypervisor) -> String {
        let ip = row.host_ip.as_deref().filter(|ip| !ip.is_empty());
        let host = match self.settings.address {
            DiscoveryAddress::HostIp => ip.unwrap_or(&row.name),
            DiscoveryAddress::Hostname => &row.name,
        };
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]:{}", self.settings.port),
            _ => format!("{host}:{}", self.settings.port),
        }
    }
}

pub(super) async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    if let Some(refusal) = refusal(request.method(), READ) {
        return refusal;
    }
    let targets = inner.discovery.targets(&inner.hooks.exposition.snapshot(), &(inner.hooks.status)());
    let json = targets.and_then(|targets| serde_json::to_vec(&targets).map_err(|error| error.to_string()));
    match json {
        Ok(json) => {
            let headers =
                [(CONTENT_TYPE, "application/json"), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (CACHE_CONTROL, "no-store")];
            (headers, json).into_response()
        }
        Err(awaited) => {
            let mut response = text(StatusCode::SERVICE_UNAVAILABLE, format!("not yet: {awaited}\n"));
            response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expose::CloudStatus;
    use crate::model::clock::Timestamp;
    use crate::model::part::{PartBuilder, PartKey};
    use crate::model::snapshot::{SeriesLimits, SnapshotStore};

    fn status(ready: Result<(), String>, clouds: &[&str]) -> Status {
        let cloud = |cloud: &&str| CloudStatus {
            cloud: (*cloud).to_owned(),
            region: String::new(),
            up: true,
            detail: String::new(),
        };
        Status { ready, clouds: clouds.iter().map(cloud).collect(), hints: Vec::new() }
    }

    fn publish(store: &SnapshotStore, cloud: &str, host_ip: Option<&str>) -> PartKey {
        let row = Hypervisor {
            name: "node-1".into(),
            uuid: None,
            service_host: "node-1".into(),
            zone: "az-a".into(),
            aggregates: vec!["ssd".into(), "gpu".into()],
            state: "up".into(),
            status: "enabled".into(),
            host_ip: host_ip.map(Into::into),
            cpu_model: None,
        };
        let mut part = PartBuilder::new();
        part.table(Arc::new(Hypervisors(vec![row])));
        let key = PartKey { group: "compute.hypervisors", origin: Origin::new(cloud, "r"), source: "s".into() };
        store.publish(part.seal(key.clone(), Timestamp::default(), 1).0, Vec::new());
        key
    }

    #[test]
    fn nothing_is_told_before_there_is_something_and_nothing_forgotten_after() {
        let store = SnapshotStore::new(SeriesLimits::default());
        let discoverer = Discoverer::new(Discovery::default());
        let ready = status(Ok(()), &["a", "b"]);
        let count = |status: &Status| discoverer.targets(&store.load(), status).map(|targets| targets.len());
        assert!(count(&ready).is_err(), "an empty list would drop all targets");
        let key = publish(&store, "a", None);
        assert_eq!(count(&status(Err("waiting".to_owned()), &["a", "b"])), Err("waiting".to_owned()));
        assert_eq!(count(&ready), Ok(1));
        store.withdraw(&key);
        publish(&store, "b", None);
        assert_eq!(count(&ready), Ok(2), "a cloud that fails keeps its targets");
        assert_eq!(count(&status(Ok(()), &["b"])), Ok(1), "one that is not served any more loses them");
    }

    #[test]
    fn addresses_and_labels() {
        let target = |settings: Discovery, host_ip: Option<&str>| {
            let store = SnapshotStore::new(SeriesLimits::default());
            publish(&store, "a", host_ip);
            let mut targets = Discoverer::new(settings).targets(&store.load(), &status(Ok(()), &["a"])).unwrap();
            targets.remove(0)
        };
        let by_ip = target(Discovery::default(), Some("192.0.2.7"));
        assert_eq!(by_ip.targets, ["192.0.2.7:9100"]);
        assert_eq!(by_ip.labels["__meta_openstack_hypervisor_aggregates"], ",ssd,gpu,");
        assert_eq!(by_ip.labels["__meta_openstack_cloud"], "a");
        assert_eq!(target(Discovery::default(), Some("2001:db8::1")).targets, ["[2001:db8::1]:9100"]);
        assert_eq!(target(Discovery::default(), None).targets, ["node-1:9100"]);
        let labels = [("job".to_owned(), "node".to_owned())].into();
        let named = target(Discovery { port: 1, address: DiscoveryAddress::Hostname, labels }, Some("192.0.2.7"));
        assert_eq!((named.targets, named.labels["job"].as_str()), (["node-1:1".to_owned()], "node"));
    }
}
