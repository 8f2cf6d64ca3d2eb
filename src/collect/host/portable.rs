//! What sysinfo gives on systems other than Linux, in the families of the same meaning. Less than on Linux: CPU use
//! is a gauge, since no counters by mode are to be had.
//!
//! Compiled on Linux for tests only, where it is held against the Linux subsystems.

use super::error::HostError;
use super::settings::admits;
use super::state::State;
use super::system;
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Use of the CPU since the last reading.
    CPU_UTILIZATION = gauge "host_cpu_utilization_ratio" [cpu], Ratio, "sysinfo";
    /// When the host started.
    BOOT_TIME = gauge "host_boot_time_seconds" [], Timestamp, "sysinfo";
    /// Load, averaged over 1 minute.
    LOAD_1 = gauge "host_load1" [], Count, "sysinfo";
    /// Load, averaged over 5 minutes.
    LOAD_5 = gauge "host_load5" [], Count, "sysinfo";
    /// Load, averaged over 15 minutes.
    LOAD_15 = gauge "host_load15" [], Count, "sysinfo";
    /// Memory.
    MEM_TOTAL = gauge "host_memory_MemTotal_bytes" [], Bytes, "sysinfo";
    /// Memory that programs can have without swapping.
    MEM_AVAILABLE = gauge "host_memory_MemAvailable_bytes" [], Bytes, "sysinfo";
    /// Memory that nothing uses.
    MEM_FREE = gauge "host_memory_MemFree_bytes" [], Bytes, "sysinfo";
    /// Swap space.
    SWAP_TOTAL = gauge "host_memory_SwapTotal_bytes" [], Bytes, "sysinfo";
    /// Free swap space.
    SWAP_FREE = gauge "host_memory_SwapFree_bytes" [], Bytes, "sysinfo";
    /// Size of the file system.
    FILESYSTEM_SIZE = gauge "host_filesystem_size_bytes" [device mountpoint fstype], Bytes, "sysinfo";
    /// Free space that is not reserved.
    FILESYSTEM_AVAIL = gauge "host_filesystem_avail_bytes" [device mountpoint fstype], Bytes, "sysinfo";
    /// 1 when mounted read-only.
    FILESYSTEM_READONLY = gauge "host_filesystem_readonly" [device mountpoint fstype], Bool, "sysinfo";
    /// Bytes received.
    RECEIVE_BYTES = counter "host_network_receive_bytes_total" [device], Bytes, "sysinfo";
    /// Packets received.
    RECEIVE_PACKETS = counter "host_network_receive_packets_total" [device], Count, "sysinfo";
    /// Packets received with errors.
    RECEIVE_ERRS = counter "host_network_receive_errs_total" [device], Count, "sysinfo";
    /// Bytes sent.
    TRANSMIT_BYTES = counter "host_network_transmit_bytes_total" [device], Bytes, "sysinfo";
    /// Packets sent.
    TRANSMIT_PACKETS = counter "host_network_transmit_packets_total" [device], Count, "sysinfo";
    /// Packets that could not be sent because of errors.
    TRANSMIT_ERRS = counter "host_network_transmit_errs_total" [device], Count, "sysinfo";
    /// Processes.
    PIDS = gauge "host_processes_pids" [], Count, "sysinfo";
}

/// In the order of `NetworkFigures::counters`.
static NETWORK: [&Metric<1>; 6] =
    [&RECEIVE_BYTES, &RECEIVE_PACKETS, &RECEIVE_ERRS, &TRANSMIT_BYTES, &TRANSMIT_PACKETS, &TRANSMIT_ERRS];

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    for (cpu, ratio) in state.system.cpu_ratios().map_err(HostError::System)?.into_iter().enumerate() {
        part.put(&CPU_UTILIZATION, [&cpu.to_string()], ratio);
    }
    if let Some(seconds) = system::System::boot_time() {
        part.put(&BOOT_TIME, [], seconds as f64);
    }
    for (row, load) in [&LOAD_1, &LOAD_5, &LOAD_15].into_iter().zip(system::System::loads().into_iter().flatten()) {
        part.put(row, [], load);
    }
    let memory = state.system.memory().map_err(HostError::System)?;
    for (row, bytes) in [
        (&MEM_TOTAL, memory.total),
        (&MEM_AVAILABLE, memory.available),
        (&MEM_FREE, memory.free),
        (&SWAP_TOTAL, memory.swap_total),
        (&SWAP_FREE, memory.swap_free),
    ] {
        part.put(row, [], bytes as f64);
    }
    part.put(&PIDS, [], state.system.processes().map_err(HostError::System)? as f64);
    put_disks(state, part)?;
    put_networks(state, part)
}

