//! Pools, with the number of their members.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::number;
use crate::collect::decode::{list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Pools of all projects.
    TOTAL = gauge "openstack_loadbalancer_total_pools" [], Count, "GET /v2.0/lbaas/pools";
    /// Provisioning status of a pool as a number: 0 ACTIVE, 1 DELETED, 2 ERROR, 3 PENDING_CREATE, 4 PENDING_UPDATE, 5 PENDING_DELETE, -1 any other.
    STATUS = gauge "openstack_loadbalancer_pool_status" [id provisioning_status name loadbalancers protocol lb_algorithm operating_status project_id], State, "GET /v2.0/lbaas/pools";
    /// Members of a pool.
    MEMBERS = gauge "openstack_loadbalancer_pool_members" [id project_id], Count, "GET /v2.0/lbaas/pools";
}

/// openstack-exporter's numbers of provisioning statuses: places in this list.
const STATUSES: [&str; 6] = ["ACTIVE", "DELETED", "ERROR", "PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE"];

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    provisioning_status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    operating_status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    protocol: String,
    #[serde(default, deserialize_with = "null_as_default")]
    lb_algorithm: String,
    #[serde(default, deserialize_with = "null_as_default")]
    loadbalancers: Vec<Reference>,
    #[serde(default, deserialize_with = "null_as_default")]
    members: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

/// Members of all pools by project, for the quotas.
pub(super) struct Members(pub(super) BTreeMap<Id, u64>);

/// Pools.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            list(cx, Request::new("lbaas/pools"), "pools", |item: Item| items.push(item)).await?;
            let mut sight = Sight::of(cx).await;
            items.iter().for_each(|item| sight.see(&item.project_id));
            sight.report(cx);
            Ok(emit(&items, &sight))
        })
    }
}

fn emit(items: &[Item], sight: &Sight) -> PartBuilder {
    let mut part = PartBuilder::new();
    sight.count(&mut part, &TOTAL, items.len());
    let mut members = Members(BTreeMap::new());
    for item in items {
        let balancers = item.loadbalancers.iter().map(|reference| &*reference.id).collect::<Vec<_>>().join(",");
        let labels = [
            &*item.id,
            &item.provisioning_status,
            &item.name,
            &balancers,
            &item.protocol,
            &item.lb_algorithm,
            &item.operating_status,
            &item.project_id,
        ];
        part.put(&STATUS, labels, number(&STATUSES, &item.provisioning_status));
        part.put(&MEMBERS, [&item.id, &item.project_id], item.members.len() as f64);
        *members.0.entry(Id::new(&item.project_id)).or_default() += item.members.len() as u64;
    }
    part.table(Arc::new(members));
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn pools_as_the_api_reference_shows_them() {
        let body = br#"{"pools": [{"lb_algorithm": "ROUND_ROBIN", "protocol": "HTTP", "description": "My round robin pool",
            "admin_state_up": true, "loadbalancers": [{"id": "607226db"}, {"id": "c2"}], "created_at": "2017-04-13T18:14:44",
            "provisioning_status": "ERROR", "updated_at": null, "session_persistence": null, "listeners": [{"id": "023f2e34"}],
            "members": [{"id": "5bc73753"}], "healthmonitor_id": null, "project_id": "p", "id": "4029d267",
            "operating_status": "ONLINE", "name": "round_robin_pool"}]}"#;
        let part = seal(emit(&recorded::<Item>(body, "pools"), &Sight::test(None)));
        assert_eq!(only(&part, &TOTAL), 1.0);
        let labels = "4029d267|ERROR|round_robin_pool|607226db,c2|HTTP|ROUND_ROBIN|ONLINE|p";
        assert_eq!(rows(&part, &STATUS), [(labels.to_owned(), 2.0)]);
        assert_eq!(rows(&part, &MEMBERS), [("4029d267|p".to_owned(), 1.0)]);
        assert_eq!(part.tables.get::<Members>().unwrap().0[&Id::new("p")], 1);
    }

    #[test]
    fn statuses_have_the_numbers_of_openstack_exporter() {
        let numbers = ["ACTIVE", "DELETED", "PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE", "?"];
        assert_eq!(numbers.map(|status| number(&STATUSES, status)), [0.0, 1.0, 3.0, 4.0, 5.0, -1.0]);
    }
}
