//! Keystone: versions, tokens, catalog, and the lists that inventories and checks read.
//!
//! Read only but for logging in and ending one's own token.

mod catalog;
mod token;

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json::{self, Hex, Json, Null};
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::seed::{Kind, parse_id, uuid};

pub(super) const SERVICE: Service = Service {
    name: "keystone",
    base: "identity",
    shared: true,
    catalog: &[("identity", "keystone", "/v3")],
    answer,
};

fn answer(call: &Call<'_>) -> Answer {
    let answer = route(call).unwrap_or_else(|refused| refused);
    answer.with("vary", "X-Auth-Token")
}

fn route(call: &Call<'_>) -> Result<Answer, Answer> {
    match call.path.as_slice() {
        [] => {
            let location = format!("{}/v3/", call.url);
            let body = json::object(|j| {
                j.key("versions").object(|j| {
                    j.key("values").array(|j| {
                        j.object(|j| version(j, &call.url));
                    });
                });
            });
            Ok(Answer::new(300, body).with("location", location))
        }
        ["v3"] => Ok(Answer::object(|j| {
            j.key("version").object(|j| version(j, &call.url));
        })),
        ["v3", "auth", "tokens"] => token::answer(call),
        ["v3", rest @ ..] => {
            let session = call.session().ok_or_else(|| unauthorized(call))?;
            match rest {
                ["auth", "catalog"] => Ok(catalog::answer(call, &session)),
                ["auth", what] => token::scopes(call, &session, what),
                _ if !session.reads_identity() => Err(forbidden(rest)),
                _ => list(call, rest, &session),
            }
        }
        _ => Err(error(404, "Not Found", "The resource could not be found.")),
    }
}

fn version(j: &mut Json, url: &str) {
    j.put("id", "v3.14").put("status", "stable").put("updated", "2020-04-07T00:00:00Z");
    j.key("links").array(|j| {
        j.object(|j| {
            j.put("rel", "self").put("href", format!("{url}/v3/"));
        });
    });
    j.key("media-types").array(|j| {
        j.object(|j| {
            j.put("base", "application/json").put("type", "application/vnd.openstack.identity-v3+json");
        });
    });
}

/// An error in Keystone's form, which is not spaced as the lists are.
fn error(code: u16, title: &str, message: &str) -> Answer {
    let text = serde_json::json!({"error": {"code": code, "message": message, "title": title}});
    Answer::new(code, format!("{text}\n").into_bytes())
}

fn unauthorized(call: &Call<'_>) -> Answer {
    error(401, "Unauthorized", "The request you have made requires authentication.")
        .with("www-authenticate", format!("Keystone uri=\"{}/v3\"", call.url))
}

fn forbidden(rest: &[&str]) -> Answer {
    let what = match rest {
        [list] => format!("list_{list}"),
        [list, ..] => format!("get_{}", list.trim_end_matches('s')),
        [] => String::new(),
    };
    let message = format!("You are not authorized to perform the requested action: identity:{what}.");
    error(403, "Forbidden", &message)
}

/// One entry of a list: its id, name and domain for filters, and the fields ahead of `links`.
struct Entry<'a> {
    id: String,
    name: &'a str,
    domain: &'a str,
    fill: Box<dyn Fn(&mut Json) + 'a>,
}

fn list(call: &Call<'_>, rest: &[&str], session: &Session) -> Result<Answer, Answer> {
    let not_found = || error(404, "Not Found", "The resource could not be found.");
    let (kind, id) = match rest {
        [kind] => (*kind, None),
        [kind, id] => (*kind, Some(*id)),
        _ => return Err(not_found()),
    };
    let mut entries = match kind {
        "projects" => projects(call),
        "users" => users(call),
        "domains" => domains(call),
        "groups" => groups(call),
        "roles" => roles(call),
        "regions" => regions(call),
        "services" => catalog::services(call),
        "endpoints" => catalog::endpoints(call),
        _ => return Err(not_found()),
    };
    if let Scope::Domain(at) = session.scope {
        let own = domain_id(call, at);
        match kind {
            "projects" | "users" | "groups" => entries.retain(|entry| entry.domain == own),
            "domains" => entries.retain(|entry| entry.id == own),
            "regions" => {}
            _ => return Err(forbidden(rest)),
        }
    }
    match id {
        None => Ok(page(call, kind, &entries)),
        Some(id) => {
            let singular = kind.trim_end_matches('s');
            let wanted = |entry: &&Entry<'_>| entry.id == id || (parse_id(id).is_some() && parse_id(id) == parse_id(&entry.id));
            let Some(entry) = entries.iter().find(wanted) else {
                return Err(error(404, "Not Found", &format!("Could not find {singular}: {id}.")));
            };
            Ok(Answer::object(|j| {
                j.key(singular).object(|j| write_entry(j, call, kind, entry));
            }))
        }
    }
}

fn write_entry(j: &mut Json, call: &Call<'_>, kind: &str, entry: &Entry<'_>) {
    (entry.fill)(j);
    j.key("links").object(|j| {
        j.put("self", format!("{}/v3/{kind}/{}", call.url, entry.id));
    });
}

