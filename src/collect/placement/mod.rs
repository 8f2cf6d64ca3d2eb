//! Placement: resource providers with inventories, usages, traits, aggregates and allocations.

mod answer;
mod plan;
mod providers;
mod trees;

use super::{Cadence, CollectorSpec, Service};

crate::metrics! {
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_placement_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "placement",
    catalog_types: &["placement"],
    tables: &[METRICS, providers::METRICS, trees::METRICS],
    up: &UP,
    collectors: &[CollectorSpec {
        name: "placement.providers",
        cadence: Cadence::Fast,
        make: || Box::new(providers::Collector::default()),
    }],
};
