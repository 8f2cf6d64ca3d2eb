//! Routers and their agents, floating IPs, agents.

use super::list::Row;
use super::{Neutron, Result, error};
use crate::demo::call::Answer;
use crate::demo::json::{Json, Null, Plain, Uuid};
use crate::demo::world::network::{NETWORK_NODES, PUBLIC, Port};
use crate::demo::world::seed::{Kind, parse_id};
use crate::demo::world::{Status, seconds};
use crate::model::clock::Timestamp;

/// Agents of a network node: type, binary, topic, zone.
const NODE_AGENTS: [(&str, &str, &str, Option<&str>); 4] = [
    ("L3 agent", "neutron-l3-agent", "l3_agent", Some("nova")),
    ("DHCP agent", "neutron-dhcp-agent", "dhcp_agent", Some("nova")),
    ("Metadata agent", "neutron-metadata-agent", "N/A", None),
    OVS,
];
const OVS: (&str, &str, &str, Option<&str>) = ("Open vSwitch agent", "neutron-openvswitch-agent", "N/A", None);

/// An agent as it stands at the moment of the answer.
struct Agent {
    number: u32,
    kind: (&'static str, &'static str, &'static str, Option<&'static str>),
    host: String,
    heartbeat: u32,
    alive: bool,
    enabled: bool,
}

/// Whether a project's router is highly available, which means that each network node serves it.
fn is_ha(project: u32) -> bool {
    project % 8 == 5
}

/// Place of the network node on which a project's router is, or is active.
fn node(project: u32) -> usize {
    project as usize % NETWORK_NODES.len()
}

fn serves(place: usize, project: u32) -> bool {
    is_ha(project) || place == node(project)
}

