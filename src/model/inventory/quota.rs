//! Compute quotas of projects with their use.

use std::collections::BTreeMap;

use crate::model::id::Id;

/// A quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Limit; -1 is unlimited.
    pub limit: i64,
    /// Amount in use.
    pub in_use: i64,
    /// Amount reserved by work in progress.
    pub reserved: i64,
}

/// What limits a project's instances; none where the API does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComputeQuota {
    /// Instances.
    pub instances: Option<Quota>,
    /// vCPUs.
    pub cores: Option<Quota>,
    /// Memory in MiB.
    pub memory_mib: Option<Quota>,
}

/// By project.
#[derive(Clone, Debug, Default)]
pub struct ComputeQuotas(pub BTreeMap<Id, ComputeQuota>);
