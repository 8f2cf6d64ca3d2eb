//! How series are watched.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::analyse::anomaly::Options;
use crate::model::anomaly::signal_label;
use crate::model::metric::Unit;
use crate::model::signal::SeriesKey;

/// One of these is one too many, whatever is usual.
const SERVICES_DOWN: &str = "compute_services_down";

/// Anomalies of every signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether series are watched for anomalies.
    pub enabled: bool,
    /// Multiplies every score: 0.8 reports less, 1.2 more.
    pub sensitivity: f64,
    /// Series that are watched at most (about 14 kB of memory each); more are counted and left out.
    pub series_max: usize,
    /// Whether hosts of one group with unlike days are split into groups that are alike.
    pub clustering: bool,
    /// Deviations too small to matter, by unit of the signal.
    pub floors: Floors,
    /// Exceptions by signal, named as the `signal` label of the gauges, e.g. `vcpu_allocation_utilization`.
    pub signals: BTreeMap<String, OfSignal>,
    /// What is not watched: maintenance that OpenStack does not know of. Disabled hypervisors are silent anyway.
    pub silences: Vec<Silence>,
}

/// A deviation below either floor is never anomalous.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// In the unit of the signal.
    pub absolute: f64,
    /// As a share of the expected value.
    pub relative: f64,
}

/// Floors by unit; each in that unit, or as a share of the expected value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Floors {
    /// Utilisations, 0 to 1.
    pub ratio_absolute: f64,
    /// Utilisations, as a share.
    pub ratio_relative: f64,
    /// Numbers of things.
    pub count_absolute: f64,
    /// Numbers of things, as a share.
    pub count_relative: f64,
    /// Bytes, and bytes per second.
    pub bytes_absolute: f64,
    /// Bytes, as a share.
    pub bytes_relative: f64,
    /// Any other unit.
    pub other_absolute: f64,
    /// Any other unit, as a share.
    pub other_relative: f64,
}

impl Default for Floors {
    fn default() -> Self {
        Self {
            ratio_absolute: 0.05,
            ratio_relative: 0.1,
            count_absolute: 3.0,
            count_relative: 0.05,
            bytes_absolute: 1_000_000.0,
            bytes_relative: 0.2,
            other_absolute: 1.0,
            other_relative: 0.2,
        }
    }
}

impl Floors {
    fn of(&self, unit: Unit) -> Floor {
        let (absolute, relative) = match unit {
            Unit::Ratio => (self.ratio_absolute, self.ratio_relative),
            Unit::Count => (self.count_absolute, self.count_relative),
            Unit::Bytes => (self.bytes_absolute, self.bytes_relative),
            _ => (self.other_absolute, self.other_relative),
        };
        Floor { absolute, relative }
    }
}

/// What is different for one signal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OfSignal {
    /// Multiplies its scores, on top of the general sensitivity; 0 does not watch it.
    pub sensitivity: Option<f64>,
    /// Its own floors.
    pub floor: Option<Floor>,
    /// A value from here on is anomalous however usual it is, after three readings.
    pub limit: Option<f64>,
}

/// Series that are not watched. What is left out holds for all; a `*` at the end stands for anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Silence {
    /// Scope, e.g. `hypervisor`.
    pub scope: Option<String>,
    /// Entity, e.g. `cmp-a-*`.
    pub entity: Option<String>,
    /// The `signal` label, e.g. `disk_*`.
    pub signal: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            sensitivity: 1.0,
            series_max: 20_000,
            clustering: true,
            floors: Floors::default(),
            signals: BTreeMap::new(),
            silences: Vec::new(),
        }
    }
}

impl Settings {
    /// How a series is looked at.
    pub(super) fn options(&self, label: &str, unit: Unit, counter: bool) -> Options {
        let own = self.signals.get(label);
        let floor = own.and_then(|own| own.floor).unwrap_or(match unit {
            // Small numbers that should be none.
            _ if label == SERVICES_DOWN => Floor { absolute: 1.0, relative: 0.0 },
            unit => self.floors.of(unit),
        });
        Options {
            sensitivity: self.sensitivity * own.and_then(|own| own.sensitivity).unwrap_or(1.0),
            absolute_floor: floor.absolute,
            relative_floor: floor.relative,
            counter,
        }
    }

    /// The limit of a signal, if it has one.
    pub(super) fn limit(&self, label: &str) -> Option<f64> {
        let own = self.signals.get(label).and_then(|own| own.limit);
        own.or_else(|| (label == SERVICES_DOWN).then_some(1.0))
    }

    /// Whether a silence covers a series.
    pub(super) fn silenced(&self, key: &SeriesKey) -> bool {
        self.silences.iter().any(|silence| {
            covers(silence.scope.as_deref(), key.scope.as_str())
                && covers(silence.entity.as_deref(), &key.entity)
                && covers(silence.signal.as_deref(), &signal_label(key))
        })
    }

    /// What is wrong with the settings, if anything: the key and why.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let own = self.signals.values().filter_map(|own| own.sensitivity);
        if let Some(bad) = own.chain([self.sensitivity]).find(|s| !(0.0..=100.0).contains(s)) {
            return Some((
                "sensitivity",
                format!("{bad} is no sensitivity; use a number from 0 to 100, 1 for the usual one"),
            ));
        }
        let floors = [Unit::Ratio, Unit::Count, Unit::Bytes, Unit::None].map(|unit| self.floors.of(unit));
        let floors = floors.into_iter().chain(self.signals.values().filter_map(|own| own.floor));
        if let Some(bad) = floors.flat_map(|f| [f.absolute, f.relative]).find(|f| !(f.is_finite() && *f >= 0.0)) {
            return Some(("floors", format!("{bad} is no floor; use 0 or more")));
        }
        let empty = |silence: &Silence| *silence == Silence::default();
        if self.silences.iter().any(empty) {
            return Some((
                "silences",
                "a silence without scope, entity and signal would silence everything; set `enabled = false` for that"
                    .to_owned(),
            ));
        }
        None
    }
}

/// Whether a pattern covers a text.
fn covers(pattern: Option<&str>, text: &str) -> bool {
    let Some(pattern) = pattern else { return true };
    pattern.strip_suffix('*').map_or(pattern == text, |start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_whole_texts_or_beginnings() {
        assert!(covers(None, "x") && covers(Some("*"), "x") && covers(Some("cmp-a*"), "cmp-a-01"));
        assert!(!covers(Some("cmp-a"), "cmp-a-01") && !covers(Some("cmp-b*"), "cmp-a-01"));
    }

    #[test]
    fn floors_follow_the_unit_and_exceptions_win() {
        let settings = Settings::default();
        assert_eq!(settings.options("x", Unit::Ratio, false).absolute_floor, 0.05);
        assert_eq!(settings.options("compute_services_down", Unit::Count, false).absolute_floor, 1.0);
        assert_eq!(settings.fault(), None);
        let silent = Settings { silences: vec![Silence::default()], ..Settings::default() };
        assert_eq!(silent.fault().unwrap().0, "silences");
        let wild = Settings { sensitivity: f64::NAN, ..Settings::default() };
        assert_eq!(wild.fault().unwrap().0, "sensitivity");
    }
}
