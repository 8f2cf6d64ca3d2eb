//! Subnets, and how much of the subnet pools they take.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::prefix::Prefix;
use super::with_fields;
use crate::collect::decode::{bool_label, list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Subnets of all projects.
    SUBNETS = gauge "openstack_neutron_subnets" [], Count, "GET /v2.0/subnets";
    /// A subnet, always 1.
    SUBNET = gauge "openstack_neutron_subnet" [id tenant_id name network_id cidr gateway_ip enable_dhcp dns_nameservers tags], Info, "GET /v2.0/subnets";
    /// Subnets of a length that a prefix of a subnet pool holds.
    TOTAL = gauge "openstack_neutron_subnets_total" [ip_version prefix prefix_length project_id subnet_pool_id subnet_pool_name], Count, "GET /v2.0/subnets, GET /v2.0/subnetpools";
    /// Subnets of exactly this length that are made of a prefix of a subnet pool.
    USED = gauge "openstack_neutron_subnets_used" [ip_version prefix prefix_length project_id subnet_pool_id subnet_pool_name], Count, "GET /v2.0/subnets, GET /v2.0/subnetpools";
    /// Subnets of a length that still fit into a prefix of a subnet pool.
    FREE = gauge "openstack_neutron_subnets_free" [ip_version prefix prefix_length project_id subnet_pool_id subnet_pool_name], Count, "GET /v2.0/subnets, GET /v2.0/subnetpools";
    /// A subnet pool's name by its id, always 1; to join on.
    POOL_INFO = gauge "openstack_neutron_subnet_pool_info" [subnet_pool_id name project_id ip_version is_shared], Info, "GET /v2.0/subnetpools";
}

const FIELDS: [&str; 10] = [
    "id",
    "project_id",
    "name",
    "network_id",
    "cidr",
    "gateway_ip",
    "enable_dhcp",
    "dns_nameservers",
    "subnetpool_id",
    "tags",
];

#[derive(Deserialize)]
struct Subnet {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    network_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    cidr: String,
    #[serde(default, deserialize_with = "null_as_default")]
    gateway_ip: String,
    #[serde(default, deserialize_with = "null_as_default")]
    enable_dhcp: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    dns_nameservers: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    subnetpool_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct Pool {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    ip_version: u8,
    #[serde(default, deserialize_with = "null_as_default")]
    shared: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    prefixes: Vec<String>,
    #[serde(deserialize_with = "text_or_length")]
    min_prefixlen: u8,
    #[serde(deserialize_with = "text_or_length")]
    max_prefixlen: u8,
}

/// Neutron keeps these as numbers and has shown them as text.
fn text_or_length<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let text = crate::collect::decode::text_or_number(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// Subnets and subnet pools.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let (mut subnets, mut pools) = (Vec::new(), Vec::new());
            list(cx, with_fields("subnets", &FIELDS), "subnets", |subnet: Subnet| subnets.push(subnet)).await?;
            let fields =
                ["id", "project_id", "name", "ip_version", "shared", "prefixes", "min_prefixlen", "max_prefixlen"];
            list(cx, with_fields("subnetpools", &fields), "subnetpools", |pool: Pool| pools.push(pool)).await?;
            // Subnets of shared networks are everyone's to see, and do not say so: rights alone decide here.
            let sight = Sight::of(cx).await;
            sight.report(cx);
            Ok(emit(&subnets, &pools, &sight))
        })
    }
}

