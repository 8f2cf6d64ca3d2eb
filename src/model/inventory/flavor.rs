//! Flavors.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A flavor.
#[derive(Clone, Debug, PartialEq)]
pub struct Flavor {
    /// Id (a UUID or any text).
    pub id: Arc<str>,
    /// Name, unique.
    pub name: Arc<str>,
    /// vCPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Root disk in GiB.
    pub disk_gib: u32,
    /// Ephemeral disk in GiB.
    pub ephemeral_gib: u32,
    /// Swap in MiB.
    pub swap_mib: u32,
    /// Whether everyone may use it.
    pub is_public: bool,
    /// Extra specs: traits, resource classes, NUMA and pinning demands.
    pub extra_specs: BTreeMap<Box<str>, Box<str>>,
}

/// All flavors by name: servers name theirs so from 2.47 on.
#[derive(Clone, Debug, Default)]
pub struct Flavors(pub BTreeMap<Arc<str>, Flavor>);
