//! Neutron's agents.

use std::collections::BTreeMap;
use std::sync::Arc;

/// An agent.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkAgent {
    /// Binary, e.g. `neutron-l3-agent`, `ovn-controller`.
    pub binary: Arc<str>,
    /// Host.
    pub host: Arc<str>,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether its heartbeat is recent.
    pub alive: bool,
}

/// All agents by id; OVN's chassis have names for ids where they are no UUIDs.
#[derive(Clone, Debug, Default)]
pub struct NetworkAgents(pub BTreeMap<Arc<str>, NetworkAgent>);
