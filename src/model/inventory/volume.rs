//! Volumes of the block storage service.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::clock::Timestamp;
use crate::model::id::Id;

/// A volume as Cinder lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Display name; often empty.
    pub name: Box<str>,
    /// Project.
    pub project: Id,
    /// Volume type; empty for none.
    pub volume_type: Arc<str>,
    /// `host@backend#pool`, as [pools](super::pool) are named; empty before scheduling or without admin rights.
    pub host: Arc<str>,
    /// API status, e.g. `in-use`.
    pub status: Arc<str>,
    /// Availability zone.
    pub zone: Arc<str>,
    /// Size in GiB.
    pub size_gib: u64,
    /// Servers that it is attached to: several where the type allows it, none when it is free.
    pub servers: Box<[Id]>,
    /// The same with what else is known of each: attachments to hosts are here only.
    pub attachments: Box<[Attachment]>,
    /// Whether a server can boot from it.
    pub bootable: bool,
    /// Whether its data is encrypted.
    pub encrypted: bool,
    /// The snapshot that it was made of.
    pub snapshot: Option<Id>,
    /// Creation.
    pub created: Timestamp,
    /// Last change.
    pub updated: Timestamp,
}

/// An attachment of a volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// Its own id.
    pub id: Id,
    /// The server; none when a host has the volume.
    pub server: Option<Id>,
    /// Where the server sees the volume, e.g. `/dev/vdb`; empty where it is not told.
    pub device: Arc<str>,
}

/// All volumes by id.
#[derive(Clone, Debug, Default)]
pub struct Volumes(pub BTreeMap<Id, Volume>);
