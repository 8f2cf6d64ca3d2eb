//! What the simulated cloud looks like. Faults are not settings: they come and go at run time (see `fault`).

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Size and behaviour of the simulated cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Hypervisors per region.
    pub hypervisors: usize,
    /// Instances per region at the start.
    pub instances: usize,
    /// Projects that own instances; `admin` and `service` come on top.
    pub projects: usize,
    /// Flavors; the first dozen have the usual names and sizes.
    pub flavors: usize,
    /// Everything follows from it: the same seed and the same simulated time give the same cloud.
    pub seed: u64,
    /// Items per page of Nova's lists (its `max_limit`).
    pub page_size: usize,
    /// Milliseconds that every answer waits.
    pub delay_ms: u64,
    /// Milliseconds that an answer waits at most on top, drawn anew each time.
    pub jitter_ms: u64,
    /// Seconds that a token lives.
    pub token_seconds: u64,
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Region names; each has its own compute and placement service, Keystone is shared.
    pub regions: Vec<String>,
    /// Fraction of the instances that changes per simulated minute; natural daily and weekly churn when absent.
    pub churn_per_minute: Option<f64>,
    /// Growth of the number of instances per 30 days, as a fraction.
    pub growth_per_month: f64,
    /// Height of the daily wave of the number of instances, as a fraction; weekends are lower.
    pub wave: f64,
    /// Whether the planted anomalies happen.
    pub anomalies: bool,
    /// Days from the first moment to the one that anomalies are planted around: the present, where a past is replayed.
    pub lead_days: u32,
    /// Newest microversion that Nova claims, `2.N`: give N.
    pub nova_max_microversion: u16,
    /// Newest microversion that Placement claims, `1.N`: give N.
    pub placement_max_microversion: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hypervisors: 20,
            instances: 400,
            projects: 12,
            flavors: 12,
            seed: 1,
            page_size: 1000,
            delay_ms: 0,
            jitter_ms: 0,
            token_seconds: 4 * 3600,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            regions: vec!["RegionOne".to_owned()],
            churn_per_minute: None,
            growth_per_month: 0.06,
            wave: 0.08,
            anomalies: true,
            lead_days: 0,
            nova_max_microversion: 104,
            placement_max_microversion: 39,
        }
    }
}

/// Most servers of one region; row numbers and Nova's ids are 32 bits, and memory is finite.
const INSTANCES_MAX: usize = 5_000_000;
const HYPERVISORS_MAX: usize = 200_000;

impl Settings {
    /// What is wrong with the settings, naming the key.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let bad_region = |name: &String| name.is_empty() || name.contains(['/', '"', '%', '?', '#', ' ']);
        if self.hypervisors == 0 || self.hypervisors > HYPERVISORS_MAX {
            Some("hypervisors must be 1 to 200000")
        } else if self.instances > INSTANCES_MAX {
            Some("instances must be at most 5000000")
        } else if self.projects == 0 || self.projects > 10_000 {
            Some("projects must be 1 to 10000")
        } else if self.flavors == 0 || self.flavors > 1000 {
            Some("flavors must be 1 to 1000")
        } else if self.page_size == 0 {
            Some("page_size must be at least 1")
        } else if self.regions.is_empty() || self.regions.iter().any(bad_region) {
            Some("regions must name at least one region, without blanks, slashes, quotes or any of %?#")
        } else if self.churn_per_minute.is_some_and(|churn| !(0.0..=1.0).contains(&churn)) {
            Some("churn_per_minute must be 0 to 1")
        } else if !(-1.0..=10.0).contains(&self.growth_per_month) || !(0.0..=0.9).contains(&self.wave) {
            Some("growth_per_month must be -1 to 10 and wave 0 to 0.9")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_mistakes_are_named() {
        assert_eq!(Settings::default().problem(), None);
        let zero = Settings { page_size: 0, ..Settings::default() };
        assert!(zero.problem().unwrap().starts_with("page_size"));
        let region = Settings { regions: vec!["a/b".to_owned()], ..Settings::default() };
        assert!(region.problem().unwrap().starts_with("regions"));
    }
}
