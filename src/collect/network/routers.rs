//! Routers.

use std::sync::Arc;

use serde::Deserialize;

use super::with_fields;
use crate::collect::decode::{bool_label, list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::router::{Router, Routers};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Routers of all projects.
    ROUTERS = gauge "openstack_neutron_routers" [], Count, "GET /v2.0/routers";
    /// A router, always 1.
    ROUTER = gauge "openstack_neutron_router" [id name project_id admin_state_up status external_network_id], Info, "GET /v2.0/routers";
    /// Routers that are not ACTIVE.
    NOT_ACTIVE = gauge "openstack_neutron_routers_not_active" [], Count, "GET /v2.0/routers";
    /// Routers without a gateway to an external network.
    WITHOUT_GATEWAY = gauge "openstack_neutron_routers_without_gateway" [], Count, "GET /v2.0/routers";
}

const FIELDS: [&str; 7] = ["id", "name", "project_id", "admin_state_up", "status", "external_gateway_info", "ha"];

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    admin_state_up: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    /// Shown to administrators only.
    #[serde(default, deserialize_with = "null_as_default")]
    ha: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    external_gateway_info: Gateway,
}

#[derive(Default, Deserialize)]
struct Gateway {
    #[serde(default, deserialize_with = "null_as_default")]
    network_id: String,
}

/// Routers.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            list(cx, with_fields("routers", &FIELDS), "routers", |item: Item| items.push(item)).await?;
            let mut sight = Sight::of(cx).await;
            items.iter().for_each(|item| sight.see(&item.project_id));
            sight.report(cx);
            Ok(emit(&items, &sight))
        })
    }
}

fn emit(items: &[Item], sight: &Sight) -> PartBuilder {
    let mut part = PartBuilder::new();
    sight.count(&mut part, &ROUTERS, items.len());
    if !sight.hides(items.len()) {
        let count = |odd: fn(&&Item) -> bool| items.iter().filter(odd).count() as f64;
        part.put(&NOT_ACTIVE, [], count(|item| item.status != "ACTIVE"));
        part.put(&WITHOUT_GATEWAY, [], count(|item| item.external_gateway_info.network_id.is_empty()));
    }
    let mut interner = Interner::default();
    let mut table = Routers::default();
    for item in items {
        let external = &*item.external_gateway_info.network_id;
        let up = bool_label(item.admin_state_up);
        part.put(&ROUTER, [&item.id, &item.name, &item.project_id, up, &item.status, external], 1.0);
        let row = Router {
            name: Arc::from(&*item.name),
            project: Id::new(&item.project_id),
            status: interner.intern(&item.status),
            ha: item.ha,
            external_network: (!external.is_empty()).then(|| Id::new(external)),
        };
        table.0.insert(Id::new(&item.id), row);
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
    fn the_recorded_routers() {
        let body = include_bytes!("../../../tests/recordings/neutron/routers.json");
        let part = seal(emit(&recorded::<Item>(body, "routers"), &Sight::test(None)));
        assert_eq!(only(&part, &ROUTERS), 3.0);
        assert_eq!((only(&part, &NOT_ACTIVE), only(&part, &WITHOUT_GATEWAY)), (0.0, 0.0));
        let globex = "0bad118e-7efb-41d0-8b65-db856dee2f50|globex-router|5680797f74df4363b955e3184f61dccf|true|ACTIVE|\
            48c90453-1170-4cbc-81e5-f97389818d80";
        assert_eq!(rows(&part, &ROUTER)[0], (globex.to_owned(), 1.0));
    }

    #[test]
    fn a_router_without_a_way_out() {
        let body = br#"{"routers": [{"id": "a", "name": "r", "status": "ERROR", "external_gateway_info": null}]}"#;
        let part = seal(emit(&recorded::<Item>(body, "routers"), &Sight::test(None)));
        assert_eq!((only(&part, &NOT_ACTIVE), only(&part, &WITHOUT_GATEWAY)), (1.0, 1.0));
        assert_eq!(rows(&part, &ROUTER)[0].0, "a|r||false|ERROR|");
        assert_eq!(part.tables.get::<Routers>().unwrap().0[&Id::new("a")].external_network, None);
    }
}
