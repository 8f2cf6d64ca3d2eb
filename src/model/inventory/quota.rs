//! Quotas of projects with their use.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// Quotas of one project in one service.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectQuotas {
    /// Name of the project.
    pub name: Arc<str>,
    /// Quotas by resource, as the service names it.
    pub resources: Vec<(Cow<'static, str>, Quota)>,
}

/// Quotas of one service; each service has such a table, see [`Snapshot::tables`](crate::model::snapshot::Snapshot::tables).
#[derive(Clone, Debug)]
pub struct ServiceQuotas {
    /// Name of the service, e.g. `network`.
    pub service: &'static str,
    /// By project.
    pub projects: BTreeMap<Id, ProjectQuotas>,
}
