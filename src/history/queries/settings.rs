//! What a user says about a signal of their own.

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::model::metric::Unit;
use crate::model::signal::{Basis, Direction, Scope};

/// In place of a pattern: entities are hypervisors, known by their host name.
pub(super) const BY_HOSTNAME: &str = "hypervisor_info.hostname";
/// Longest name of a signal.
const NAME_BYTES_MAX: usize = 64;
const HOUR: u64 = 3600;

/// A signal of your own: a PromQL expression whose series are kept, forecast and watched as the built-in ones are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SignalQuery {
    /// The PromQL expression, with one series per entity.
    #[schemars(example = &"1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[5m]))")]
    pub query: String,
    /// What its series are about.
    pub scope: Scope,
    /// The label that tells the entity.
    pub entity_label: String,
    /// From the label's value to the entity: a regular expression, whose first group (or whole match) is the entity, or
    /// `hypervisor_info.hostname` for the hypervisor of that host name, its port left aside. What does not match is left
    /// out.
    #[schemars(example = &"hypervisor_info.hostname")]
    pub entity_map: Option<String>,
    /// The resource of a utilisation: `vcpu`, `memory`, `disk`, or a word of your own.
    #[schemars(example = &"vcpu")]
    pub resource: Option<String>,
    /// Makes it a utilisation (0 to 1, full at 1), by what is given away or what is really used. With ceiling_query:
    /// `demand` unless said.
    pub basis: Option<Basis>,
    /// Unit of its values; utilisations are ratios.
    pub unit: SignalUnit,
    /// The value never goes below.
    #[schemars(example = &0)]
    pub min: Option<f64>,
    /// The value never goes above.
    #[schemars(example = &100)]
    pub max: Option<f64>,
    /// PromQL expression of the value that means full: query is divided by it, by PromQL's rules (the same labels, or a
    /// scalar).
    #[schemars(example = &"sum by (instance) (node_memory_MemTotal_bytes)")]
    pub ceiling_query: Option<String>,
    /// Its cycle in seconds, a whole number of hours; found in the data unless said.
    #[schemars(example = &86400)]
    pub season_seconds: Option<u64>,
    /// Which way it gets worse; dashboards and rules read it from stackcast_signal_info.
    pub direction: Direction,
    /// Seconds between two readings; every point of analysis.grid_minutes unless said.
    #[schemars(example = &300)]
    pub step_seconds: Option<u64>,
    /// Series that are taken at most; further ones are left out and counted.
    pub max_series: usize,
}

impl Default for SignalQuery {
    fn default() -> Self {
        Self {
            query: String::new(),
            scope: Scope::Custom,
            entity_label: "instance".to_owned(),
            entity_map: None,
            resource: None,
            basis: None,
            unit: SignalUnit::None,
            min: None,
            max: None,
            ceiling_query: None,
            season_seconds: None,
            direction: Direction::Both,
            step_seconds: None,
            max_series: 2000,
        }
    }
}

/// Unit of a signal's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignalUnit {
    /// Any other.
    #[default]
    None,
    /// A number of things.
    Count,
    /// Bytes, or bytes per second.
    Bytes,
    /// Seconds.
    Seconds,
    /// 0 to 1.
    Ratio,
}

impl From<SignalUnit> for Unit {
    fn from(unit: SignalUnit) -> Self {
        match unit {
            SignalUnit::None => Self::None,
            SignalUnit::Count => Self::Count,
            SignalUnit::Bytes => Self::Bytes,
            SignalUnit::Seconds => Self::Seconds,
            SignalUnit::Ratio => Self::Ratio,
        }
    }
}

impl SignalQuery {
    /// Whether it is a utilisation, and of which use.
    pub fn utilization(&self) -> Option<Basis> {
        self.basis.or_else(|| self.ceiling_query.as_ref().map(|_| Basis::Demand))
    }

