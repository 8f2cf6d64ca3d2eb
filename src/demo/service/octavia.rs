//! Octavia: load balancers, listeners, pools, amphorae, traffic, health of members, quotas. One of each for every other
//! project, with two members, a health monitor and a policy of one rule.

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json::{self, Hex, Json, Null, Plain, Uuid};
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::network::Port;
use crate::demo::world::seconds;
use crate::demo::world::seed::{Kind, mix, parse_id, uuid};

pub(super) const SERVICE: Service = Service {
    name: "octavia",
    base: "load-balancer",
    shared: false,
    catalog: &[("load-balancer", "octavia", "")],
    answer,
};

struct Octavia<'a> {
    call: &'a Call<'a>,
    session: Session,
}

fn answer(call: &Call<'_>) -> Answer {
    let rest = match call.path.as_slice() {
        [] => return versions(call),
        ["v2.0" | "v2", rest @ ..] => rest,
        _ => return fault(404, "Not Found"),
    };
    let Some(session) = call.session() else { return Answer::unauthorized(call) };
    let octavia = Octavia { call, session };
    match rest {
        ["lbaas", "loadbalancers"] => octavia.list("lbaas/loadbalancers", Octavia::balancer),
        ["lbaas", "loadbalancers", id, "stats"] => octavia.stats(id),
        ["lbaas", "loadbalancers", id, "status"] => octavia.status(id),
        ["lbaas", "listeners"] => octavia.list("lbaas/listeners", Octavia::listener),
        ["lbaas", "pools"] => octavia.list("lbaas/pools", Octavia::pool),
        ["lbaas", "healthmonitors"] => octavia.list("lbaas/healthmonitors", Octavia::monitor),
        ["lbaas", "l7policies"] => octavia.list("lbaas/l7policies", Octavia::policy),
        ["lbaas", "quotas"] => octavia.list("lbaas/quotas", Octavia::quota),
        ["lbaas", "quotas", _, "default"] => Answer::object(|j| {
            j.key("quota").object(|j| limits(j, [-1, -1, -1]));
        }),
        ["octavia", "amphorae"] if octavia.session.admin() => octavia.list("octavia/amphorae", Octavia::amphora),
        ["octavia", "amphorae"] => fault(403, "Policy does not allow this request to be performed."),
        _ => fault(404, "Not Found"),
    }
}

fn versions(call: &Call<'_>) -> Answer {
    Answer::object(|j| {
        j.key("versions").array(|j| {
            j.object(|j| {
                j.put("id", "v2.27").put("status", "CURRENT").put("updated", "2023-11-10T00:00:00Z");
                j.key("links").array(|j| {
                    j.object(|j| {
                        j.put("href", format!("{}/v2", call.url)).put("rel", "self");
                    });
                });
            });
        });
    })
}

fn fault(status: u16, message: &str) -> Answer {
    let body = json::object(|j| {
        j.put("faultcode", if status < 500 { "Client" } else { "Server" }).put("faultstring", message);
        j.put("debuginfo", Null);
    });
    Answer::new(status, body)
}

