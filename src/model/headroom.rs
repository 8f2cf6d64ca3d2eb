//! What still fits, what cannot be used, what may fail and what is promised: the answers behind the gauges of capacity.
//!
//! One table of each for a region. Hosts and causes are told once and named by their place in a list, so that 200
//! flavors on 1,000 hosts take 2 MB.

use std::sync::Arc;

use super::clock::Timestamp;
use super::id::Id;
use super::signal::Scope;

/// What stops the next instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// Too little of a resource is free, or there is none at all.
    Resource(Arc<str>),
    /// One instance asks for more of a resource than `max_unit` (or less than `min_unit`, or between two steps).
    Unit(Arc<str>),
    /// A trait that is required is missing, or one that is forbidden is there.
    Trait(Arc<str>),
    /// No aggregate of the host has the metadata that the flavor asks for.
    Aggregate,
    /// The host is disabled or down.
    Unavailable,
    /// The flavor asks for nothing that Placement counts.
    Nothing,
}

impl Stop {
    /// The `resource` label: the resource, or in a word what else it is.
    pub fn resource(&self) -> &str {
        match self {
            Self::Resource(name) | Self::Unit(name) => name,
            Self::Trait(_) => "trait",
            Self::Aggregate => "aggregate",
            Self::Unavailable => "host",
            Self::Nothing => "none",
        }
    }

    /// In words.
    pub fn reason(&self) -> String {
        match self {
            Self::Resource(name) => format!("too little {name} is free"),
            Self::Unit(name) => format!("one instance asks for more {name} than a host gives to one"),
            Self::Trait(name) => format!("trait {name} is missing or forbidden"),
            Self::Aggregate => "no aggregate has the metadata that the flavor asks for".to_owned(),
            Self::Unavailable => "no host is up and enabled".to_owned(),
            Self::Nothing => "the flavor asks for nothing".to_owned(),
        }
    }
}

/// How many more instances fit, and what stops the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Instances.
    pub instances: u32,
    /// Place in [`Headroom::stops`].
    pub stop: u16,
    /// Whether the scheduler may refuse some of them for reasons that Placement does not count.
    pub upper_bound: bool,
}

/// Room of one flavor, booted in one way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rooms {
    /// By zone, in the order of [`Headroom::zones`].
    pub zones: Vec<Room>,
    /// By host, in the order of [`Headroom::hosts`]; each host taken by itself.
    pub hosts: Vec<Room>,
}

/// A flavor with its room.
#[derive(Clone, Debug, PartialEq)]
pub struct FlavorRoom {
    /// Name.
    pub name: Arc<str>,
    /// Id.
    pub id: Arc<str>,
    /// Whether every project may use it.
    pub is_public: bool,
    /// What of its demands is not counted by Placement, in words that do not change.
    pub caveats: Vec<&'static str>,
    /// With its root disk on the host.
    pub local: Rooms,
    /// With its root disk on a volume; none where that makes no difference.
    pub volume_backed: Option<Rooms>,
}

impl FlavorRoom {
    /// The room of instances booted so.
    pub fn rooms(&self, volume_backed: bool) -> &Rooms {
        self.volume_backed.as_ref().filter(|_| volume_backed).unwrap_or(&self.local)
    }
}

/// A host, as rows of headroom name it.
#[derive(Clone, Debug, PartialEq)]
pub struct HostName {
    /// `hypervisor_hostname`.
    pub name: Arc<str>,
    /// Availability zone; empty when none is defined.
    pub zone: Arc<str>,
}

/// When the oldest of the facts was collected that all of these rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactsAt(pub Timestamp);

/// How many more of each flavor fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headroom {
    /// Zones, by name; empty for hosts of none.
    pub zones: Vec<Arc<str>>,
    /// Hosts, also those that are disabled or down.
    pub hosts: Vec<HostName>,
    /// Causes that rows name by their place here.
    pub stops: Vec<Stop>,
    /// By name.
    pub flavors: Vec<FlavorRoom>,
}

/// Capacity of one resource that the observed mix of flavors cannot use.
#[derive(Clone, Debug, PartialEq)]
pub struct Strand {
    /// Kind of place.
    pub scope: Scope,
    /// Its name.
    pub entity: Arc<str>,
    /// Resource.
    pub resource: Arc<str>,
    /// (total - reserved) x allocation ratio of hosts that are up and enabled.
    pub usable: f64,
    /// Free of it.
    pub free: f64,
    /// Free still when no more of the mix fits.
    pub stranded: f64,
    /// Whether this is what the mix runs out of first; told of hosts only.
    pub limiting: bool,
}

impl Strand {
    /// Stranded over usable; none where nothing is usable.
    pub fn ratio(&self) -> Option<f64> {
        (self.usable > 0.0).then(|| self.stranded / self.usable)
    }
}

/// Stranded capacity of every place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stranded {
    /// Flavors of the mix, the most frequent first.
    pub mix: Vec<(Arc<str>, u32)>,
    /// By scope, entity and resource.
    pub rows: Vec<Strand>,
}

/// What a place survives.
#[derive(Clone, Debug, PartialEq)]
pub struct Survival {
    /// Kind of place.
    pub scope: Scope,
    /// Its name.
    pub entity: Arc<str>,
    /// Hosts that are up and enabled.
    pub hosts: u32,
    /// So many of the largest may fail, and all of their instances fit on the others.
    pub evacuation_hosts: u32,
    /// Instances of all its hosts.
    pub instances: u32,
    /// The flavor of which an instance fits nowhere when one host more fails; none when all may fail.
    pub stopped_by: Option<Arc<str>>,
}

/// What every zone and aggregate survives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resilience {
    /// By scope and entity.
    pub rows: Vec<Survival>,
}

/// What a project was promised of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Commitment {
    /// Project.
    pub project: Id,
    /// Its name, where it may be read.
    pub name: Option<Arc<str>>,
    /// Resource: vcpu or memory (bytes).
    pub resource: &'static str,
    /// Quota; none for no limit.
    pub limit: Option<f64>,
    /// In use or reserved by work in progress.
    pub used: f64,
    /// Promised and not used, no more than is free.
    pub unused: f64,
}

/// What all projects together were promised of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Promised {
    /// Resource.
    pub resource: &'static str,
    /// Sum of the limits there are.
    pub limit: f64,
    /// Projects without a limit.
    pub unlimited: u32,
    /// Sum of what is promised and not used, not capped.
    pub unused: f64,
    /// Usable in the region.
    pub usable: f64,
    /// Free in the region.
    pub free: f64,
}

/// Quotas against what there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commitments {
    /// By project and resource.
    pub rows: Vec<Commitment>,
    /// By resource.
    pub totals: Vec<Promised>,
}
