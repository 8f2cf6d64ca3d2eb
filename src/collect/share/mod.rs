//! Manila: shares, services, quotas.

mod quotas;
mod services;
mod shares;

use super::{Cadence, CollectorSpec, Service};

crate::metrics! {
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_sharev2_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "sharev2",
    catalog_types: &["shared-file-system", "sharev2"],
    tables: &[METRICS, shares::METRICS, services::METRICS],
    up: &UP,
    collectors: &[
        CollectorSpec {
            name: "sharev2.shares",
            cadence: Cadence::Medium,
            make: || Box::new(shares::Collector::default()),
        },
        CollectorSpec {
            name: "sharev2.quotas",
            cadence: Cadence::Medium,
            make: || Box::new(quotas::Collector::default()),
        },
        CollectorSpec { name: "sharev2.services", cadence: Cadence::Medium, make: || Box::new(services::Collector) },
    ],
};
