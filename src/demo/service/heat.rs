//! Heat: stacks and engines. All projects' stacks are to be had with `global_tenant` by administrators, as operators
//! set the policy for monitoring (Heat's own default denies it to everyone). A page is as long as asked for.

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json::{self, Hex, Json, Null, Uuid, Zulu};
use crate::demo::page::page;
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::platform::Stack;
use crate::demo::world::seconds;
use crate::demo::world::seed::{Kind, parse_id, uuid};

pub(super) const SERVICE: Service =
    Service { name: "heat", base: "orchestration", shared: false, catalog: &[("orchestration", "heat", "")], answer };

fn answer(call: &Call<'_>) -> Answer {
    if call.path.is_empty() {
        let body = json::object(|j| {
            j.key("versions").array(|j| {
                j.object(|j| {
                    j.put("id", "v1.0").put("status", "CURRENT").key("links").array(|j| {
                        j.object(|j| {
                            j.put("rel", "self").put("href", format!("{}/v1/", call.url));
                        });
                    });
                });
            });
        });
        return Answer::new(300, body);
    }
    let Some(session) = call.session() else { return Answer::unauthorized(call) };
    let ["v1", project, rest @ ..] = call.path.as_slice() else { return error(404, "NotFound") };
    let named = parse_id(project).and_then(|id| call.world.identity.project(id));
    match (named, rest) {
        (Some((own, _)), _) if session.scope != Scope::Project(own) => error(403, "Forbidden"),
        (Some((own, _)), ["stacks"]) => stacks(call, &session, own),
        (Some(_), ["services"]) if session.admin() => engines(call),
        (Some(_), ["services"]) => error(403, "Forbidden"),
        _ => error(404, "NotFound"),
    }
}

/// An error in Heat's form.
fn error(code: u16, kind: &str) -> Answer {
    let body = json::object(|j| {
        j.put("explanation", "This action is not authorized, or there is no such thing.").put("code", code);
        j.key("error").object(|j| {
            j.put("message", "You are not authorized to complete this action.").put("traceback", Null).put("type", kind);
        });
        j.put("title", kind);
    });
    Answer::new(code, body)
}

fn stacks(call: &Call<'_>, session: &Session, own: usize) -> Answer {
    let global = call.param("global_tenant").is_some_and(|asked| asked.eq_ignore_ascii_case("true"));
    if global && !session.admin() {
        return error(403, "Forbidden");
    }
    let mut rows = call.world.stacks();
    rows.retain(|row| global || row.project == own);
    let Some(page) = page(call, usize::MAX, &rows, |row| row.id) else { return error(400, "HTTPBadRequest") };
    Answer::object(|j| {
        j.key("stacks").array(|j| {
            for row in page.rows {
                j.object(|j| write(j, call, row, global));
            }
        });
    })
}

fn write(j: &mut Json, call: &Call<'_>, row: &Stack, global: bool) {
    let project = call.world.identity.projects.get(row.project).map(|project| project.id).unwrap_or_default();
    j.put("id", Uuid(row.id)).put("stack_name", &row.name).put("stack_status", row.status);
    j.put("stack_status_reason", "").put("description", "").put("creation_time", "2026-05-04T09:12:44Z");
    j.put("updated_time", Null).put("deletion_time", Null).put("stack_owner", Null).put("parent", Null);
    j.put("stack_user_project_id", Hex(project)).put("tags", Null);
    j.key("links").array(|j| {
        j.object(|j| {
            let href = format!("{}/v1/{project:032x}/stacks/{}/{}", call.url, row.name, Uuid(row.id));
            j.put("href", href).put("rel", "self");
        });
    });
    if global {
        j.put("project", Hex(project));
    }
}

fn engines(call: &Call<'_>) -> Answer {
    Answer::object(|j| {
        j.key("services").array(|j| {
            for number in 0..4 {
                j.object(|j| {
                    let id = |part: u64| Uuid(uuid(call.world.seed, Kind::Audit, 1000 + number * 2 + part));
                    j.put("id", id(0)).put("engine_id", id(1)).put("binary", "heat-engine").put("topic", "engine");
                    j.put("host", "controller-1").put("hostname", "controller-1").put("status", "up");
                    j.put("report_interval", 60u32).put("created_at", "2026-05-04T09:12:44.000000");
                    j.put("updated_at", Zulu(seconds(call.now))).put("deleted_at", Null);
                });
            }
        });
    })
}
