//! Load balancers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::id::Id;

/// A load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadBalancer {
    /// Name.
    pub name: Arc<str>,
    /// Project.
    pub project: Id,
    /// What Octavia does with it, e.g. `ACTIVE`, `PENDING_UPDATE`, `ERROR`.
    pub provisioning_status: Arc<str>,
    /// How it works, e.g. `ONLINE`, `DEGRADED`, `OFFLINE`, `ERROR`.
    pub operating_status: Arc<str>,
    /// Listeners.
    pub listeners: u32,
    /// Pools.
    pub pools: u32,
}

/// All load balancers by id.
#[derive(Clone, Debug, Default)]
pub struct LoadBalancers(pub BTreeMap<Id, LoadBalancer>);
