//! Neutron: ports, floating IPs, networks and subnets, address pools, routers, agents, quotas, VPNs.
//!
//! Lists are asked for with `fields`, so that a page of 1,000 ports has less than half its full size. What Neutron keeps
//! from a token it leaves out silently: see `collect::sight`.

mod address_pools;
mod agents;
mod floating_ips;
mod l3_agents;
mod networks;
mod port_rows;
mod ports;
mod prefix;
mod quotas;
mod routers;
mod security_groups;
mod subnets;
mod vpn;

use super::{Cadence, CollectorSpec, Service};
use crate::openstack::client::Request;

crate::metrics! {
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_neutron_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "network",
    catalog_types: &["network"],
    tables: &[
        METRICS,
        agents::METRICS,
        networks::METRICS,
        subnets::METRICS,
        address_pools::METRICS,
        ports::METRICS,
        floating_ips::METRICS,
        routers::METRICS,
        l3_agents::METRICS,
        security_groups::METRICS,
        vpn::METRICS,
        quotas::METRICS,
    ],
    up: &UP,
    collectors: &[
        CollectorSpec { name: "network.agents", cadence: Cadence::Fast, make: || Box::new(agents::Collector) },
        CollectorSpec { name: "network.networks", cadence: Cadence::Medium, make: || Box::new(networks::Collector) },
        CollectorSpec { name: "network.subnets", cadence: Cadence::Medium, make: || Box::new(subnets::Collector) },
        CollectorSpec {
            name: "network.address_pools",
            cadence: Cadence::Medium,
            make: || Box::new(address_pools::Collector),
        },
        CollectorSpec {
            name: "network.ports",
            cadence: Cadence::Medium,
            make: || Box::new(ports::Collector::default()),
        },
        CollectorSpec {
            name: "network.floating_ips",
            cadence: Cadence::Medium,
            make: || Box::new(floating_ips::Collector),
        },
        CollectorSpec { name: "network.routers", cadence: Cadence::Medium, make: || Box::new(routers::Collector) },
        // Fast, because each run asks for a share of the routers and reports the agents' present state.
        CollectorSpec {
            name: "network.l3_agents",
            cadence: Cadence::Fast,
            make: || Box::new(l3_agents::Collector::default()),
        },
        CollectorSpec {
            name: "network.security_groups",
            cadence: Cadence::Slow,
            make: || Box::new(security_groups::Collector),
        },
        CollectorSpec { name: "network.vpn", cadence: Cadence::Slow, make: || Box::new(vpn::Collector) },
        // Fast, because each run asks for the share of the projects that keeps all of them within the slow interval.
        CollectorSpec {
            name: "network.quotas",
            cadence: Cadence::Fast,
            make: || Box::new(quotas::Collector::default()),
        },
    ],
};

/// A list of which only these members are asked for.
fn with_fields<'a>(path: &'a str, fields: &[&'a str]) -> Request<'a> {
    fields.iter().fold(Request::new(path), |request, field| request.query("fields", *field))
}
