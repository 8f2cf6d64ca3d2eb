//! (stub: helper `collectors` replaces this)

use super::Service;

crate::metrics! {
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_nova_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service =
    Service { name: "compute", catalog_types: &["compute"], tables: &[METRICS], up: &UP, collectors: &[] };
