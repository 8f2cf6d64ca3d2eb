//! Risks: how near a resource of a place is to its end, now or by its forecast.

use std::sync::Arc;

use super::signal::{Basis, Scope};

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing to do.
    #[default]
    Low,
    /// To be watched.
    Medium,
    /// To be acted upon.
    High,
    /// Nearly or really full.
    Critical,
}

impl Level {
    /// Every level, least first: its place is the gauge's value.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The gauge's value.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// Which fact makes the level what it is; of several that say the same, the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// So much is used now.
    Level,
    /// So much will be used in 24 hours.
    Forecast,
    /// It is full before the runway ends.
    Runway,
}

impl Cause {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Forecast => "forecast",
            Self::Runway => "runway",
        }
    }
}

/// The risk of one resource of one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Risk {
    /// Kind of place.
    pub scope: Scope,
    /// Its name.
    pub entity: Arc<str>,
    /// Resource.
    pub resource: Arc<str>,
    /// Which use is meant: of several the one with the greatest risk.
    pub basis: Basis,
    /// How bad it is.
    pub level: Level,
    /// Why.
    pub cause: Cause,
    /// Used over usable now.
    pub utilization: f64,
    /// The same in 24 hours; none without a forecast that may be acted upon.
    pub day_ahead: Option<f64>,
    /// When it is full in half of the simulated futures, seconds since the epoch; infinite for not inside the window.
    pub full_at: Option<f64>,
    /// Growth of the utilisation per day, where it is known.
    pub daily_growth: Option<f64>,
}

/// All risks of a region, by scope, entity and resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Risks(pub Vec<Risk>);
