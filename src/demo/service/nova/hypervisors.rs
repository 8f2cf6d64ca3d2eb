//! `os-hypervisors`: capacity until 2.87, uptime from 2.88 on.

use super::{Nova, Result, error, gone};
use crate::demo::call::Answer;
use crate::demo::json::{Json, Plain, Put, Uuid};
use crate::demo::world::Host;
use crate::demo::world::host::RESERVED_MB;
use crate::demo::world::seed::parse_id;

/// First microversion with UUIDs in place of numbers.
const UUIDS: u16 = 53;
/// First one without capacity.
const NO_CAPACITY: u16 = 88;

impl Nova<'_> {
    pub(super) fn hypervisors(&self, detail: bool) -> Result<Answer> {
        self.admin_only(if detail { "os-hypervisors:list-detail" } else { "os-hypervisors:list" })?;
        let hosts = self.call.world.hosts();
        let paged = self.version >= 33;
        let limit = if paged { self.limit()? } else { usize::MAX };
        let start = match self.call.param("marker").filter(|_| paged) {
            None => 0,
            Some(marker) => {
                let uuid = parse_id(&marker);
                let row = if self.version >= UUIDS {
                    hosts.iter().position(|host| Some(host.uuid) == uuid)
                } else {
                    marker.parse::<usize>().ok().and_then(|id| id.checked_sub(1)).filter(|at| *at < hosts.len())
                };
                row.ok_or_else(|| error(400, &format!("marker [{marker}] not found")))? + 1
            }
        };
        let pattern = self.call.param("hypervisor_hostname_pattern").filter(|_| self.version >= UUIDS);
        let wanted = |host: &Host| pattern.as_ref().is_none_or(|pattern| host.hostname.contains(pattern.as_ref()));
        let page: Vec<(u32, &Host)> =
            (0u32..).zip(hosts).skip(start).filter(|(_, host)| wanted(host)).take(limit).collect();
        let last = page.last().filter(|_| page.len() == limit).map(|(row, host)| self.hypervisor_id(*row, host));
        let path = if detail { "/v2.1/os-hypervisors/detail" } else { "/v2.1/os-hypervisors" };
        let mut j = Json::with_capacity(page.len() * 900 + 256);
        j.object(|j| {
            j.key("hypervisors").array(|j| {
                for (row, host) in &page {
                    j.object(|j| self.write_hypervisor(j, *row, host, detail));
                }
            });
            self.next_link(j, "hypervisors_links", path, last);
        });
        Ok(Answer::new(200, j.into_bytes()))
    }

    fn hypervisor_id(&self, row: u32, host: &Host) -> String {
        if self.version >= UUIDS { Uuid(host.uuid).to_string() } else { (row + 1).to_string() }
    }

    fn put_id(&self, j: &mut Json, uuid: u128, number: u32) {
        if self.version >= UUIDS { j.put("id", Uuid(uuid)) } else { j.put("id", number) };
    }

    fn write_hypervisor(&self, j: &mut Json, row: u32, host: &Host, detail: bool) {
        let up = self.call.world.heartbeat(row, self.call.now).1;
        self.put_id(j, host.uuid, row + 1);
        j.put("hypervisor_hostname", &host.hostname).put("state", if up { "up" } else { "down" });
        j.put("status", if host.disabled.is_some() { "disabled" } else { "enabled" });
        if detail {
            j.put("hypervisor_type", "QEMU").put("hypervisor_version", 8_002_002u32);
            j.put("host_ip", Plain(format_args!("10.20.{}.{}", row / 250 % 256, row % 250 + 1)));
            j.key("service").object(|j| {
                self.put_id(j, host.service, row + 5);
                j.put("host", &host.name).put("disabled_reason", host.disabled);
            });
            if self.version < NO_CAPACITY {
                self.capacity(j, host);
            } else {
                j.put("uptime", up.then(|| uptime(row, self.call.now.millis() / 1000)));
            }
        }
        let with_servers = self.call.param("with_servers").is_some_and(|text| matches!(text.as_ref(), "1" | "true" | "True"));
        if with_servers && self.version >= UUIDS && (!host.servers.is_empty() || self.version >= 75) {
            j.key("servers").array(|j| {
                for row in &host.servers {
                    if let Some(server) = self.call.world.server(*row) {
                        j.object(|j| {
                            j.put("name", Plain(format_args!("instance-{:08x}", row + 1))).put("uuid", Uuid(server.id));
                        });
                    }
                }
            });
        }
    }

    fn capacity(&self, j: &mut Json, host: &Host) {
        let memory_used = host.used.memory_mb + RESERVED_MB;
        let free = |total: u64, used: u64| total as i64 - used as i64;
        j.put("vcpus", host.total.vcpus).put("memory_mb", host.total.memory_mb).put("local_gb", host.total.disk_gb);
        j.put("vcpus_used", host.used.vcpus).put("memory_mb_used", memory_used).put("local_gb_used", host.used.disk_gb);
        j.put("free_ram_mb", free(host.total.memory_mb, memory_used));
        j.put("free_disk_gb", free(host.total.disk_gb, host.used.disk_gb));
        j.put("current_workload", 0u32).put("running_vms", host.servers.len());
        j.put("disk_available_least", free(host.total.disk_gb, host.used.disk_gb));
        // A text that holds JSON until 2.27, an object from 2.28 on.
        if self.version < 28 {
            j.put("cpu_info", String::from_utf8_lossy(&crate::demo::json::object(|j| cpu_info(j, host))).into_owned());
        } else {
            j.key("cpu_info").object(|j| cpu_info(j, host));
        }
    }

    pub(super) fn hypervisor_statistics(&self) -> Result<Answer> {
        if self.version >= NO_CAPACITY {
            return Err(gone());
        }
        self.admin_only("os-hypervisors:statistics")?;
        // Nova leaves disabled ones out.
        let hosts = self.call.world.hosts().iter().filter(|host| host.disabled.is_none());
        let sum = |value: &dyn Fn(&Host) -> u64| hosts.clone().map(value).sum::<u64>();
        let (memory, memory_used) = (sum(&|h| h.total.memory_mb), sum(&|h| h.used.memory_mb + RESERVED_MB));
        let (disk, disk_used) = (sum(&|h| h.total.disk_gb), sum(&|h| h.used.disk_gb));
        Ok(Answer::object(|j| {
            j.key("hypervisor_statistics").object(|j| {
                j.put("count", hosts.clone().count()).put("current_workload", 0u32);
                j.put("disk_available_least", disk.saturating_sub(disk_used));
                j.put("free_disk_gb", disk.saturating_sub(disk_used)).put("free_ram_mb", memory.saturating_sub(memory_used));
                j.put("local_gb", disk).put("local_gb_used", disk_used);
                j.put("memory_mb", memory).put("memory_mb_used", memory_used);
                j.put("running_vms", sum(&|h| h.servers.len() as u64));
                j.put("vcpus", sum(&|h| h.total.vcpus)).put("vcpus_used", sum(&|h| h.used.vcpus));
            });
        }))
    }
}

fn cpu_info(j: &mut Json, host: &Host) {
    let model = if host.total.vcpus.is_power_of_two() && host.gpu { "EPYC-Milan" } else { "Cascadelake-Server" };
    let vendor = if host.gpu { "AMD" } else { "Intel" };
    j.put("arch", "x86_64").put("model", model).put("vendor", vendor);
    j.key("features").array(|j| {
        for feature in ["pge", "clflush", "sse4.2", "aes", "avx2", "ssse3", "fma", "vmx"] {
            j.item(feature);
        }
    });
    j.key("topology").object(|j| {
        j.put("cores", host.total.vcpus / 4).put("threads", 2u32).put("sockets", 2u32);
    });
}

/// As the command prints it.
fn uptime(row: u32, second: i64) -> impl Put {
    let (day, clock) = (second / 86_400 % 90 + i64::from(row % 30), second % 86_400);
    let (hour, minute, seconds) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!(
        " {hour:02}:{minute:02}:{seconds:02} up {day} days, {:2}:{minute:02},  1 user,  load average: {}.42, {}.37, {}.31",
        hour,
        row % 9,
        row % 8,
        row % 7
    )
}
