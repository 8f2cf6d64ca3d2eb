//! Floating IPs: each, and how many are in use.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::with_fields;
use crate::collect::decode::{bool_label, list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::floating_ip::{FloatingIp, FloatingIps};
use crate::model::inventory::interner::Interner;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Floating IPs of all projects.
    FLOATING_IPS = gauge "openstack_neutron_floating_ips" [], Count, "GET /v2.0/floatingips";
    /// Floating IPs that lead to a fixed address and are not ACTIVE.
    NOT_ACTIVE = gauge "openstack_neutron_floating_ips_associated_not_active" [], Count, "GET /v2.0/floatingips";
    /// A floating IP, always 1.
    FLOATING_IP = gauge "openstack_neutron_floating_ip" [id floating_network_id router_id status project_id floating_ip_address], Info, "GET /v2.0/floatingips";
    /// Floating IPs of a project from a network, in use (associated true) and kept idle (false).
    ASSOCIATED = gauge "openstack_neutron_floating_ips_associated" [floating_network_id project_id associated], Count, "GET /v2.0/floatingips";
}

const FIELDS: [&str; 8] = [
    "id",
    "floating_network_id",
    "router_id",
    "port_id",
    "status",
    "project_id",
    "floating_ip_address",
    "fixed_ip_address",
];

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    floating_network_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    router_id: String,
    #[serde(default)]
    port_id: Option<Id>,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    floating_ip_address: String,
    #[serde(default, deserialize_with = "null_as_default")]
    fixed_ip_address: String,
}

/// Floating IPs.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            let request = with_fields("floatingips", &FIELDS);
            list(cx, request, "floatingips", |item: Item| items.push(item)).await?;
            let mut sight = Sight::of(cx).await;
            items.iter().for_each(|item| sight.see(&item.project_id));
            sight.report(cx);
            Ok(emit(&items, &sight))
        })
    }
}

fn emit(items: &[Item], sight: &Sight) -> PartBuilder {
    let mut part = PartBuilder::new();
    sight.count(&mut part, &FLOATING_IPS, items.len());
    let not_active = items.iter().filter(|item| !item.fixed_ip_address.is_empty() && item.status != "ACTIVE").count();
    if !sight.hides(items.len()) {
        part.put(&NOT_ACTIVE, [], not_active as f64);
    }
    let mut interner = Interner::default();
    let mut table = FloatingIps::default();
    let mut associated: BTreeMap<(&str, &str, bool), u32> = BTreeMap::new();
    for item in items {
        let labels = [
            &*item.id,
            &item.floating_network_id,
            &item.router_id,
            &item.status,
            &item.project_id,
            &item.floating_ip_address,
        ];
        part.put(&FLOATING_IP, labels, 1.0);
        *associated.entry((&item.floating_network_id, &item.project_id, item.port_id.is_some())).or_default() += 1;
        let row = FloatingIp {
            project: Id::new(&item.project_id),
            network: Id::new(&item.floating_network_id),
            status: interner.intern(&item.status),
            port: item.port_id.clone(),
        };
        table.0.insert(Id::new(&item.id), row);
    }
    for ((network, project, in_use), count) in associated {
        part.put(&ASSOCIATED, [network, project, bool_label(in_use)], f64::from(count));
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
    fn the_recorded_floating_ips() {
        let body = include_bytes!("../../../tests/recordings/neutron/floatingips.json");
        let items = recorded::<Item>(body, "floatingips");
        let part = seal(emit(&items, &Sight::test(None)));
        assert_eq!(only(&part, &FLOATING_IPS), items.len() as f64);
        assert_eq!(only(&part, &NOT_ACTIVE), 0.0);
        let each = rows(&part, &FLOATING_IP);
        let idle = "584a4101-7ff9-40f5-95bb-24b49079f891|48c90453-1170-4cbc-81e5-f97389818d80||DOWN|\
            5680797f74df4363b955e3184f61dccf|203.0.113.84";
        assert_eq!(each[1], (idle.to_owned(), 1.0));
        let associated = rows(&part, &ASSOCIATED);
        assert_eq!(associated.iter().map(|(_, count)| count).sum::<f64>(), items.len() as f64);
        let table = part.tables.get::<FloatingIps>().unwrap();
        assert_eq!(table.0[&Id::new("584a4101-7ff9-40f5-95bb-24b49079f891")].port, None);
    }

    #[test]
    fn associated_and_down_is_counted() {
        let body = br#"{"floatingips": [{"id": "a", "status": "DOWN", "fixed_ip_address": "10.0.0.1", "port_id": "p"},
            {"id": "b", "status": "DOWN", "fixed_ip_address": null, "port_id": null}]}"#;
        let part = seal(emit(&recorded::<Item>(body, "floatingips"), &Sight::test(None)));
        assert_eq!(only(&part, &NOT_ACTIVE), 1.0);
        assert_eq!(rows(&part, &ASSOCIATED), [("||false".to_owned(), 1.0), ("||true".to_owned(), 1.0)]);
    }

    #[test]
    fn who_sees_nothing_is_told_no_zero() {
        let part = seal(emit(&[], &Sight::test(Some("p"))));
        assert!(part.families.is_empty());
    }
}
