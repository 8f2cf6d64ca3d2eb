//! Servers (instances).

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::clock::Timestamp;
use crate::model::id::Id;

/// An instance as Nova lists it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Server {
    /// Display name.
    pub name: Box<str>,
    /// API status, e.g. `ACTIVE`.
    pub status: Arc<str>,
    /// Work in progress, e.g. `spawning`; none at rest.
    pub task_state: Option<Arc<str>>,
    /// Nova's power state number (0 none, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended).
    pub power_state: u8,
    /// Project.
    pub project: Id,
    /// User.
    pub user: Id,
    /// Nova's per-project hash of the host; empty before scheduling.
    pub host_id: Box<str>,
    /// `hypervisor_hostname` of its node; empty before scheduling or without admin rights.
    pub hypervisor: Arc<str>,
    /// Availability zone; empty before scheduling.
    pub zone: Arc<str>,
    /// Name of the flavor it was made with (flavors may have gone since).
    pub flavor_name: Arc<str>,
    /// Flavor id where the API gives it (before 2.47), else by name at exposition.
    pub flavor_id: Option<Arc<str>>,
    /// vCPUs of the embedded flavor (0 before 2.47).
    pub vcpus: u32,
    /// Memory of the embedded flavor in MiB (0 before 2.47).
    pub memory_mib: u32,
    /// Root disk of the embedded flavor in GiB (0 before 2.47).
    pub disk_gib: u32,
    /// Ephemeral disk of the embedded flavor in GiB (0 before 2.47).
    pub ephemeral_gib: u32,
    /// accessIPv4.
    pub access_ipv4: Option<Box<str>>,
    /// accessIPv6.
    pub access_ipv6: Option<Box<str>>,
    /// libvirt's name, e.g. `instance-0000001a`; empty without admin rights.
    pub instance_name: Box<str>,
    /// Image; none when booted from a volume.
    pub image: Option<Id>,
    /// Whether any volume is attached.
    pub volumes_attached: bool,
    /// Values of the metadata that are exported as labels, in the order of the labels; none when none are.
    pub metadata: Option<Box<[Arc<str>]>>,
    /// Creation.
    pub created: Timestamp,
    /// Last change.
    pub updated: Timestamp,
}

/// All servers by id. Shared, so that a new table costs only what changed.
#[derive(Clone, Debug, Default)]
pub struct Servers(pub HashMap<Id, Arc<Server>>);
