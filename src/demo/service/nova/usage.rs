//! `os-simple-tenant-usage`: hours by project in a window, paged by instance from 2.40 on.

use std::collections::BTreeMap;

use super::{Nova, Result, error};
use crate::demo::call::Answer;
use crate::demo::json::{Hex, Json, Micros, Uuid};
use crate::demo::world::seed::parse_id;
use crate::demo::world::{Flavor, Server, Status, seconds};
use crate::model::clock::Timestamp;

/// One instance's share of the window.
struct Share<'a> {
    row: u32,
    server: &'a Server,
    flavor: &'a Flavor,
    hours: f64,
}

#[derive(Default)]
struct Sums {
    hours: f64,
    vcpus: f64,
    memory: f64,
    disk: f64,
}

impl Nova<'_> {
    pub(super) fn usages(&self) -> Result<Answer> {
        self.admin_only("os-simple-tenant-usage:list")?;
        let now = seconds(self.call.now);
        let time = |name: &str| match self.call.param(name) {
            None => Ok(now),
            Some(text) => Timestamp::parse(&text)
                .map(seconds)
                .ok_or_else(|| error(400, &format!("Invalid input for query parameters {name}. Value: {text}."))),
        };
        let (start, stop) = (time("start")?, time("end")?);
        if start > stop {
            return Err(error(400, "Invalid start time. The start time cannot occur after the end time."));
        }
        let paged = self.version >= 40;
        let limit = if paged { self.limit()? } else { usize::MAX };
        let world = &self.call.world;
        let first = match self.call.param("marker").filter(|_| paged) {
            None => 0,
            Some(id) => {
                let missing = || error(400, &format!("marker [{id}] not found"));
                parse_id(&id).and_then(|id| world.find(id)).ok_or_else(missing)? + 1
            }
        };
        let shares: Vec<Share<'_>> = (first..world.servers().len() as u32)
            .filter_map(|row| self.share(row, start, stop.min(now)))
            .take(limit)
            .collect();
        let last = shares.last().filter(|_| shares.len() == limit).map(|share| Uuid(share.server.id).to_string());
        let mut by_project: BTreeMap<u32, Vec<&Share<'_>>> = BTreeMap::new();
        for share in &shares {
            by_project.entry(share.server.project).or_default().push(share);
        }
        Ok(Answer::object(|j| {
            j.key("tenant_usages").array(|j| {
                for (project, shares) in &by_project {
                    let detailed = self.call.param("detailed").as_deref() == Some("1");
                    j.object(|j| self.write_usage(j, *project, shares, (start, stop), detailed));
                }
            });
            self.next_link(j, "tenant_usages_links", "/v2.1/os-simple-tenant-usage", last);
        }))
    }

    /// Of one project, at this moment, unpaged and in detail; its members may read it too.
    pub(super) fn usage(&self, id: &str) -> Result<Answer> {
        let found = parse_id(id).and_then(|id| self.call.world.identity.project(id));
        let project = found.map_or(u32::MAX, |(at, _)| at as u32);
        if self.own_project() != Some(project) {
            self.admin_only("os-simple-tenant-usage:show")?;
        }
        let now = seconds(self.call.now);
        let rows = 0..self.call.world.servers().len() as u32;
        let of_project = |share: &Share<'_>| share.server.project == project;
        let shares: Vec<Share<'_>> = rows.filter_map(|row| self.share(row, now, now)).filter(of_project).collect();
        Ok(Answer::object(|j| {
            j.key("tenant_usage").object(|j| {
                if !shares.is_empty() {
                    self.write_usage(j, project, &shares.iter().collect::<Vec<_>>(), (now, now), true);
                }
            });
        }))
    }

    fn share(&self, row: u32, start: u32, stop: u32) -> Option<Share<'_>> {
        let server = self.call.world.server(row).filter(|server| server.launched > 0)?;
        let end = server.terminated().unwrap_or(u32::MAX).min(stop);
        let from = server.launched.max(start);
        let within = server.launched <= stop && server.terminated().is_none_or(|ended| ended > start);
        let flavor = self.call.world.flavor_of(server)?;
        within.then(|| Share { row, server, flavor, hours: f64::from(end.saturating_sub(from)) / 3600.0 })
    }

    fn write_usage(
        &self,
        j: &mut Json,
        project: u32,
        shares: &[&Share<'_>],
        (start, stop): (u32, u32),
        detailed: bool,
    ) {
        let Some(owner) = self.call.world.identity.projects.get(project as usize) else { return };
        let mut sums = Sums::default();
        for share in shares {
            sums.hours += share.hours;
            sums.vcpus += share.hours * f64::from(share.flavor.vcpus);
            sums.memory += share.hours * f64::from(share.flavor.ram);
            sums.disk += share.hours * f64::from(share.flavor.disk + share.flavor.ephemeral);
        }
        j.put("tenant_id", Hex(owner.id));
        if detailed {
            j.key("server_usages").array(|j| {
                for share in shares {
                    j.object(|j| self.write_share(j, share, owner));
                }
            });
        }
        j.put("total_local_gb_usage", sums.disk).put("total_vcpus_usage", sums.vcpus);
        j.put("total_memory_mb_usage", sums.memory).put("total_hours", sums.hours);
        j.put("start", Micros(start)).put("stop", Micros(stop));
    }

    fn write_share(&self, j: &mut Json, share: &Share<'_>, owner: &crate::demo::world::Project) {
        let (server, flavor) = (share.server, share.flavor);
        let ended = server.terminated();
        let until = ended.unwrap_or_else(|| seconds(self.call.now));
        j.put("hours", share.hours).put("flavor", &flavor.name).put("instance_id", Uuid(server.id));
        j.put("name", server.name(share.row, &owner.name)).put("tenant_id", Hex(owner.id));
        j.put("memory_mb", flavor.ram).put("local_gb", flavor.disk + flavor.ephemeral).put("vcpus", flavor.vcpus);
        j.put("started_at", Micros(server.launched)).put("ended_at", ended.map(Micros));
        j.put("state", if server.status == Status::Deleted { "terminated" } else { server.status.vm_state() });
        j.put("uptime", until.saturating_sub(server.launched));
    }
}