fn emit(subnets: &[Subnet], pools: &[Pool], sight: &Sight) -> PartBuilder {
    let mut part = PartBuilder::new();
    sight.count(&mut part, &SUBNETS, subnets.len());
    let mut taken: BTreeMap<&str, Vec<Prefix>> = BTreeMap::new();
    for subnet in subnets {
        let (servers, tags) = (subnet.dns_nameservers.join(","), subnet.tags.join(","));
        let labels = [
            &*subnet.id,
            &subnet.project_id,
            &subnet.name,
            &subnet.network_id,
            &subnet.cidr,
            &subnet.gateway_ip,
            bool_label(subnet.enable_dhcp),
            &servers,
            &tags,
        ];
        part.put(&SUBNET, labels, 1.0);
        if let Some(prefix) = Prefix::parse(&subnet.cidr).filter(|_| !subnet.subnetpool_id.is_empty()) {
            taken.entry(&subnet.subnetpool_id).or_default().push(prefix);
        }
    }
    for pool in pools {
        let version = pool.ip_version.to_string();
        let labels = [&*pool.id, &pool.name, &pool.project_id, &version, bool_label(pool.shared)];
        part.put(&POOL_INFO, labels, 1.0);
        let taken = taken.get(&*pool.id).map_or(&[][..], Vec::as_slice);
        for (text, prefix) in pool.prefixes.iter().filter_map(|text| Some((text, Prefix::parse(text)?))) {
            emit_prefix(&mut part, pool, text, prefix, taken);
        }
    }
    part
}

/// A row for each length that the pool hands out; a prefix has none of those shorter than itself.
fn emit_prefix(part: &mut PartBuilder, pool: &Pool, text: &str, prefix: Prefix, taken: &[Prefix]) {
    let version = pool.ip_version.to_string();
    for length in pool.min_prefixlen.max(prefix.length())..=pool.max_prefixlen {
        let used = taken.iter().filter(|other| other.length() == length && prefix.overlaps(**other)).count();
        let text_length = length.to_string();
        let labels = [&*version, text, &text_length, &pool.project_id, &pool.id, &pool.name];
        part.put(&TOTAL, labels, prefix.subnets(length));
        part.put(&USED, labels, used as f64);
        part.put(&FREE, labels, prefix.free(taken, length));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn the_recorded_subnets() {
        let body = include_bytes!("../../../tests/recordings/neutron/subnets.json");
        let subnets = recorded::<Subnet>(body, "subnets");
        let part = seal(emit(&subnets, &[], &Sight::test(None)));
        assert_eq!(only(&part, &SUBNETS), subnets.len() as f64);
        let globex = "4f7db35a-7ecc-4805-aba8-f162a9bf849e|5680797f74df4363b955e3184f61dccf|globex-v4|\
            6e7d969c-e1eb-4104-be97-5ab330e1e022|10.2.0.0/24|10.2.0.1|true|192.0.2.53|";
        assert_eq!(rows(&part, &SUBNET)[1], (globex.to_owned(), 1.0));
        assert!(rows(&part, &TOTAL).is_empty());
    }

    #[test]
    fn a_pool_with_two_prefixes_and_subnets_of_two_lengths() {
        let pools =
            br#"{"subnetpools": [{"id": "sp", "name": "pool", "project_id": "p", "ip_version": 4, "shared": true,
            "prefixes": ["10.0.0.0/24", "10.9.0.0/26"], "min_prefixlen": "25", "max_prefixlen": 26}]}"#;
        let subnets = br#"{"subnets": [{"id": "a", "cidr": "10.0.0.0/26", "subnetpool_id": "sp", "gateway_ip": null},
            {"id": "b", "cidr": "10.0.0.128/25", "subnetpool_id": "sp"}, {"id": "c", "cidr": "10.9.0.0/26"}]}"#;
        let (pools, subnets) = (recorded::<Pool>(pools, "subnetpools"), recorded::<Subnet>(subnets, "subnets"));
        let part = seal(emit(&subnets, &pools, &Sight::test(None)));
        let of = |metric| rows(&part, metric).into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!(rows(&part, &TOTAL)[0].0, "4|10.0.0.0/24|25|p|sp|pool");
        assert_eq!((of(&TOTAL), of(&USED), of(&FREE)), (vec![2.0, 4.0, 1.0], vec![1.0, 1.0, 0.0], vec![0.0, 1.0, 1.0]));
        assert_eq!(only(&part, &POOL_INFO), 1.0);
    }
}
