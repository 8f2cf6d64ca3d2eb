//! Floating IPs.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::id::Id;

/// A floating IP.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatingIp {
    /// Project.
    pub project: Id,
    /// Network that it is taken from.
    pub network: Id,
    /// Status, e.g. `ACTIVE`, `DOWN`.
    pub status: Arc<str>,
    /// Port that it leads to; none while it is allocated and unused.
    pub port: Option<Id>,
}

/// All floating IPs by id.
#[derive(Clone, Debug, Default)]
pub struct FloatingIps(pub BTreeMap<Id, FloatingIp>);
