//! CPU frequencies and thermal throttling.

use std::collections::BTreeMap;

use super::super::error::HostError;
use super::super::state::State;
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Present frequency as the hardware reports it.
    FREQUENCY = gauge "host_cpu_frequency_hertz" [cpu], None, "/sys/devices/system/cpu/cpu*/cpufreq/cpuinfo_cur_freq";
    /// Lowest frequency of the hardware.
    FREQUENCY_MIN = gauge "host_cpu_frequency_min_hertz" [cpu], None, "/sys/devices/system/cpu/cpu*/cpufreq/cpuinfo_min_freq";
    /// Highest frequency of the hardware.
    FREQUENCY_MAX = gauge "host_cpu_frequency_max_hertz" [cpu], None, "/sys/devices/system/cpu/cpu*/cpufreq/cpuinfo_max_freq";
    /// Present frequency as the kernel sees it.
    SCALING = gauge "host_cpu_scaling_frequency_hertz" [cpu], None, "/sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq";
    /// Lowest frequency that the kernel chooses.
    SCALING_MIN = gauge "host_cpu_scaling_frequency_min_hertz" [cpu], None, "/sys/devices/system/cpu/cpu*/cpufreq/scaling_min_freq";
    /// Highest frequency that the kernel chooses.
    SCALING_MAX = gauge "host_cpu_scaling_frequency_max_hertz" [cpu], None, "/sys/devices/system/cpu/cpu*/cpufreq/scaling_max_freq";
    /// Times that a core was slowed down by heat.
    CORE_THROTTLES = counter "host_cpu_core_throttles_total" [package core], Count, "/sys/devices/system/cpu/cpu*/thermal_throttle/core_throttle_count";
    /// Times that a CPU package was slowed down by heat.
    PACKAGE_THROTTLES = counter "host_cpu_package_throttles_total" [package], Count, "/sys/devices/system/cpu/cpu*/thermal_throttle/package_throttle_count";
}

static FREQUENCIES: [(&str, &Metric<1>); 6] = [
    ("cpuinfo_cur_freq", &FREQUENCY),
    ("cpuinfo_min_freq", &FREQUENCY_MIN),
    ("cpuinfo_max_freq", &FREQUENCY_MAX),
    ("scaling_cur_freq", &SCALING),
    ("scaling_min_freq", &SCALING_MIN),
    ("scaling_max_freq", &SCALING_MAX),
];

const HERTZ_PER_KILOHERTZ: f64 = 1000.0;

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let folder = state.sys("devices/system/cpu");
    // Threads of a core and cores of a package share their counters: each is reported once.
    let mut cores: BTreeMap<(String, String), f64> = BTreeMap::new();
    let mut packages: BTreeMap<String, f64> = BTreeMap::new();
    for entry in state.names(&folder) {
        let Some(cpu) = entry.strip_prefix("cpu").filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        else {
            continue;
        };
        let directory = folder.join(&entry);
        if directory.join("cpufreq").is_dir() {
            for (file, row) in FREQUENCIES {
                // The hardware's own reading is root's; the kernel's view beside it serves everybody.
                let readable = std::fs::read_to_string(directory.join("cpufreq").join(file)).ok();
                if let Some(kilohertz) = readable.as_deref().and_then(super::super::state::number) {
                    part.put(row, [cpu], kilohertz * HERTZ_PER_KILOHERTZ);
                }
            }
        }
        let throttle = directory.join("thermal_throttle");
        if throttle.is_dir()
            && let Some(package) = state.attribute(&directory.join("topology/physical_package_id"))
            && let Some(core) = state.attribute(&directory.join("topology/core_id"))
        {
            if let Some(count) = state.number(&throttle.join("core_throttle_count")) {
                cores.entry((package.clone(), core)).or_insert(count);
            }
            if let Some(count) = state.number(&throttle.join("package_throttle_count")) {
                packages.entry(package).or_insert(count);
            }
        }
    }
    for ((package, core), count) in &cores {
        part.put(&CORE_THROTTLES, [package, core], *count);
    }
    for (package, count) in &packages {
        part.put(&PACKAGE_THROTTLES, [package], *count);
    }
    Ok(())
}
