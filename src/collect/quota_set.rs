//! Answers in the form `{"quota_set": {"<resource>": {"limit", "in_use", "reserved"}}}`, as Cinder and Manila give them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::quota_rounds::Rounds;
use crate::model::inventory::quota::{ProjectQuotas, Quota, ServiceQuotas};

/// One project's quotas by the service's names for its resources.
pub(super) type Quotas = BTreeMap<Box<str>, Quota>;

/// The answer.
#[derive(Deserialize)]
pub(super) struct Answer {
    quota_set: BTreeMap<Box<str>, Box<RawValue>>,
}

#[derive(Deserialize)]
struct Detail {
    limit: i64,
    #[serde(default)]
    in_use: i64,
    #[serde(default)]
    reserved: i64,
}

impl Answer {
    /// Leaves out what is no quota (the project's id).
    pub(super) fn quotas(self) -> Quotas {
        let quota = |value: &RawValue| {
            let detail: Detail = serde_json::from_str(value.get()).ok()?;
            Some(Quota { limit: detail.limit, in_use: detail.in_use, reserved: detail.reserved })
        };
        self.quota_set.into_iter().filter_map(|(name, value)| Some((name, quota(&value)?))).collect()
    }
}

/// The typed table of a service's answers in hand.
pub(super) fn table(service: &'static str, rounds: &Rounds<Quotas>) -> ServiceQuotas {
    let project = |name: &Arc<str>, quotas: &Quotas| ProjectQuotas {
        name: Arc::clone(name),
        resources: quotas.iter().map(|(resource, quota)| (Cow::Owned(resource.to_string()), *quota)).collect(),
    };
    let projects = rounds.known().map(|(id, name, quotas)| (id.clone(), project(name, quotas)));
    ServiceQuotas { service, projects: projects.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Id;

    #[test]
    fn the_recorded_quotas_of_cinder() {
        let body = include_bytes!("../../tests/recordings/cinder/quota-set-usage.json");
        let quotas = serde_json::from_slice::<Answer>(body).unwrap().quotas();
        assert_eq!(quotas.len(), 19, "all but the id");
        assert_eq!(quotas["gigabytes"], Quota { limit: 2000, in_use: 200, reserved: 0 });
        let table = table("volume", &Rounds::answered([("acme", quotas)]));
        let project = &table.projects[&Id::new("acme")];
        assert_eq!((table.service, &*project.name, project.resources.len()), ("volume", "acme", 19));
    }
}