/// The entries that the query leaves, and a link to the rest when a limit cuts them.
fn page(call: &Call<'_>, kind: &str, entries: &[Entry<'_>]) -> Answer {
    let (name, domain, marker) = (call.param("name"), call.param("domain_id"), call.param("marker"));
    let limit = call.param("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let start = marker.and_then(|id| entries.iter().position(|entry| entry.id == id)).map_or(0, |at| at + 1);
    let wanted = |entry: &&Entry<'_>| {
        name.as_ref().is_none_or(|name| entry.name == name) && domain.as_ref().is_none_or(|id| entry.domain == id)
    };
    let found: Vec<&Entry<'_>> = entries.iter().skip(start).filter(wanted).collect();
    let cut = found.len() > limit;
    let last = if cut { found.get(limit.saturating_sub(1)) } else { None };
    let path = format!("/v3/{kind}");
    let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
    Answer::object(|j| {
        j.key(kind).array(|j| {
            for entry in found.iter().take(limit) {
                j.object(|j| write_entry(j, call, kind, entry));
            }
        });
        j.key("links").object(|j| {
            j.put("next", last.map(|entry| call.next_href(&path, &entry.id)));
            j.put("self", format!("{}{path}{query}", call.url)).put("previous", Null);
        });
        if cut {
            j.put("truncated", true);
        }
    })
}

fn domain_id<'a>(call: &'a Call<'_>, domain: usize) -> &'a str {
    call.world.identity.domains.get(domain).map_or("default", |domain| domain.id.as_str())
}

fn empty(j: &mut Json, key: &str) {
    j.key(key).object(|_| {});
}

fn projects<'a>(call: &'a Call<'_>) -> Vec<Entry<'a>> {
    let all = &call.world.identity.projects;
    all.iter().map(|project| project_entry(domain_id(call, project.domain), project)).collect()
}

fn project_entry<'a>(domain: &'a str, project: &'a crate::demo::world::Project) -> Entry<'a> {
    Entry {
        id: format!("{:032x}", project.id),
        name: &project.name,
        domain,
        fill: Box::new(move |j| {
            j.put("id", Hex(project.id)).put("name", &project.name).put("domain_id", domain);
            j.put("description", &project.description).put("enabled", project.enabled);
            j.put("parent_id", domain).put("is_domain", false).key("tags").array(|_| {});
            empty(j, "options");
        }),
    }
}

fn users<'a>(call: &'a Call<'_>) -> Vec<Entry<'a>> {
    let entry = |user: &'a crate::demo::world::User| {
        let domain = domain_id(call, user.domain);
        Entry {
            id: format!("{:032x}", user.id),
            name: &user.name,
            domain,
            fill: Box::new(move |j| {
                if let Some(email) = &user.email {
                    j.put("email", email);
                }
                j.put("id", Hex(user.id)).put("name", &user.name).put("domain_id", domain);
                j.put("enabled", true).put("password_expires_at", Null);
                empty(j, "options");
            }),
        }
    };
    call.world.identity.users.iter().map(entry).collect()
}

fn domains<'a>(call: &'a Call<'_>) -> Vec<Entry<'a>> {
    let entry = |domain: &'a crate::demo::world::Domain| Entry {
        id: domain.id.clone(),
        name: domain.name,
        domain: "",
        fill: Box::new(move |j| {
            j.put("id", &domain.id).put("name", domain.name).put("description", domain.description);
            j.put("enabled", true).key("tags").array(|_| {});
            empty(j, "options");
        }),
    };
    call.world.identity.domains.iter().map(entry).collect()
}

fn groups<'a>(call: &'a Call<'_>) -> Vec<Entry<'a>> {
    let entry = |group: &'a (u128, &'static str)| Entry {
        id: format!("{:032x}", group.0),
        name: group.1,
        domain: domain_id(call, 1),
        fill: Box::new(move |j| {
            j.put("id", Hex(group.0)).put("name", group.1).put("domain_id", domain_id(call, 1)).put("description", "");
        }),
    };
    call.world.identity.groups.iter().map(entry).collect()
}

fn roles<'a>(call: &'a Call<'_>) -> Vec<Entry<'a>> {
    let entry = |role: &'a (u128, &'static str)| Entry {
        id: format!("{:032x}", role.0),
        name: role.1,
        domain: "",
        fill: Box::new(move |j| {
            j.put("id", Hex(role.0)).put("name", role.1).put("domain_id", Null).put("description", Null);
            j.key("options").object(|j| {
                j.put("immutable", true);
            });
        }),
    };
    call.world.identity.roles.iter().map(entry).collect()
}

fn regions<'a>(call: &'a Call<'_>) -> Vec<Entry<'a>> {
    let entry = |name: &'a String| Entry {
        id: name.clone(),
        name,
        domain: "",
        fill: Box::new(move |j| {
            j.put("id", name).put("description", "").put("parent_region_id", Null);
        }),
    };
    call.cloud.settings.regions.iter().map(entry).collect()
}

/// Id of a catalog service or endpoint.
fn catalog_id(call: &Call<'_>, kind: Kind, number: usize) -> u128 {
    uuid(call.cloud.settings.seed, kind, number as u64)
}
