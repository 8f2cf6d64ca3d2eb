//! Placement.

use super::Service;

crate::metrics! {
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_placement_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service =
    Service { name: "placement", catalog_types: &["placement"], tables: &[METRICS], up: &UP, collectors: &[] };
