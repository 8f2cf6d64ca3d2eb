//! Nova: flavors, services, hypervisors, servers with their groups and diagnostics, quotas, usage, security groups.
//!
//! Each call asks at the newest microversion that still gives what its families need, never at one for all:
//! Nova takes fields away (capacity at 2.88, network quotas at 2.36, file quotas at 2.57, security groups at 2.36).

pub mod diagnostics;
mod diagnostics_answer;
mod flavors;
mod hypervisor_capacity;
mod hypervisors;
mod quotas;
mod security_groups;
mod server_counts;
mod server_groups;
mod server_item;
mod server_state;
mod server_status;
mod servers;
mod services;
mod usage;

use super::{Cadence, CollectorSpec, Service};

crate::metrics! {
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_nova_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "compute",
    catalog_types: &["compute"],
    tables: &[
        METRICS,
        flavors::METRICS,
        services::METRICS,
        hypervisors::METRICS,
        server_status::METRICS,
        server_counts::METRICS,
        server_groups::METRICS,
        diagnostics_answer::METRICS,
        quotas::METRICS,
        usage::METRICS,
        security_groups::METRICS,
    ],
    up: &UP,
    collectors: &[
        CollectorSpec { name: "compute.flavors", cadence: Cadence::Slow, make: || Box::new(flavors::Collector) },
        CollectorSpec { name: "compute.services", cadence: Cadence::Fast, make: || Box::new(services::Collector) },
        CollectorSpec {
            name: "compute.hypervisors",
            cadence: Cadence::Fast,
            make: || Box::new(hypervisors::Collector::default()),
        },
        CollectorSpec {
            name: "compute.servers",
            cadence: Cadence::Fast,
            make: || Box::new(servers::Collector::default()),
        },
        // Fast, because each run asks for the share of the projects that keeps all of them within the slow interval.
        CollectorSpec {
            name: "compute.quotas",
            cadence: Cadence::Fast,
            make: || Box::new(quotas::Collector::default()),
        },
        CollectorSpec {
            name: "compute.server_groups",
            cadence: Cadence::Slow,
            make: || Box::new(server_groups::Collector),
        },
        // Fast, because each run reads the share of the instances that its rate allows.
        CollectorSpec {
            name: "compute.diagnostics",
            cadence: Cadence::Fast,
            make: || Box::new(diagnostics::Collector::default()),
        },
        CollectorSpec { name: "compute.usage", cadence: Cadence::Slow, make: || Box::new(usage::Collector) },
        CollectorSpec {
            name: "compute.security_groups",
            cadence: Cadence::Slow,
            make: || Box::new(security_groups::Collector),
        },
    ],
};
