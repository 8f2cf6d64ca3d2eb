//! Images.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::clock::Timestamp;
use crate::model::id::Id;

/// An image as Glance lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Project that owns it.
    pub owner: Id,
    /// Size of its data in bytes; none before data was uploaded.
    pub size_bytes: Option<u64>,
    /// GiB of disk that a server needs for it.
    pub min_disk_gib: u64,
    /// MiB of memory that a server needs for it.
    pub min_ram_mib: u64,
    /// API status, e.g. `active`.
    pub status: Arc<str>,
    /// `public`, `community`, `shared` or `private`.
    pub visibility: Arc<str>,
    /// Creation.
    pub created: Timestamp,
    /// Last change.
    pub updated: Timestamp,
}

/// All images by id.
#[derive(Clone, Debug, Default)]
pub struct Images(pub BTreeMap<Id, Image>);
