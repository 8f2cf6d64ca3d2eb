//! Networks, and the addresses of their subnets.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::id::Id;

/// A network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Name.
    pub name: Arc<str>,
    /// Project.
    pub project: Id,
    /// Status, e.g. `ACTIVE`.
    pub status: Arc<str>,
    /// Whether floating IPs and gateways are taken from it.
    pub external: bool,
    /// Whether every project may use it.
    pub shared: bool,
}

/// All networks by id.
#[derive(Clone, Debug, Default)]
pub struct Networks(pub BTreeMap<Id, Network>);

/// The allocation pools of a subnet, taken together.
#[derive(Clone, Debug, PartialEq)]
pub struct AddressPool {
    /// Network.
    pub network: Id,
    /// Subnet.
    pub subnet: Id,
    /// Project of the network.
    pub project: Id,
    /// 4 or 6.
    pub ip_version: u8,
    /// Addresses in use.
    pub used: f64,
    /// Addresses there are; a /64 has more than 64 bits can count.
    pub total: f64,
}

/// All of them, in the order of networks.
#[derive(Clone, Debug, Default)]
pub struct AddressPools(pub Vec<AddressPool>);
