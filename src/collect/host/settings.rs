//! Settings of the host figures. Patterns are compiled while the configuration is read, so that a bad one is an
//! error with file and line, and nothing that runs later can fail on it.

use std::borrow::Cow;
use std::path::PathBuf;

use regex::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Mount points that hold no storage of their own, as node_exporter leaves them out.
const MOUNT_POINTS_EXCLUDE: &str =
    r"^/(dev|proc|run|sys|mnt|media|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)";

/// File systems that are no storage, as node_exporter leaves them out.
const TYPES_EXCLUDE: &str = r"^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$";

/// RAM, loop and floppy devices, and partitions, as node_exporter leaves them out.
const DISKS_EXCLUDE: &str = r"^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$";

/// Figures of the local host, in node_exporter's families.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether the host is collected at all.
    pub enabled: bool,
    /// Seconds between collections.
    pub interval_seconds: u64,
    /// Where the host's /proc is mounted; in a container for example /host/proc.
    pub procfs: PathBuf,
    /// Where the host's /sys is mounted; in a container for example /host/sys.
    pub sysfs: PathBuf,
    /// Where the host's root file system is mounted; in a container for example /host. Mount points are reported without it.
    pub rootfs: PathBuf,
    /// Where udev keeps what it knows about disks (model, serial, file system); its absence only empties those labels.
    pub udev_data: PathBuf,
    /// Subsystems that are left out, for example `hwmon` or `processes`.
    pub disabled: Vec<SubsystemName>,
    /// Which file systems are reported.
    pub filesystem: Filesystem,
    /// Which network devices are reported.
    pub network: Network,
    /// Which disks are reported.
    pub disk: Disk,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            interval_seconds: 5,
            procfs: PathBuf::from("/proc"),
            sysfs: PathBuf::from("/sys"),
            rootfs: PathBuf::from("/"),
            udev_data: PathBuf::from("/run/udev/data"),
            disabled: Vec::new(),
            filesystem: Filesystem::default(),
            network: Network::default(),
            disk: Disk::default(),
        }
    }
}

/// Which file systems are reported.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Filesystem {
    /// Only mount points that match; unset reports all that are not excluded.
    pub mount_points_include: Option<Pattern>,
    /// Mount points that are left out.
    pub mount_points_exclude: Option<Pattern>,
    /// Types of file system that are left out.
    pub types_exclude: Option<Pattern>,
    /// Milliseconds that one file system may take to answer before it counts as failing (a dead NFS server never answers).
    pub timeout_ms: u64,
}

impl Default for Filesystem {
    fn default() -> Self {
        Self {
            mount_points_include: None,
            mount_points_exclude: Pattern::constant(MOUNT_POINTS_EXCLUDE),
            types_exclude: Pattern::constant(TYPES_EXCLUDE),
            timeout_ms: 200,
        }
    }
}

/// Which network devices are reported.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Only devices that match; unset reports all that are not excluded.
    pub device_include: Option<Pattern>,
    /// Devices whose traffic counters are left out.
    pub device_exclude: Option<Pattern>,
    /// Devices whose properties (up, speed, MTU) are left out; on hypervisors for example `^(tap|qvo|qvb|qbr)`.
    pub class_exclude: Option<Pattern>,
}

impl Default for Network {
    fn default() -> Self {
        Self { device_include: None, device_exclude: Pattern::constant("^lo$"), class_exclude: None }
    }
}

/// Which disks are reported.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Disk {
    /// Devices that are left out.
    pub device_exclude: Option<Pattern>,
}

impl Default for Disk {
    fn default() -> Self {
        Self { device_exclude: Pattern::constant(DISKS_EXCLUDE) }
    }
}

/// A regular expression; as in node_exporter it matches anywhere unless anchored.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles one; the error names the place in the expression.
    pub fn new(text: &str) -> Result<Self, regex::Error> {
        Regex::new(text).map(Self)
    }

    /// Whether it matches.
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// A default of this file; a test compiles every one.
    fn constant(text: &str) -> Option<Self> {
        Self::new(text).ok()
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Pattern {
    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "regex", "description": "A regular expression." })
    }
}

/// The name of a subsystem that exists on this platform, e.g. `hwmon`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SubsystemName(&'static str);

impl SubsystemName {
    /// Finds one by its name.
    pub fn find(name: &str) -> Option<Self> {
        super::subsystem_names().find(|known| *known == name).map(Self)
    }

    pub(super) fn as_str(self) -> &'static str {
        self.0
    }
}

impl<'de> Deserialize<'de> for SubsystemName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::find(&text).ok_or_else(|| {
            let known: Vec<&str> = super::subsystem_names().collect();
            serde::de::Error::custom(format!("no host subsystem is called `{text}`; there are {}", known.join(", ")))
        })
    }
}

impl schemars::JsonSchema for SubsystemName {
    fn schema_name() -> Cow<'static, str> {
        "SubsystemName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let known: Vec<&str> = super::subsystem_names().collect();
        schemars::json_schema!({ "type": "string", "enum": known, "description": "A subsystem of the host figures." })
    }
}

/// What is reported: included (if anything is said) and not excluded.
pub(super) fn admits(include: Option<&Pattern>, exclude: Option<&Pattern>, name: &str) -> bool {
    include.is_none_or(|pattern| pattern.matches(name)) && !exclude.is_some_and(|pattern| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_patterns_compile_and_mean_what_node_exporter_means() {
        let settings = Settings::default();
        let mounts = settings.filesystem.mount_points_exclude.unwrap();
        assert!(mounts.matches("/dev") && mounts.matches("/run/lock") && mounts.matches("/var/lib/docker/overlay2"));
        assert!(!mounts.matches("/") && !mounts.matches("/srv/dev") && !mounts.matches("/devices"));
        let types = settings.filesystem.types_exclude.unwrap();
        assert!(types.matches("cgroup2") && !types.matches("ext4") && !types.matches("tmpfs"));
        let disks = settings.disk.device_exclude.unwrap();
        assert!(disks.matches("vda1") && disks.matches("nvme0n1p2") && disks.matches("loop0"));
        assert!(!disks.matches("vda") && !disks.matches("nvme0n1") && !disks.matches("dm-0"));
        let network = settings.network;
        assert!(!admits(None, network.device_exclude.as_ref(), "lo"));
        assert!(admits(None, network.device_exclude.as_ref(), "eth0"));
        let only = Pattern::new("^en").unwrap();
        assert!(!admits(Some(&only), None, "eth0") && admits(Some(&only), None, "enp1s0"));
    }

    #[test]
    fn mistakes_are_found_while_reading() {
        let bad = serde_json::from_str::<Settings>(r#"{"disk": {"device_exclude": "(sd"}}"#).unwrap_err();
        assert!(bad.to_string().contains("unclosed group"), "{bad}");
        let bad = serde_json::from_str::<Settings>(r#"{"disabled": ["hwmonn"]}"#).unwrap_err();
        assert!(bad.to_string().contains("no host subsystem is called `hwmonn`"), "{bad}");
        assert!(serde_json::from_str::<Settings>(r#"{"proc": "/p"}"#).is_err());
        let written = serde_json::to_string(&Settings::default()).unwrap();
        let read: Settings = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }
}
