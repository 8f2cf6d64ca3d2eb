//! The one table of tiers, which gauges, rules and dashboards read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::part::PartBuilder;

crate::metrics! {
    /// Where a tier begins. kind: predicted (a forecast), measured (a present value), anomaly (a score), gate (below it no forecast is worth an alert).
    THRESHOLD = gauge "stackcast_threshold_ratio" [tier resource kind], Ratio, "configuration analysis.tiers";
}

/// The table as gauges: a row for each resource that is there, and one of anomalies for all.
pub fn emit<'a>(tiers: &Tiers, resources: impl Iterator<Item = &'a str>) -> PartBuilder {
    let mut part = PartBuilder::new();
    part.put(&THRESHOLD, ["ticket", "any", "anomaly"], tiers.anomaly);
    let resources: BTreeSet<&str> = resources.filter(|resource| !resource.is_empty()).collect();
    for resource in resources {
        for (tier, ratio) in tiers.predicted() {
            part.put(&THRESHOLD, [tier, resource, "predicted"], ratio);
        }
        part.put(&THRESHOLD, ["high", resource, "measured"], tiers.measured(resource));
        part.put(&THRESHOLD, ["gate", resource, "gate"], tiers.gate);
    }
    part
}

/// Where tiers begin, as ratios of what is usable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tiers {
    /// A forecast above this is a medium risk.
    pub medium: f64,
    /// A forecast above this is a high risk.
    pub high: f64,
    /// A forecast above this is a critical risk.
    pub critical: f64,
    /// Below this present value no forecast is worth an alert.
    pub gate: f64,
    /// A measured CPU utilisation above this is too much.
    pub measured_cpu: f64,
    /// A measured memory utilisation above this is too much.
    pub measured_memory: f64,
    /// A measured disk utilisation above this is too much.
    pub measured_disk: f64,
    /// An anomaly score above this, for as long as the rule waits, is worth a ticket.
    pub anomaly: f64,
}

impl Default for Tiers {
    fn default() -> Self {
        Self {
            medium: 0.7,
            high: 0.8,
            critical: 0.9,
            gate: 0.6,
            measured_cpu: 0.8,
            measured_memory: 0.9,
            measured_disk: 0.85,
            anomaly: 1.0,
        }
    }
}

impl Tiers {
    /// Tiers of predictions with their beginnings, lowest first; `full` is the ceiling itself.
    pub fn predicted(&self) -> [(&'static str, f64); 4] {
        [("medium", self.medium), ("high", self.high), ("critical", self.critical), ("full", 1.0)]
    }

    /// The beginning of "too much" for a measured resource; CPU's for what has none of its own.
    pub fn measured(&self, resource: &str) -> f64 {
        match resource {
            "memory" => self.measured_memory,
            "disk" => self.measured_disk,
            _ => self.measured_cpu,
        }
    }

    /// What is wrong with the table, if anything: the key and why.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let named = [
            ("medium", self.medium),
            ("high", self.high),
            ("critical", self.critical),
            ("gate", self.gate),
            ("measured_cpu", self.measured_cpu),
            ("measured_memory", self.measured_memory),
            ("measured_disk", self.measured_disk),
            ("anomaly", self.anomaly),
        ];
        if let Some((key, value)) = named.into_iter().find(|(_, value)| !(0.0..=10.0).contains(value)) {
            return Some((key, format!("{value} is no ratio; use 0 to 1, more only with overcommitment")));
        }
        if self.medium < self.high && self.high < self.critical {
            return None;
        }
        Some(("high", "tiers must rise: medium < high < critical".to_owned()))
    }
}
