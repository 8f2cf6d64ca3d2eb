//! Nova's services (agents).

use std::sync::Arc;

/// A service as `os-services` lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct ComputeService {
    /// Binary, e.g. `nova-compute`.
    pub binary: Arc<str>,
    /// Host.
    pub host: Arc<str>,
    /// Availability zone.
    pub zone: Arc<str>,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether its heartbeat is recent.
    pub up: bool,
}

/// All services.
#[derive(Clone, Debug, Default)]
pub struct ComputeServices(pub Vec<ComputeService>);
