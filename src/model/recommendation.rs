//! Recommendations: what to do about a risk or about waste, why, and what it would bring.

use std::sync::Arc;

use super::risk::Level;
use super::signal::Scope;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Add hosts, or raise a quota.
    AddCapacity,
    /// Move instances elsewhere.
    Rebalance,
    /// Take back what nobody uses.
    Reclaim,
    /// Make instances smaller.
    Resize,
    /// Find out what uses it.
    Investigate,
}

impl Action {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddCapacity => "add_capacity",
            Self::Rebalance => "rebalance",
            Self::Reclaim => "reclaim",
            Self::Resize => "resize",
            Self::Investigate => "investigate",
        }
    }
}

/// One recommendation.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// Kind of place.
    pub scope: Scope,
    /// Its name.
    pub entity: Arc<str>,
    /// Resource.
    pub resource: Arc<str>,
    /// What to do.
    pub action: Action,
    /// How urgent it is.
    pub severity: Level,
    /// The same with its reason, in a sentence.
    pub text: String,
    /// How much is meant, in bytes or pieces; none where that is not known.
    pub amount: Option<f64>,
    /// By so many days the date moves at which the place is full; none where it does not grow, or is not known to.
    pub days_gained: Option<f64>,
}

/// All recommendations of a region, the most urgent first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recommendations(pub Vec<Recommendation>);
