//! `servers`, `servers/detail`, `servers/{id}`: the list that matters most, so it is written field by field.

use super::{Nova, Result, error};
use crate::demo::call::Answer;
use crate::demo::json::{Json, Hex, Micros, Null, Plain, Uuid, Zulu};
use crate::demo::world::host::ZONES;
use crate::demo::world::seed::{Kind, mix, parse_id, uuid, word};
use crate::demo::world::{Project, Server, Status};
use crate::model::clock::Timestamp;

/// What a query leaves of all servers.
struct Filter {
    project: Option<u32>,
    status: Option<String>,
    host: Option<String>,
    /// Deleted ones only, living ones only, or both.
    deleted: Option<bool>,
    since: Option<u32>,
    before: Option<u32>,
}

/// From 2.75 on Nova refuses parameters that it does not know.
const PARAMETERS: [&str; 31] = [
    "all_tenants", "limit", "marker", "sort_key", "sort_dir", "status", "host", "hostname", "name", "flavor", "image",
    "tenant_id", "project_id", "user_id", "deleted", "changes-since", "changes-before", "ip", "ip6", "tags", "tags-any",
    "not-tags", "not-tags-any", "vm_state", "power_state", "task_state", "node", "uuid", "availability_zone", "locked",
    "reservation_id",
];

