//! Ironic: nodes in the form of the microversion asked for (`1.N`), conductors. Others than administrators see the
//! nodes that are lent to their project.

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json::{self, Hex, Json, Null, Plain, Uuid};
use crate::demo::page::page;
use crate::demo::tokens::{Scope, Session};
use crate::demo::world::platform::Node;

pub(super) const SERVICE: Service =
    Service { name: "ironic", base: "baremetal", shared: false, catalog: &[("baremetal", "ironic", "")], answer };

/// Newest microversion.
const NEWEST: u16 = 95;

fn answer(call: &Call<'_>) -> Answer {
    match call.path.as_slice() {
        [] => return root(call),
        ["v1"] => return Answer::object(|j| version(j, call)),
        _ => {}
    }
    let Some(session) = call.session() else { return Answer::unauthorized(call) };
    let Some(minor) = asked_version(call) else {
        return error(406, "The requested microversion is not supported; 1.1 to 1.95 are.");
    };
    let answer = match call.path.as_slice() {
        ["v1", "nodes", "detail"] => nodes(call, &session, minor),
        ["v1", "conductors"] if minor < 49 => error(404, "Not Found"),
        ["v1", "conductors"] if session.admin() => conductors(call),
        ["v1", "conductors"] => error(403, "Access was denied to the following resource: baremetal:conductor:get"),
        _ => error(404, "Not Found"),
    };
    let answer = answer.with("x-openstack-ironic-api-version", format!("1.{minor}"));
    answer.with("x-openstack-ironic-api-minimum-version", "1.1").with("x-openstack-ironic-api-maximum-version", "1.95")
}

fn root(call: &Call<'_>) -> Answer {
    Answer::object(|j| {
        j.put("name", "OpenStack Ironic API").put("description", "Ironic is an OpenStack project.");
        j.key("default_version").object(|j| version(j, call));
        j.key("versions").array(|j| {
            j.object(|j| version(j, call));
        });
    })
}

fn version(j: &mut Json, call: &Call<'_>) {
    j.put("id", "v1").put("status", "CURRENT").put("min_version", "1.1").put("version", format!("1.{NEWEST}"));
    j.key("links").array(|j| {
        j.object(|j| {
            j.put("href", format!("{}/v1/", call.url)).put("rel", "self");
        });
    });
}

/// The minor part of the microversion; none when it is not spoken.
fn asked_version(call: &Call<'_>) -> Option<u16> {
    let new = call.header("openstack-api-version").and_then(|header| header.strip_prefix("baremetal "));
    match new.or_else(|| call.header("x-openstack-ironic-api-version")) {
        None => Some(1),
        Some("latest") => Some(NEWEST),
        Some(text) => text.strip_prefix("1.")?.parse().ok().filter(|minor| (1..=NEWEST).contains(minor)),
    }
}

/// An error in Ironic's form: a text that holds JSON.
fn error(code: u16, message: &str) -> Answer {
    let inner = serde_json::json!({"faultcode": "Client", "faultstring": message, "debuginfo": null}).to_string();
    let body = json::object(|j| {
        j.put("error_message", inner);
    });
    Answer::new(code, body)
}

fn nodes(call: &Call<'_>, session: &Session, minor: u16) -> Answer {
    let mut rows = call.world.nodes();
    rows.retain(|row| session.admin() || row.instance.is_some_and(|(_, project)| session.scope == Scope::Project(project)));
    let Some(page) = page(call, call.cloud.settings.page_size, &rows, |row| row.id) else { return error(400, "Limit or marker is invalid.") };
    Answer::object(|j| {
        j.key("nodes").array(|j| {
            for row in page.rows {
                j.object(|j| write(j, call, row, minor));
            }
        });
        if let Some(marker) = page.marker {
            j.put("next", call.next_href("/v1/nodes/detail", &Uuid(marker).to_string()));
        }
    })
}

/// Which microversion brought which member follows Ironic's version history.
fn write(j: &mut Json, call: &Call<'_>, row: &Node, minor: u16) {
    let since = |version: u16| minor >= version;
    let lessee = row.instance.and_then(|(_, project)| call.world.identity.projects.get(project));
    j.put("uuid", Uuid(row.id)).put("driver", "ipmi").put("power_state", row.power_state);
    // Before 1.2 a node that is available has no state.
    let provision_state = Some(row.provision_state).filter(|state| since(2) || *state != "available");
    j.put("provision_state", provision_state).put("maintenance", row.maintenance.is_some());
    j.put("maintenance_reason", row.maintenance).put("last_error", row.last_error);
    j.put("instance_uuid", row.instance.map(|(id, _)| Uuid(id))).put("console_enabled", false);
    j.put("created_at", "2026-05-04T09:12:44+00:00").put("updated_at", "2026-11-20T06:30:00.250000+00:00");
    j.put("provision_updated_at", "2026-11-19T06:30:00.500000+00:00").put("target_power_state", Null);
    j.put("target_provision_state", Null).put("reservation", Null).key("properties").object(|_| {});
    j.key("driver_info").object(|j| {
        j.put("ipmi_username", "ADMIN").put("ipmi_password", "******");
        j.put("deploy_kernel", "http://192.0.2.1/ipa.kernel").put("deploy_ramdisk", "http://192.0.2.1/ipa.initramfs");
    });
    j.key("extra").object(|j| {
        j.key("system_vendor").object(|j| {
            j.put("serial_number", Plain(format_args!("SN{:08}", row.id % 100_000_000)));
        });
    });
    if since(5) {
        j.put("name", &row.name);
    }
    if since(21) {
        j.put("resource_class", row.class);
    }
    if since(37) {
        j.key("traits").array(|j| {
            j.item("CUSTOM_DEMO").item("HW_CPU_X86_VMX");
        });
    }
    if since(46) {
        j.put("conductor_group", "");
    }
    if since(50) {
        j.put("owner", Null);
    }
    if since(61) {
        j.put("retired", row.retired).put("retired_reason", row.retired.then_some("end of warranty"));
    }
    if since(65) {
        j.put("lessee", lessee.map(|project| Hex(project.id)));
    }
}

fn conductors(call: &Call<'_>) -> Answer {
    Answer::object(|j| {
        j.key("conductors").array(|j| {
            for host in ["controller-1", "controller-2"] {
                j.object(|j| {
                    j.put("hostname", host).put("conductor_group", "").put("alive", true);
                    j.key("links").array(|j| {
                        j.object(|j| {
                            j.put("href", format!("{}/v1/conductors/{host}", call.url)).put("rel", "self");
                        });
                    });
                });
            }
        });
    })
}
