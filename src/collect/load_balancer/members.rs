//! Health of pools' members, where the settings ask for it: one request per load balancer, spread over the slow interval.
//!
//! A load balancer's status tree holds the pools that its listeners send to, and their members: one request where asking
//! for members takes one per pool. Members of a pool that nothing is sent to are not in it, and are not counted here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::collect::decode::null_as_default;
use crate::collect::quota_rounds::Rounds;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::load_balancer::LoadBalancers;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Members of the pools that a load balancer sends to, by operating status (ONLINE, ERROR, OFFLINE, DRAINING, NO_MONITOR, UNKNOWN).
    MEMBERS = gauge "openstack_loadbalancer_members" [pool_id loadbalancer_id project_id operating_status], Count, "GET /v2.0/lbaas/loadbalancers/{id}/status", slow;
}

#[derive(Deserialize)]
struct Answer {
    statuses: Statuses,
}

#[derive(Deserialize)]
struct Statuses {
    loadbalancer: Tree,
}

#[derive(Deserialize)]
struct Tree {
    #[serde(default, deserialize_with = "null_as_default")]
    listeners: Vec<Listener>,
}

#[derive(Deserialize)]
struct Listener {
    #[serde(default, deserialize_with = "null_as_default")]
    pools: Vec<Pool>,
}

#[derive(Deserialize)]
struct Pool {
    id: Id,
    #[serde(default, deserialize_with = "null_as_default")]
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    #[serde(default, deserialize_with = "null_as_default")]
    operating_status: String,
}

/// Members by pool and status.
type Health = BTreeMap<Id, BTreeMap<Box<str>, u32>>;

impl Tree {
    /// A pool that several listeners send to counts once.
    fn health(self) -> Health {
        let mut health = Health::new();
        for pool in self.listeners.into_iter().flat_map(|listener| listener.pools) {
            let mut counts = BTreeMap::new();
            for member in pool.members {
                *counts.entry(member.operating_status.into_boxed_str()).or_default() += 1;
            }
            health.insert(pool.id, counts);
        }
        health
    }
}

/// Members, with the answers in hand.
#[derive(Default)]
pub(super) struct Collector {
    rounds: Rounds<Health>,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            if !cx.settings.load_balancer.members || !cx.keep.wants(&MEMBERS.descriptor) {
                return Ok(PartBuilder::new());
            }
            let Some(balancers) = cx.wait_for_table::<LoadBalancers>().await else { return Ok(PartBuilder::new()) };
            let ask = |id: Id| async move {
                let request = Request::new(format!("lbaas/loadbalancers/{id}/status"));
                Ok(cx.client.get_json::<Answer>(request).await?.statuses.loadbalancer.health())
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
        for (id, _, health) in self.rounds.known() {
            let project = balancers.0.get(id).map(|balancer| balancer.project.to_string()).unwrap_or_default();
            let id = id.to_string();
            for (pool, counts) in health {
                for (status, count) in counts {
                    part.put(&MEMBERS, [&pool.to_string(), &id, &project, status], f64::from(*count));
                }
            }
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn members_as_the_api_reference_shows_them() {
        let body = br#"{"statuses": {"loadbalancer": {"name": "lb", "provisioning_status": "ACTIVE", "operating_status": "ONLINE",
            "id": "607226db", "listeners": [
                {"id": "a", "pools": [{"id": "p1", "name": "web", "provisioning_status": "ACTIVE", "operating_status": "ONLINE",
                    "health_monitor": {"type": "HTTP", "id": "h"}, "members": [
                        {"id": "1", "address": "192.0.2.5", "protocol_port": 80, "operating_status": "ONLINE"},
                        {"id": "2", "address": "192.0.2.6", "protocol_port": 80, "operating_status": "ERROR"},
                        {"id": "3", "address": "192.0.2.7", "protocol_port": 80, "operating_status": "ONLINE"}]}]},
                {"id": "b", "pools": [{"id": "p1", "members": [{"operating_status": "ONLINE"}, {"operating_status": "ERROR"},
                    {"operating_status": "ONLINE"}]}, {"id": "p2", "members": null}]},
                {"id": "c", "pools": null}]}}}"#;
        let health = serde_json::from_slice::<Answer>(body).unwrap().statuses.loadbalancer.health();
        let part = seal(Collector { rounds: Rounds::answered([("lb", health)]) }.emit(&LoadBalancers::default()));
        let row = |status: &str, count| (format!("p1|lb||{status}"), count);
        assert_eq!(rows(&part, &MEMBERS), [row("ERROR", 1.0), row("ONLINE", 2.0)]);
    }
}
