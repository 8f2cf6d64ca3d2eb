//! Hypervisors.

use std::sync::Arc;

/// A hypervisor (compute node).
#[derive(Clone, Debug, PartialEq)]
pub struct Hypervisor {
    /// `hypervisor_hostname`: unique within a region; the entity of the hypervisor scope.
    pub name: Arc<str>,
    /// UUID of the node, which is its resource provider's too (from 2.53 on).
    pub uuid: Option<Box<str>>,
    /// Host of its nova-compute service.
    pub service_host: Arc<str>,
    /// Availability zone; empty when none is defined.
    pub zone: Arc<str>,
    /// Aggregates, sorted, without those that only name a zone.
    pub aggregates: Vec<Arc<str>>,
    /// `up` or `down`.
    pub state: Arc<str>,
    /// `enabled` or `disabled`.
    pub status: Arc<str>,
    /// IP address of the host.
    pub host_ip: Option<Box<str>>,
    /// CPU model, where the hypervisor reports one.
    pub cpu_model: Option<Arc<str>>,
}

/// All hypervisors, by name.
#[derive(Clone, Debug, Default)]
pub struct Hypervisors(pub Vec<Hypervisor>);
