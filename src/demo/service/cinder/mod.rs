//! Cinder: volumes, snapshots, backups, pools, services, types, quotas, in the form of the microversion asked for.
//!
//! As the real one it answers 200 with the own project's objects to those who may not see all, whatever they ask for.

mod quota;
mod storage;
mod volumes;

use super::Service;
use crate::demo::call::{Answer, Call, error};
use crate::demo::json::{self, Json};
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::seed::parse_id;

pub(super) const SERVICE: Service = Service {
    name: "cinder",
    base: "volume",
    shared: false,
    catalog: &[("block-storage", "cinder", "/v3"), ("volumev3", "cinderv3", "/v3/%(project_id)s")],
    answer,
};

/// Newest microversion, `3.N`.
const NEWEST: u16 = 71;

type Result<T> = std::result::Result<T, Answer>;

/// A request that may be answered: who asks, and at which microversion (`3.N`).
struct Cinder<'a> {
    call: &'a Call<'a>,
    session: Session,
    version: u16,
}

fn answer(call: &Call<'_>) -> Answer {
    let rest = match call.path.as_slice() {
        [] => return Answer { status: 300, ..versions(call) },
        ["v3", rest @ ..] => rest,
        _ => return error(404, "The resource could not be found."),
    };
    let Some(session) = call.session() else { return Answer::unauthorized(call) };
    let rest = match rest {
        [] => return versions(call),
        // The project may stand in the path, as old catalogs have it.
        [project, rest @ ..] if project.len() == 32 && parse_id(project).is_some() => rest,
        rest => rest,
    };
    let answer = match asked_version(call) {
        Ok(version) => Cinder { call, session, version }
            .dispatch(rest)
            .unwrap_or_else(|refused| refused)
            .with("openstack-api-version", format!("volume 3.{version}")),
        Err(refused) => refused,
    };
    answer.with("vary", "OpenStack-API-Version").with("x-compute-request-id", call.request_id.clone())
}

/// Cinder refuses a header that names another service only.
fn asked_version(call: &Call<'_>) -> Result<u16> {
    let Some(header) = call.header("openstack-api-version") else { return Ok(0) };
    let asked = header.split(',').find_map(|one| one.trim().strip_prefix("volume ").map(str::trim));
    let malformed = "The server could not comply with the request since it is either malformed or otherwise incorrect.";
    let asked = asked.ok_or_else(|| error(400, malformed))?;
    match asked.split_once('.').and_then(|(major, minor)| Some((major.parse::<u16>().ok()?, minor.parse::<u16>().ok()?))) {
        Some((3, minor)) if minor <= NEWEST => Ok(minor),
        Some(_) => Err(error(
            406,
            &format!("Version {asked} is not supported by the API. Minimum is 3.0 and maximum is 3.{NEWEST}."),
        )),
        None => Err(error(400, &format!("API Version String {asked} is of invalid format. Must be of format MajorNum.MinorNum."))),
    }
}

fn versions(call: &Call<'_>) -> Answer {
    Answer::object(|j| {
        j.key("versions").array(|j| {
            j.object(|j| {
                j.put("id", "v3.0").put("status", "CURRENT").put("version", format!("3.{NEWEST}"));
                j.put("min_version", "3.0").put("updated", "2023-08-31T00:00:00Z");
                j.key("links").array(|j| {
                    j.object(|j| {
                        j.put("rel", "describedby").put("type", "text/html").put("href", "https://docs.openstack.org/");
                    });
                    j.object(|j| {
                        j.put("rel", "self").put("href", format!("{}/v3/", call.url));
                    });
                });
                j.key("media-types").array(|j| {
                    j.object(|j| {
                        j.put("base", "application/json");
                        j.put("type", "application/vnd.openstack.volume+json;version=3");
                    });
                });
            });
        });
    })
}

impl Cinder<'_> {
    fn dispatch(&self, rest: &[&str]) -> Result<Answer> {
        match rest {
            ["volumes", "detail"] => self.volumes(),
            ["snapshots", "detail"] => self.snapshots(),
            ["backups", "detail"] => self.backups(),
            ["types"] => Ok(self.types()),
            ["os-services"] => self.services(),
            ["scheduler-stats", "get_pools"] => self.pools(),
            ["os-quota-sets", id] => self.quota_set(id),
            ["volumes", id] => Err(error(404, &format!("Volume {id} could not be found."))),
            _ => Err(error(404, "The resource could not be found.")),
        }
    }

    /// Cinder's administrators may have a token for the system, too.
    fn admin(&self) -> bool {
        self.session.role == "admin"
    }

    fn admin_only(&self, rule: &str) -> Result<()> {
        if self.admin() {
            return Ok(());
        }
        Err(error(403, &format!("Policy doesn't allow {rule} to be performed.")))
    }

    /// Which project's objects are shown; none for all.
    fn shown(&self) -> Option<u32> {
        let own = match self.session.scope {
            Scope::Project(at) => at as u32,
            _ => u32::MAX,
        };
        let all = self.call.param("all_tenants").is_some_and(|text| matches!(&*text, "1" | "true" | "True"));
        if !(self.admin() && all) {
            return Some(own);
        }
        let asked = self.call.param("project_id")?;
        let found = parse_id(&asked).and_then(|id| self.call.world.identity.project(id));
        Some(found.map_or(u32::MAX, |(at, _)| at as u32))
    }

    /// One page of a list, newest first, with the link to the next one.
    fn page<T>(
        &self,
        name: &str,
        items: Vec<T>,
        id: impl Fn(&T) -> u128,
        write: impl Fn(&mut Json, &T),
    ) -> Result<Answer> {
        let most = self.call.cloud.settings.page_size;
        let limit = match self.call.param("limit") {
            None => most,
            Some(text) => text
                .parse::<usize>()
                .map(|limit| limit.min(most))
                .map_err(|_| error(400, "limit param must be an integer"))?,
        };
        let start = match self.call.param("marker") {
            None => 0,
            Some(marker) => {
                let wanted = parse_id(&marker);
                let at = items.iter().position(|item| Some(id(item)) == wanted);
                at.ok_or_else(|| error(404, &format!("Volume {marker} could not be found.")))? + 1
            }
        };
        let page: Vec<&T> = items.iter().skip(start).take(limit).collect();
        let last = page.last().filter(|_| page.len() == limit).map(|item| json::Uuid(id(item)).to_string());
        let mut j = Json::with_capacity(page.len() * 1300 + 256);
        j.object(|j| {
            j.key(name).array(|j| {
                for item in page {
                    j.object(|j| write(j, item));
                }
            });
            if let Some(marker) = last {
                j.key(format!("{name}_links")).array(|j| {
                    j.object(|j| {
                        j.put("rel", "next");
                        j.put("href", self.call.next_href(&format!("/v3/{name}/detail"), &marker));
                    });
                });
            }
        });
        Ok(Answer::new(200, j.into_bytes()))
    }
}
