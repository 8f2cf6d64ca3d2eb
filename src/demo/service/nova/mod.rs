//! Nova: what exists and what it takes, in the form of the microversion asked for.
//!
//! Read only. Fields and errors follow recorded answers of Nova 34; which microversion brought which field follows
//! Nova's version history.

mod diagnostics;
mod flavors;
mod hosts;
mod hypervisors;
mod quota;
mod servers;
mod usage;

use super::Service;
use crate::demo::call::{Answer, Call, error};
use crate::demo::json::{self, Json};
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::seed::parse_id;

pub(super) const SERVICE: Service = Service {
    name: "nova",
    base: "compute",
    shared: false,
    catalog: &[("compute", "nova", "/v2.1")],
    answer,
};

/// A request that may be answered: who asks, and at which microversion (`2.N`).
struct Nova<'a> {
    call: &'a Call<'a>,
    session: Session,
    version: u16,
}

type Result<T> = std::result::Result<T, Answer>;

fn answer(call: &Call<'_>) -> Answer {
    let (versioned, answer) = route(call);
    let answer = answer.unwrap_or_else(|refused| refused).with("x-compute-request-id", call.request_id.clone());
    match versioned {
        Some(version) => answer
            .with("openstack-api-version", format!("compute {version}"))
            .with("x-openstack-nova-api-version", version)
            .with("vary", "OpenStack-API-Version, X-OpenStack-Nova-API-Version"),
        None => answer,
    }
}

/// The answer, and the microversion that its headers name.
fn route(call: &Call<'_>) -> (Option<String>, Result<Answer>) {
    let rest = match call.path.as_slice() {
        [] => return (None, Ok(versions(call))),
        ["v2.1"] => return (None, Ok(version_document(call))),
        ["v2.1", rest @ ..] => rest,
        _ => return (None, Err(error(404, "The resource could not be found."))),
    };
    let Some(session) = call.session() else { return (None, Err(Answer::unauthorized(call))) };
    let asked = asked_version(call);
    let version = match negotiate(&asked, call.cloud.settings.nova_max_microversion) {
        Ok(version) => version,
        Err(refused) => return (Some(asked), Err(refused)),
    };
    let rest = match rest {
        // The project may stand in the path, as old catalogs have it.
        [project, rest @ ..] if project.len() == 32 && parse_id(project).is_some() => rest,
        rest => rest,
    };
    let nova = Nova { call, session, version };
    (Some(format!("2.{version}")), nova.dispatch(rest))
}

fn asked_version(call: &Call<'_>) -> String {
    let new = call.header("openstack-api-version").and_then(|header| {
        header.split(',').find_map(|one| one.trim().strip_prefix("compute ").map(str::trim))
    });
    new.or_else(|| call.header("x-openstack-nova-api-version")).unwrap_or("2.1").to_owned()
}

fn negotiate(asked: &str, newest: u16) -> Result<u16> {
    if asked == "latest" {
        return Ok(newest);
    }
    let pair = asked.split_once('.').and_then(|(major, minor)| Some((major.parse::<u16>().ok()?, minor.parse::<u16>().ok()?)));
    match pair {
        Some((2, minor)) if (1..=newest).contains(&minor) => Ok(minor),
        Some(_) => Err(error(
            406,
            &format!("Version {asked} is not supported by the API. Minimum is 2.1 and maximum is 2.{newest}."),
        )),
        None => Err(error(
            400,
            &format!("API Version String {asked} is of invalid format. Must be of format MajorNum.MinorNum."),
        )),
    }
}

fn gone() -> Answer {
    error(404, "The resource could not be found.")
}

fn versions(call: &Call<'_>) -> Answer {
    let newest = call.cloud.settings.nova_max_microversion;
    let link = |j: &mut Json, path: &str| {
        j.key("links").array(|j| {
            j.object(|j| {
                j.put("rel", "self").put("href", format!("{}/{path}/", call.url));
            });
        });
    };
    Answer::object(|j| {
        j.key("versions").array(|j| {
            j.object(|j| {
                j.put("id", "v2.0").put("status", "DEPRECATED").put("version", "").put("min_version", "");
                j.put("updated", "2025-07-04T12:00:00Z");
                link(j, "v2");
            });
            j.object(|j| {
                j.put("id", "v2.1").put("status", "CURRENT").put("version", format!("2.{newest}"));
                j.put("min_version", "2.1").put("updated", "2013-07-23T11:33:21Z");
                link(j, "v2.1");
            });
        });
    })
}

