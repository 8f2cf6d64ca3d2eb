//! Swift: containers of accounts, after its API reference; no real one was recorded.

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json::{Json, Micros};
use crate::demo::tokens::Scope;
use crate::demo::world::seconds;
use crate::demo::world::seed::parse_id;
use crate::demo::world::storage::Container;

pub(super) const SERVICE: Service = Service {
    name: "swift",
    base: "object-store",
    shared: false,
    catalog: &[("object-store", "swift", "/v1/AUTH_%(project_id)s")],
    answer,
};

/// Swift's `account_listing_limit`.
const LISTING_LIMIT: usize = 10_000;

fn answer(call: &Call<'_>) -> Answer {
    let Some(session) = call.session() else { return refused(401, "Unauthorized") };
    let ["v1", account] = call.path.as_slice() else { return refused(404, "Not Found") };
    let id = account.strip_prefix("AUTH_").and_then(parse_id);
    let Some((at, _)) = id.and_then(|id| call.world.identity.project(id)) else { return refused(404, "Not Found") };
    // Of the demo's roles none is the reseller's: an account is its own project's.
    if session.scope != Scope::Project(at) {
        return refused(403, "Forbidden");
    }
    list(call, &call.world.containers(at))
}

/// Swift's errors are web pages.
fn refused(status: u16, title: &str) -> Answer {
    Answer::new(status, format!("<html><h1>{title}</h1></html>").into_bytes()).with("content-type", "text/html")
}

fn list(call: &Call<'_>, all: &[Container]) -> Answer {
    let limit = call.param("limit").and_then(|text| text.parse().ok()).unwrap_or(LISTING_LIMIT);
    if limit > LISTING_LIMIT {
        return refused(412, "Precondition Failed");
    }
    let marker = call.param("marker").unwrap_or_default();
    let page = all.iter().filter(|container| *container.name > *marker).take(limit);
    let mut j = Json::with_capacity(1024);
    j.array(|j| {
        for container in page {
            j.object(|j| {
                j.put("name", &container.name).put("count", container.objects).put("bytes", container.bytes);
                j.put("last_modified", Micros(seconds(call.world.started())));
            });
        }
    });
    let sum = |value: fn(&Container) -> u64| all.iter().map(value).sum::<u64>().to_string();
    Answer::new(200, j.into_bytes())
        .with("x-account-container-count", all.len().to_string())
        .with("x-account-object-count", sum(|container| container.objects))
        .with("x-account-bytes-used", sum(|container| container.bytes))
}
