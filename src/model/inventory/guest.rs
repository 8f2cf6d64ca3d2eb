//! Guests: what the inside of a running instance uses, where it is measured.

use hashbrown::HashMap;

use crate::model::clock::Timestamp;
use crate::model::id::Id;

/// Counters of one guest at one moment; none for what its driver does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Guest {
    /// When they were read.
    pub at: Timestamp,
    /// Seconds of CPU used since it was started, all of its CPUs together.
    pub cpu_seconds: Option<f64>,
    /// CPUs.
    pub cpus: Option<f64>,
    /// Share of its memory that is used.
    pub memory_ratio: Option<f64>,
    /// Bytes received since it was started, all interfaces together.
    pub received_bytes: Option<f64>,
    /// Bytes sent likewise.
    pub sent_bytes: Option<f64>,
}

/// The last counters of every guest that was read, by the id of its server.
#[derive(Clone, Debug, Default)]
pub struct Guests(pub HashMap<Id, Guest>);
