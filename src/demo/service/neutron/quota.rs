//! Quotas with their use, counted from what there is.

use super::{Neutron, Result, error};
use crate::demo::call::Answer;
use crate::demo::world::network::{IDLE_FLOATING, has_floating};
use crate::demo::world::seed::parse_id;

impl Neutron<'_> {
    pub(super) fn quota_details(&self, id: &str) -> Result<Answer> {
        let world = &self.call.world;
        // Neutron answers for ids of nobody too: the defaults.
        let project = parse_id(id).and_then(|id| world.identity.project(id)).map(|(at, _)| at as u32);
        if !self.session.admin() && project != self.own_project() {
            return Err(error(403, "PolicyNotAuthorized", "(rule:get_quota) is disallowed by policy"));
        }
        let (mut servers, mut floating) = (0u32, 0);
        for (_, server) in world.wired().filter(|(_, server)| Some(server.project) == project) {
            servers += 1;
            floating += u32::from(has_floating(server));
        }
        let tenant = project.is_some_and(|project| world.tenants().contains(&project));
        let balancer = project.is_some_and(|project| world.has_balancer(project));
        let own = u32::from(tenant);
        // Ports of servers, the DHCP server, the router's leg and the load balancer.
        let ports = servers * 2 + own * 2 + u32::from(balancer);
        let limit = |used: u32, least: i64| (i64::from(used) * 3 / 2).max(least);
        let lines = [
            ("network", 100, own),
            ("subnet", 100, own * 2),
            ("subnetpool", -1, 0),
            ("port", limit(ports, 500), ports),
            ("router_route", 30, 0),
            ("router", 10, own),
            ("floatingip", limit(floating, 50), floating + own * IDLE_FLOATING),
            ("rbac_policy", 10, 0),
            ("security_group", 10, 1),
            ("security_group_rule", 100, 2),
            ("trunk", -1, 0),
        ];
        Ok(Answer::object(|j| {
            j.key("quota").object(|j| {
                for (name, limit, used) in lines {
                    j.key(name).object(|j| {
                        j.put("limit", limit).put("used", used).put("reserved", 0u32);
                    });
                }
            });
        }))
    }
}
