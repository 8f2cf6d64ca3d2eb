//! `process_*`, as every Prometheus client library exports them.

use crate::model::part::PartBuilder;

crate::metrics! {
    /// Total user and system CPU time spent in seconds.
    CPU_SECONDS = counter "process_cpu_seconds_total" [], Seconds, "/proc/self/stat";
    /// Resident memory size in bytes.
    RESIDENT = gauge "process_resident_memory_bytes" [], Bytes, "/proc/self/stat";
    /// Virtual memory size in bytes.
    VIRTUAL = gauge "process_virtual_memory_bytes" [], Bytes, "/proc/self/stat";
    /// Start time of the process since unix epoch in seconds.
    START_TIME = gauge "process_start_time_seconds" [], Timestamp, "/proc/self/stat";
    /// Number of open file descriptors.
    OPEN_FDS = gauge "process_open_fds" [], Count, "/proc/self/fd";
    /// Maximum number of open file descriptors.
    MAX_FDS = gauge "process_max_fds" [], Count, "/proc/self/limits";
    /// Number of OS threads in the process.
    THREADS = gauge "process_threads" [], Count, "/proc/self/stat";
}

/// Puts what the kernel says of this process; what it does not say is left out.
#[cfg(target_os = "linux")]
pub(super) fn put(builder: &mut PartBuilder) {
    let Ok(process) = procfs::process::Process::myself() else { return };
    let ticks = procfs::ticks_per_second() as f64;
    if let Ok(stat) = process.stat() {
        builder.put(&CPU_SECONDS, [], (stat.utime + stat.stime) as f64 / ticks);
        builder.put(&RESIDENT, [], (stat.rss * procfs::page_size()) as f64);
        builder.put(&VIRTUAL, [], stat.vsize as f64);
        builder.put(&THREADS, [], stat.num_threads as f64);
        if let Ok(booted) = procfs::boot_time_secs() {
            builder.put(&START_TIME, [], booted as f64 + stat.starttime as f64 / ticks);
        }
    }
    if let Ok(open) = process.fd_count() {
        builder.put(&OPEN_FDS, [], open as f64);
    }
    if let Ok(limits) = process.limits()
        && let procfs::process::LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        builder.put(&MAX_FDS, [], most as f64);
    }
}

/// Elsewhere nothing is known.
#[cfg(not(target_os = "linux"))]
pub(super) fn put(_builder: &mut PartBuilder) {}
