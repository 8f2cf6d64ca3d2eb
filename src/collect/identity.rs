//! (stub: helper `collectors` replaces this)

use super::Service;

crate::metrics! {
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_identity_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service =
    Service { name: "identity", catalog_types: &["identity"], tables: &[METRICS], up: &UP, collectors: &[] };