    /// What is wrong with it: key below `signals.<name>`, why, and what to do about it.
    pub fn faults(&self, name: &str) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut unless = |fine: bool, key, message: String| {
            if !fine {
                faults.push((key, message));
            }
        };
        unless(
            is_name(name),
            "query",
            format!("`{name}` is no name of a signal; use a to z, 0 to 9 and _, a letter first"),
        );
        unless(!self.query.trim().is_empty(), "query", "is missing; give a PromQL expression".to_owned());
        let ceiling = self.ceiling_query.as_deref();
        unless(ceiling != Some(""), "ceiling_query", "is empty; leave it out, or give a PromQL expression".to_owned());
        unless(
            !self.entity_label.is_empty(),
            "entity_label",
            "is empty; name the label that tells entities".to_owned(),
        );
        if let Some(map) = self.entity_map.as_deref().filter(|map| *map != BY_HOSTNAME) {
            let fine = Regex::new(map).is_ok();
            unless(fine, "entity_map", format!("`{map}` is neither a regular expression nor {BY_HOSTNAME}"));
        }
        let (utilization, resource) = (self.utilization().is_some(), self.resource.as_deref().unwrap_or_default());
        unless(
            !utilization || !resource.is_empty(),
            "resource",
            "is missing; a utilisation is of a resource".to_owned(),
        );
        unless(
            utilization || self.resource.is_none(),
            "resource",
            "goes with basis or ceiling_query, which make a utilisation".to_owned(),
        );
        let ratio = matches!(self.unit, SignalUnit::None | SignalUnit::Ratio);
        unless(!utilization || ratio, "unit", "does not fit: a utilisation is a ratio; leave it out".to_owned());
        let ordered = self.min.zip(self.max).is_none_or(|(min, max)| min < max);
        unless(ordered, "max", "does not lie above min".to_owned());
        unless(
            self.season_seconds
                .is_none_or(|season| season % HOUR == 0 && (2 * HOUR..=35 * 24 * HOUR).contains(&season)),
            "season_seconds",
            "is no whole number of hours from 2 hours to 35 days; for example 86400".to_owned(),
        );
        let step = self.step_seconds.is_none_or(|step| (15..=24 * HOUR).contains(&step));
        unless(step, "step_seconds", "lies outside 15 to 86400".to_owned());
        unless((1..=100_000).contains(&self.max_series), "max_series", "lies outside 1 to 100000".to_owned());
        faults
    }
}

fn is_name(name: &str) -> bool {
    let word = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    word && name.len() <= NAME_BYTES_MAX && name.starts_with(|first: char| first.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_told() {
        let fine = SignalQuery { query: "up".to_owned(), ..SignalQuery::default() };
        assert_eq!(fine.faults("targets_up"), []);
        let hosts = SignalQuery {
            entity_map: Some(BY_HOSTNAME.to_owned()),
            resource: Some("vcpu".to_owned()),
            ceiling_query: Some("scalar(sum(x))".to_owned()),
            ..fine.clone()
        };
        assert_eq!(hosts.faults("cpu"), []);
        assert_eq!(hosts.utilization(), Some(Basis::Demand));
        let wrong = SignalQuery {
            entity_label: String::new(),
            entity_map: Some("(".to_owned()),
            basis: Some(Basis::Demand),
            unit: SignalUnit::Bytes,
            min: Some(1.0),
            max: Some(1.0),
            ceiling_query: Some(String::new()),
            season_seconds: Some(5000),
            step_seconds: Some(1),
            max_series: 0,
            ..SignalQuery::default()
        };
        let keys: Vec<&str> = wrong.faults("Cpu").iter().map(|(key, _)| *key).collect();
        let expected = [
            "query",
            "query",
            "ceiling_query",
            "entity_label",
            "entity_map",
            "resource",
            "unit",
            "max",
            "season_seconds",
            "step_seconds",
            "max_series",
        ];
        assert_eq!(keys, expected);
        let lone = SignalQuery { resource: Some("vcpu".to_owned()), ..fine };
        assert_eq!(lone.faults("x")[0].0, "resource");
    }
}
