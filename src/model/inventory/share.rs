//! Shares of the shared file system service.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::clock::Timestamp;
use crate::model::id::Id;

/// A share as Manila lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Display name; often empty.
    pub name: Box<str>,
    /// Project.
    pub project: Id,
    /// Name of its type.
    pub share_type: Arc<str>,
    /// Protocol, e.g. `NFS`.
    pub protocol: Arc<str>,
    /// API status, e.g. `available`.
    pub status: Arc<str>,
    /// Size in GiB.
    pub size_gib: u64,
    /// Creation.
    pub created: Timestamp,
}

/// All shares by id.
#[derive(Clone, Debug, Default)]
pub struct Shares(pub BTreeMap<Id, Share>);
