//! Load balancers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::number;
use crate::collect::decode::{list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::load_balancer::{LoadBalancer, LoadBalancers};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Load balancers of all projects.
    TOTAL = gauge "openstack_loadbalancer_total_loadbalancers" [], Count, "GET /v2.0/lbaas/loadbalancers";
    /// Operating status of a load balancer as a number: 0 ONLINE, 1 DRAINING, 2 OFFLINE, 3 ERROR, 4 NO_MONITOR, -1 any other (DEGRADED).
    STATUS = gauge "openstack_loadbalancer_loadbalancer_status" [id name project_id operating_status provisioning_status provider vip_address], State, "GET /v2.0/lbaas/loadbalancers";
    /// Load balancers of a project by status.
    BY_STATUS = gauge "openstack_loadbalancer_loadbalancers" [project_id operating_status provisioning_status], Count, "GET /v2.0/lbaas/loadbalancers";
}

/// openstack-exporter's numbers of operating statuses: places in this list.
const STATUSES: [&str; 5] = ["ONLINE", "DRAINING", "OFFLINE", "ERROR", "NO_MONITOR"];

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    operating_status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    provisioning_status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    provider: String,
    #[serde(default, deserialize_with = "null_as_default")]
    vip_address: String,
    #[serde(default, deserialize_with = "null_as_default")]
    listeners: Vec<IgnoredAny>,
    #[serde(default, deserialize_with = "null_as_default")]
    pools: Vec<IgnoredAny>,
}

/// Load balancers.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            let request = Request::new("lbaas/loadbalancers");
            list(cx, request, "loadbalancers", |item: Item| items.push(item)).await?;
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
    let mut interner = Interner::default();
    let mut table = LoadBalancers::default();
    let mut by_status: BTreeMap<[&str; 3], u32> = BTreeMap::new();
    for item in items {
        let (operating, provisioning) = (&*item.operating_status, &*item.provisioning_status);
        let labels =
            [&*item.id, &item.name, &item.project_id, operating, provisioning, &item.provider, &item.vip_address];
        part.put(&STATUS, labels, number(&STATUSES, operating));
        *by_status.entry([&item.project_id, operating, provisioning]).or_default() += 1;
        let row = LoadBalancer {
            name: Arc::from(&*item.name),
            project: Id::new(&item.project_id),
            provisioning_status: interner.intern(provisioning),
            operating_status: interner.intern(operating),
            listeners: u32::try_from(item.listeners.len()).unwrap_or(u32::MAX),
            pools: u32::try_from(item.pools.len()).unwrap_or(u32::MAX),
        };
        table.0.insert(Id::new(&item.id), row);
    }
    for (labels, count) in by_status {
        part.put(&BY_STATUS, labels, f64::from(count));
    }
    part.table(Arc::new(table));
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn load_balancers_as_the_api_reference_shows_them() {
        let body = br#"{"loadbalancers": [{"description": "My favorite load balancer", "admin_state_up": true,
            "project_id": "e3cd678b11784734bc366148aa37580e", "provisioning_status": "ACTIVE", "flavor_id": null,
            "vip_subnet_id": "d4af86e1", "listeners": [{"id": "023f2e34"}], "vip_address": "203.0.113.50",
            "vip_network_id": "d0d217df", "additional_vips": [], "vip_port_id": "b4ca07d1", "provider": "amphora",
            "pools": [{"id": "9aa16b1e"}, {"id": "x"}], "created_at": "2017-02-28T00:41:44", "id": "607226db",
            "operating_status": "ONLINE", "name": "best_load_balancer", "tags": []},
            {"id": "b", "name": null, "operating_status": "DEGRADED", "provisioning_status": "PENDING_UPDATE"}]}"#;
        let part = seal(emit(&recorded::<Item>(body, "loadbalancers"), &Sight::test(None)));
        assert_eq!(only(&part, &TOTAL), 2.0);
        let first = "607226db|best_load_balancer|e3cd678b11784734bc366148aa37580e|ONLINE|ACTIVE|amphora|203.0.113.50";
        let second = "b|||DEGRADED|PENDING_UPDATE||";
        assert_eq!(rows(&part, &STATUS), [(first.to_owned(), 0.0), (second.to_owned(), -1.0)]);
        assert_eq!(rows(&part, &BY_STATUS).len(), 2);
        let table = part.tables.get::<LoadBalancers>().unwrap();
        let row = &table.0[&Id::new("607226db")];
        assert_eq!((row.listeners, row.pools), (1, 2));
    }

    #[test]
    fn statuses_have_the_numbers_of_openstack_exporter() {
        assert_eq!(["ONLINE", "OFFLINE", "ERROR", "NO_MONITOR"].map(|s| number(&STATUSES, s)), [0.0, 2.0, 3.0, 4.0]);
    }
}