impl Neutron<'_> {
    pub(super) fn routers(&self) -> Result<Answer> {
        let world = &self.call.world;
        let items = world.tenants().filter(|project| self.sees(Some(*project)));
        let items = items.map(|project| (self.id(Kind::Router, project), project));
        self.list("routers", items, |row, id, project| self.write_router(row, id, *project))
    }

    fn write_router(&self, row: &mut Row<'_>, id: &str, project: u32) {
        let world = &self.call.world;
        row.put("id", id).put("name", format!("{}-router", self.project_name(project)));
        row.project(self.project_id(Some(project))).put("admin_state_up", true).put("status", "ACTIVE");
        if world.has_gateway(project) {
            row.object("external_gateway_info", |j| {
                j.put("network_id", Uuid(self.id(Kind::Network, PUBLIC))).key("external_fixed_ips").array(|j| {
                    j.object(|j| {
                        j.put("subnet_id", Uuid(self.id(Kind::Subnet, PUBLIC)));
                        j.put("ip_address", self.ipv4(Port::Gateway(project)));
                    });
                });
                j.put("enable_snat", true);
            });
        } else {
            row.put("external_gateway_info", Null);
        }
        row.put("description", "").array("availability_zones", |j| {
            j.item("nova");
        });
        row.array("availability_zone_hints", |_| {}).array("routes", |_| {}).put("flavor_id", Null);
        if self.session.admin() {
            row.put("distributed", false).put("ha", is_ha(project));
        }
        row.standard(seconds(world.started()));
    }

    pub(super) fn l3_agents(&self, id: &str) -> Result<Answer> {
        let wanted = parse_id(id);
        let found = self.call.world.tenants().find(|project| Some(self.id(Kind::Router, *project)) == wanted);
        let unknown = || error(404, "RouterNotFound", &format!("Router {id} could not be found"));
        let project = found.filter(|_| self.session.admin()).ok_or_else(unknown)?;
        let mut json = Json::with_capacity(1024);
        json.object(|j| {
            j.key("agents").array(|j| {
                for (place, agent) in self.l3_node_agents().filter(|(place, _)| serves(*place, project)) {
                    let state = if place == node(project) { "active" } else { "standby" };
                    j.object(|json| {
                        let mut row = Row::whole(json);
                        self.write_agent(&mut row, &agent);
                        row.object("resource_versions", |_| {}).put("ha_chassis_priority", Null);
                        row.put("ha_state", is_ha(project).then_some(state));
                    });
                }
            });
        });
        Ok(Answer::new(200, json.into_bytes()))
    }

    /// Routers that an agent serves: all in one answer, as the real one gives them.
    pub(super) fn l3_routers(&self, id: &str) -> Result<Answer> {
        let wanted = parse_id(id).filter(|_| self.session.admin());
        let mut agents = self.l3_node_agents();
        let found = agents.find(|(_, agent)| Some(self.id(Kind::NetworkAgent, agent.number)) == wanted);
        let (place, _) = found.ok_or_else(|| error(404, "AgentNotFound", &format!("Agent {id} could not be found.")))?;
        let mut json = Json::with_capacity(16 * 1024);
        json.object(|j| {
            j.key("routers").array(|j| {
                for project in self.call.world.tenants().filter(|project| serves(place, *project)) {
                    let id = Uuid(self.id(Kind::Router, project)).to_string();
                    j.object(|json| self.write_router(&mut Row::whole(json), &id, project));
                }
            });
        });
        Ok(Answer::new(200, json.into_bytes()))
    }

    /// L3 agents with the place of their network node.
    fn l3_node_agents(&self) -> impl Iterator<Item = (usize, Agent)> {
        self.node_agents().filter(|agent| agent.kind.1 == "neutron-l3-agent").enumerate()
    }

    pub(super) fn agents(&self) -> Result<Answer> {
        let items = self.node_agents().chain(self.host_agents()).filter(|_| self.session.admin());
        let binary = self.call.param("binary");
        let items = items.filter(|agent| binary.as_ref().is_none_or(|binary| agent.kind.1 == *binary));
        let items = items.map(|agent| (self.id(Kind::NetworkAgent, agent.number), agent));
        self.list("agents", items, |row, _, agent| self.write_agent(row, agent))
    }

    fn node_agents(&self) -> impl Iterator<Item = Agent> {
        let heartbeat = seconds(self.call.now) - 5;
        NETWORK_NODES.into_iter().enumerate().flat_map(move |(node, host)| {
            NODE_AGENTS.into_iter().enumerate().map(move |(at, kind)| Agent {
                number: (node * NODE_AGENTS.len() + at) as u32,
                kind,
                host: host.to_owned(),
                heartbeat,
                alive: true,
                enabled: true,
            })
        })
    }

    /// One on each hypervisor; it stops reporting when the compute service there does.
    fn host_agents(&self) -> impl Iterator<Item = Agent> {
        let world = &self.call.world;
        let first = (NETWORK_NODES.len() * NODE_AGENTS.len()) as u32;
        (0u32..).zip(world.hosts()).map(move |(row, host)| {
            let (heartbeat, alive) = world.heartbeat(row, self.call.now);
            Agent { number: first + row, kind: OVS, host: host.name.clone(), heartbeat, alive, enabled: true }
        })
    }

    fn write_agent(&self, row: &mut Row<'_>, agent: &Agent) {
        let (kind, binary, topic, zone) = agent.kind;
        row.put("id", Uuid(self.id(Kind::NetworkAgent, agent.number))).put("agent_type", kind).put("binary", binary);
        row.put("topic", topic).put("host", &agent.host).put("admin_state_up", agent.enabled);
        let started = blank(seconds(self.call.world.started()));
        row.put("created_at", &started).put("started_at", &started);
        row.put("heartbeat_timestamp", blank(agent.heartbeat)).put("description", Null).put("resources_synced", Null);
        row.put("availability_zone", zone).put("alive", agent.alive);
        row.object("configurations", |j| configurations(j, binary));
    }

    pub(super) fn floating_ips(&self) -> Result<Answer> {
        let world = &self.call.world;
        let items = world.floating_ips().filter(|port| self.sees(self.owner(*port)));
        let items = items.map(|port| (world.floating_id(port), port));
        self.list("floatingips", items, |row, id, port| self.write_floating(row, id, *port))
    }

    /// Row of the project that a floating IP belongs to.
    pub(super) fn owner(&self, port: Port) -> Option<u32> {
        match port {
            Port::Floating(row) => self.call.world.server(row).map(|server| server.project),
            Port::Idle(project, _) => Some(project),
            _ => None,
        }
    }

    fn write_floating(&self, row: &mut Row<'_>, id: &str, port: Port) {
        let world = &self.call.world;
        let project = self.owner(port);
        let target = match port {
            Port::Floating(row) => world.server(row).map(|server| (Port::Server(row, 0), server)),
            _ => None,
        };
        row.put("id", id).project(self.project_id(project)).put("floating_ip_address", self.ipv4(port));
        row.put("floating_network_id", Uuid(self.id(Kind::Network, PUBLIC)));
        let router = project.filter(|_| target.is_some()).map(|project| Uuid(self.id(Kind::Router, project)));
        row.put("router_id", router).put("port_id", target.map(|(port, _)| Uuid(port.id(world.seed))));
        row.put("fixed_ip_address", target.map(|(port, _)| self.ipv4(port)));
        let up = target.is_some_and(|(_, server)| server.status != Status::Error);
        row.put("status", if up { "ACTIVE" } else { "DOWN" }).put("description", "").put("qos_policy_id", Null);
        match target {
            Some((port, server)) => {
                row.object("port_details", |j| {
                    j.put("name", "").put("network_id", Uuid(self.id(Kind::Network, port.network(world))));
                    let [a, b, c] = self.last_bytes(port);
                    j.put("mac_address", Plain(format_args!("fa:16:3e:{a:02x}:{b:02x}:{c:02x}")));
                    j.put("admin_state_up", true).put("status", "ACTIVE");
                    j.put("device_id", Uuid(server.id)).put("device_owner", "compute:nova");
                });
            }
            None => {
                row.put("port_details", Null);
            }
        }
        row.array("port_forwardings", |_| {}).standard(seconds(world.started()));
    }
}

