//! Trove: the management list of all projects for administrators, the own project's list for everyone, paged by links.

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json::{self, Hex, Json, Null, Uuid};
use crate::demo::page::page;
use crate::demo::tokens::Scope;
use crate::demo::world::platform::Database;
use crate::demo::world::seed::parse_id;

pub(super) const SERVICE: Service =
    Service { name: "trove", base: "database", shared: false, catalog: &[("database", "trove", "")], answer };

fn answer(call: &Call<'_>) -> Answer {
    if call.path.is_empty() {
        return Answer::object(|j| {
            j.key("versions").array(|j| {
                j.object(|j| {
                    j.put("id", "v1.0").put("status", "CURRENT").put("updated", "2012-08-01T00:00:00Z");
                });
            });
        });
    }
    let Some(session) = call.session() else { return Answer::unauthorized(call) };
    let ["v1.0", project, rest @ ..] = call.path.as_slice() else { return error(404, "itemNotFound") };
    let named = parse_id(project).and_then(|id| call.world.identity.project(id));
    match (named, rest) {
        (Some((own, _)), _) if session.scope != Scope::Project(own) => error(403, "forbidden"),
        (Some(_), ["mgmt", "instances"]) if session.admin() => all(call),
        (Some(_), ["mgmt", "instances"]) => error(403, "forbidden"),
        (Some((own, _)), ["instances"]) => of_project(call, own),
        _ => error(404, "itemNotFound"),
    }
}

/// An error in Trove's form.
fn error(code: u16, kind: &str) -> Answer {
    let body = json::object(|j| {
        j.key(kind).object(|j| {
            j.put("code", code).put("message", "User does not have admin privileges, or there is no such thing.");
        });
    });
    Answer::new(code, body)
}

fn all(call: &Call<'_>) -> Answer {
    Answer::object(|j| {
        j.key("instances").array(|j| {
            for row in call.world.databases() {
                j.object(|j| {
                    write(j, call, &row);
                    let project = call.world.identity.projects.get(row.project);
                    j.put("tenant_id", project.map(|project| Hex(project.id))).put("deleted", false);
                    j.put("deleted_at", Null).put("server", Null).put("task_description", "No tasks for the instance.");
                    j.put("service_status", "HEALTHY");
                });
            }
        });
    })
}

fn of_project(call: &Call<'_>, own: usize) -> Answer {
    let mut rows = call.world.databases();
    rows.retain(|row| row.project == own);
    let Some(page) = page(call, call.cloud.settings.page_size, &rows, |row| row.id) else { return error(400, "badRequest") };
    Answer::object(|j| {
        j.key("instances").array(|j| {
            for row in page.rows {
                j.object(|j| write(j, call, row));
            }
        });
        if let Some(marker) = page.marker {
            let path = format!("/{}", call.path.join("/"));
            j.key("links").array(|j| {
                j.object(|j| {
                    j.put("rel", "next").put("href", call.next_href(&path, &Uuid(marker).to_string()));
                });
            });
        }
    })
}

fn write(j: &mut Json, call: &Call<'_>, row: &Database) {
    j.put("id", Uuid(row.id)).put("name", &row.name).put("status", row.status).put("operating_status", "HEALTHY");
    j.put("region", &call.world.region).put("created", "2026-05-04T09:12:44").put("updated", "2026-05-04T09:20:00");
    j.key("datastore").object(|j| {
        j.put("type", row.datastore.0).put("version", row.datastore.1);
    });
    j.key("volume").object(|j| {
        j.put("size", row.size);
    });
    j.key("flavor").object(|j| {
        j.put("id", "d2").key("links").array(|_| {});
    });
    j.key("links").array(|_| {});
}
