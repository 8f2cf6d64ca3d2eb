//! Swift, and what speaks its API: containers of the credentials' own account, and accounts of all projects where
//! the credentials may read them.

mod accounts;
mod containers;

use super::{Cadence, CollectorSpec, Service};

crate::metrics! {
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_object_store_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "object-store",
    catalog_types: &["object-store"],
    tables: &[METRICS, containers::METRICS, accounts::METRICS],
    up: &UP,
    collectors: &[
        CollectorSpec {
            name: "object-store.containers",
            cadence: Cadence::Medium,
            make: || Box::new(containers::Collector),
        },
        CollectorSpec {
            name: "object-store.accounts",
            cadence: Cadence::Medium,
            make: || Box::new(accounts::Collector::default()),
        },
    ],
};
