//! Ports: of 100,000 a row each, so it holds what joins and counts need, and no addresses.

use std::sync::Arc;

use crate::model::id::Id;

/// A port.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Id.
    pub id: Id,
    /// Project; empty for ports that Neutron made for itself (router gateways, floating IPs).
    pub project: Id,
    /// Network.
    pub network: Id,
    /// What uses it, e.g. `compute:az-a`, `network:dhcp`; empty when nothing does.
    pub device_owner: Arc<str>,
    /// Id of what uses it, e.g. of an instance.
    pub device: Id,
    /// Status, e.g. `ACTIVE`, `DOWN`, `N/A`.
    pub status: Arc<str>,
}

/// All ports, by id.
#[derive(Clone, Debug, Default)]
pub struct Ports(pub Vec<Port>);
