//! Ports.

use super::list::Row;
use super::topology::Subnet;
use super::{Neutron, Result};
use crate::demo::call::Answer;
use crate::demo::json::{Json, Null, Plain, Uuid};
use crate::demo::world::host::ZONES;
use crate::demo::world::network::{NETWORK_NODES, Port, address, has_v6};
use crate::demo::world::seed::{Kind, mix};
use crate::demo::world::{Status, seconds};

/// How a port is used.
struct Use {
    owner: String,
    device: String,
    host: String,
    status: &'static str,
    vif: &'static str,
}

impl Neutron<'_> {
    pub(super) fn ports(&self) -> Result<Answer> {
        let world = &self.call.world;
        let items = world.ports().filter(|port| self.sees(port.project(world)));
        let items = items.map(|port| (port.id(world.seed), port));
        self.list("ports", items, |row, id, port| self.write_port(row, id, *port))
    }

    fn write_port(&self, row: &mut Row<'_>, id: &str, port: Port) {
        let world = &self.call.world;
        let (network, project) = (port.network(world), port.project(world));
        let used = self.port_use(port);
        row.put("id", id).put("name", "").put("network_id", Uuid(self.id(Kind::Network, network)));
        row.project(self.project_id(project));
        let [a, b, c] = self.last_bytes(port);
        let vendor = if matches!(port, Port::Server(_, 0)) { 0x3e } else { 0x3f };
        row.put("mac_address", Plain(format_args!("fa:16:{vendor:02x}:{a:02x}:{b:02x}:{c:02x}")));
        row.put("admin_state_up", true).put("status", used.status).put("device_id", &used.device);
        row.put("device_owner", &used.owner).array("fixed_ips", |j| self.write_addresses_of(j, port, network));
        row.array("allowed_address_pairs", |_| {}).array("extra_dhcp_opts", |_| {});
        let guarded = matches!(port, Port::Server(..));
        row.array("security_groups", |j| {
            if let Some(project) = project.filter(|_| guarded) {
                j.item(Uuid(self.id(Kind::SecurityGroup, project)));
            }
        });
        row.put("description", "").put("port_security_enabled", guarded).put("qos_policy_id", Null);
        row.put("qos_network_policy_id", Null).put("resource_request", Null).put("ip_allocation", "immediate");
        row.standard(self.created(port));
        if self.session.admin() {
            row.put("binding:vnic_type", "normal").object("binding:profile", |_| {});
            row.put("binding:host_id", &used.host).put("binding:vif_type", used.vif);
            row.object("binding:vif_details", |j| if used.vif == "ovs" { vif_details(j) });
        }
    }

    fn port_use(&self, port: Port) -> Use {
        let world = &self.call.world;
        let text = |id: u128| Uuid(id).to_string();
        let node = |number: u32| NETWORK_NODES.get(number as usize % NETWORK_NODES.len()).copied().unwrap_or("");
        let fixed = |owner: &str, device: String, host: &str| Use {
            owner: owner.to_owned(),
            device,
            host: host.to_owned(),
            status: "ACTIVE",
            vif: "ovs",
        };
        match port {
            Port::Server(row, _) => self.server_use(row),
            Port::Dhcp(network) => {
                let device = format!("dhcp8c27c713-{}", Uuid(self.id(Kind::Network, network)));
                fixed("network:dhcp", device, node(network))
            }
            Port::Interface(project) => {
                fixed("network:router_interface", text(self.id(Kind::Router, project)), node(project))
            }
            Port::Gateway(project) => {
                fixed("network:router_gateway", text(self.id(Kind::Router, project)), node(project))
            }
            Port::Floating(_) | Port::Idle(..) => Use {
                status: "N/A",
                vif: "unbound",
                ..fixed("network:floatingip", text(world.floating_id(port)), "")
            },
            Port::Balancer(project) => Use {
                status: "DOWN",
                vif: "unbound",
                ..fixed("Octavia", format!("lb-{}", Uuid(self.id(Kind::LoadBalancer, project))), "")
            },
        }
    }

    fn server_use(&self, row: u32) -> Use {
        let world = &self.call.world;
        let server = world.server(row);
        let host = server.and_then(|server| server.host).and_then(|host| world.host(host));
        let (status, vif) = match server.map(|server| server.status) {
            Some(Status::Error) => ("DOWN", "binding_failed"),
            Some(Status::Shutoff | Status::ShelvedOffloaded) => ("DOWN", if host.is_some() { "ovs" } else { "unbound" }),
            _ => ("ACTIVE", "ovs"),
        };
        Use {
            owner: format!("compute:{}", host.and_then(|host| ZONES.get(host.zone)).unwrap_or(&"nova")),
            device: server.map(|server| Uuid(server.id).to_string()).unwrap_or_default(),
            host: host.map(|host| host.name.clone()).unwrap_or_default(),
            status,
            vif,
        }
    }

    /// What addresses and the hardware address end in.
    pub(super) fn last_bytes(&self, port: Port) -> [u64; 3] {
        let world = &self.call.world;
        match port {
            Port::Server(row, _) | Port::Floating(row) => world.server(row).map(address).unwrap_or_default(),
            Port::Interface(_) => [0, 0, 1],
            Port::Dhcp(_) => [0, 0, 2],
            Port::Gateway(_) | Port::Idle(..) | Port::Balancer(_) => {
                let key = mix(port.id(world.seed) as u64, 1);
                [key & 0xff, key >> 8 & 0xff, key >> 16 & 0xff]
            }
        }
    }

    /// IPv4 address of a port.
    pub(super) fn ipv4(&self, port: Port) -> String {
        let [a, b, c] = self.last_bytes(port);
        match port {
            Port::Gateway(_) | Port::Floating(_) | Port::Idle(..) => format!("198.51.{b}.{c}"),
            Port::Server(_, nic) if nic > 0 => format!("172.{}.{b}.{c}", 16 + (a & 15)),
            Port::Dhcp(network) if network <= crate::demo::world::network::SHARED => "172.16.0.2".to_owned(),
            _ => format!("10.{a}.{b}.{c}"),
        }
    }

    fn write_addresses_of(&self, j: &mut Json, port: Port, network: u32) {
        let entry = |j: &mut Json, v6: bool, ip: String| {
            j.object(|j| {
                let subnet = Subnet { network, v6 };
                j.put("subnet_id", Uuid(self.id(Kind::Subnet, subnet.number()))).put("ip_address", ip);
            });
        };
        entry(j, false, self.ipv4(port));
        if let Port::Server(row, 0) = port
            && self.call.world.server(row).is_some_and(has_v6)
        {
            let [a, b, c] = self.last_bytes(port);
            entry(j, true, format!("2001:db8:{a:x}:{b:x}::{c:x}"));
        }
    }

    fn created(&self, port: Port) -> u32 {
        let world = &self.call.world;
        match port {
            Port::Server(row, _) | Port::Floating(row) => world.server(row).map_or(0, |server| server.created),
            _ => seconds(world.started()),
        }
    }
}

fn vif_details(j: &mut Json) {
    j.put("connectivity", "l2").put("port_filter", true).put("ovs_hybrid_plug", false).put("ovs_create_tap", true);
    j.put("datapath_type", "system").put("bridge_name", "br-int");
    j.key("bound_drivers").object(|j| {
        j.put("0", "openvswitch");
    });
}
