//! Compute services, aggregates, availability zones; and security groups, which Nova once passed on.

use super::{Nova, Result, gone};
use crate::demo::call::Answer;
use crate::demo::json::{Hex, Json, Micros, Null, Uuid};
use crate::demo::world::host::{CONTROL_SERVICES, ZONES};
use crate::demo::world::seed::{Kind, uuid};
use crate::demo::world::{Aggregate, seconds};

/// What `os-services` says of one.
struct Row<'a> {
    binary: &'a str,
    host: &'a str,
    number: u32,
    id: u128,
    zone: &'a str,
    disabled: Option<&'a str>,
    reported: u32,
    up: bool,
}

impl Nova<'_> {
    fn service_rows(&self) -> impl Iterator<Item = Row<'_>> {
        let (world, now) = (&self.call.world, self.call.now);
        let control = CONTROL_SERVICES.iter().map(move |(binary, host, number)| Row {
            binary,
            host,
            number: *number,
            id: uuid(world.seed, Kind::Service, u64::MAX - u64::from(*number)),
            zone: "internal",
            disabled: None,
            reported: seconds(now) - (seconds(now) + number) % 10,
            up: true,
        });
        let compute = (0u32..).zip(world.hosts()).map(move |(row, host)| {
            let (reported, up) = world.heartbeat(row, now);
            let zone = ZONES.get(host.zone).copied().unwrap_or("nova");
            let (number, disabled) = (row + 5, host.disabled);
            Row { binary: "nova-compute", host: &host.name, number, id: host.service, zone, disabled, reported, up }
        });
        control.chain(compute)
    }

    pub(super) fn services(&self) -> Result<Answer> {
        self.admin_only("os-services:list")?;
        let (binary, host) = (self.call.param("binary"), self.call.param("host"));
        let wanted = |row: &Row<'_>| {
            binary.as_ref().is_none_or(|binary| binary == row.binary) && host.as_ref().is_none_or(|host| host == row.host)
        };
        Ok(Answer::object(|j| {
            j.key("services").array(|j| {
                for row in self.service_rows().filter(wanted) {
                    j.object(|j| self.write_service(j, &row));
                }
            });
        }))
    }

    fn write_service(&self, j: &mut Json, row: &Row<'_>) {
        j.put("binary", row.binary).put("host", row.host);
        if self.version >= 53 { j.put("id", Uuid(row.id)) } else { j.put("id", row.number) };
        j.put("zone", row.zone).put("status", if row.disabled.is_some() { "disabled" } else { "enabled" });
        j.put("state", if row.up { "up" } else { "down" }).put("updated_at", Micros(row.reported));
        j.put("disabled_reason", row.disabled);
        if self.version >= 11 {
            j.put("forced_down", false);
        }
    }

    pub(super) fn aggregates(&self) -> Result<Answer> {
        self.admin_only("os-aggregates:index")?;
        let world = &self.call.world;
        Ok(Answer::object(|j| {
            j.key("aggregates").array(|j| {
                for (number, aggregate) in (1u32..).zip(&world.aggregates) {
                    j.object(|j| self.write_aggregate(j, number, aggregate));
                }
            });
        }))
    }

    fn write_aggregate(&self, j: &mut Json, number: u32, aggregate: &Aggregate) {
        let world = &self.call.world;
        let zone = aggregate.zone.and_then(|zone| ZONES.get(zone)).copied();
        j.put("id", number);
        if self.version >= 41 {
            j.put("uuid", Uuid(aggregate.uuid));
        }
        j.put("name", aggregate.name).key("hosts").array(|j| {
            for host in world.hosts().iter().filter(|host| aggregate.holds(host)) {
                j.item(&host.name);
            }
        });
        j.key("metadata").object(|j| {
            if let Some(zone) = zone {
                j.put("availability_zone", zone);
            }
            if let Some(mark) = aggregate.mark {
                j.put(mark, "true");
            }
        });
        let created = seconds(world.started()).saturating_sub(400 * 86_400);
        j.put("created_at", Micros(created)).put("updated_at", Null).put("deleted_at", Null).put("deleted", false);
        j.put("availability_zone", zone);
    }

    pub(super) fn zones(&self, detail: bool) -> Result<Answer> {
        if detail {
            self.admin_only("os-availability-zone:detail")?;
        }
        let rows: Vec<Row<'_>> = self.service_rows().filter(|row| row.disabled.is_none()).collect();
        // The internal zone is for administrators who ask for details only.
        let names = ZONES.iter().chain(detail.then_some(&"internal"));
        Ok(Answer::object(|j| {
            j.key("availabilityZoneInfo").array(|j| {
                for name in names {
                    let of_zone: Vec<&Row<'_>> = rows.iter().filter(|row| row.zone == *name).collect();
                    if !of_zone.is_empty() {
                        j.object(|j| write_zone(j, name, &of_zone, detail));
                    }
                }
            });
        }))
    }

    /// One default group for each project; gone from 2.36 on.
    pub(super) fn security_groups(&self) -> Result<Answer> {
        if self.version >= 36 {
            return Err(gone());
        }
        let all = self.session.admin() && self.call.param("all_tenants").is_some();
        let own = self.own_project();
        let projects = (0u32..).zip(&self.call.world.identity.projects).filter(|(at, _)| all || own == Some(*at));
        Ok(Answer::object(|j| {
            j.key("security_groups").array(|j| {
                for (at, project) in projects {
                    j.object(|j| {
                        j.put("id", Uuid(uuid(self.call.world.seed, Kind::SecurityGroup, u64::from(at))));
                        j.put("name", "default").put("description", "Default security group");
                        j.put("tenant_id", Hex(project.id)).key("rules").array(|_| {});
                    });
                }
            });
        }))
    }
}

fn write_zone(j: &mut Json, name: &str, rows: &[&Row<'_>], detail: bool) {
    j.put("zoneName", name).key("zoneState").object(|j| {
        j.put("available", true);
    });
    if !detail {
        j.put("hosts", Null);
        return;
    }
    // Controllers run several services, and a key must not come twice.
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.host);
    j.key("hosts").object(|j| {
        for of_host in rows.chunk_by(|a, b| a.host == b.host) {
            j.key(of_host.first().map_or("", |row| row.host)).object(|j| {
                for row in of_host {
                    j.key(row.binary).object(|j| {
                        j.put("available", row.up).put("active", true).put("updated_at", Micros(row.reported));
                    });
                }
            });
        }
    });
}
