//! Networks.

use std::sync::Arc;

use serde::Deserialize;

use super::with_fields;
use crate::collect::decode::{bool_label, list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::network::{Network, Networks};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Networks of all projects.
    NETWORKS = gauge "openstack_neutron_networks" [], Count, "GET /v2.0/networks";
    /// Status of a network as a number: 0 ACTIVE, 1 BUILD, 2 DOWN, 3 ERROR, -1 any other.
    NETWORK = gauge "openstack_neutron_network" [id tenant_id status name is_shared is_external provider_network_type provider_physical_network provider_segmentation_id subnets tags mtu], State,
        "GET /v2.0/networks";
    /// A network's name and project by its id, always 1; to join on.
    NETWORK_INFO = gauge "openstack_neutron_network_info" [network_id name project_id is_external is_shared], Info, "GET /v2.0/networks";
}

const FIELDS: [&str; 12] = [
    "id",
    "project_id",
    "status",
    "name",
    "shared",
    "router:external",
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
    "subnets",
    "tags",
    "mtu",
];

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    shared: bool,
    #[serde(default, rename = "router:external", deserialize_with = "null_as_default")]
    external: bool,
    #[serde(default, rename = "provider:network_type", deserialize_with = "null_as_default")]
    network_type: String,
    #[serde(default, rename = "provider:physical_network", deserialize_with = "null_as_default")]
    physical_network: String,
    #[serde(default, rename = "provider:segmentation_id")]
    segmentation_id: Option<u64>,
    #[serde(default, deserialize_with = "null_as_default")]
    subnets: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    tags: Vec<String>,
    #[serde(default)]
    mtu: Option<u32>,
}

/// openstack-exporter's numbers of statuses: places in this list.
const STATUSES: [&str; 4] = ["ACTIVE", "BUILD", "DOWN", "ERROR"];

fn status_number(status: &str) -> f64 {
    STATUSES.iter().position(|known| *known == status).map_or(-1.0, |position| position as f64)
}

/// Networks.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            list(cx, with_fields("networks", &FIELDS), "networks", |item: Item| items.push(item)).await?;
            let mut sight = Sight::of(cx).await;
            items.iter().filter(|item| !item.shared && !item.external).for_each(|item| sight.see(&item.project_id));
            sight.report(cx);
            Ok(emit(&items, &sight))
        })
    }
}

fn emit(items: &[Item], sight: &Sight) -> PartBuilder {
    let mut part = PartBuilder::new();
    sight.count(&mut part, &NETWORKS, items.len());
    let mut interner = Interner::default();
    let mut table = Networks::default();
    for item in items {
        let (shared, external) = (bool_label(item.shared), bool_label(item.external));
        let (subnets, tags) = (item.subnets.join(","), item.tags.join(","));
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let (segment, mtu) = (number(item.segmentation_id), number(item.mtu.map(u64::from)));
        let labels = [
            &*item.id,
            &item.project_id,
            &item.status,
            &item.name,
            shared,
            external,
            &item.network_type,
            &item.physical_network,
            &segment,
            &subnets,
            &tags,
            &mtu,
        ];
        part.put(&NETWORK, labels, status_number(&item.status));
        part.put(&NETWORK_INFO, [&item.id, &item.name, &item.project_id, external, shared], 1.0);
        let row = Network {
            name: Arc::from(&*item.name),
            project: Id::new(&item.project_id),
            status: interner.intern(&item.status),
            external: item.external,
            shared: item.shared,
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
    fn the_recorded_networks() {
        let body = include_bytes!("../../../tests/recordings/neutron/networks.json");
        let items = recorded::<Item>(body, "networks");
        let part = seal(emit(&items, &Sight::test(None)));
        assert_eq!(only(&part, &NETWORKS), items.len() as f64);
        let public = "48c90453-1170-4cbc-81e5-f97389818d80|612c9d32961343bd96348e55951b56ad|ACTIVE|public|false|true|\
            flat|public||dd500b57-9974-44fb-b174-98137d260d69||1500";
        assert_eq!(rows(&part, &NETWORK)[0], (public.to_owned(), 0.0));
        let globex = &rows(&part, &NETWORK)[1].0;
        assert!(globex.contains("|vxlan||127|4f7db35a-7ecc-4805-aba8-f162a9bf849e,5492c697-"), "{globex}");
        let table = part.tables.get::<Networks>().unwrap();
        assert!(table.0[&Id::new("48c90453-1170-4cbc-81e5-f97389818d80")].external);
    }

    #[test]
    fn statuses_have_the_numbers_of_openstack_exporter() {
        assert_eq!(["ACTIVE", "BUILD", "DOWN", "ERROR", "N/A"].map(status_number), [0.0, 1.0, 2.0, 3.0, -1.0]);
    }

    #[test]
    fn what_only_admins_are_shown_may_be_missing() {
        let body = br#"{"networks": [{"id": "a", "name": "n", "project_id": "p", "status": "ACTIVE"}]}"#;
        let part = seal(emit(&recorded::<Item>(body, "networks"), &Sight::test(Some("p"))));
        assert_eq!(rows(&part, &NETWORK), [("a|p|ACTIVE|n|false|false||||||".to_owned(), 0.0)]);
    }
}
