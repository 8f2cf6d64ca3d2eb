//! Traffic of load balancers, where the settings ask for it: one request for each, spread over the slow interval.

use std::sync::Arc;

use serde::Deserialize;

use crate::collect::quota_rounds::Rounds;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::load_balancer::LoadBalancers;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Connections through a load balancer that are open.
    ACTIVE = gauge "openstack_loadbalancer_active_connections" [id name project_id], Count, "GET /v2.0/lbaas/loadbalancers/{id}/stats", slow;
    /// Connections that a load balancer has handled.
    CONNECTIONS = counter "openstack_loadbalancer_connections_total" [id name project_id], Count, "GET /v2.0/lbaas/loadbalancers/{id}/stats", slow;
    /// Bytes that a load balancer has received.
    RECEIVED = counter "openstack_loadbalancer_received_bytes_total" [id name project_id], Bytes, "GET /v2.0/lbaas/loadbalancers/{id}/stats", slow;
    /// Bytes that a load balancer has sent.
    SENT = counter "openstack_loadbalancer_sent_bytes_total" [id name project_id], Bytes, "GET /v2.0/lbaas/loadbalancers/{id}/stats", slow;
    /// Requests to a load balancer that could not be met.
    REQUEST_ERRORS = counter "openstack_loadbalancer_request_errors_total" [id name project_id], Count, "GET /v2.0/lbaas/loadbalancers/{id}/stats", slow;
}

#[derive(Deserialize)]
struct Answer {
    stats: Stats,
}

#[derive(Deserialize)]
struct Stats {
    active_connections: f64,
    total_connections: f64,
    bytes_in: f64,
    bytes_out: f64,
    request_errors: f64,
}

/// Traffic, with the answers in hand.
#[derive(Default)]
pub(super) struct Collector {
    rounds: Rounds<Stats>,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            if !cx.settings.load_balancer.stats || !METRICS.iter().any(|row| cx.keep.wants(row)) {
                return Ok(PartBuilder::new());
            }
            let Some(balancers) = cx.wait_for_table::<LoadBalancers>().await else { return Ok(PartBuilder::new()) };
            let ask = |id: Id| async move {
                let request = Request::new(format!("lbaas/loadbalancers/{id}/stats"));
                Ok(cx.client.get_json::<Answer>(request).await?.stats)
            };
            let subjects = balancers.0.iter().map(|(id, balancer)| (id.clone(), Arc::clone(&balancer.name)));
            self.rounds.ask_about(cx, subjects.collect(), ask).await?;
            Ok(self.emit(&balancers))
        })
    }
}

impl Collector {
    fn emit(&self, balancers: &LoadBalancers) -> PartBuilder {
        let mut part = PartBuilder::new();
        for (id, name, stats) in self.rounds.known() {
            let project = balancers.0.get(id).map(|balancer| balancer.project.to_string()).unwrap_or_default();
            let id = id.to_string();
            let labels = [&*id, name, &project];
            part.put(&ACTIVE, labels, stats.active_connections);
            part.put(&CONNECTIONS, labels, stats.total_connections);
            part.put(&RECEIVED, labels, stats.bytes_in);
            part.put(&SENT, labels, stats.bytes_out);
            part.put(&REQUEST_ERRORS, labels, stats.request_errors);
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn figures_as_the_api_reference_shows_them() {
        let body = br#"{"stats": {"bytes_in": 65671420, "total_connections": 26189172, "active_connections": 0,
            "bytes_out": 774771186, "request_errors": 0}}"#;
        let stats = serde_json::from_slice::<Answer>(body).unwrap().stats;
        let part = seal(Collector { rounds: Rounds::answered([("lb", stats)]) }.emit(&LoadBalancers::default()));
        let value = |metric| rows(&part, metric)[0].1;
        assert_eq!([&RECEIVED, &SENT, &CONNECTIONS].map(value), [65_671_420.0, 774_771_186.0, 26_189_172.0]);
        assert_eq!(rows(&part, &ACTIVE), [("lb|lb|".to_owned(), 0.0)]);
    }
}
