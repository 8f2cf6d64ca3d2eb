//! Alerts that are open now: tiers that are crossed and series that are anomalous, as API and log tell them.
//!
//! Who is told of them, and how often, is Alertmanager's business, or that of notices where there is none.

use std::sync::Arc;

use super::clock::Timestamp;
use super::part::Origin;
use super::signal::Scope;

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// A series is anomalous.
    Anomaly,
    /// A medium risk.
    Medium,
    /// A high risk.
    High,
    /// A critical risk.
    Critical,
}

impl Tier {
    /// Every tier, the least urgent first.
    pub const ALL: [Self; 4] = [Self::Anomaly, Self::Medium, Self::High, Self::Critical];

    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anomaly => "anomaly",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What an alert is about; there is one of each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// Cloud and region; both absent for the local host.
    pub origin: Origin,
    /// Kind of place.
    pub scope: Scope,
    /// Its name.
    pub entity: Arc<str>,
    /// Resource of a risk, or signal (with resource and basis) of an anomaly.
    pub what: Arc<str>,
    /// Whether it is an anomaly.
    pub anomaly: bool,
}

/// An open alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// What it is about.
    pub subject: Subject,
    /// How urgent it is.
    pub tier: Tier,
    /// In a sentence.
    pub text: String,
    /// Since when it is open, as far as this process knows.
    pub since: Timestamp,
}

/// All open alerts, the most urgent first.
#[derive(Clone, Debug, Default)]
pub struct Alerts(pub Vec<Alert>);
