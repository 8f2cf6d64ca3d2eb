//! Neutron: networks, subnets, ports, routers, floating IPs, agents, addresses, quotas.
//!
//! As the real one, it leaves out silently what the token may not see, and answers lists that only administrators
//! may read with none. Without the VPN plugin.

mod attachment;
mod list;
mod ports;
mod quota;
mod topology;

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json;
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::seed::{Kind, uuid};

pub(super) const SERVICE: Service = Service {
    name: "neutron",
    base: "network",
    shared: false,
    catalog: &[("network", "neutron", "")],
    answer,
};

/// A request with who asks.
struct Neutron<'a> {
    call: &'a Call<'a>,
    session: Session,
}

type Result<T> = std::result::Result<T, Answer>;

fn answer(call: &Call<'_>) -> Answer {
    let rest = match call.path.as_slice() {
        [] => return versions(call),
        ["v2.0", rest @ ..] => rest,
        _ => return missing(),
    };
    let Some(session) = call.session() else { return Answer::unauthorized(call) };
    let neutron = Neutron { call, session };
    neutron.dispatch(rest).unwrap_or_else(|refused| refused)
}

fn versions(call: &Call<'_>) -> Answer {
    Answer::object(|j| {
        j.key("versions").array(|j| {
            j.object(|j| {
                j.put("id", "v2.0").put("status", "CURRENT").key("links").array(|j| {
                    j.object(|j| {
                        j.put("rel", "self").put("href", format!("{}/v2.0/", call.url));
                    });
                });
            });
        });
    })
}

/// What the router in front of all resources says.
fn missing() -> Answer {
    let body = b"{\"message\": \"The resource could not be found.\", \"code\": \"404 Not Found\", \"title\": \"Not Found\"}";
    Answer::new(404, body.to_vec())
}

fn error(status: u16, kind: &str, message: &str) -> Answer {
    let body = json::object(|j| {
        j.key("NeutronError").object(|j| {
            j.put("type", kind).put("message", message).put("detail", "");
        });
    });
    Answer::new(status, body)
}

impl Neutron<'_> {
    fn dispatch(&self, path: &[&str]) -> Result<Answer> {
        match path {
            ["networks"] => self.networks(),
            ["subnets"] => self.subnets(),
            ["subnetpools"] => self.subnet_pools(),
            ["network-ip-availabilities"] => self.addresses(),
            ["ports"] => self.ports(),
            ["floatingips"] => self.floating_ips(),
            ["routers"] => self.routers(),
            ["routers", id, "l3-agents"] => self.l3_agents(id),
            ["agents"] => self.agents(),
            ["agents", id, "l3-routers"] => self.l3_routers(id),
            ["security-groups"] => self.security_groups(),
            ["quotas", id, "details.json" | "details"] => self.quota_details(id),
            _ => Err(missing()),
        }
    }

    /// Whether the token sees what belongs to a project.
    fn sees(&self, project: Option<u32>) -> bool {
        self.session.admin() || (project.is_some() && project == self.own_project())
    }

    fn own_project(&self) -> Option<u32> {
        match self.session.scope {
            Scope::Project(at) => u32::try_from(at).ok(),
            _ => None,
        }
    }

    /// Id of the n-th thing of a kind in this region.
    fn id(&self, kind: Kind, number: u32) -> u128 {
        uuid(self.call.world.seed, kind, u64::from(number))
    }

    /// Id of a project, 0 for none.
    fn project_id(&self, project: Option<u32>) -> u128 {
        let projects = &self.call.world.identity.projects;
        project.and_then(|row| projects.get(row as usize)).map_or(0, |project| project.id)
    }

    fn project_name(&self, project: u32) -> &str {
        self.call.world.identity.projects.get(project as usize).map_or("", |project| &project.name)
    }
}
