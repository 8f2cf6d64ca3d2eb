//! Networks, subnets and their addresses, security groups.

use super::list::Row;
use super::{Neutron, Result};
use crate::demo::call::Answer;
use crate::demo::json::{Hex, Json, Null, Plain, Uuid};
use crate::demo::world::network::{PUBLIC, Port, SHARED, has_v6};
use crate::demo::world::seconds;
use crate::demo::world::seed::Kind;

/// A subnet: its network, and which of the two.
#[derive(Clone, Copy)]
pub(super) struct Subnet {
    pub(super) network: u32,
    pub(super) v6: bool,
}

impl Subnet {
    pub(super) fn number(self) -> u32 {
        self.network * 2 + u32::from(self.v6)
    }

    /// Prefix, gateway, first and last address of the pool, addresses in all and in the pool.
    fn figures(self) -> (&'static str, &'static str, [&'static str; 2], &'static str, &'static str) {
        match (self.network, self.v6) {
            (PUBLIC, _) => {
                ("198.51.0.0/16", "198.51.0.1", ["198.51.0.2", "198.51.255.254"], "65534", "65533")
            }
            (SHARED, _) => {
                ("172.16.0.0/12", "172.16.0.1", ["172.16.0.2", "172.31.255.254"], "1048574", "1048573")
            }
            (_, false) => ("10.0.0.0/8", "10.0.0.1", ["10.0.0.2", "10.255.255.254"], "16777214", "16777213"),
            (_, true) => (
                "2001:db8::/32",
                "2001:db8::",
                ["2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
                "79228162514264337593543950336",
                "79228162514264337593543950335",
            ),
        }
    }
}

/// A number that is too long for every type: written as it stands.
struct Digits<'a>(&'a str);

impl crate::demo::json::Put for Digits<'_> {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }
}

/// Addresses in use of one subnet: in all, and of its pool.
#[derive(Clone, Copy, Default)]
struct Used {
    subnet: u32,
    pool: u32,
}

