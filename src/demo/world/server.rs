//! One instance: a small row; everything that only has to look real follows from its id.

use super::seed::{Kind, mix, uuid, word};

/// Nova's server status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Running.
    Active,
    /// Being built.
    Build,
    /// Powered off.
    Shutoff,
    /// Paused.
    Paused,
    /// Suspended.
    Suspended,
    /// Booted from a rescue image.
    Rescue,
    /// Resized, not confirmed yet.
    VerifyResize,
    /// Put away; takes no host.
    ShelvedOffloaded,
    /// Something went wrong.
    Error,
    /// Deleted.
    Deleted,
}

impl Status {
    /// As the API spells it.
    pub fn name(self) -> &'static str {
        self.names().0
    }

    /// `OS-EXT-STS:vm_state`.
    pub fn vm_state(self) -> &'static str {
        self.names().1
    }

    /// `OS-EXT-STS:power_state`.
    pub fn power_state(self) -> u32 {
        match self {
            Self::Active | Self::VerifyResize | Self::Rescue => 1,
            Self::Paused => 3,
            Self::Shutoff | Self::Suspended | Self::ShelvedOffloaded => 4,
            Self::Build | Self::Error | Self::Deleted => 0,
        }
    }

    /// Whether `progress` is in the answer.
    pub fn has_progress(self) -> bool {
        matches!(self, Self::Active | Self::Build | Self::VerifyResize)
    }

    /// Whether the guest runs, so that diagnostics can be read.
    pub fn runs(self) -> bool {
        matches!(self, Self::Active | Self::VerifyResize | Self::Rescue)
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Active => ("ACTIVE", "active"),
            Self::Build => ("BUILD", "building"),
            Self::Shutoff => ("SHUTOFF", "stopped"),
            Self::Paused => ("PAUSED", "paused"),
            Self::Suspended => ("SUSPENDED", "suspended"),
            Self::Rescue => ("RESCUE", "rescued"),
            Self::VerifyResize => ("VERIFY_RESIZE", "resized"),
            Self::ShelvedOffloaded => ("SHELVED_OFFLOADED", "shelved_offloaded"),
            Self::Error => ("ERROR", "error"),
            Self::Deleted => ("DELETED", "deleted"),
        }
    }
}

/// A row of the servers' table; times are seconds since the epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Id.
    pub id: u128,
    /// When it was asked for.
    pub created: u32,
    /// When it first ran; 0 when it never did.
    pub launched: u32,
    /// When it was started last, for counters.
    pub booted: u32,
    /// Last change.
    pub updated: u32,
    /// Index of the project.
    pub project: u32,
    /// Index of the flavor.
    pub flavor: u32,
    /// Index of the host.
    pub host: Option<u32>,
    /// GPU provider of the host that its devices are on.
    pub gpu_slot: Option<u8>,
    /// Status.
    pub status: Status,
    /// Status ahead of its deletion; the same as `status` while it lives.
    pub before: Status,
    /// Where it stands in the list of living servers.
    pub(crate) slot: u32,
}

impl Server {
    /// A number that looks random and belongs to this server and purpose.
    pub fn key(&self, purpose: u64) -> u64 {
        mix((self.id as u64) ^ (self.id >> 64) as u64, purpose)
    }

    /// Whether it was booted from a volume (one in eight).
    pub fn from_volume(&self) -> bool {
        self.key(1).is_multiple_of(8)
    }

    /// The volume it has attached, if any.
    pub fn volume(&self) -> Option<u128> {
        (self.from_volume() || self.key(2).is_multiple_of(8)).then(|| uuid(self.key(3), Kind::Volume, 0))
    }

    /// When it was deleted.
    pub fn terminated(&self) -> Option<u32> {
        (self.status == Status::Deleted).then_some(self.updated)
    }

    /// Its name: role, stage and number of its organisation.
    pub fn name(&self, row: u32, project: &str) -> String {
        let (organisation, team) = project.rsplit_once('-').unwrap_or((project, "prod"));
        let role = super::flavor::role(self.key(4));
        format!("{team}-{role}-{row}.{organisation}.example")
    }

    /// What Nova says of an instance that got no host, or broke.
    pub fn fault(&self) -> Option<&'static str> {
        (self.before == Status::Error).then(|| {
            if self.launched == 0 {
                "No valid host was found. "
            } else {
                word(
                    &["Build of instance aborted: volume did not become available", "Connection to libvirt lost"],
                    self.key(5),
                )
            }
        })
    }
}
