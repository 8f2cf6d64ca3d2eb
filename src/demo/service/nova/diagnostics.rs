//! `servers/{id}/diagnostics`: counters of a running guest; one standard form from 2.48 on, libvirt's before.
//!
//! Memory is in MiB, as Nova's reference says (its fake driver answers KiB).

use super::{Nova, Result, error};
use crate::demo::call::Answer;
use crate::demo::json::{Json, Plain};
use crate::demo::world::{Server, seconds};

/// Counters of one guest at a moment.
struct Counters {
    uptime: u32,
    cpus: u32,
    /// Nanoseconds of one vCPU; they share the load evenly.
    cpu_time: u64,
    utilisation: u32,
    memory: u64,
    memory_used: u64,
    read: u64,
    written: u64,
    received: u64,
    sent: u64,
}

impl Nova<'_> {
    pub(super) fn diagnostics(&self, id: &str) -> Result<Answer> {
        self.admin_only("os-server-diagnostics")?;
        let (_, server) = self.find(id)?;
        if server.host.is_none() {
            return Err(error(409, &format!("Instance {id} is not ready")));
        }
        if !server.status.runs() {
            let state = server.status.power_state();
            return Err(error(409, &format!("Cannot 'get_diagnostics' instance {id} while it is in power state {state}")));
        }
        let counters = self.counters(server);
        let key = server.key(11);
        Ok(Answer::object(|j| if self.version >= 48 { standard(j, &counters, key) } else { libvirt(j, &counters, key) }))
    }

    fn counters(&self, server: &Server) -> Counters {
        let (world, now) = (&self.call.world, self.call.now);
        let (flavor, load) = (world.flavor_of(server), world.load(server, now));
        let busy = load.cpu_seconds(server.booted, seconds(now));
        let memory = flavor.map_or(0, |flavor| u64::from(flavor.ram));
        // Bytes per busy second differ from guest to guest.
        let rate = |purpose: u64| (busy * (50_000.0 + (server.key(purpose) % 400_000) as f64)) as u64;
        Counters {
            uptime: seconds(now).saturating_sub(server.booted),
            cpus: flavor.map_or(1, |flavor| flavor.vcpus),
            cpu_time: (busy * 1e9) as u64,
            utilisation: (load.cpu(seconds(now)) * 100.0) as u32,
            memory,
            memory_used: (memory as f64 * world.memory_used(server, now)) as u64,
            read: rate(20),
            written: rate(21),
            received: rate(22),
            sent: rate(23),
        }
    }
}

fn standard(j: &mut Json, counters: &Counters, key: u64) {
    j.put("state", "running").put("driver", "libvirt").put("hypervisor", "kvm").put("hypervisor_os", "linux");
    j.put("uptime", counters.uptime).put("config_drive", false).put("num_cpus", counters.cpus);
    j.put("num_nics", 1u32).put("num_disks", 1u32);
    j.key("disk_details").array(|j| {
        j.object(|j| {
            j.put("read_bytes", counters.read).put("read_requests", counters.read / 16_384);
            j.put("write_bytes", counters.written).put("write_requests", counters.written / 8192);
            j.put("errors_count", 0u32);
        });
    });
    j.key("cpu_details").array(|j| {
        for cpu in 0..counters.cpus {
            j.object(|j| {
                j.put("id", cpu).put("time", counters.cpu_time).put("utilisation", counters.utilisation);
            });
        }
    });
    j.key("nic_details").array(|j| {
        j.object(|j| {
            let mac = (key & 0xff, key >> 8 & 0xff, key >> 16 & 0xff);
            j.put("mac_address", Plain(format_args!("fa:16:3e:{:02x}:{:02x}:{:02x}", mac.0, mac.1, mac.2)));
            j.put("rx_octets", counters.received).put("rx_errors", 0u32).put("rx_drop", 0u32);
            j.put("rx_packets", counters.received / 900).put("rx_rate", 0u32);
            j.put("tx_octets", counters.sent).put("tx_errors", 0u32).put("tx_drop", 0u32);
            j.put("tx_packets", counters.sent / 700).put("tx_rate", 0u32);
        });
    });
    j.key("memory_details").object(|j| {
        j.put("maximum", counters.memory).put("used", counters.memory_used);
    });
}

fn libvirt(j: &mut Json, counters: &Counters, key: u64) {
    for cpu in 0..counters.cpus {
        j.put(&format!("cpu{cpu}_time"), counters.cpu_time);
    }
    j.put("memory", counters.memory * 1024).put("memory-actual", counters.memory * 1024);
    j.put("memory-rss", counters.memory_used * 1024);
    j.put("vda_read", counters.read).put("vda_read_req", counters.read / 16_384);
    j.put("vda_write", counters.written).put("vda_write_req", counters.written / 8192).put("vda_errors", -1i32);
    let nic = format!("tap{:08x}-{:02x}", key as u32, key >> 32 & 0xff);
    for (name, value) in [
        ("rx", counters.received),
        ("rx_packets", counters.received / 900),
        ("rx_errors", 0),
        ("rx_drop", 0),
        ("tx", counters.sent),
        ("tx_packets", counters.sent / 700),
        ("tx_errors", 0),
        ("tx_drop", 0),
    ] {
        j.put(&format!("{nic}_{name}"), value);
    }
}