impl Nova<'_> {
    pub(super) fn servers(&self, detail: bool) -> Result<Answer> {
        let filter = self.filter(detail)?;
        let limit = self.limit()?;
        let world = &self.call.world;
        let marker = self.call.param("marker");
        let end = match &marker {
            None => u32::MAX,
            Some(id) => parse_id(id)
                .and_then(|id| world.find(id))
                .ok_or_else(|| error(400, &format!("marker [{id}] not found")))?,
        };
        let wanted = |row: &u32| world.server(*row).is_some_and(|server| self.passes(&filter, server));
        let rows: Vec<u32> = match filter.since {
            Some(since) => {
                world.changed_since(since).into_iter().filter(|row| *row < end).filter(wanted).take(limit).collect()
            }
            None => {
                let end = end.min(world.servers().len() as u32);
                (0..end).rev().filter(wanted).take(limit).collect()
            }
        };
        let last = rows.last().filter(|_| rows.len() == limit).and_then(|row| world.server(*row));
        let path = if detail { "/v2.1/servers/detail" } else { "/v2.1/servers" };
        let mut j = Json::with_capacity(rows.len() * 2600 + 256);
        j.object(|j| {
            j.key("servers").array(|j| {
                for row in rows {
                    if let Some(server) = world.server(row) {
                        j.object(|j| if detail { self.write(j, row, server, false) } else { self.brief(j, row, server) });
                    }
                }
            });
            self.next_link(j, "servers_links", path, last.map(|server| Uuid(server.id).to_string()));
        });
        Ok(Answer::new(200, j.into_bytes()))
    }

    pub(super) fn server(&self, id: &str) -> Result<Answer> {
        let (row, server) = self.find(id)?;
        Ok(Answer::object(|j| {
            j.key("server").object(|j| self.write(j, row, server, true));
        }))
    }

    /// A server that lives and that the token may see.
    pub(super) fn find(&self, id: &str) -> Result<(u32, &Server)> {
        let world = &self.call.world;
        let row = parse_id(id).and_then(|id| world.find(id));
        let seen = |server: &&Server| {
            server.status != Status::Deleted && (self.session.admin() || self.own_project() == Some(server.project))
        };
        row.and_then(|row| world.server(row).filter(seen).map(|server| (row, server)))
            .ok_or_else(|| error(404, &format!("Instance {id} could not be found.")))
    }

    fn filter(&self, detail: bool) -> Result<Filter> {
        let call = self.call;
        if self.version >= 75
            && let Some(odd) = call.param_names().find(|name| !PARAMETERS.contains(&name.as_ref()))
        {
            return Err(error(400, &format!("Additional properties are not allowed ('{odd}' was unexpected)")));
        }
        let truth = |text: &str| matches!(text.to_ascii_lowercase().as_str(), "" | "1" | "t" | "true" | "on" | "y" | "yes");
        let all = call.param("all_tenants").is_some_and(|text| truth(&text));
        if all {
            self.admin_only(if detail { "servers:detail:get_all_tenants" } else { "servers:index:get_all_tenants" })?;
        }
        let asked = call.param("project_id").or_else(|| call.param("tenant_id")).filter(|_| all);
        let project = match asked {
            Some(id) => Some(parse_id(&id).and_then(|id| call.world.identity.project(id)).map_or(u32::MAX, |(at, _)| at as u32)),
            None if all => None,
            None => Some(self.own_project().unwrap_or(u32::MAX)),
        };
        let time = |name: &str| match call.param(name) {
            None => Ok(None),
            Some(text) => Timestamp::parse(&text)
                .map(Some)
                .ok_or_else(|| error(400, &format!("Invalid filter field: {name}."))),
        };
        let whole = |millis: i64| u32::try_from(millis).unwrap_or(0);
        let since = time("changes-since")?.map(|at| whole((at.millis() + 999).div_euclid(1000)));
        let before = if self.version >= 66 { time("changes-before")?.map(|at| whole(at.millis().div_euclid(1000))) } else { None };
        let status = call.param("status").map(|text| text.to_ascii_uppercase());
        let deleted = match call.param("deleted").filter(|_| self.session.admin()) {
            Some(text) => Some(truth(&text)),
            None if status.as_deref() == Some("DELETED") => Some(true),
            None if since.is_some() || before.is_some() => None,
            None => Some(false),
        };
        Ok(Filter { project, status, host: call.param("host").map(std::borrow::Cow::into_owned), deleted, since, before })
    }

    fn passes(&self, filter: &Filter, server: &Server) -> bool {
        let is_deleted = server.status == Status::Deleted;
        filter.deleted.is_none_or(|deleted| deleted == is_deleted)
            && filter.project.is_none_or(|project| project == server.project)
            && filter.before.is_none_or(|before| server.updated <= before)
            && filter.status.as_deref().is_none_or(|status| status == server.status.name())
            && filter.host.as_deref().is_none_or(|name| {
                server.host.and_then(|host| self.call.world.host(host)).is_some_and(|host| host.name == name)
            })
    }

    fn brief(&self, j: &mut Json, row: u32, server: &Server) {
        let project = self.call.world.project_of(server).map_or("", |project| project.name.as_str());
        j.put("id", Uuid(server.id)).put("name", server.name(row, project));
        self.links(j, "servers", Uuid(server.id));
    }

    /// All fields of one server; `show` adds what only `servers/{id}` has.
    fn write(&self, j: &mut Json, row: u32, server: &Server, show: bool) {
        let world = &self.call.world;
        let Some(project) = world.project_of(server) else { return };
        let name = server.name(row, &project.name);
        j.put("accessIPv4", "").put("accessIPv6", "");
        let addressed = addresses(j, server, project);
        j.put("created", Zulu(server.created));
        self.flavor_of_server(j, server);
        j.key("hostId");
        match server.host {
            Some(host) => j.item(Plain(format_args!("{}", HostId(project.id as u64, host)))),
            None => j.item(""),
        };
        j.put("id", Uuid(server.id));
        self.image(j, server);
        self.links(j, "servers", Uuid(server.id));
        j.key("metadata").object(|j| {
            j.put("role", crate::demo::world::flavor::role(server.key(4))).put("stage", "prod");
        });
        j.put("name", &name).put("status", server.status.name()).put("tenant_id", Hex(project.id));
        j.put("user_id", Hex(project.owner)).put("updated", Zulu(server.updated)).put("OS-DCF:diskConfig", "MANUAL");
        if server.status.has_progress() {
            j.put("progress", 0u32);
        }
        if let Some(message) = server.fault() {
            fault(j, server, message);
        }
        self.placed(j, row, server, &name);
        j.put("OS-EXT-STS:task_state", (server.status == Status::Build).then_some("spawning"));
        j.put("OS-EXT-STS:vm_state", server.status.vm_state());
        j.put("OS-EXT-STS:power_state", server.status.power_state());
        self.volumes(j, server);
        self.later(j, server, show);
        if addressed {
            j.key("security_groups").array(|j| {
                j.object(|j| {
                    j.put("name", "default");
                });
            });
        }
    }

    /// Zone, host and names.
    fn placed(&self, j: &mut Json, row: u32, server: &Server, name: &str) {
        let host = server.host.and_then(|host| self.call.world.host(host));
        let zone = host.and_then(|host| ZONES.get(host.zone)).copied().unwrap_or("");
        j.put("OS-EXT-AZ:availability_zone", zone).put("config_drive", "");
        j.put("key_name", (!server.key(6).is_multiple_of(4)).then_some("ops-2025"));
        j.put("OS-SRV-USG:launched_at", (server.launched > 0).then_some(Micros(server.launched)));
        j.put("OS-SRV-USG:terminated_at", server.terminated().map(Micros));
        j.put("OS-EXT-SRV-ATTR:host", host.map(|host| &host.name));
        j.put("OS-EXT-SRV-ATTR:instance_name", Plain(format_args!("instance-{:08x}", row + 1)));
        j.put("OS-EXT-SRV-ATTR:hypervisor_hostname", host.map(|host| &host.hostname));
        if self.version >= 3 {
            j.put("OS-EXT-SRV-ATTR:hostname", name.replace('.', "-")).put("OS-EXT-SRV-ATTR:kernel_id", "");
            j.put("OS-EXT-SRV-ATTR:launch_index", 0u32).put("OS-EXT-SRV-ATTR:ramdisk_id", "");
            j.put("OS-EXT-SRV-ATTR:reservation_id", Plain(format_args!("r-{:08x}", server.key(7) as u32)));
            j.put("OS-EXT-SRV-ATTR:root_device_name", (server.launched > 0).then_some("/dev/vda"));
            j.put("OS-EXT-SRV-ATTR:user_data", Null);
        }
    }

    fn volumes(&self, j: &mut Json, server: &Server) {
        let volume = server.volume().filter(|_| server.status != Status::Deleted && server.launched > 0);
        j.key("os-extended-volumes:volumes_attached").array(|j| {
            if let Some(volume) = volume {
                j.object(|j| {
                    j.put("id", Uuid(volume));
                    if self.version >= 3 {
                        j.put("delete_on_termination", server.from_volume());
                    }
                });
            }
        });
    }

    /// What microversions have added behind the first fields.
    fn later(&self, j: &mut Json, server: &Server, show: bool) {
        let since = |minor: u16| self.version >= minor;
        if since(9) {
            j.put("locked", false);
        }
        if since(19) {
            j.put("description", Null);
        }
        if since(26) {
            j.key("tags").array(|j| {
                if server.key(8).is_multiple_of(3) {
                    j.item(word(&["backup-daily", "pci", "legacy"], server.key(9)));
                }
            });
        }
        if since(63) {
            j.put("trusted_image_certificates", Null);
        }
        if show && since(71) {
            j.key("server_groups").array(|_| {});
        }
        if since(73) {
            j.put("locked_reason", Null);
        }
        if since(96) {
            j.put("pinned_availability_zone", Null);
        }
        if since(100) {
            j.key("scheduler_hints").object(|j| {
                if server.key(12).is_multiple_of(16) {
                    j.key("group").array(|j| {
                        j.item(Uuid(uuid(u64::from(server.project), Kind::ServerGroup, 0)));
                    });
                }
            });
        }
        if since(16) && self.session.admin() {
            j.put("host_status", self.host_status(server));
        }
    }

    fn host_status(&self, server: &Server) -> &'static str {
        let Some(at) = server.host else { return "" };
        let disabled = self.call.world.host(at).is_some_and(|host| host.disabled.is_some());
        match self.call.world.heartbeat(at, self.call.now) {
            (_, false) => "UNKNOWN",
            _ if disabled => "MAINTENANCE",
            _ => "UP",
        }
    }

    fn flavor_of_server(&self, j: &mut Json, server: &Server) {
        let Some(flavor) = self.call.world.flavor_of(server) else { return };
        j.key("flavor").object(|j| {
            if self.version < 47 {
                j.put("id", &flavor.id).key("links").array(|j| self.bookmark(j, "flavors", &flavor.id));
                return;
            }
            j.put("vcpus", flavor.vcpus).put("ram", flavor.ram).put("disk", flavor.disk);
            j.put("ephemeral", flavor.ephemeral).put("swap", flavor.swap).put("original_name", &flavor.name);
            super::flavors::extra_specs(j, flavor);
        });
    }

    fn image(&self, j: &mut Json, server: &Server) {
        let images = &self.call.world.images;
        let at = (server.key(10) % images.len().max(1) as u64) as usize;
        let Some(image) = images.get(at).filter(|_| !server.from_volume()) else {
            j.put("image", "");
            return;
        };
        j.key("image").object(|j| {
            j.put("id", Uuid(image.id)).key("links").array(|j| self.bookmark(j, "images", Uuid(image.id)));
            if self.version >= 98 {
                j.key("properties").object(|j| {
                    j.put("hw_disk_bus", "virtio").put("os_distro", image.distro);
                });
            }
        });
    }
}