fn version_document(call: &Call<'_>) -> Answer {
    let newest = call.cloud.settings.nova_max_microversion;
    Answer::object(|j| {
        j.key("version").object(|j| {
            j.put("id", "v2.1").put("status", "CURRENT").put("version", format!("2.{newest}"));
            j.put("min_version", "2.1").put("updated", "2013-07-23T11:33:21Z");
            j.key("links").array(|j| {
                j.object(|j| {
                    j.put("rel", "self").put("href", format!("{}/v2.1/", call.url));
                });
                j.object(|j| {
                    j.put("rel", "describedby").put("type", "text/html").put("href", "http://docs.openstack.org/");
                });
            });
            j.key("media-types").array(|j| {
                j.object(|j| {
                    j.put("base", "application/json");
                    j.put("type", "application/vnd.openstack.compute+json;version=2.1");
                });
            });
        });
    })
}

impl Nova<'_> {
    fn dispatch(&self, rest: &[&str]) -> Result<Answer> {
        match rest {
            ["servers"] => self.servers(false),
            ["servers", "detail"] => self.servers(true),
            ["servers", id] => self.server(id),
            ["servers", id, "diagnostics"] => self.diagnostics(id),
            ["flavors"] => self.flavors(false),
            ["flavors", "detail"] => self.flavors(true),
            ["flavors", id] => self.flavor(id),
            ["os-hypervisors"] => self.hypervisors(false),
            ["os-hypervisors", "detail"] => self.hypervisors(true),
            ["os-hypervisors", "statistics"] => self.hypervisor_statistics(),
            ["os-services"] => self.services(),
            ["os-aggregates"] => self.aggregates(),
            ["os-availability-zone"] => self.zones(false),
            ["os-availability-zone", "detail"] => self.zones(true),
            ["os-quota-sets", id] => self.quota_set(id),
            ["os-quota-sets", id, "detail"] => self.quota_set_detail(id),
            ["os-quota-sets", id, "defaults"] => self.quota_defaults(id),
            ["limits"] => self.limits(),
            ["os-simple-tenant-usage"] => self.usages(),
            ["os-simple-tenant-usage", id] => self.usage(id),
            ["os-security-groups"] => self.security_groups(),
            // Quotas say that none is used.
            ["os-server-groups"] => Ok(Answer::object(|j| {
                j.key("server_groups").array(|_| {});
            })),
            _ => Err(gone()),
        }
    }

    /// Refuses those without the role that Nova's default policy asks for.
    fn admin_only(&self, rule: &str) -> Result<()> {
        if self.session.admin() {
            return Ok(());
        }
        Err(error(403, &format!("Policy doesn't allow os_compute_api:{rule} to be performed.")))
    }

    /// Index of the project that the token is scoped to.
    fn own_project(&self) -> Option<u32> {
        match self.session.scope {
            Scope::Project(at) => u32::try_from(at).ok(),
            _ => None,
        }
    }

    /// Items per page: what is asked for, never more than Nova's `max_limit`.
    fn limit(&self) -> Result<usize> {
        let most = self.call.cloud.settings.page_size;
        match self.call.param("limit") {
            None => Ok(most),
            Some(text) => match text.parse::<usize>() {
                Ok(0) => Ok(most),
                Ok(limit) => Ok(limit.min(most)),
                Err(_) => Err(error(
                    400,
                    &format!("Invalid input for query parameters limit. Value: {text}. '{text}' does not match '^[0-9]*$'"),
                )),
            },
        }
    }

    /// `<collection>_links`, as Nova writes it whenever a page is full.
    fn next_link(&self, j: &mut Json, key: &str, path: &str, marker: Option<String>) {
        if let Some(marker) = marker {
            j.key(key).array(|j| {
                j.object(|j| {
                    j.put("rel", "next").put("href", self.call.next_href(path, &marker));
                });
            });
        }
    }

    /// The links of an item: with the version and without.
    fn links(&self, j: &mut Json, collection: &str, id: impl std::fmt::Display) {
        let url = &self.call.url;
        j.key("links").array(|j| {
            j.object(|j| {
                j.put("rel", "self").put("href", json::Plain(format_args!("{url}/v2.1/{collection}/{id}")));
            });
            self.bookmark(j, collection, &id);
        });
    }

    fn bookmark(&self, j: &mut Json, collection: &str, id: impl std::fmt::Display) {
        j.object(|j| {
            j.put("rel", "bookmark");
            j.put("href", json::Plain(format_args!("{}/{collection}/{id}", self.call.url)));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_negotiated_as_nova_does() {
        assert_eq!(negotiate("2.53", 104).ok(), Some(53));
        assert_eq!(negotiate("latest", 104).ok(), Some(104));
        assert_eq!(negotiate("2.999", 104).unwrap_err().status, 406);
        assert_eq!(negotiate("3.1", 104).unwrap_err().status, 406);
        assert_eq!(negotiate("two.one", 104).unwrap_err().status, 400);
    }
}
