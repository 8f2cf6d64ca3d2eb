//! Waste and pressure: what holds capacity without using it, and who has too little of it.
//!
//! One table of each for a region; a thing is in one class only, the first that fits it.

use std::sync::Arc;

use super::clock::Timestamp;
use super::id::Id;

/// Why an instance is waste, the first that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceClass {
    /// Shut off, and still holding what it was given.
    PoweredOff,
    /// Broken.
    Error,
    /// On, and doing nothing.
    Idle,
    /// Far too big for what it does.
    Oversized,
}

impl InstanceClass {
    /// Every class, by rank.
    pub const ALL: [Self; 4] = [Self::PoweredOff, Self::Error, Self::Idle, Self::Oversized];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PoweredOff => "powered_off",
            Self::Error => "error",
            Self::Idle => "idle",
            Self::Oversized => "oversized",
        }
    }

    /// Whether it takes a measured use to tell.
    pub const fn is_measured(self) -> bool {
        matches!(self, Self::Idle | Self::Oversized)
    }
}

/// What comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amounts {
    /// vCPUs.
    pub vcpus: f64,
    /// Bytes of memory.
    pub memory_bytes: f64,
    /// Bytes of the host's disk.
    pub disk_bytes: f64,
}

impl std::ops::AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        self.vcpus += other.vcpus;
        self.memory_bytes += other.memory_bytes;
        self.disk_bytes += other.disk_bytes;
    }
}

/// What an instance used on 95 % of the measured time, at most; upper ends of a sketch's buckets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Use {
    /// Share of its vCPUs.
    pub cpu_ratio: f64,
    /// Share of its memory; none where its driver does not tell.
    pub memory_ratio: Option<f64>,
    /// Bytes a second, the greater of both directions; none where its driver does not tell, infinite for much.
    pub network_bytes_per_second: Option<f64>,
}

/// An instance that is waste.
#[derive(Clone, Debug, PartialEq)]
pub struct WastedInstance {
    /// Id.
    pub id: Id,
    /// Name.
    pub name: Box<str>,
    /// Project.
    pub project: Id,
    /// Availability zone; empty for none.
    pub zone: Arc<str>,
    /// Name of its flavor.
    pub flavor: Arc<str>,
    /// Why.
    pub class: InstanceClass,
    /// Since when it has been as it is, as far as it can be told.
    pub since: Timestamp,
    /// What comes back.
    pub amounts: Amounts,
    /// What it used, where that made it waste.
    pub used: Option<Use>,
}

/// What else is waste.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A volume.
    Volume,
    /// A snapshot of a volume.
    Snapshot,
    /// A floating IP.
    FloatingIp,
    /// A load balancer.
    LoadBalancer,
}

impl Kind {
    /// In words of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Snapshot => "snapshot",
            Self::FloatingIp => "floating_ip",
            Self::LoadBalancer => "load_balancer",
        }
    }
}

/// Something other than an instance that is waste.
#[derive(Clone, Debug, PartialEq)]
pub struct WastedThing {
    /// What it is.
    pub kind: Kind,
    /// Id.
    pub id: Id,
    /// Project.
    pub project: Id,
    /// Why: orphaned_project, error, unattached, old_snapshot, unassociated, empty.
    pub class: &'static str,
    /// Its size; 0 for what has none.
    pub bytes: f64,
    /// Since when, where that can be told.
    pub since: Option<Timestamp>,
}

/// How far the use of running instances is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Availability zone; empty for none.
    pub zone: Arc<str>,
    /// Instances that run.
    pub running: u32,
    /// Of these, the ones that are measured for long enough.
    pub judged: u32,
}

impl Coverage {
    /// Judged over running; none where nothing runs.
    pub fn ratio(&self) -> Option<f64> {
        (self.running > 0).then(|| f64::from(self.judged) / f64::from(self.running))
    }
}

/// All waste of a region.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waste {
    /// Instances; none where they are not known.
    pub instances: Option<Vec<WastedInstance>>,
    /// Everything else.
    pub things: Vec<WastedThing>,
    /// Kinds of which all is known.
    pub known: Vec<Kind>,
    /// By zone. None without a source of demand: then idle and oversized are unknown, not 0.
    pub coverage: Option<Vec<Coverage>>,
}

/// Why an instance is under pressure or makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PressureClass {
    /// It uses nearly all that it has.
    Constrained,
    /// It uses a great share of a host on which another one is constrained.
    Bully,
}

impl PressureClass {
    /// Every class.
    pub const ALL: [Self; 2] = [Self::Constrained, Self::Bully];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Constrained => "constrained",
            Self::Bully => "bully",
        }
    }
}

/// An instance under pressure, or one that makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pressed {
    /// Id.
    pub id: Id,
    /// Name.
    pub name: Box<str>,
    /// Project.
    pub project: Id,
    /// Availability zone; empty for none.
    pub zone: Arc<str>,
    /// `hypervisor_hostname`.
    pub hypervisor: Arc<str>,
    /// Which of both.
    pub class: PressureClass,
    /// Share of its vCPUs that it used lately.
    pub cpu_ratio: Option<f64>,
    /// Share of its memory.
    pub memory_ratio: Option<f64>,
    /// Share of the host's CPUs that it used lately.
    pub host_ratio: Option<f64>,
}

/// All pressure of a region, where use is measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pressure {
    /// Zones with measured instances.
    pub zones: Vec<Arc<str>>,
    /// By class.
    pub rows: Vec<Pressed>,
}
