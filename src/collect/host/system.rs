//! Everything of sysinfo that we use, wrapped in one place because its interface changes often.
//!
//! On Linux it serves the list of top processes only: its figures carry no modes, inodes or drops, and it reads the
//! container's /proc, not the configured one. On other systems `portable` builds the host figures from it.

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate};

/// What a process uses.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessFigures {
    /// Process id.
    pub pid: u32,
    /// Name of the program.
    pub name: String,
    /// CPUs used since the last reading: 1.0 is one CPU all the time.
    pub cpu_ratio: f64,
    /// Resident memory.
    pub memory_bytes: u64,
}

/// The processes that use most. Blocking, and about 12 ms for 1,000 processes: made when asked for, never on a tick.
#[derive(Debug)]
pub struct TopProcesses {
    system: sysinfo::System,
}

impl TopProcesses {
    /// Takes a first reading, against which the next one measures CPU use; `None` where the system gives no processes.
    pub fn new() -> Option<Self> {
        let mut top = Self { system: sysinfo::System::new().ok()? };
        top.refresh();
        Some(top)
    }

    /// The first `count` by CPU, then memory. CPU use is that since the last call, so calls should lie
    /// `sysinfo::MINIMUM_CPU_UPDATE_INTERVAL` (0.2 s) apart.
    pub fn read(&mut self, count: usize) -> Vec<ProcessFigures> {
        self.refresh();
        let mut all: Vec<ProcessFigures> = self
            .system
            .processes()
            .iter()
            .map(|(pid, process)| ProcessFigures {
                pid: pid.as_u32(),
                name: process.name().to_string_lossy().into_owned(),
                cpu_ratio: f64::from(process.cpu_usage()) / 100.0,
                memory_bytes: process.memory(),
            })
            .collect();
        all.sort_by(|a, b| {
            b.cpu_ratio.total_cmp(&a.cpu_ratio).then(b.memory_bytes.cmp(&a.memory_bytes)).then(a.pid.cmp(&b.pid))
        });
        all.truncate(count);
        all
    }

    fn refresh(&mut self) {
        // Without `without_tasks` every thread would appear as a process of its own.
        let kind = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
    }
}

#[cfg(any(test, not(target_os = "linux")))]
pub(super) use elsewhere::{System, disks, networks};

#[cfg(any(test, not(target_os = "linux")))]
mod elsewhere {
    //! The figures that `portable` builds on.

    /// A disk as mounted.
    pub(in super::super) struct DiskFigures {
        pub(in super::super) device: String,
        pub(in super::super) mountpoint: String,
        pub(in super::super) fstype: String,
        pub(in super::super) size_bytes: u64,
        pub(in super::super) available_bytes: u64,
        pub(in super::super) readonly: bool,
    }

    /// Counters of a network device.
    pub(in super::super) struct NetworkFigures {
        pub(in super::super) device: String,
        /// Bytes, packets and errors received, then sent.
        pub(in super::super) counters: [u64; 6],
    }

    /// Memory and swap in bytes: total, available, free; then total and free swap.
    pub(in super::super) struct MemoryFigures {
        pub(in super::super) total: u64,
        pub(in super::super) available: u64,
        pub(in super::super) free: u64,
        pub(in super::super) swap_total: u64,
        pub(in super::super) swap_free: u64,
    }

    /// Kept between runs, since CPU use is a difference. Made at the first run.
    #[derive(Debug, Default)]
    pub(in super::super) struct System(Option<sysinfo::System>);

    impl System {
        fn system(&mut self) -> Result<&mut sysinfo::System, String> {
            match &mut self.0 {
                Some(system) => Ok(system),
                empty => Ok(empty.insert(sysinfo::System::new().map_err(|error| format!("{error:?}"))?)),
            }
        }

        pub(in super::super) fn memory(&mut self) -> Result<MemoryFigures, String> {
            let system = self.system()?;
            system.refresh_memory();
            Ok(MemoryFigures {
                total: system.total_memory(),
                available: system.available_memory(),
                free: system.free_memory(),
                swap_total: system.total_swap(),
                swap_free: system.free_swap(),
            })
        }

        /// Use of each CPU since the last run, 0 to 1; the first run has nothing to compare with.
        pub(in super::super) fn cpu_ratios(&mut self) -> Result<Vec<f64>, String> {
            let first = self.0.is_none();
            let system = self.system()?;
            system.refresh_cpu_usage();
            if first {
                return Ok(Vec::new());
            }
            Ok(system.cpus().iter().map(|cpu| f64::from(cpu.usage()) / 100.0).collect())
        }

        pub(in super::super) fn processes(&mut self) -> Result<usize, String> {
            let system = self.system()?;
            let kind = sysinfo::ProcessRefreshKind::nothing().without_tasks();
            system.refresh_processes_specifics(sysinfo::ProcessesToUpdate::All, true, kind);
            Ok(system.processes().len())
        }

        pub(in super::super) fn loads() -> Option<[f64; 3]> {
            sysinfo::System::load_average().ok().map(|load| [load.one, load.five, load.fifteen])
        }

        pub(in super::super) fn boot_time() -> Option<u64> {
            sysinfo::System::boot_time().ok()
        }
    }

    pub(in super::super) fn disks() -> Result<Vec<DiskFigures>, String> {
        let disks = sysinfo::Disks::new_with_refreshed_list().map_err(|error| format!("{error:?}"))?;
        let figures = disks.iter().map(|disk| DiskFigures {
            device: disk.name().to_string_lossy().into_owned(),
            mountpoint: disk.mount_point().to_string_lossy().into_owned(),
            fstype: disk.file_system().to_string_lossy().into_owned(),
            size_bytes: disk.total_space(),
            available_bytes: disk.available_space(),
            readonly: disk.is_read_only(),
        });
        Ok(figures.collect())
    }

    pub(in super::super) fn networks() -> Result<Vec<NetworkFigures>, String> {
        let networks = sysinfo::Networks::new_with_refreshed_list().map_err(|error| format!("{error:?}"))?;
        let figures = networks.iter().map(|(device, data)| NetworkFigures {
            device: std::ffi::OsStr::new(device).to_string_lossy().into_owned(),
            counters: [
                data.total_received(),
                data.total_packets_received(),
                data.total_errors_on_received(),
                data.total_transmitted(),
                data.total_packets_transmitted(),
                data.total_errors_on_transmitted(),
            ],
        });
        Ok(figures.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_among_the_processes() {
        let mut top = TopProcesses::new().unwrap();
        let all = top.read(usize::MAX);
        let own = all.iter().find(|process| process.pid == std::process::id()).unwrap();
        assert!(own.memory_bytes > 0 && !own.name.is_empty());
        assert!(top.read(1).len() == 1);
        let mut pids: Vec<u32> = all.iter().map(|process| process.pid).collect();
        pids.sort_unstable();
        pids.dedup();
        assert_eq!(pids.len(), all.len());
    }
}
