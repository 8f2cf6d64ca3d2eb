//! Which of a flavor's vCPUs ask for a CPU of their own (`hw:cpu_policy`), as Nova translates them.

use crate::model::inventory::flavor::Flavor;

/// Nova takes no greater CPU numbers in a mask either.
const CPUS_MAX: u64 = 4096;

/// Whether a core's other thread may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threads {
    Any,
    /// Hosts whose cores have one thread only.
    Isolate,
    /// Hosts whose cores have two.
    Require,
}

/// A flavor's CPUs, where some are dedicated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cpus {
    pub(super) dedicated: u64,
    pub(super) shared: u64,
    pub(super) threads: Threads,
}

impl Cpus {
    /// None where all CPUs are shared.
    pub(super) fn of(flavor: &Flavor) -> Option<Self> {
        let spec = |name: &str| flavor.extra_specs.get(name).map(|value| &**value);
        let all = u64::from(flavor.vcpus);
        let dedicated = match spec("hw:cpu_policy") {
            Some("dedicated") => all,
            Some("mixed") => {
                let mask = spec("hw:cpu_dedicated_mask").or_else(|| spec("hw:cpu_realtime_mask"));
                mask.map_or(all, |mask| counted(mask, all))
            }
            _ => return None,
        };
        let emulator = u64::from(spec("hw:emulator_threads_policy") == Some("isolate"));
        let threads = match spec("hw:cpu_thread_policy") {
            Some("isolate") => Threads::Isolate,
            Some("require") => Threads::Require,
            _ => Threads::Any,
        };
        Some(Self { dedicated: dedicated + emulator, shared: all - dedicated, threads })
    }
}

/// CPUs below `all` that a mask names: `0-3,^1`; with exclusions only, all others.
fn counted(mask: &str, all: u64) -> u64 {
    let (mut named, mut left_out) = (Vec::new(), Vec::new());
    for item in mask.split(',').map(str::trim) {
        let (target, range) = match item.strip_prefix('^') {
            Some(range) => (&mut left_out, range),
            None => (&mut named, item),
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
            target.push(first..=last);
        }
    }
    let is_named = |cpu: &u64| named.is_empty() || named.iter().any(|range| range.contains(cpu));
    let is_left_out = |cpu: &u64| left_out.iter().any(|range| range.contains(cpu));
    (0..all.min(CPUS_MAX)).filter(|cpu| is_named(cpu) && !is_left_out(cpu)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_counted() {
        for (mask, count) in [("0-3", 4), ("^0-1", 6), ("0,2,7,9", 3), ("0-5,^1", 5), ("", 8), ("x", 8)] {
            assert_eq!(counted(mask, 8), count, "{mask}");
        }
    }
}