fn put_disks(state: &State, part: &mut PartBuilder) -> Result<(), HostError> {
    let settings = &state.settings.filesystem;
    let mut seen = std::collections::HashSet::new();
    for disk in system::disks().map_err(HostError::System)? {
        let wanted =
            admits(settings.mount_points_include.as_ref(), settings.mount_points_exclude.as_ref(), &disk.mountpoint)
                && admits(None, settings.types_exclude.as_ref(), &disk.fstype);
        if wanted && seen.insert((disk.device.clone(), disk.mountpoint.clone())) {
            let labels = [disk.device.as_str(), disk.mountpoint.as_str(), disk.fstype.as_str()];
            part.put(&FILESYSTEM_SIZE, labels, disk.size_bytes as f64);
            part.put(&FILESYSTEM_AVAIL, labels, disk.available_bytes as f64);
            part.put(&FILESYSTEM_READONLY, labels, f64::from(u8::from(disk.readonly)));
        }
    }
    Ok(())
}

fn put_networks(state: &State, part: &mut PartBuilder) -> Result<(), HostError> {
    let settings = &state.settings.network;
    for network in system::networks().map_err(HostError::System)? {
        if admits(settings.device_include.as_ref(), settings.device_exclude.as_ref(), &network.device) {
            for (row, count) in NETWORK.iter().zip(network.counters) {
                part.put(row, [&network.device], count as f64);
            }
        }
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::settings::Settings;
    use super::*;
    use crate::model::clock::{Clock, Timestamp};
    use crate::model::part::{Family, Origin, PartKey};

    /// What changes between two readings, and what is ours alone.
    const RACING: [&str; 7] =
        ["load", "MemAvailable", "MemFree", "SwapFree", "avail_bytes", "host_network", "processes_pids"];

    fn samples(families: &[Family]) -> Vec<(String, Vec<String>, f64)> {
        let rows = families.iter().flat_map(|family| {
            let name = family.descriptor().name.to_string();
            family.samples().map(move |s| (name.clone(), s.labels().map(str::to_owned).collect(), s.number()))
        });
        rows.collect()
    }

    #[test]
    fn agrees_with_the_linux_subsystems() {
        let mut state = State::new(&Settings::default(), Clock::system());
        let mut portable = PartBuilder::new();
        collect(&mut state, &mut portable).unwrap();
        let mut linux = PartBuilder::new();
        super::super::Host::new(&Settings::default()).collect(&mut linux);
        let seal = |part: PartBuilder| {
            let key = PartKey { group: "host", origin: Origin::LOCAL, source: "test".into() };
            samples(&part.seal(key, Timestamp::default(), usize::MAX).0.families)
        };
        let (portable, linux) = (seal(portable), seal(linux));
        assert!(portable.len() > 15 && METRICS.len() == 20);
        for (name, labels, value) in portable {
            let other = linux.iter().find(|other| other.0 == name && other.1 == labels);
            let Some((_, _, other)) = other else { panic!("{name} {labels:?} is not among the Linux figures") };
            let racing = RACING.iter().any(|part| name.contains(part));
            assert!(racing || (value - other).abs() <= 1.0, "{name} {labels:?}: {value} and {other}");
        }
        collect(&mut state, &mut PartBuilder::new()).unwrap();
        let ratios = state.system.cpu_ratios().unwrap();
        assert!(!ratios.is_empty() && ratios.iter().all(|ratio| (0.0..=1.01).contains(ratio)));
    }
}
