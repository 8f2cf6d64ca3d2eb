//! Cinder: volumes, snapshots, backups, services, pools, quotas.
//!
//! Cinder ties the view of all projects to its administrators in code, whatever its policy files say; see
//! `collect::scope`.

mod backups;
mod pools;
mod quotas;
mod services;
mod snapshots;
mod status;
mod volumes;

use super::{Cadence, CollectorSpec, Service};

pub(super) use status::status_number;

crate::metrics! {
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_cinder_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "volume",
    catalog_types: &["block-storage", "volumev3", "volume"],
    tables: &[
        METRICS,
        volumes::METRICS,
        snapshots::METRICS,
        backups::METRICS,
        services::METRICS,
        pools::METRICS,
        quotas::METRICS,
    ],
    up: &UP,
    collectors: &[
        CollectorSpec { name: "volume.services", cadence: Cadence::Fast, make: || Box::new(services::Collector) },
        CollectorSpec { name: "volume.pools", cadence: Cadence::Medium, make: || Box::new(pools::Collector) },
        CollectorSpec {
            name: "volume.volumes",
            cadence: Cadence::Medium,
            make: || Box::new(volumes::Collector::default()),
        },
        CollectorSpec {
            name: "volume.snapshots",
            cadence: Cadence::Medium,
            make: || Box::new(snapshots::Collector::default()),
        },
        CollectorSpec { name: "volume.backups", cadence: Cadence::Medium, make: || Box::new(backups::Collector) },
        // Fast, because each run asks for the share of the projects that keeps all of them within the slow interval.
        CollectorSpec {
            name: "volume.quotas",
            cadence: Cadence::Fast,
            make: || Box::new(quotas::Collector::default()),
        },
    ],
};
