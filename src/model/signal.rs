//! Signals: what is kept as history, forecast and watched for anomalies.
//!
//! A [`Signal`] is a kind of figure with its unit, bounds and direction; a [`SeriesKey`] is one series of it; a [`Tick`]
//! is one reading of all series at one time. Where figures come from is the business of analysis (built-in signals) or of
//! a query (the user's own); where they are kept, of history.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::metric::Unit;
use super::part::Origin;

/// What a series is about: the `scope` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// A region of a cloud as a whole; its entity is the cloud's name.
    Cloud,
    /// An availability zone.
    Az,
    /// A host aggregate.
    Aggregate,
    /// A hypervisor, by `hypervisor_hostname`.
    Hypervisor,
    /// A project, by id.
    Project,
    /// A storage pool.
    Pool,
    /// A network, by id.
    Network,
    /// The host that stackcast runs on.
    Host,
    /// Whatever a user's own query is about.
    Custom,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 9] = [
        Self::Cloud,
        Self::Az,
        Self::Aggregate,
        Self::Hypervisor,
        Self::Project,
        Self::Pool,
        Self::Network,
        Self::Host,
        Self::Custom,
    ];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Az => "az",
            Self::Aggregate => "aggregate",
            Self::Hypervisor => "hypervisor",
            Self::Project => "project",
            Self::Pool => "pool",
            Self::Network => "network",
            Self::Host => "host",
            Self::Custom => "custom",
        }
    }

    /// The scope that a label's value names.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// What a utilisation measures: the `basis` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// What the scheduler has given away (Placement's usages).
    Allocation,
    /// What is really used, where that is measured.
    Demand,
}

impl Basis {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allocation => "allocation",
            Self::Demand => "demand",
        }
    }

    /// The basis that a label's value names.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Allocation, Self::Demand].into_iter().find(|basis| basis.as_str() == text)
    }
}

/// Which way a signal gets worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// High is bad (utilisation, errors).
    Up,
    /// Low is bad (free addresses, hosts that are up).
    Down,
    /// Either may be.
    #[default]
    Both,
}

impl Direction {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Both => "both",
        }
    }
}

/// A kind of figure that is followed over time. Built-in ones are constants beside the code that reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Name, the `signal` label and the store's: lower case with underscores, e.g. `capacity_utilization`.
    pub name: Cow<'static, str>,
    /// What it is, a sentence.
    pub help: Cow<'static, str>,
    /// Unit of its values.
    pub unit: Unit,
    /// Least possible value; forecasts respect it.
    pub min: Option<f64>,
    /// Greatest possible value; forecasts respect it. Not the ceiling: an overcommitted utilisation may pass 1.
    pub max: Option<f64>,
    /// The value that means full: 1 for utilisations. With one, time to exhaustion is told.
    pub ceiling: Option<f64>,
    /// Whether its values only count up; history keeps what was read, analysis takes the increase per second.
    pub counter: bool,
    /// Its season where that is known; detected otherwise.
    pub season: Option<Duration>,
    /// Which way is bad.
    pub direction: Direction,
    /// The PromQL expression that reads it from a Prometheus-compatible store.
    pub query: Query,
}

/// How a signal is asked for in PromQL, and how its labels become a [`SeriesKey`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The expression.
    pub expression: Cow<'static, str>,
    /// Scope of its series; none: the label `scope` tells.
    pub scope: Option<Scope>,
    /// The label that holds the entity; empty: all labels together are it.
    pub entity_label: Cow<'static, str>,
    /// Resource of its series; none: the label `resource` tells, empty where there is none.
    pub resource: Option<Cow<'static, str>>,
    /// Basis of its series; none: the label `basis` tells.
    pub basis: Option<Basis>,
}

/// One series: its fields are the labels of the analysis families.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    /// Name of the signal.
    pub signal: Arc<str>,
    /// Cloud and region; both absent for the local host.
    pub origin: Origin,
    /// What it is about.
    pub scope: Scope,
    /// Name of that.
    pub entity: Arc<str>,
    /// Resource (`vcpu`, `memory`, `disk`, a custom class in lower case, ...); empty where the signal has none.
    pub resource: Arc<str>,
    /// Which use is meant; none where the signal knows no difference.
    pub basis: Option<Basis>,
}

/// One reading of every series, at one point of the grid (`analysis.interval_minutes`).
#[derive(Clone, Debug)]
pub struct Tick {
    /// The point of the grid.
    pub at: Timestamp,
    /// Values by series; a series without a value now is left out.
    pub readings: Vec<(Arc<SeriesKey>, f64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_back() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        assert_eq!(Scope::parse("zone"), None);
        assert_eq!(Basis::parse("demand"), Some(Basis::Demand));
        assert_eq!(Basis::parse(""), None);
    }
}