/// `2026-11-21 20:45:12`, as agents tell times.
fn blank(second: u32) -> String {
    Timestamp::from_seconds(i64::from(second)).to_string().replace('T', " ").replace('Z', "")
}

fn configurations(j: &mut Json, binary: &str) {
    j.put("log_agent_heartbeats", false);
    match binary {
        "neutron-l3-agent" => {
            j.put("agent_mode", "legacy").put("ex_gw_ports", 0u32).put("floating_ips", 0u32).put("interfaces", 0u32);
            j.put("handle_internal_only_routers", true).put("interface_driver", "openvswitch").put("routers", 0u32);
            j.key("extensions").array(|_| {});
        }
        "neutron-dhcp-agent" => {
            j.put("dhcp_driver", "neutron.agent.linux.dhcp.Dnsmasq").put("dhcp_lease_duration", 86_400u32);
            j.put("networks", 0u32).put("ports", 0u32).put("subnets", 0u32);
        }
        "neutron-metadata-agent" => {
            j.put("metadata_proxy_socket", "/run/proxy").put("nova_metadata_host", "127.0.0.1");
            j.put("nova_metadata_port", 8775u32);
        }
        _ => {
            j.put("arp_responder_enabled", true).put("baremetal_smartnic", false).put("datapath_type", "system");
            j.key("bridge_mappings").object(|j| {
                j.put("public", "br-ex");
            });
            j.put("devices", 0u32).put("enable_distributed_routing", false).key("extensions").array(|_| {});
            j.put("in_distributed_mode", false).put("integration_bridge", "br-int").put("l2_population", false);
            j.key("ovs_capabilities").object(|j| {
                j.key("datapath_types").array(|j| {
                    j.item("netdev").item("system");
                });
                j.key("iface_types").array(|_| {});
            });
            j.put("ovs_hybrid_plug", false).put("tunneling_ip", "127.0.0.1");
            j.put("vhostuser_socket_dir", "/var/run/openvswitch").key("tunnel_types").array(|j| {
                j.item("vxlan");
            });
        }
    }
}
