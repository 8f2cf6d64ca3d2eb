//! Designate: zones, record sets of all zones or of one, service statuses. Another project's are shown only on demand
//! (`X-Auth-All-Projects`), and only to administrators.

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json::{self, Hex, Json, Null, Plain, Uuid};
use crate::demo::page::{Page, page};
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::platform::{RecordSet, Zone};
use crate::demo::world::seed::{Kind, parse_id, uuid};

pub(super) const SERVICE: Service =
    Service { name: "designate", base: "dns", shared: false, catalog: &[("dns", "designate", "")], answer };

/// Rows of a page when no limit is asked for, as Designate's `default_limit_v2`.
const DEFAULT_LIMIT: usize = 20;

type Result<T> = std::result::Result<T, Answer>;

fn answer(call: &Call<'_>) -> Answer {
    if call.path.is_empty() {
        return Answer::object(|j| {
            j.key("versions").array(|j| {
                j.object(|j| {
                    j.put("id", "v2").put("status", "CURRENT").put("updated", "2022-06-29T00:00:00Z");
                    j.key("links").array(|j| {
                        j.object(|j| {
                            j.put("href", format!("{}/v2", call.url)).put("rel", "self");
                        });
                    });
                });
            });
        });
    }
    let Some(session) = call.session() else { return Answer::unauthorized(call) };
    dispatch(call, &session).unwrap_or_else(|refused| refused)
}

fn dispatch(call: &Call<'_>, session: &Session) -> Result<Answer> {
    let all = call.header("x-auth-all-projects").is_some_and(|asked| asked.eq_ignore_ascii_case("true"));
    if all && !session.admin() {
        return Err(error(call, 403, "forbidden"));
    }
    let sees = |zone: &Zone| all || session.scope == Scope::Project(zone.project);
    match call.path.as_slice() {
        ["v2", "zones"] => {
            let mut zones = call.world.zones();
            zones.retain(sees);
            list(call, "zones", &zones, |zone| zone.id, |j, zone| write_zone(j, call, zone))
        }
        ["v2", "recordsets"] => record_sets(call, |_| true, sees),
        ["v2", "zones", id, "recordsets"] => {
            let id = parse_id(id);
            record_sets(call, |zone| Some(zone.id) == id, sees)
        }
        ["v2", "service_statuses"] if session.admin() => {
            let services = ["api", "central", "mdns", "producer", "sink", "worker"];
            let rows: Vec<(u128, &str)> = (0..).map(|n| uuid(call.world.seed, Kind::Audit, n)).zip(services).collect();
            list(call, "service_statuses", &rows, |row| row.0, write_status)
        }
        ["v2", "service_statuses"] => Err(error(call, 403, "forbidden")),
        _ => Err(error(call, 404, "not_found")),
    }
}

fn error(call: &Call<'_>, code: u16, kind: &str) -> Answer {
    let body = json::object(|j| {
        j.put("code", code).put("type", kind).put("request_id", &call.request_id);
    });
    Answer::new(code, body)
}

fn record_sets(call: &Call<'_>, wanted: impl Fn(&Zone) -> bool, sees: impl Fn(&Zone) -> bool) -> Result<Answer> {
    let zones = call.world.zones();
    let mut rows = call.world.record_sets(&zones);
    rows.retain(|row| zones.get(row.zone).is_some_and(|zone| wanted(zone) && sees(zone)));
    list(call, "recordsets", &rows, |row| row.id, |j, row| {
        if let Some(zone) = zones.get(row.zone) {
            write_record_set(j, call, row, zone);
        }
    })
}

/// A page with its links and the number of all.
fn list<T>(
    call: &Call<'_>,
    key: &str,
    rows: &[T],
    id: impl Fn(&T) -> u128,
    write: impl Fn(&mut Json, &T),
) -> Result<Answer> {
    let most = match call.param("limit") {
        None => DEFAULT_LIMIT.min(call.cloud.settings.page_size),
        Some(_) => call.cloud.settings.page_size,
    };
    let Page { rows: shown, marker } = page(call, most, rows, id).ok_or_else(|| error(call, 400, "invalid_marker"))?;
    let path = format!("/{}", call.path.join("/"));
    Ok(Answer::object(|j| {
        j.key(key).array(|j| {
            for row in shown {
                j.object(|j| write(j, row));
            }
        });
        j.key("links").object(|j| {
            j.put("self", format!("{}{path}?{}", call.url, call.query));
            if let Some(marker) = marker {
                j.put("next", call.next_href(&path, &Uuid(marker).to_string()));
            }
        });
        j.key("metadata").object(|j| {
            j.put("total_count", rows.len());
        });
    }))
}

fn write_zone(j: &mut Json, call: &Call<'_>, zone: &Zone) {
    let project = call.world.identity.projects.get(zone.project).map(|project| Hex(project.id));
    j.put("id", Uuid(zone.id)).put("pool_id", "794ccc2c-d751-44fe-b57f-8894c9f5c842").put("project_id", project);
    j.put("name", &zone.name).put("email", "hostmaster@example.org").put("ttl", 3600u32);
    j.put("serial", 1_795_293_909u32).put("status", zone.status).put("action", "NONE").put("description", Null);
    j.key("masters").array(|_| {});
    j.put("type", if zone.secondary { "SECONDARY" } else { "PRIMARY" }).put("transferred_at", Null);
    j.put("version", 3u32).put("created_at", "2026-05-04T09:12:44.000000").put("updated_at", Null);
    j.key("attributes").object(|_| {});
    j.put("shared", false);
    j.key("links").object(|j| {
        j.put("self", Plain(format_args!("{}/v2/zones/{}", call.url, Uuid(zone.id))));
    });
}

fn write_record_set(j: &mut Json, call: &Call<'_>, row: &RecordSet, zone: &Zone) {
    let project = call.world.identity.projects.get(zone.project).map(|project| Hex(project.id));
    j.put("id", Uuid(row.id)).put("zone_id", Uuid(zone.id)).put("zone_name", &zone.name);
    j.put("project_id", project).put("name", &row.name).put("type", row.kind).put("ttl", 3600u32);
    j.key("records").array(|j| {
        j.item(if row.kind == "AAAA" { "2001:db8::7" } else { "192.0.2.7" });
    });
    j.put("status", row.status).put("action", "NONE").put("description", Null).put("version", 1u32);
    j.put("created_at", "2026-05-04T09:12:44.000000").put("updated_at", Null);
    j.key("links").object(|j| {
        let (zone, id) = (Uuid(zone.id), Uuid(row.id));
        j.put("self", Plain(format_args!("{}/v2/zones/{zone}/recordsets/{id}", call.url)));
    });
}

fn write_status(j: &mut Json, (id, service): &(u128, &str)) {
    j.put("id", Uuid(*id)).put("hostname", "controller-1").put("service_name", *service).put("status", "UP");
    j.key("stats").object(|_| {}).key("capabilities").object(|_| {});
    j.put("heartbeated_at", "2026-11-21T20:45:01.000000").put("created_at", "2026-05-04T09:12:44.000000");
    j.put("updated_at", "2026-11-21T20:45:01.000000");
}
