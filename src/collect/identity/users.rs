//! Users and groups, counted. Users' names and mail addresses are never kept.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::of_domain;
use crate::collect::decode::{Rights, list};
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::user::{User, Users};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Users of all domains (or of the one that `collect.scope.domain_id` names).
    USERS = gauge "openstack_identity_users" [], Count, "GET /v3/users";
    /// Groups of all domains (or of the one that `collect.scope.domain_id` names).
    GROUPS = gauge "openstack_identity_groups" [], Count, "GET /v3/groups";
}

#[derive(Deserialize)]
struct Item {
    id: Id,
    #[serde(default = "enabled")]
    enabled: bool,
    #[serde(default)]
    default_project_id: Option<Id>,
}

fn enabled() -> bool {
    true
}

/// Users and groups.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut part = PartBuilder::new();
            let mut rights = Rights::default();
            super::is_of_domain(cx).await;
            let mut users = Users::default();
            let listed = list(cx, of_domain(cx, "users"), "users", |item: Item| insert(&mut users, item)).await;
            if rights.permitted(listed)? {
                part.put(&USERS, [], users.0.len() as f64);
                part.table(Arc::new(users));
            }
            let mut groups = 0usize;
            let listed = list(cx, of_domain(cx, "groups"), "groups", |_: IgnoredAny| groups += 1).await;
            if rights.permitted(listed)? {
                part.put(&GROUPS, [], groups as f64);
            }
            rights.conclude(&cx.report)?;
            Ok(part)
        })
    }
}

fn insert(users: &mut Users, item: Item) {
    let user = User { enabled: item.enabled, default_project: item.default_project_id };
    users.0.insert(item.id, user);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;

    #[test]
    fn the_recorded_users_and_groups() {
        let items = recorded::<Item>(include_bytes!("../../../tests/recordings/keystone/users.json"), "users");
        let mut users = Users::default();
        let count = items.len();
        items.into_iter().for_each(|item| insert(&mut users, item));
        assert_eq!(users.0.len(), count);
        assert!(users.0[&Id::new("12f922c236bb49e583910492dc6ae6ff")].enabled);
        let groups = recorded::<IgnoredAny>(include_bytes!("../../../tests/recordings/keystone/groups.json"), "groups");
        assert_eq!(groups.len(), 1);
    }
}
