//! Gnocchi: the list of metrics, which is an array without an object around it and cuts limits down unsaid, and the
//! status, for administrators.

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json::{self, Json, Null, Uuid};
use crate::demo::page::limit;
use crate::demo::world::seed::parse_id;

pub(super) const SERVICE: Service =
    Service { name: "gnocchi", base: "metric", shared: false, catalog: &[("metric", "gnocchi", "")], answer };

fn answer(call: &Call<'_>) -> Answer {
    let Some(session) = call.session() else { return Answer::unauthorized(call) };
    match call.path.as_slice() {
        ["v1", "metric"] => metrics(call, session.admin()),
        ["v1", "status"] if session.admin() => status(),
        ["v1", "status"] => error(403, "Forbidden"),
        _ => error(404, "Not Found"),
    }
}

/// An error in Gnocchi's form.
fn error(code: u16, title: &str) -> Answer {
    let body = json::object(|j| {
        j.put("code", code).put("title", title).put("description", "");
    });
    Answer::new(code, body)
}

/// Others than administrators have no metrics here: they are all Ceilometer's.
fn metrics(call: &Call<'_>, admin: bool) -> Answer {
    let world = &call.world;
    let marker = call.param("marker");
    let first = match marker.as_deref().map(parse_id) {
        None => Some(0),
        Some(id) => id.map(|id| world.metric_behind(id)),
    };
    let (Some(first), Some(limit)) = (first, limit(call, call.cloud.settings.page_size)) else { return error(400, "Bad Request") };
    let end = if admin { world.metrics().min(first.saturating_add(limit)) } else { first };
    let mut j = Json::with_capacity(limit.saturating_mul(160));
    j.array(|j| {
        for index in first..end {
            j.object(|j| {
                j.put("id", Uuid(world.metric_id(index))).put("name", "cpu").put("unit", "ns").put("resource_id", Null);
                j.put("creator", "ceilometer:service").key("archive_policy").object(|j| {
                    j.put("name", "ceilometer-low");
                });
            });
        }
    });
    Answer::new(200, j.into_bytes())
}

fn status() -> Answer {
    Answer::object(|j| {
        j.key("metricd").object(|j| {
            j.key("processors").array(|j| {
                j.item("controller-1.0.b6d1d4f2").item("controller-1.1.8a1c0e33");
            });
            j.key("statistics").object(|_| {});
        });
        j.key("storage").object(|j| {
            j.key("summary").object(|j| {
                j.put("metrics", 12u32).put("measures", 34u32);
            });
        });
    })
}
