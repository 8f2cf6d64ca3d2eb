//! Octavia: load balancers, listeners, pools, amphorae, quotas; traffic and health of members where they are asked for.
//!
//! Octavia shows a token without its own roles (`load-balancer_*`) or `admin` only what belongs to its project; see
//! `collect::sight`.

mod amphorae;
mod listeners;
mod load_balancers;
mod members;
mod pools;
mod quotas;
mod traffic;

use serde::{Deserialize, Serialize};

use super::{Cadence, CollectorSpec, Service};

crate::metrics! {
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_loadbalancer_up" [], Bool, "derived: the last run of every permitted collector";
}

/// Load balancers.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether traffic is exported: one request per load balancer, spread over `slow_seconds`.
    pub stats: bool,
    /// Whether the health of pools' members is exported: one request per load balancer, spread over `slow_seconds`.
    pub members: bool,
}

/// The service.
pub static SERVICE: Service = Service {
    name: "load-balancer",
    catalog_types: &["load-balancer"],
    tables: &[
        METRICS,
        load_balancers::METRICS,
        listeners::METRICS,
        pools::METRICS,
        amphorae::METRICS,
        traffic::METRICS,
        members::METRICS,
    ],
    up: &UP,
    collectors: &[
        CollectorSpec {
            name: "load_balancer.load_balancers",
            cadence: Cadence::Medium,
            make: || Box::new(load_balancers::Collector),
        },
        CollectorSpec {
            name: "load_balancer.listeners",
            cadence: Cadence::Medium,
            make: || Box::new(listeners::Collector),
        },
        CollectorSpec { name: "load_balancer.pools", cadence: Cadence::Medium, make: || Box::new(pools::Collector) },
        CollectorSpec {
            name: "load_balancer.amphorae",
            cadence: Cadence::Medium,
            make: || Box::new(amphorae::Collector),
        },
        CollectorSpec {
            name: "load_balancer.traffic",
            cadence: Cadence::Medium,
            make: || Box::new(traffic::Collector::default()),
        },
        CollectorSpec {
            name: "load_balancer.members",
            cadence: Cadence::Medium,
            make: || Box::new(members::Collector::default()),
        },
        CollectorSpec { name: "load_balancer.quotas", cadence: Cadence::Slow, make: || Box::new(quotas::Collector) },
    ],
};

/// The place of a status in openstack-exporter's list of them; -1 for one that it does not know.
fn number(statuses: &[&str], status: &str) -> f64 {
    statuses.iter().position(|known| *known == status).map_or(-1.0, |position| position as f64)
}
