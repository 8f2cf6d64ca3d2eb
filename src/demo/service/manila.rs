//! Manila: shares, services, quotas, after its API reference; no real one was recorded.

use super::Service;
use crate::demo::call::{Answer, Call, error};
use crate::demo::json::{Hex, Json, Micros, Null, Uuid};
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::seconds;
use crate::demo::world::seed::{Kind, parse_id, uuid};
use crate::demo::world::storage::StoredShare;

pub(super) const SERVICE: Service = Service {
    name: "manila",
    base: "share",
    shared: false,
    catalog: &[("shared-file-system", "manila", "/v2"), ("sharev2", "manilav2", "/v2")],
    answer,
};

/// Newest microversion, `2.N`.
const NEWEST: u16 = 85;

type Result<T> = std::result::Result<T, Answer>;

fn answer(call: &Call<'_>) -> Answer {
    let rest = match call.path.as_slice() {
        [] => return Answer { status: 300, ..versions(call) },
        ["v2"] => return versions(call),
        ["v2", rest @ ..] => rest,
        _ => return error(404, "The resource could not be found."),
    };
    let Some(session) = call.session() else { return Answer::unauthorized(call) };
    let answer = asked_version(call).and_then(|version| match rest {
        ["shares", "detail"] => Ok(shares(call, &session, version)),
        ["services"] if version >= 7 => services(call, &session),
        ["quota-sets", id, "detail"] if version >= 25 => quota_set(call, &session, id),
        _ => Err(error(404, "The resource could not be found.")),
    });
    answer.unwrap_or_else(|refused| refused).with("vary", "X-OpenStack-Manila-API-Version")
}

fn asked_version(call: &Call<'_>) -> Result<u16> {
    let asked = call.header("x-openstack-manila-api-version").unwrap_or("2.0");
    let minor = asked.strip_prefix("2.").and_then(|minor| minor.parse().ok()).filter(|minor| *minor <= NEWEST);
    minor.ok_or_else(|| {
        error(406, &format!("Version {asked} is not supported by the API. Minimum is 2.0, and maximum is 2.{NEWEST}."))
    })
}

fn versions(call: &Call<'_>) -> Answer {
    Answer::object(|j| {
        j.key("versions").array(|j| {
            j.object(|j| {
                j.put("id", "v2.0").put("status", "CURRENT").put("version", format!("2.{NEWEST}"));
                j.put("min_version", "2.0").put("updated", "2015-08-27T11:33:21Z");
                j.key("links").array(|j| {
                    j.object(|j| {
                        j.put("rel", "self").put("href", format!("{}/v2/", call.url));
                    });
                });
                j.key("media-types").array(|_| {});
            });
        });
    })
}

fn own_project(session: &Session) -> u32 {
    match session.scope {
        Scope::Project(at) => at as u32,
        _ => u32::MAX,
    }
}

fn admin_only(session: &Session, rule: &str) -> Result<()> {
    if session.admin() {
        return Ok(());
    }
    Err(error(403, &format!("Policy doesn't allow {rule} to be performed.")))
}

/// Paged by limit and offset; the next page's link carries a marker that nothing reads, as the real one's does.
fn shares(call: &Call<'_>, session: &Session, version: u16) -> Answer {
    let mut items = call.world.shares();
    let all = session.admin() && call.param("all_tenants").is_some_and(|text| &*text == "1" || &*text == "true");
    let asked = call.param("project_id").map(|id| {
        let found = parse_id(&id).and_then(|id| call.world.identity.project(id));
        found.map_or(u32::MAX, |(at, _)| at as u32)
    });
    let own = own_project(session);
    items.retain(|share| (all || share.project == own) && asked.is_none_or(|project| share.project == project));
    let number = |name: &str| call.param(name).and_then(|text| text.parse::<usize>().ok());
    let most = call.cloud.settings.page_size;
    let limit = number("limit").map_or(most, |limit| limit.min(most));
    let page: Vec<&StoredShare> = items.iter().skip(number("offset").unwrap_or(0)).take(limit).collect();
    let last = page.last().filter(|_| number("limit") == Some(page.len())).map(|share| Uuid(share.id).to_string());
    let mut j = Json::with_capacity(page.len() * 700 + 256);
    j.object(|j| {
        j.key("shares").array(|j| {
            for share in page {
                j.object(|j| write(j, call, share, version));
            }
        });
        if let Some(marker) = last {
            j.key("shares_links").array(|j| {
                j.object(|j| {
                    j.put("rel", "next").put("href", call.next_href("/v2/shares", &marker));
                });
            });
        }
    });
    Answer::new(200, j.into_bytes())
}

fn write(j: &mut Json, call: &Call<'_>, share: &StoredShare, version: u16) {
    let project = call.world.identity.projects.get(share.project as usize).map_or(0, |project| project.id);
    j.put("id", Uuid(share.id)).put("size", share.size).put("availability_zone", "nova");
    j.put("created_at", Micros(share.created)).put("status", share.status);
    j.put("name", format!("share-{}", share.number)).put("description", Null).put("project_id", Hex(project));
    j.put("snapshot_id", Null).put("share_network_id", Null).put("share_proto", share.protocol);
    j.key("metadata").object(|_| {});
    if version >= 6 {
        let kind = u64::from(share.kind == "cephfs");
        j.put("share_type", Uuid(uuid(call.world.seed, Kind::Flavor, 1 << 33 | kind))).put("share_type_name", share.kind);
    } else {
        j.put("share_type", share.kind);
    }
    j.put("volume_type", share.kind).put("is_public", false).put("host", "storage-02@cephfs#cephfs");
    j.key("links").array(|_| {});
    if version >= 5 {
        j.put("task_state", Null);
    }
}

fn services(call: &Call<'_>, session: &Session) -> Result<Answer> {
    admin_only(session, "service:index")?;
    Ok(Answer::object(|j| {
        j.key("services").array(|j| {
            let all = [("manila-scheduler", "controller-01"), ("manila-share", "storage-02@cephfs")];
            for (id, (binary, host)) in (1u32..).zip(all) {
                j.object(|j| {
                    j.put("id", id).put("binary", binary).put("host", host).put("zone", "nova");
                    j.put("status", "enabled").put("state", "up");
                    j.put("updated_at", Micros(seconds(call.now) / 10 * 10));
                });
            }
        });
    }))
}

fn quota_set(call: &Call<'_>, session: &Session, id: &str) -> Result<Answer> {
    let found = parse_id(id).and_then(|id| call.world.identity.project(id));
    let (at, project) = found.ok_or_else(|| error(404, &format!("Project {id} could not be found.")))?;
    if own_project(session) != at as u32 {
        admin_only(session, "quota_set:show")?;
    }
    let shares = call.world.shares();
    let own = || shares.iter().filter(|share| share.project as usize == at);
    let lines = [
        ("shares", 50i64, own().count() as u64),
        ("gigabytes", -1, own().map(|share| share.size).sum()),
        ("snapshots", 50, 0),
        ("snapshot_gigabytes", 1000, 0),
        ("share_networks", 10, 0),
    ];
    Ok(Answer::object(|j| {
        j.key("quota_set").object(|j| {
            j.put("id", Hex(project.id));
            for (name, limit, used) in lines {
                j.key(name).object(|j| {
                    j.put("limit", limit).put("in_use", used).put("reserved", 0u32);
                });
            }
        });
    }))
}