impl Octavia<'_> {
    fn id(&self, kind: Kind, project: u32) -> u128 {
        uuid(self.call.world.seed, kind, u64::from(project))
    }

    /// Rows of the projects whose load balancers the token sees.
    fn projects(&self) -> impl Iterator<Item = u32> {
        let own = match self.session.scope {
            Scope::Project(at) => u32::try_from(at).ok(),
            _ => None,
        };
        let (world, admin) = (&self.call.world, self.session.admin());
        world.tenants().filter(move |project| world.has_balancer(*project) && (admin || own == Some(*project)))
    }

    fn list(&self, path: &str, write: fn(&Self, &mut Json, u32) -> u128) -> Answer {
        let call = self.call;
        let key = path.rsplit('/').next().unwrap_or(path);
        let greatest = call.cloud.settings.page_size;
        let limit = call.param("limit").and_then(|text| text.parse().ok()).filter(|limit| *limit > 0);
        let limit = limit.map_or(greatest, |limit: usize| limit.min(greatest));
        let marker = call.param("marker").and_then(|id| parse_id(&id));
        let mut projects = self.projects();
        if let Some(marker) = marker
            && !projects.any(|project| write(self, &mut Json::default(), project) == marker)
        {
            return fault(400, "The marker could not be found.");
        }
        let (mut last, mut count) = (0, 0);
        let mut j = Json::with_capacity(limit * 800);
        j.object(|j| {
            j.key(key).array(|j| {
                for project in projects.take(limit) {
                    j.object(|j| last = write(self, j, project));
                    count += 1;
                }
            });
            j.key(format!("{key}_links")).array(|j| {
                if count == limit {
                    j.object(|j| {
                        let href = call.next_href(&format!("/v2.0/{path}"), &Uuid(last).to_string());
                        j.put("href", href).put("rel", "next");
                    });
                }
            });
        });
        Answer::new(200, j.into_bytes())
    }

    fn project(&self, project: u32) -> (u128, &str) {
        let found = self.call.world.identity.projects.get(project as usize);
        found.map_or((0, ""), |project| (project.id, project.name.as_str()))
    }

    /// What every object has; some are broken.
    fn common(&self, j: &mut Json, id: u128, name: &str, project: u32) {
        let (operating, provisioning) = match project % 14 {
            6 => ("ERROR", "ACTIVE"),
            10 => ("OFFLINE", "PENDING_UPDATE"),
            _ => ("ONLINE", "ACTIVE"),
        };
        let created = seconds(self.call.world.started());
        j.put("id", Uuid(id)).put("name", name).put("description", "").put("admin_state_up", true);
        j.put("provisioning_status", provisioning).put("operating_status", operating);
        j.put("project_id", Hex(self.project(project).0)).put("tenant_id", Hex(self.project(project).0));
        j.put("created_at", zoneless(created)).put("updated_at", zoneless(created)).key("tags").array(|_| {});
    }

    fn balancer(&self, j: &mut Json, project: u32) -> u128 {
        let id = self.id(Kind::LoadBalancer, project);
        self.common(j, id, &format!("{}-lb", self.project(project).1), project);
        let port = Port::Balancer(project).id(self.call.world.seed);
        j.put("provider", "amphora").put("flavor_id", Null).put("availability_zone", Null);
        j.put("vip_address", Plain(format_args!("10.{}.{}.7", project >> 8 & 0xff, project & 0xff)));
        j.put("vip_network_id", Uuid(self.id(Kind::Network, project))).put("vip_port_id", Uuid(port));
        j.put("vip_subnet_id", Uuid(self.id(Kind::Subnet, project * 2))).put("vip_qos_policy_id", Null);
        j.put("vip_vnic_type", "normal").key("additional_vips").array(|_| {});
        self.reference(j, "listeners", self.id(Kind::Listener, project));
        self.reference(j, "pools", self.id(Kind::Pool, project));
        id
    }

    fn listener(&self, j: &mut Json, project: u32) -> u128 {
        let id = self.id(Kind::Listener, project);
        self.common(j, id, "web", project);
        j.put("protocol", if project.is_multiple_of(3) { "TERMINATED_HTTPS" } else { "HTTP" }).put("protocol_port", 80u32);
        j.put("connection_limit", -1i32).put("default_pool_id", Uuid(self.id(Kind::Pool, project)));
        self.reference(j, "loadbalancers", self.id(Kind::LoadBalancer, project));
        id
    }

    fn pool(&self, j: &mut Json, project: u32) -> u128 {
        let id = self.id(Kind::Pool, project);
        self.common(j, id, "web", project);
        j.put("protocol", "HTTP").put("lb_algorithm", "ROUND_ROBIN").put("session_persistence", Null);
        j.put("healthmonitor_id", Uuid(self.monitor_id(project))).put("tls_enabled", false);
        self.reference(j, "loadbalancers", self.id(Kind::LoadBalancer, project));
        self.reference(j, "listeners", self.id(Kind::Listener, project));
        j.key("members").array(|j| {
            for at in 0..2 {
                j.object(|j| {
                    j.put("id", Uuid(self.id(Kind::Member, project * 2 + at)));
                });
            }
        });
        id
    }

    fn monitor_id(&self, project: u32) -> u128 {
        uuid(mix(self.call.world.seed, 3), Kind::Pool, u64::from(project))
    }

    fn monitor(&self, j: &mut Json, project: u32) -> u128 {
        let id = self.monitor_id(project);
        self.common(j, id, "web", project);
        j.put("type", "HTTP").put("delay", 10u32).put("timeout", 5u32).put("max_retries", 3u32);
        self.reference(j, "pools", self.id(Kind::Pool, project));
        id
    }

    fn policy(&self, j: &mut Json, project: u32) -> u128 {
        let id = uuid(mix(self.call.world.seed, 4), Kind::Listener, u64::from(project));
        self.common(j, id, "to-https", project);
        j.put("action", "REDIRECT_TO_URL").put("position", 1u32);
        j.put("listener_id", Uuid(self.id(Kind::Listener, project)));
        self.reference(j, "rules", mix(id as u64, 5).into());
        id
    }

    /// Limits that were changed; -1 is unlimited.
    fn quota(&self, j: &mut Json, project: u32) -> u128 {
        let id = self.project(project).0;
        j.put("project_id", Hex(id));
        limits(j, [10, 20, 50]);
        id
    }

    fn amphora(&self, j: &mut Json, project: u32) -> u128 {
        let id = self.id(Kind::Amphora, project);
        let created = seconds(self.call.world.started());
        let ip = format!("192.168.{}.{}", project >> 8 & 0xff, project & 0xff);
        j.put("id", Uuid(id)).put("loadbalancer_id", Uuid(self.id(Kind::LoadBalancer, project)));
        j.put("compute_id", Uuid(uuid(mix(id as u64, 2), Kind::Server, 0))).put("lb_network_ip", &ip);
        j.put("vrrp_ip", &ip).put("ha_ip", Plain(format_args!("10.{}.{}.7", project >> 8 & 0xff, project & 0xff)));
        j.put("vrrp_port_id", Null).put("ha_port_id", Uuid(Port::Balancer(project).id(self.call.world.seed)));
        j.put("cert_expiration", zoneless(created + 30 * 86_400)).put("cert_busy", false);
        j.put("role", "STANDALONE").put("status", if project % 14 == 6 { "ERROR" } else { "ALLOCATED" });
        j.put("vrrp_interface", "eth1").put("vrrp_id", 1u32).put("vrrp_priority", Null).put("cached_zone", Null);
        j.put("created_at", zoneless(created)).put("updated_at", zoneless(created)).put("image_id", Null);
        id
    }

    fn reference(&self, j: &mut Json, key: &str, id: u128) {
        j.key(key).array(|j| {
            j.object(|j| {
                j.put("id", Uuid(id));
            });
        });
    }

    /// Whose load balancer it is.
    fn project_of(&self, id: &str) -> Result<u32, Answer> {
        let wanted = parse_id(id);
        let found = self.projects().find(|project| Some(self.id(Kind::LoadBalancer, *project)) == wanted);
        found.ok_or_else(|| fault(404, &format!("Load Balancer {id} not found.")))
    }

    /// The tree of statuses; where a load balancer is in error, so is a member.
    fn status(&self, id: &str) -> Answer {
        let project = match self.project_of(id) {
            Ok(project) => project,
            Err(missing) => return missing,
        };
        let member = |j: &mut Json, at: u32| {
            let status = if at == 0 && project % 14 == 6 { "ERROR" } else { "ONLINE" };
            j.put("id", Uuid(self.id(Kind::Member, project * 2 + at))).put("operating_status", status);
            j.put("provisioning_status", "ACTIVE").put("protocol_port", 80u32);
        };
        let pool = |j: &mut Json| {
            j.put("id", Uuid(self.id(Kind::Pool, project))).put("name", "web").put("provisioning_status", "ACTIVE");
            j.key("members").array(|j| {
                for at in 0..2 {
                    j.object(|j| member(j, at));
                }
            });
        };
        let listener = |j: &mut Json| {
            j.put("id", Uuid(self.id(Kind::Listener, project))).put("name", "web");
            j.key("pools").array(|j| {
                j.object(pool);
            });
        };
        Answer::object(|j| {
            j.key("statuses").object(|j| {
                j.key("loadbalancer").object(|j| {
                    j.put("id", Uuid(self.id(Kind::LoadBalancer, project)));
                    j.key("listeners").array(|j| {
                        j.object(listener);
                    });
                });
            });
        })
    }

    /// Counters that grow with time, each at its own pace.
    fn stats(&self, id: &str) -> Answer {
        let project = match self.project_of(id) {
            Ok(project) => project,
            Err(missing) => return missing,
        };
        let age = u64::from(seconds(self.call.now).saturating_sub(seconds(self.call.world.started())));
        let pace = 1 + mix(u64::from(project), 7) % 50;
        Answer::object(|j| {
            j.key("stats").object(|j| {
                j.put("bytes_in", age * pace * 1200).put("bytes_out", age * pace * 16_000);
                j.put("active_connections", pace * 3).put("total_connections", age * pace);
                j.put("request_errors", age * pace / 1000);
            });
        })
    }
}

/// Limits of load balancers, of what one has one of, and of members.
fn limits(j: &mut Json, [balancers, each, members]: [i32; 3]) {
    j.put("loadbalancer", balancers).put("load_balancer", balancers).put("member", members);
    for key in ["listener", "pool", "healthmonitor", "health_monitor", "l7policy", "l7rule"] {
        j.put(key, each);
    }
}

/// `2026-11-21T20:45:12`: Octavia's times have no zone.
fn zoneless(second: u32) -> String {
    crate::model::clock::Timestamp::from_seconds(i64::from(second)).to_string().replace('Z', "")
}
