//! What the network service has, derived from servers, hosts and projects: nothing is stored, so that nothing can
//! disagree with Nova.
//!
//! Every project has a network with two subnets and a router; every server that ever ran has a port there and one on
//! a shared network; one server in eight has a floating IP, by the same rule as in Nova's addresses.

use super::identity::OWN_PROJECTS;
use super::seed::{Kind, uuid};
use super::{Server, Status, World};

/// Number of the external network.
pub(crate) const PUBLIC: u32 = 0;
/// Number of the network that every project shares.
pub(crate) const SHARED: u32 = 1;
/// Hosts of the DHCP, L3 and metadata agents.
pub(crate) const NETWORK_NODES: [&str; 2] = ["network-1", "network-2"];
/// Floating IPs that each project keeps without use.
pub(crate) const IDLE_FLOATING: u32 = 2;

/// Why there is a port. Numbers are rows of servers, or of projects, whose networks and routers have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// Network card (0, 1) of a server.
    Server(u32, u8),
    /// DHCP server of a network.
    Dhcp(u32),
    /// A router's leg in its project's network.
    Interface(u32),
    /// A router's leg in the external network.
    Gateway(u32),
    /// A floating IP of a server.
    Floating(u32),
    /// A floating IP without use: project, and which of them.
    Idle(u32, u32),
    /// Address of the project's load balancer.
    Balancer(u32),
}

impl Port {
    /// Its id; floating IPs have one of their own besides, see [`World::floating_id`].
    pub(crate) fn id(self, seed: u64) -> u128 {
        let (class, number) = match self {
            Self::Server(row, nic) => (u64::from(nic), u64::from(row)),
            Self::Dhcp(network) => (2, u64::from(network)),
            Self::Interface(project) => (3, u64::from(project)),
            Self::Gateway(project) => (4, u64::from(project)),
            Self::Floating(row) => (5, u64::from(row)),
            Self::Idle(project, at) => (6, u64::from(project) * u64::from(IDLE_FLOATING) + u64::from(at)),
            Self::Balancer(project) => (7, u64::from(project)),
        };
        uuid(seed, Kind::Port, class << 40 | number)
    }

    /// Number of the network that it is in.
    pub(crate) fn network(self, world: &World) -> u32 {
        match self {
            Self::Server(row, 0) => world.server(row).map_or(SHARED, |server| server.project),
            Self::Server(..) => SHARED,
            Self::Dhcp(number) | Self::Interface(number) | Self::Balancer(number) => number,
            Self::Gateway(_) | Self::Floating(_) | Self::Idle(..) => PUBLIC,
        }
    }

    /// Row of its project; none for what Neutron made for itself.
    pub(crate) fn project(self, world: &World) -> Option<u32> {
        match self {
            Self::Server(row, _) => world.server(row).map(|server| server.project),
            Self::Dhcp(number) | Self::Interface(number) | Self::Balancer(number) => Some(number),
            Self::Gateway(_) | Self::Floating(_) | Self::Idle(..) => None,
        }
    }
}

/// Whether a server has ports.
pub(crate) fn is_wired(server: &Server) -> bool {
    server.launched > 0 && server.status != Status::Deleted
}

/// Whether it has an IPv6 address, and whether a floating IP: by the bits that Nova's addresses go by.
pub(crate) fn has_v6(server: &Server) -> bool {
    server.key(11) >> 24 & 1 == 0
}

/// Whether a server has a floating IP.
pub(crate) fn has_floating(server: &Server) -> bool {
    is_wired(server) && server.key(11) >> 25 & 7 == 0
}

/// Three bytes that a server's addresses end in.
pub(crate) fn address(server: &Server) -> [u64; 3] {
    let key = server.key(11);
    [key & 0xff, key >> 8 & 0xff, key >> 16 & 0xff]
}

impl World {
    /// Projects that have a network, a router and a quota of their own; `admin` and `service` own the other networks.
    pub(crate) fn tenants(&self) -> std::ops::Range<u32> {
        OWN_PROJECTS as u32..self.identity.projects.len() as u32
    }

    /// Numbers of all networks.
    pub(crate) fn networks(&self) -> std::ops::Range<u32> {
        0..self.identity.projects.len() as u32
    }

    /// Whether a project's router leads out.
    pub(crate) fn has_gateway(&self, project: u32) -> bool {
        project % 10 != 9
    }

    /// Whether a project has a load balancer.
    pub(crate) fn has_balancer(&self, project: u32) -> bool {
        project >= OWN_PROJECTS as u32 && project.is_multiple_of(2)
    }

    /// Servers that have ports.
    pub(crate) fn wired(&self) -> impl Iterator<Item = (u32, &Server)> {
        (0u32..).zip(&self.servers).filter(|(_, server)| is_wired(server))
    }

    /// All ports, always in the same order.
    pub(crate) fn ports(&self) -> impl Iterator<Item = Port> {
        let servers = self.wired().flat_map(|(row, _)| [Port::Server(row, 0), Port::Server(row, 1)]);
        let fixed = self.tenants().flat_map(|project| {
            let gateway = self.has_gateway(project).then_some(Port::Gateway(project));
            let balancer = self.has_balancer(project).then_some(Port::Balancer(project));
            [Port::Dhcp(project), Port::Interface(project)].into_iter().chain(gateway).chain(balancer)
        });
        servers.chain([Port::Dhcp(SHARED)]).chain(fixed).chain(self.floating_ips())
    }

    /// Ports of all floating IPs, those without use included.
    pub(crate) fn floating_ips(&self) -> impl Iterator<Item = Port> {
        let used = self.wired().filter(|(_, server)| has_floating(server)).map(|(row, _)| Port::Floating(row));
        used.chain(self.tenants().flat_map(|project| (0..IDLE_FLOATING).map(move |at| Port::Idle(project, at))))
    }

    /// Id of the floating IP that a port belongs to.
    pub(crate) fn floating_id(&self, port: Port) -> u128 {
        uuid(port.id(self.seed) as u64, Kind::FloatingIp, 0)
    }
}
