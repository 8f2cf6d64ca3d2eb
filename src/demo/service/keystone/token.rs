//! Tokens: `POST`, `GET`, `HEAD` and `DELETE /v3/auth/tokens`, and what a token may be scoped to.

use super::{catalog, error, project_entry, unauthorized, write_entry};
use crate::demo::call::{Answer, Call};
use crate::demo::json::{Hex, Json, Micros, Null};
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::seconds;

pub(super) fn answer(call: &Call<'_>) -> Result<Answer, Answer> {
    if call.method == axum::http::Method::POST {
        let (token, session) = call.cloud.login(call.body, call.now).ok_or_else(|| unauthorized(call))?;
        let body = Answer::object(|j| write(j, call, &session));
        return Ok(Answer { status: 201, ..body }.with("x-subject-token", token));
    }
    call.session().ok_or_else(|| unauthorized(call))?;
    let subject = call.header("x-subject-token").unwrap_or_default();
    let missing = || error(404, "Not Found", "Failed to validate token");
    if call.method == axum::http::Method::DELETE {
        return if call.cloud.revoke(subject) { Ok(Answer::new(204, Vec::new())) } else { Err(missing()) };
    }
    let session = call.cloud.session(subject, call.now).ok_or_else(missing)?;
    Ok(Answer::object(|j| write(j, call, &session)).with("x-subject-token", subject))
}

fn write(j: &mut Json, call: &Call<'_>, session: &Session) {
    let identity = &call.world.identity;
    let Some(user) = identity.users.get(session.user) else { return };
    j.key("token").object(|j| {
        j.key("methods").array(|j| {
            j.item(session.method);
        });
        j.key("user").object(|j| {
            j.key("domain").object(|j| domain(j, call, user.domain));
            j.put("id", Hex(user.id)).put("name", &user.name).put("password_expires_at", Null);
        });
        j.key("audit_ids").array(|j| {
            j.item(audit(session.audit));
        });
        j.put("expires_at", Expiry(session.expires.millis())).put("issued_at", Expiry(session.issued.millis()));
        scope(j, call, session);
        if session.scope == Scope::Unscoped {
            return;
        }
        j.key("roles").array(|j| {
            let found = identity.roles.iter().find(|(_, name)| *name == session.role);
            if let Some((id, name)) = found {
                j.object(|j| {
                    j.put("id", Hex(*id)).put("name", *name);
                });
            }
        });
        if session.scope == Scope::System {
            j.key("system").object(|j| {
                j.put("all", true);
            });
        }
        if call.param("nocatalog").is_none() {
            catalog::write(j.key("catalog"), call, session);
        }
    });
}

fn scope(j: &mut Json, call: &Call<'_>, session: &Session) {
    match session.scope {
        Scope::Project(at) => {
            let Some(project) = call.world.identity.projects.get(at) else { return };
            j.key("project").object(|j| {
                j.key("domain").object(|j| domain(j, call, project.domain));
                j.put("id", Hex(project.id)).put("name", &project.name);
            });
            j.put("is_domain", false);
        }
        Scope::Domain(at) => {
            j.key("domain").object(|j| domain(j, call, at));
        }
        Scope::System | Scope::Unscoped => {}
    }
}

fn domain(j: &mut Json, call: &Call<'_>, at: usize) {
    if let Some(domain) = call.world.identity.domains.get(at) {
        j.put("id", &domain.id).put("name", domain.name);
    }
}

/// 16 bytes in URL-safe base64 are 22 characters; only the length matters here.
fn audit(id: u128) -> String {
    format!("{id:032x}").chars().take(22).collect()
}

/// Tokens carry `…000000Z`, with microseconds and a zone.
struct Expiry(i64);

impl crate::demo::json::Put for Expiry {
    fn put(&self, out: &mut Vec<u8>) {
        let at = crate::model::clock::Timestamp::from_millis(self.0);
        Micros(seconds(at)).put(out);
        out.pop();
        out.extend_from_slice(b"Z\"");
    }
}

/// `GET /v3/auth/projects`, `…/domains`, `…/system`.
pub(super) fn scopes(call: &Call<'_>, session: &Session, what: &str) -> Result<Answer, Answer> {
    let identity = &call.world.identity;
    let user = identity.users.get(session.user);
    let admin = user.is_some_and(|user| user.role == "admin");
    let own = |at: usize, owner: u128| admin || user.is_some_and(|u| u.id == owner || (at == 0 && u.role == "reader"));
    let this = format!("{}/v3/auth/{what}", call.url);
    match what {
        "projects" | "domains" => Ok(Answer::object(|j| {
            j.key(what).array(|j| {
                let mine = identity.projects.iter().enumerate().filter(|(at, p)| what == "projects" && own(*at, p.owner));
                for (_, project) in mine {
                    let domain = identity.domains.get(project.domain).map_or("default", |domain| domain.id.as_str());
                    j.object(|j| write_entry(j, call, "projects", &project_entry(domain, project)));
                }
            });
            j.key("links").object(|j| {
                j.put("next", Null).put("self", &this).put("previous", Null);
            });
        })),
        "system" => Ok(Answer::object(|j| {
            j.key("system").array(|j| {
                if user.is_some_and(|user| matches!(user.role, "admin" | "reader")) {
                    j.object(|j| {
                        j.put("all", true);
                    });
                }
            });
            j.key("links").object(|j| {
                j.put("self", &this);
            });
        })),
        _ => Err(error(404, "Not Found", "The resource could not be found.")),
    }
}
