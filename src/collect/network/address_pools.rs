//! Addresses of subnets: how many there are, how many are taken.
//!
//! Neutron counts every address of a subnet as used, but as total only those of its allocation pools: gateways and
//! fixed addresses outside the pools then fill a pool to more than 100 %. Newer Neutron tells both counts apart, and
//! the pair that belongs together is taken; `compat` takes Neutron's first pair, as openstack-exporter does.

use std::sync::Arc;

use serde::Deserialize;

use crate::collect::decode::{list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::network::{AddressPool, AddressPools};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Addresses in the allocation pools of a subnet.
    TOTAL = gauge "openstack_neutron_network_ip_availabilities_total" [network_id network_name ip_version cidr subnet_name project_id], Count, "GET /v2.0/network-ip-availabilities";
    /// Addresses of the allocation pools of a subnet that are in use (where Neutron does not tell them apart: all of the subnet in use).
    USED = gauge "openstack_neutron_network_ip_availabilities_used" [network_id network_name ip_version cidr subnet_name project_id], Count, "GET /v2.0/network-ip-availabilities";
}

#[derive(Deserialize)]
struct Item {
    network_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    network_name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    tenant_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    subnet_ip_availability: Vec<Subnet>,
}

#[derive(Deserialize)]
struct Subnet {
    #[serde(default, deserialize_with = "null_as_default")]
    subnet_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    subnet_name: String,
    ip_version: u8,
    #[serde(default, deserialize_with = "null_as_default")]
    cidr: String,
    // A /64 holds more addresses than 64 bits can count.
    total_ips: f64,
    used_ips: f64,
    #[serde(default)]
    ip_availability_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    total_ips_in_allocation_pool: f64,
    used_ips_in_allocation_pool: f64,
}

impl Subnet {
    /// Total and used.
    fn addresses(&self, compat: bool) -> (f64, f64) {
        match &self.ip_availability_details {
            Some(details) if !compat => (details.total_ips_in_allocation_pool, details.used_ips_in_allocation_pool),
            _ => (self.total_ips, self.used_ips),
        }
    }
}

/// Addresses of subnets.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            let path = "network-ip-availabilities";
            list(cx, Request::new(path), "network_ip_availabilities", |item: Item| items.push(item)).await?;
            Sight::of(cx).await.report(cx);
            Ok(emit(&items, cx.settings.compat))
        })
    }
}

fn emit(items: &[Item], compat: bool) -> PartBuilder {
    let mut part = PartBuilder::new();
    let mut table = AddressPools::default();
    for item in items {
        let project = if item.project_id.is_empty() { &item.tenant_id } else { &item.project_id };
        for subnet in &item.subnet_ip_availability {
            let (total, used) = subnet.addresses(compat);
            let version = subnet.ip_version.to_string();
            let labels = [&*item.network_id, &item.network_name, &version, &subnet.cidr, &subnet.subnet_name, project];
            part.put(&TOTAL, labels, total);
            part.put(&USED, labels, used);
            table.0.push(AddressPool {
                network: Id::new(&item.network_id),
                subnet: Id::new(&subnet.subnet_id),
                project: Id::new(project),
                ip_version: subnet.ip_version,
                used,
                total,
            });
        }
    }
    part.table(Arc::new(table));
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};

    fn items() -> Vec<Item> {
        let body = include_bytes!("../../../tests/recordings/neutron/network-ip-availabilities.json");
        recorded(body, "network_ip_availabilities")
    }

    #[test]
    fn the_recorded_pools_are_counted_alike_in_total_and_use() {
        let part = seal(emit(&items(), false));
        let globex = "6e7d969c-e1eb-4104-be97-5ab330e1e022|globex-net|4|10.2.0.0/24|globex-v4|\
            5680797f74df4363b955e3184f61dccf";
        assert!(rows(&part, &TOTAL).contains(&(globex.to_owned(), 253.0)));
        assert!(rows(&part, &USED).contains(&(globex.to_owned(), 14.0)), "without the gateway, which is in no pool");
        let (total, used) = (rows(&part, &TOTAL), rows(&part, &USED));
        assert!(total.iter().zip(&used).all(|((_, total), (_, used))| used <= total));
        assert!(total.iter().any(|(labels, total)| labels.contains("|6|") && *total == 2f64.powi(64)));
        assert_eq!(part.tables.get::<AddressPools>().unwrap().0.len(), total.len());
    }

    #[test]
    fn compatible_is_with_every_address_in_use() {
        let part = seal(emit(&items(), true));
        assert!(rows(&part, &USED).iter().any(|(labels, used)| labels.contains("|globex-v4|") && *used == 15.0));
    }

    #[test]
    fn older_neutron_has_one_pair() {
        let body = br#"{"network_ip_availabilities": [{"network_id": "n", "tenant_id": "p", "subnet_ip_availability":
            [{"ip_version": 4, "cidr": "10.0.0.0/30", "subnet_name": null, "total_ips": 1, "used_ips": 2}]}]}"#;
        let part = seal(emit(&recorded::<Item>(body, "network_ip_availabilities"), false));
        assert_eq!(rows(&part, &USED), [("n||4|10.0.0.0/30||p".to_owned(), 2.0)]);
    }
}
