//! Server groups, counted by policy.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use crate::collect::decode::list;
use crate::collect::health::Visibility;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::Error;
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// Server groups of all projects by policy (affinity, anti-affinity, soft-affinity, soft-anti-affinity).
    SERVER_GROUPS = gauge "openstack_nova_server_groups" [policy], Count, "GET /os-server-groups?all_projects=true";
}

/// One policy in place of a list of them, from here on.
const VERSION: Microversion = Microversion::new(2, 64);
/// The list has no links and is cut at Nova's own limit: it is asked for from where it ended, this many times at most.
const PAGES_MAX: usize = 1000;

#[derive(Deserialize)]
struct Item {
    id: Id,
    policy: Option<Box<str>>,
    #[serde(default)]
    policies: Vec<Box<str>>,
}

impl Item {
    fn into_policy(self) -> Box<str> {
        self.policy.or_else(|| self.policies.into_iter().next()).unwrap_or_default()
    }
}

/// Server groups.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            if !cx.keep.wants(&SERVER_GROUPS.descriptor) {
                return Ok(PartBuilder::new());
            }
            let groups = read(cx).await?;
            // all_projects is not refused without the right to it, but passed over.
            if !cx.is_admin().await {
                cx.report.set_visibility(Visibility::Project);
            }
            Ok(emit(groups.values()))
        })
    }
}

async fn read(cx: &Cx) -> Result<HashMap<Id, Box<str>>, Error> {
    let version = cx.client.negotiate(VERSION).await?;
    let mut groups = HashMap::new();
    for _ in 0..PAGES_MAX {
        let known = groups.len();
        let request = Request::new("os-server-groups").query("all_projects", "true").at(version);
        let request = request.query("offset", known.to_string());
        list(cx, request, "server_groups", |item: Item| {
            groups.insert(item.id.clone(), item.into_policy());
        })
        .await?;
        if groups.len() == known {
            break;
        }
    }
    Ok(groups)
}

fn emit<'a>(policies: impl Iterator<Item = &'a Box<str>>) -> PartBuilder {
    let mut part = PartBuilder::new();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for policy in policies {
        *counts.entry(policy).or_default() += 1;
    }
    for (policy, count) in counts {
        part.put(&SERVER_GROUPS, [policy], f64::from(count));
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn groups_of_both_ages_are_counted_by_policy() {
        let new = include_bytes!("../../../tests/recordings/nova/server-groups.json");
        let mut items = recorded::<Item>(new, "server_groups");
        let old = br#"{"server_groups": [{"id": "a", "policies": ["affinity"]}, {"id": "b", "policies": []}]}"#;
        items.extend(recorded::<Item>(old, "server_groups"));
        let policies: Vec<Box<str>> = items.into_iter().map(Item::into_policy).collect();
        let rows = rows(&seal(emit(policies.iter())), &SERVER_GROUPS);
        let expected = [("", 1.0), ("affinity", 1.0), ("anti-affinity", 3.0), ("soft-affinity", 3.0)];
        assert_eq!(rows, expected.map(|(policy, count)| (policy.to_owned(), count)));
    }
}
