//! Magnum: clusters in both lists, conductors. Administrators see all projects' without asking.

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json::{self, Hex, Json, Null, Plain, Uuid};
use crate::demo::page::page;
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::platform::Cluster;

pub(super) const SERVICE: Service = Service {
    name: "magnum",
    base: "container-infra",
    shared: false,
    catalog: &[("container-infra", "magnum", "/v1")],
    answer,
};

fn answer(call: &Call<'_>) -> Answer {
    if call.path.is_empty() {
        return versions(call);
    }
    let Some(session) = call.session() else { return Answer::unauthorized(call) };
    match call.path.as_slice() {
        ["v1", "clusters"] => clusters(call, &session, false),
        ["v1", "clusters", "detail"] => clusters(call, &session, true),
        ["v1", "mservices"] if session.admin() => conductors(),
        ["v1", "mservices"] => {
            error(call, 403, "Forbidden", "Policy doesn't allow magnum-service:get_all to be performed.")
        }
        _ => error(call, 404, "Not Found", "The resource could not be found."),
    }
}

fn versions(call: &Call<'_>) -> Answer {
    Answer::object(|j| {
        j.put("name", "OpenStack Magnum API").put("description", "Magnum is an OpenStack project.");
        j.key("versions").array(|j| {
            j.object(|j| {
                j.put("id", "v1").put("status", "CURRENT").put("max_version", "1.11").put("min_version", "1.1");
                j.key("links").array(|j| {
                    j.object(|j| {
                        j.put("href", format!("{}/v1/", call.url)).put("rel", "self");
                    });
                });
            });
        });
    })
}

fn error(call: &Call<'_>, status: u16, title: &str, detail: &str) -> Answer {
    let body = json::object(|j| {
        j.key("errors").array(|j| {
            j.object(|j| {
                j.put("request_id", &call.request_id).put("code", "client").put("status", status);
                j.put("title", title).put("detail", detail).key("links").array(|_| {});
            });
        });
    });
    Answer::new(status, body)
}

fn clusters(call: &Call<'_>, session: &Session, detail: bool) -> Answer {
    let mut rows = call.world.clusters();
    rows.retain(|row| session.admin() || session.scope == Scope::Project(row.project));
    let Some(page) = page(call, call.cloud.settings.page_size, &rows, |row| row.id) else {
        return error(call, 400, "Bad Request", "Limit or marker is invalid.");
    };
    Answer::object(|j| {
        j.key("clusters").array(|j| {
            for row in page.rows {
                j.object(|j| write(j, call, row, detail));
            }
        });
        if let Some(marker) = page.marker {
            let path = if detail { "/v1/clusters/detail" } else { "/v1/clusters" };
            j.put("next", call.next_href(path, &Uuid(marker).to_string()));
        }
    })
}

fn write(j: &mut Json, call: &Call<'_>, row: &Cluster, detail: bool) {
    let (url, id) = (&call.url, Uuid(row.id));
    j.key("links").array(|j| {
        for (rel, path) in [("self", "v1/clusters"), ("bookmark", "clusters")] {
            j.object(|j| {
                j.put("href", Plain(format_args!("{url}/{path}/{id}"))).put("rel", rel);
            });
        }
    });
    j.put("uuid", id).put("name", &row.name).put("cluster_template_id", Uuid(row.template)).put("keypair", Null);
    j.put("docker_volume_size", Null).key("labels").object(|_| {});
    j.put("node_count", row.nodes).put("master_count", row.masters).put("flavor_id", "m1.large");
    j.put("master_flavor_id", "m1.large").put("create_timeout", 60u32).put("stack_id", Uuid(row.stack));
    j.put("status", row.status).put("health_status", row.health);
    if detail {
        let project = call.world.identity.projects.get(row.project);
        j.put("project_id", project.map(|project| Hex(project.id)));
        j.put("user_id", project.map(|project| Hex(project.owner)));
        j.put("status_reason", Null).put("coe_version", row.health.map(|_| "v1.31.4"));
        j.put("created_at", "2026-05-04T09:12:44+00:00").put("updated_at", Null);
    }
}

fn conductors() -> Answer {
    Answer::object(|j| {
        j.key("mservices").array(|j| {
            for (id, host) in [(1u32, "controller-1"), (2, "controller-2")] {
                j.object(|j| {
                    j.put("id", id).put("host", host).put("binary", "magnum-conductor").put("state", "up");
                    j.put("disabled", false).put("disabled_reason", Null).put("report_count", 4711u32);
                    j.put("created_at", "2026-05-04T09:00:00+00:00").put("updated_at", "2026-05-04T09:00:00+00:00");
                });
            }
        });
    })
}
