//! Snapshots of volumes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::clock::Timestamp;
use crate::model::id::Id;

/// A snapshot as Cinder lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeSnapshot {
    /// Volume that it was taken of.
    pub volume: Id,
    /// Project.
    pub project: Id,
    /// Size of the volume at that moment in GiB: what the quota counts, not what the backend stores.
    pub size_gib: u64,
    /// API status, e.g. `available`.
    pub status: Arc<str>,
    /// Creation.
    pub created: Timestamp,
}

/// All snapshots by id.
#[derive(Clone, Debug, Default)]
pub struct VolumeSnapshots(pub BTreeMap<Id, VolumeSnapshot>);
