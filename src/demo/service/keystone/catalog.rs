//! The catalog: which services there are, and where, in each region.

use super::super::SERVICES;
use super::{Entry, catalog_id};
use crate::demo::call::{Answer, Call};
use crate::demo::json::{Hex, Json};
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::seed::Kind;

const INTERFACES: [&str; 3] = ["public", "internal", "admin"];

/// One service as the catalog has it; several types may lead to the same service.
struct Listed {
    id: u128,
    kind: &'static str,
    name: &'static str,
    endpoints: Vec<Endpoint>,
}

struct Endpoint {
    id: u128,
    interface: &'static str,
    region: String,
    url: String,
}

fn listed(call: &Call<'_>) -> Vec<Listed> {
    let entries = SERVICES.iter().flat_map(|service| service.catalog.iter().map(move |entry| (service, entry)));
    let regions = &call.cloud.settings.regions;
    let all = entries.enumerate().map(|(number, (service, (kind, name, behind)))| {
        let endpoints = regions.iter().enumerate().flat_map(|(region, region_name)| {
            INTERFACES.iter().enumerate().map(move |(at, interface)| Endpoint {
                id: catalog_id(call, Kind::Endpoint, (number * regions.len() + region) * INTERFACES.len() + at),
                interface,
                region: region_name.clone(),
                url: format!("{}{behind}", call.cloud.service_url(service, region)),
            })
        });
        Listed { id: catalog_id(call, Kind::Catalog, number), kind, name, endpoints: endpoints.collect() }
    });
    all.collect()
}

/// In endpoints, the place of the project that a token is scoped to, as Keystone writes it.
const PROJECT: &str = "%(project_id)s";

/// The array behind `catalog`. As in Keystone, endpoints that take a project are left out of tokens without one.
pub(super) fn write(j: &mut Json, call: &Call<'_>, session: &Session) {
    let project = match session.scope {
        Scope::Project(at) => call.world.identity.projects.get(at).map(|project| format!("{:032x}", project.id)),
        _ => None,
    };
    let known = |endpoint: &&Endpoint| project.is_some() || !endpoint.url.contains(PROJECT);
    j.array(|j| {
        for service in listed(call) {
            j.object(|j| {
                j.key("endpoints").array(|j| {
                    for endpoint in service.endpoints.iter().filter(known) {
                        let url = endpoint.url.replace(PROJECT, project.as_deref().unwrap_or_default());
                        j.object(|j| {
                            j.put("id", Hex(endpoint.id)).put("interface", endpoint.interface);
                            j.put("region_id", &endpoint.region).put("url", url);
                            j.put("region", &endpoint.region);
                        });
                    }
                });
                j.put("id", Hex(service.id)).put("type", service.kind).put("name", service.name);
            });
        }
    });
}

/// `GET /v3/auth/catalog`.
pub(super) fn answer(call: &Call<'_>, session: &Session) -> Answer {
    if session.scope == Scope::Unscoped {
        return super::forbidden(&["auth", "catalog"]);
    }
    Answer::object(|j| {
        write(j.key("catalog"), call, session);
        j.key("links").object(|j| {
            j.put("self", format!("{}/v3/auth/catalog", call.url));
        });
    })
}

/// `GET /v3/services`.
pub(super) fn services<'a>(call: &Call<'_>) -> Vec<Entry<'a>> {
    let entry = |service: Listed| Entry {
        id: format!("{:032x}", service.id),
        name: service.name,
        domain: "",
        fill: Box::new(move |j: &mut Json| {
            j.put("name", service.name).put("id", Hex(service.id)).put("type", service.kind).put("enabled", true);
        }),
    };
    listed(call).into_iter().map(entry).collect()
}

/// `GET /v3/endpoints`.
pub(super) fn endpoints<'a>(call: &Call<'_>) -> Vec<Entry<'a>> {
    let entry = |service: u128, endpoint: Endpoint| Entry {
        id: format!("{:032x}", endpoint.id),
        name: "",
        domain: "",
        fill: Box::new(move |j: &mut Json| {
            j.put("id", Hex(endpoint.id)).put("interface", endpoint.interface).put("region_id", &endpoint.region);
            j.put("service_id", Hex(service)).put("url", &endpoint.url).put("enabled", true);
            j.put("region", &endpoint.region);
        }),
    };
    let all = listed(call).into_iter();
    all.flat_map(|service| service.endpoints.into_iter().map(move |endpoint| entry(service.id, endpoint))).collect()
}
