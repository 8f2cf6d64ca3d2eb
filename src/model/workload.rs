//! Workload records, as seen from outside the stage that keeps them: the kinds of resources, what may be asked, and what
//! a report of another installation comes to. Nothing here knows how records are made or kept.

use std::fmt;
use std::io::Write;

use serde_json::{Map, Value};

use super::day::Day;

/// A kind of resource whose changes are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// Servers.
    Vm,
    /// Flavors.
    Flavor,
    /// Volumes.
    Volume,
    /// Images.
    Image,
    /// Projects.
    Tenant,
    /// Users.
    KeystoneUser,
}

impl ResourceType {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Vm, Self::Flavor, Self::Volume, Self::Image, Self::Tenant, Self::KeystoneUser];

    /// Its name, as OSWL (the OpenStack workload statistics of Fuel) has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Flavor => "flavor",
            Self::Volume => "volume",
            Self::Image => "image",
            Self::Tenant => "tenant",
            Self::KeystoneUser => "keystone_user",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What happened to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It came.
    Added,
    /// An attribute has another value.
    Modified,
    /// It went.
    Removed,
}

impl Change {
    /// Every change.
    pub const ALL: [Self; 3] = [Self::Added, Self::Modified, Self::Removed];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Removed => "removed",
        }
    }
}

/// Days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: Day,
    /// The last.
    pub to: Day,
}

/// Which changes are asked for.
#[derive(Clone, Debug)]
pub struct ChangesWanted {
    /// Of this cloud only.
    pub cloud: Option<String>,
    /// Of this region only.
    pub region: Option<String>,
    /// Of this kind of resource only.
    pub kind: Option<ResourceType>,
    /// Noticed on these days.
    pub days: Days,
    /// Most of them.
    pub limit: usize,
    /// Left out before.
    pub offset: usize,
}

/// One change of a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeNoticed {
    /// Cloud.
    pub cloud: String,
    /// Region.
    pub region: String,
    /// Kind of resource.
    pub kind: ResourceType,
    /// What happened.
    pub change: Change,
    /// Which resource.
    pub id: String,
    /// When it was noticed: RFC 3339.
    pub time: String,
    /// Modified: values from before of the attributes that changed. Removed: what the resource was. Added: nothing.
    pub before: Map<String, Value>,
}

/// Changes, the latest first, and how many there are in all.
#[derive(Clone, Debug, Default)]
pub struct ChangesFound {
    /// Of all that were asked for.
    pub total: usize,
    /// Those of the page.
    pub changes: Vec<ChangeNoticed>,
}

/// What a CSV or an archive is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Records of one kind of resource.
    Records(ResourceType),
    /// One row for each cluster: a region of a cloud of an installation.
    Clusters,
    /// All of them in a zip archive.
    All,
}

/// What became of a record that another installation reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It was new.
    Added,
    /// It took the place of an earlier one.
    Updated,
    /// It is not kept.
    Failed,
}

impl Fate {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Updated => "updated",
            Self::Failed => "failed",
        }
    }
}

/// What became of one record, under the names that it gave itself (none where they cannot be read).
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Whose record.
    pub master_node_uid: Option<String>,
    /// Which one.
    pub id: Option<i64>,
    /// What became of it.
    pub fate: Fate,
}

/// Where a record departs from its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Which record of the report, from 0.
    pub record: usize,
    /// The member, e.g. `oswl_stats[3].resource_data.current[0].status`.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// What became of a report.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Of each record, in order.
    pub outcomes: Vec<Outcome>,
    /// Why records failed.
    pub departures: Vec<Departure>,
}

/// Why records cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The body is no report at all.
    #[error("{path}: {message}")]
    Body {
        /// The member that is wrong.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// The store; its words are for the log.
    #[error("{0}")]
    Store(String),
    /// Whoever takes what is written has gone.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

/// What others may ask of workload records. Every call reads or writes a disk.
pub trait Records: Send + Sync + fmt::Debug {
    /// Changes of this installation's clouds.
    fn changes(&self, wanted: &ChangesWanted) -> Result<ChangesFound, RecordsError>;

    /// Writes records of all installations, row by row.
    fn export(&self, what: Export, days: Days, out: &mut dyn Write) -> Result<(), RecordsError>;

    /// Bytes of a report that is taken; none when reports are not taken here.
    fn report_bytes_max(&self) -> Option<usize>;

    /// Takes a report. `sender` is who says that it reports, which counts even when it has nothing to report.
    fn receive(&self, body: &[u8], sender: Option<&str>) -> Result<Received, RecordsError>;
}
