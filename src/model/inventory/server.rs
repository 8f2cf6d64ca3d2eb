//! Servers (instances).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use hashbrown::HashMap;

use crate::model::clock::Timestamp;
use crate::model::id::Id;

/// Values of metadata, in the order of the labels that they become.
pub type Metadata = Box<[Arc<str>]>;

/// An instance as Nova lists it. There are 50,000 of them: what many share is shared, the rest is packed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Server {
    /// Display name.
    pub name: Box<str>,
    /// API status, e.g. `ACTIVE`.
    pub status: Arc<str>,
    /// Nova's own state, e.g. `active`; empty where it is not told.
    pub vm_state: Arc<str>,
    /// Work in progress, e.g. `spawning`; none at rest.
    pub task_state: Option<Arc<str>>,
    /// Nova's power state number (0 none, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended).
    pub power_state: u8,
    /// Project.
    pub project: Id,
    /// User.
    pub user: Id,
    /// Nova's per-project hash of the host; empty before scheduling.
    pub host_id: HostId,
    /// `hypervisor_hostname` of its node; empty before scheduling or without admin rights.
    pub hypervisor: Arc<str>,
    /// Availability zone; empty before scheduling.
    pub zone: Arc<str>,
    /// The flavor it was made with.
    pub flavor: Arc<ServerFlavor>,
    /// accessIPv4 and accessIPv6, which few have.
    pub access: Option<Box<AccessAddresses>>,
    /// libvirt's name, e.g. `instance-0000001a`; empty without admin rights.
    pub instance_name: InstanceName,
    /// Image; none when booted from a volume.
    pub image: Option<Id>,
    /// Whether any volume is attached.
    pub volumes_attached: bool,
    /// Values of the metadata that are exported as labels, in the order of the labels; none when none are.
    pub metadata: Option<Box<Metadata>>,
    /// Creation.
    pub created: Timestamp,
    /// Last change.
    pub updated: Timestamp,
}

/// A flavor as servers remember it (it may have gone since).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerFlavor {
    /// Name.
    pub name: Arc<str>,
    /// Id where the API gives it (before 2.47), else by name at exposition.
    pub id: Option<Arc<str>>,
    /// vCPUs (0 before 2.47, as all that follows).
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Root disk in GiB.
    pub disk_gib: u32,
    /// Ephemeral disk in GiB.
    pub ephemeral_gib: u32,
}

/// Addresses that an instance's owner noted on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessAddresses {
    /// accessIPv4; empty where there is none.
    pub ipv4: Box<str>,
    /// accessIPv6; empty where there is none.
    pub ipv6: Box<str>,
}

/// Nova's `hostId`: a SHA-224 in hexadecimal digits, kept as the number that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostId {
    /// 56 lower-case digits.
    Hash([u8; 28]),
    /// Anything else, mostly nothing.
    Text(Box<str>),
}

/// Nova's `instance_name_template` filled in: by default a number, kept as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceName {
    /// `instance-%08x`.
    Numbered(u32),
    /// Anything else.
    Text(Box<str>),
}

/// All servers by id. Shared, so that a new table costs only what changed; the map's hash is a quick one, for every
/// collector that joins by server asks it 50,000 times.
#[derive(Clone, Debug, Default)]
pub struct Servers(pub HashMap<Id, Arc<Server>>);

/// How a table of servers came of the one before it, for those who saw that one and look for what has gone since.
#[derive(Clone, Debug, Default)]
pub struct ServersSince {
    /// The table before.
    pub before: Weak<Servers>,
    /// Servers that it has and the present one has not.
    pub gone: Vec<Id>,
}

/// How many servers there are, told apart by what they are watched by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerCounts {
    /// All.
    pub all: u32,
    /// By zone, those that are in one.
    pub by_zone: BTreeMap<Arc<str>, u32>,
    /// By project.
    pub by_project: BTreeMap<Id, u32>,
    /// By API status.
    pub by_status: BTreeMap<Arc<str>, u32>,
}

impl HostId {
    /// Reads it; printing gives back what was read.
    pub fn new(text: &str) -> Self {
        Self::hash(text).unwrap_or_else(|| Self::Text(Box::from(text)))
    }

    /// Whether there is none: the server is on no host.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    fn hash(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let lower = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 56 || !digits.iter().all(lower) {
            return None;
        }
        let mut hash = [0; 28];
        for (byte, at) in hash.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self::Hash(hash))
    }
}

impl Default for HostId {
    fn default() -> Self {
        Self::Text(Box::default())
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // All at once: a page spells one per server.
            Self::Hash(hash) => {
                let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                let mut digits = [0; 56];
                for (pair, byte) in digits.chunks_exact_mut(2).zip(hash) {
                    pair.copy_from_slice(&[digit(byte >> 4) as u8, digit(byte & 15) as u8]);
                }
                f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
            }
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl InstanceName {
    /// Reads it; printing gives back what was read.
    pub fn new(text: &str) -> Self {
        let number = text.strip_prefix("instance-").and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let numbered = number.map(Self::Numbered).filter(|numbered| numbered.to_string() == text);
        numbered.unwrap_or_else(|| Self::Text(Box::from(text)))
    }
}

impl Default for InstanceName {
    fn default() -> Self {
        Self::Text(Box::default())
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbered(number) => write!(f, "instance-{number:08x}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fifty_thousand_servers_take_less_than_20_mb() {
        const COUNT: usize = 50_000;
        // Strong and weak count in front of each row; a name of 24 bytes is on the heap by itself.
        let row = size_of::<Server>() + 2 * size_of::<usize>() + 24;
        // A hash table of 50,000 has 65,536 places and a byte of its own for each.
        let place = size_of::<(Id, Arc<Server>)>() + 1;
        assert!(size_of::<Server>() <= 264, "{}", size_of::<Server>());
        assert!(COUNT * row + COUNT.next_power_of_two() * place < 20_000_000);
    }

    proptest! {
        #[test]
        fn packed_texts_come_back(text in "\\PC{0,60}|[0-9a-f]{54,58}|[0-9a-fA-F]{56}|instance-[0-9a-f]{6,10}|instance-\\+?[0-9A-F]{8}") {
            prop_assert_eq!(HostId::new(&text).to_string(), text.as_str());
            prop_assert_eq!(InstanceName::new(&text).to_string(), text);
        }
    }

    #[test]
    fn the_usual_forms_are_packed() {
        assert!(matches!(HostId::new("e4e5bc1f80f8c9204490adbdcf6d94788cc908e7ecc8dd556cfb8ee4"), HostId::Hash(_)));
        assert_eq!(InstanceName::new("instance-00000023"), InstanceName::Numbered(0x23));
    }
}
