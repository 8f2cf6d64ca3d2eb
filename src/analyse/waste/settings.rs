//! What counts as waste.

use serde::{Deserialize, Serialize};

use super::sketch::DAYS_KEPT;

/// How long something has to be useless, and how little it may use, to be called waste.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Days (0 to 3650) after its last change from which on an instance that is shut off is waste.
    pub powered_off_days: u32,
    /// The same of instances and volumes in error.
    pub error_days: u32,
    /// Days (1 to 14) on each of which an instance has to be measured before it can be idle or oversized.
    pub measured_days: u32,
    /// Idle: 95 % of the time it uses less than this share of its vCPUs.
    pub idle_cpu_ratio: f64,
    /// Idle: and less than so many bytes a second on its network, in either direction.
    pub idle_network_bytes_per_second: f64,
    /// Oversized: 95 % of the time it uses less than this share of its vCPUs.
    pub oversized_cpu_ratio: f64,
    /// Oversized: and less than this share of its memory.
    pub oversized_memory_ratio: f64,
    /// Days (0 to 3650) after its last change from which on a volume that nothing is attached to is waste.
    pub unattached_days: u32,
    /// Age in days (1 to 3650) from which on a snapshot of a volume is old.
    pub old_snapshot_days: u32,
    /// Share of its memory or vCPUs above which an instance is constrained.
    pub constrained_ratio: f64,
    /// Share of a host's CPUs above which an instance is a bully, if another one there is constrained.
    pub bully_ratio: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            powered_off_days: 7,
            error_days: 1,
            measured_days: 14,
            idle_cpu_ratio: 0.03,
            idle_network_bytes_per_second: 10_000.0,
            oversized_cpu_ratio: 0.2,
            oversized_memory_ratio: 0.5,
            unattached_days: 7,
            old_snapshot_days: 90,
            constrained_ratio: 0.95,
            bully_ratio: 0.25,
        }
    }
}

impl Settings {
    /// What is wrong, if anything: the key and why.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let days = [
            ("powered_off_days", self.powered_off_days, 0..=3650),
            ("error_days", self.error_days, 0..=3650),
            ("measured_days", self.measured_days, 1..=DAYS_KEPT - 1),
            ("unattached_days", self.unattached_days, 0..=3650),
            ("old_snapshot_days", self.old_snapshot_days, 1..=3650),
        ];
        if let Some((key, value, range)) = days.into_iter().find(|(_, value, range)| !range.contains(value)) {
            return Some((key, format!("{value} is out of range; use {} to {}", range.start(), range.end())));
        }
        let ratios = [
            ("idle_cpu_ratio", self.idle_cpu_ratio),
            ("oversized_cpu_ratio", self.oversized_cpu_ratio),
            ("oversized_memory_ratio", self.oversized_memory_ratio),
            ("constrained_ratio", self.constrained_ratio),
            ("bully_ratio", self.bully_ratio),
        ];
        if let Some((key, value)) = ratios.into_iter().find(|(_, value)| !(*value > 0.0 && *value <= 1.0)) {
            return Some((key, format!("{value} is no share; use more than 0 and at most 1")));
        }
        let network = self.idle_network_bytes_per_second;
        (network.is_nan() || network < 0.0)
            .then(|| ("idle_network_bytes_per_second", format!("{network} is no rate; use 0 or more")))
    }
}