impl Neutron<'_> {
    fn visible_networks(&self) -> impl Iterator<Item = u32> {
        self.call.world.networks().filter(|number| *number <= SHARED || self.sees(Some(*number)))
    }

    fn subnets_of(&self, network: u32) -> impl Iterator<Item = Subnet> {
        [false, true].into_iter().filter(move |v6| !v6 || network > SHARED).map(move |v6| Subnet { network, v6 })
    }

    pub(super) fn network_name(&self, network: u32) -> String {
        match network {
            PUBLIC => "public".to_owned(),
            SHARED => "shared".to_owned(),
            project => format!("{}-net", self.project_name(project)),
        }
    }

    fn subnet_name(&self, subnet: Subnet) -> String {
        let network = self.network_name(subnet.network);
        let base = network.strip_suffix("-net").unwrap_or(&network);
        format!("{base}-v{}", if subnet.v6 { 6 } else { 4 })
    }

    pub(super) fn networks(&self) -> Result<Answer> {
        let items = self.visible_networks().map(|number| (self.id(Kind::Network, number), number));
        self.list("networks", items, |row, id, number| self.write_network(row, id, *number))
    }

    fn write_network(&self, row: &mut Row<'_>, id: &str, number: u32) {
        let external = number == PUBLIC;
        row.put("id", id).put("name", self.network_name(number)).project(self.project_id(Some(number)));
        row.put("admin_state_up", true).put("mtu", if external { 1500u32 } else { 1450 }).put("status", "ACTIVE");
        row.array("subnets", |j| {
            for subnet in self.subnets_of(number) {
                j.item(Uuid(self.id(Kind::Subnet, subnet.number())));
            }
        });
        row.put("shared", number == SHARED).array("availability_zone_hints", |_| {});
        row.array("availability_zones", |j| {
            j.item("nova");
        });
        row.put("ipv4_address_scope", Null).put("ipv6_address_scope", Null).put("router:external", external);
        row.put("description", "").put("port_security_enabled", true).put("qos_policy_id", Null);
        row.put("l2_adjacency", true).standard(seconds(self.call.world.started()));
        if external {
            row.put("is_default", false);
        }
        if self.session.admin() {
            row.put("provider:network_type", if external { "flat" } else { "vxlan" });
            row.put("provider:physical_network", external.then_some("public"));
            row.put("provider:segmentation_id", (!external).then_some(100 + number));
        }
    }

    pub(super) fn subnets(&self) -> Result<Answer> {
        let items = self.visible_networks().flat_map(|network| self.subnets_of(network));
        let items = items.map(|subnet| (self.id(Kind::Subnet, subnet.number()), subnet));
        self.list("subnets", items, |row, id, subnet| self.write_subnet(row, id, *subnet))
    }

    fn write_subnet(&self, row: &mut Row<'_>, id: &str, subnet: Subnet) {
        let (cidr, gateway, pool, ..) = subnet.figures();
        row.put("id", id).put("name", self.subnet_name(subnet)).project(self.project_id(Some(subnet.network)));
        row.put("network_id", Uuid(self.id(Kind::Network, subnet.network)));
        row.put("ip_version", if subnet.v6 { 6u32 } else { 4 }).put("subnetpool_id", Null);
        row.put("enable_dhcp", subnet.network != PUBLIC).put("ipv6_ra_mode", Null).put("ipv6_address_mode", Null);
        row.put("gateway_ip", gateway).put("cidr", cidr).array("allocation_pools", |j| {
            let [start, end] = pool;
            j.object(|j| {
                j.put("start", start).put("end", end);
            });
        });
        row.array("host_routes", |_| {}).array("dns_nameservers", |j| {
            if subnet.network > SHARED && !subnet.v6 {
                j.item("192.0.2.53");
            }
        });
        row.put("description", "").put("router:external", subnet.network == PUBLIC).array("service_types", |_| {});
        row.put("segment_id", Null).standard(seconds(self.call.world.started()));
    }

    pub(super) fn subnet_pools(&self) -> Result<Answer> {
        self.list("subnetpools", std::iter::empty::<(u128, ())>(), |_, _, ()| {})
    }

    /// Addresses in use, by number of the subnet.
    fn used(&self) -> Vec<Used> {
        let world = &self.call.world;
        let mut used = vec![Used::default(); world.networks().len() * 2];
        let mut add = |subnet: Subnet, in_pool: bool| {
            if let Some(used) = used.get_mut(subnet.number() as usize) {
                used.subnet += 1;
                used.pool += u32::from(in_pool);
            }
        };
        for port in world.ports() {
            let network = port.network(world);
            // The gateway's address is outside of the pool.
            add(Subnet { network, v6: false }, !matches!(port, Port::Interface(_)));
            if let Port::Server(row, 0) = port
                && world.server(row).is_some_and(has_v6)
            {
                add(Subnet { network, v6: true }, true);
            }
        }
        used
    }

    pub(super) fn addresses(&self) -> Result<Answer> {
        let used = self.used();
        let items = self.visible_networks().map(|number| (self.id(Kind::Network, number), number));
        self.list("network-ip-availabilities", items, |row, id, number| {
            row.put("network_id", id).put("network_name", self.network_name(*number));
            row.project(self.project_id(Some(*number)));
            let of = |subnet: Subnet| used.get(subnet.number() as usize).copied().unwrap_or_default();
            row.array("subnet_ip_availability", |j| {
                for subnet in self.subnets_of(*number) {
                    j.object(|j| self.write_addresses(j, subnet, of(subnet)));
                }
            });
            let (mut all, mut total) = (Used::default(), [0u128; 2]);
            for subnet in self.subnets_of(*number) {
                let (.., in_subnet, in_pool) = subnet.figures();
                all.subnet += of(subnet).subnet;
                all.pool += of(subnet).pool;
                total = [total[0] + in_subnet.parse::<u128>().unwrap_or(0), total[1] + in_pool.parse::<u128>().unwrap_or(0)];
            }
            let [in_subnet, in_pool] = total.map(|number| number.to_string());
            row.put("used_ips", all.subnet).put("total_ips", Digits(&in_pool));
            row.object("ip_availability_details", |j| details(j, all, &in_subnet, &in_pool));
        })
    }

    fn write_addresses(&self, j: &mut Json, subnet: Subnet, used: Used) {
        let (cidr, _, _, in_subnet, in_pool) = subnet.figures();
        j.put("subnet_id", Uuid(self.id(Kind::Subnet, subnet.number())));
        j.put("ip_version", if subnet.v6 { 6u32 } else { 4 }).put("cidr", cidr);
        j.put("subnet_name", self.subnet_name(subnet)).put("used_ips", used.subnet).put("total_ips", Digits(in_pool));
        j.key("ip_availability_details").object(|j| details(j, used, in_subnet, in_pool));
    }

    pub(super) fn security_groups(&self) -> Result<Answer> {
        let world = &self.call.world;
        let items = world.networks().filter(|number| self.sees(Some(*number)));
        let items = items.map(|number| (self.id(Kind::SecurityGroup, number), number));
        self.list("security-groups", items, |row, id, number| {
            let project = self.project_id(Some(*number));
            row.put("id", id).put("name", "default").put("stateful", true).project(project);
            row.put("description", "Default security group").put("shared", false);
            row.array("security_group_rules", |j| {
                for (at, direction) in ["ingress", "egress"].into_iter().enumerate() {
                    j.object(|j| rule(j, *number * 2 + at as u32, id, project, direction));
                }
            });
            row.standard(seconds(world.started()));
        })
    }
}

fn details(j: &mut Json, used: Used, in_subnet: &str, in_pool: &str) {
    j.put("total_ips_in_subnet", Digits(in_subnet)).put("total_ips_in_allocation_pool", Digits(in_pool));
    j.put("used_ips_in_subnet", used.subnet).put("used_ips_in_allocation_pool", used.pool);
}

fn rule(j: &mut Json, number: u32, group: &str, project: u128, direction: &str) {
    let id = crate::demo::world::seed::uuid(u64::from(number), Kind::SecurityGroup, 1);
    j.put("id", Uuid(id)).put("project_id", Hex(project)).put("security_group_id", group);
    j.put("ethertype", "IPv4").put("direction", direction).put("protocol", Null).put("port_range_min", Null);
    j.put("port_range_max", Null).put("remote_ip_prefix", Null).put("remote_address_group_id", Null);
    j.put("normalized_cidr", Null);
    j.key("remote_group_id");
    if direction == "ingress" { j.item(group) } else { j.item(Null) };
    j.put("standard_attr_id", number).put("belongs_to_default_sg", Null).put("description", Null);
    j.key("tags").array(|_| {});
    j.put("created_at", Plain(format_args!("2026-01-01T00:00:00Z")));
    j.put("updated_at", Plain(format_args!("2026-01-01T00:00:00Z"))).put("revision_number", 0u32);
    j.put("tenant_id", Hex(project));
}