/// 56 hex digits that differ by project and host, as Nova's SHA-224 does.
struct HostId(u64, u32);

impl std::fmt::Display for HostId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = mix(self.0, u64::from(self.1));
        let part = |n| mix(first, n);
        write!(f, "{:016x}{:016x}{:016x}{:08x}", part(1), part(2), part(3), part(4) as u32)
    }
}

/// Writes the addresses; whether there are any.
fn addresses(j: &mut Json, server: &Server, project: &Project) -> bool {
    let (key, some) = (server.key(11), server.launched > 0 && server.status != Status::Deleted);
    let (a, b, c) = (key & 0xff, key >> 8 & 0xff, key >> 16 & 0xff);
    let entry = |j: &mut Json, version: u32, addr: std::fmt::Arguments<'_>, kind: &str| {
        j.object(|j| {
            j.put("version", version).put("addr", Plain(addr)).put("OS-EXT-IPS:type", kind);
            j.put("OS-EXT-IPS-MAC:mac_addr", Plain(format_args!("fa:16:3e:{a:02x}:{b:02x}:{c:02x}")));
        });
    };
    j.key("addresses").object(|j| {
        if some {
            j.key(format!("{}-net", project.name)).array(|j| {
                entry(j, 4, format_args!("10.{a}.{b}.{c}"), "fixed");
                if key >> 24 & 1 == 0 {
                    entry(j, 6, format_args!("2001:db8:{a:x}:{b:x}::{c:x}"), "fixed");
                }
                if key >> 25 & 7 == 0 {
                    entry(j, 4, format_args!("198.51.{b}.{c}"), "floating");
                }
            });
        }
    });
    some
}

fn fault(j: &mut Json, server: &Server, message: &str) {
    j.key("fault").object(|j| {
        j.put("code", 500u32).put("created", Zulu(server.updated)).put("message", message);
        let details = format!(
            "Traceback (most recent call last):\n  File \"/var/lib/openstack/lib/python3.12/site-packages/nova/conductor/manager.py\", \
             line 1683, in schedule_and_build_instances\n    host_lists = self._schedule_instances(context, request_specs[0],\n{message}\n"
        );
        j.put("details", details);
    });
}
