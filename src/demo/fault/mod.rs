//! What goes wrong on the way: settable at run time, by code or over HTTP.
//!
//! The plan says which requests are hit and how often; [`body`] does the damage. Refused connections are not here:
//! whoever wants one shuts the demo down.

pub(crate) mod body;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::model::clock::Timestamp;

/// Faults in force; the first that matches a request hits it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// The faults.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// One fault: whom it hits, how often, and what it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `keystone`, `nova`, `placement`; any service when absent.
    #[serde(default)]
    pub service: Option<String>,
    /// Start of the path behind the service's base, without a leading slash: `v2.1/servers`; any when absent.
    #[serde(default)]
    pub path: Option<String>,
    /// Matching requests that pass unharmed first.
    #[serde(default)]
    pub skip: u64,
    /// Requests that are hit; without limit when absent.
    #[serde(default)]
    pub count: Option<u64>,
    /// Seconds since the epoch, by the demo's clock, from which on it is over.
    #[serde(default)]
    pub until: Option<i64>,
    /// What happens.
    pub effect: Effect,
}

/// What happens to a request or to its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Another status instead of the answer: 500, 503, 429 and so on.
    Status {
        /// HTTP status.
        code: u16,
        /// Seconds of a Retry-After header.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// No answer, ever.
    Hang,
    /// The connection ends in the middle of the body.
    Cut,
    /// The first half of the body, as if it were all.
    TruncatedJson,
    /// A web page instead, as a proxy in front gives it, with status 200.
    Html,
    /// Blanks without end instead of a list, streamed.
    HugeBody {
        /// Bytes in all.
        bytes: u64,
    },
    /// One more item in each list, with every value of another type.
    OddItem,
    /// The first item of each list a second time.
    DuplicateItems,
    /// The next page is this one.
    PagingLoop,
    /// The body trickles.
    SlowBytes {
        /// Bytes per second.
        bytes_per_second: u64,
    },
}

impl Fault {
    /// A fault that hits every request to a service.
    pub fn of(service: &str, effect: Effect) -> Self {
        Self { service: Some(service.to_owned()), path: None, skip: 0, count: None, until: None, effect }
    }

    /// Only requests whose path behind the service's base starts so.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// Only so many requests.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    fn matches(&self, service: &str, path: &str, now: Timestamp) -> bool {
        self.service.as_deref().is_none_or(|wanted| wanted == service)
            && self.path.as_deref().is_none_or(|wanted| path.starts_with(wanted))
            && self.until.is_none_or(|until| now < Timestamp::from_seconds(until))
            && self.count != Some(0)
    }
}

/// The plan in force, counts going down as it hits.
#[derive(Debug, Default)]
pub struct Faults(Mutex<FaultPlan>);

impl Faults {
    fn plan(&self) -> MutexGuard<'_, FaultPlan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the plan.
    pub fn set(&self, plan: FaultPlan) {
        *self.plan() = plan;
    }

    /// Adds a fault behind the others.
    pub fn add(&self, fault: Fault) {
        self.plan().faults.push(fault);
    }

    /// Ends all faults.
    pub fn clear(&self) {
        self.set(FaultPlan::default());
    }

    /// What is left of the plan.
    pub fn current(&self) -> FaultPlan {
        self.plan().clone()
    }

    /// The effect on a request, counted.
    pub(crate) fn hit(&self, service: &str, path: &str, now: Timestamp) -> Option<Effect> {
        for fault in self.plan().faults.iter_mut().filter(|fault| fault.matches(service, path, now)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(count) = &mut fault.count {
                *count -= 1;
            }
            return Some(fault.effect.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_ends_and_paths() {
        let faults = Faults::default();
        let plan = r#"{"faults": [{"service": "nova", "path": "v2.1/servers", "skip": 1, "count": 2, "until": 100,
            "effect": {"kind": "status", "code": 503, "retry_after": 1}}, {"effect": {"kind": "hang"}, "service": "keystone"}]}"#;
        faults.set(serde_json::from_str(plan).unwrap());
        let now = Timestamp::from_seconds(99);
        let servers = || faults.hit("nova", "v2.1/servers/detail", now).is_some();
        assert_eq!(faults.hit("nova", "v2.1/flavors", now), None);
        assert_eq!([servers(), servers(), servers(), servers()], [false, true, true, false]);
        assert_eq!(faults.hit("keystone", "v3", now), Some(Effect::Hang));
        faults.set(serde_json::from_str(plan).unwrap());
        assert_eq!(faults.hit("nova", "v2.1/servers", Timestamp::from_seconds(100)), None);
        assert!(
            serde_json::from_str::<FaultPlan>(r#"{"faults": [{"effect": {"kind": "hang"}, "cuont": 1}]}"#).is_err()
        );
    }
}
