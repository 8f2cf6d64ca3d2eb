//! CPU time by mode, per CPU, from /proc/stat. No percentages: a rate over these counters is exact and free.

use std::collections::HashMap;

use super::super::error::HostError;
use super::super::state::State;
use super::text;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Time that the CPU spent in a mode; `user` and `nice` include guests, as in the kernel.
    CPU_SECONDS = counter "host_cpu_seconds_total" [cpu mode], Seconds, "/proc/stat";
    /// Time that the CPU spent running guests, by the guest's mode; already part of user and nice time.
    CPU_GUEST_SECONDS = counter "host_cpu_guest_seconds_total" [cpu mode], Seconds, "/proc/stat";
}

/// The kernel's order of the modes.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const GUEST_MODES: [&str; 2] = ["user", "nice"];
const FIELDS: usize = MODES.len() + GUEST_MODES.len();
const IDLE: usize = 3;

/// Idle time that falls by more seconds than this means that the CPU was unplugged and came back.
const REPLUG_SECONDS: f64 = 3.0;

/// The highest times seen per CPU: the kernel's idle and iowait times now and then run backwards a little, which
/// Prometheus would take for a restart and turn into a spike.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<String, [f64; FIELDS]>);

impl Seen {
    fn steady(&mut self, cpu: &str, now: [f64; FIELDS]) -> [f64; FIELDS] {
        let Some(before) = self.0.get_mut(cpu) else {
            self.0.insert(cpu.to_owned(), now);
            return now;
        };
        let replugged = before.get(IDLE).zip(now.get(IDLE)).is_some_and(|(before, now)| before - now >= REPLUG_SECONDS);
        for (before, now) in before.iter_mut().zip(now) {
            *before = if replugged { now } else { before.max(now) };
        }
        *before
    }
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let text = super::proc_stat(state)?;
    let ticks_per_second = procfs::ticks_per_second() as f64;
    let mut found = false;
    for (cpu, times) in per_cpu(&text) {
        found = true;
        let times = state.linux.cpu.steady(cpu, times.map(|ticks| ticks as f64 / ticks_per_second));
        let (modes, guest) = times.split_at(MODES.len());
        for (mode, seconds) in MODES.iter().zip(modes) {
            part.put(&CPU_SECONDS, [cpu, mode], *seconds);
        }
        for (mode, seconds) in GUEST_MODES.iter().zip(guest) {
            part.put(&CPU_GUEST_SECONDS, [cpu, mode], *seconds);
        }
    }
    if found { Ok(()) } else { Err(HostError::Malformed { path: state.proc("stat"), what: "a line for each CPU" }) }
}

/// The CPUs' numbers and ticks by mode. Old kernels write fewer modes; the rest is 0.
fn per_cpu(text: &str) -> impl Iterator<Item = (&str, [u64; FIELDS])> {
    text::lines(text).filter_map(|(name, words)| {
        let cpu = name.strip_prefix("cpu").filter(|cpu| !cpu.is_empty() && cpu.bytes().all(|b| b.is_ascii_digit()))?;
        let mut times = [0; FIELDS];
        for (time, word) in times.iter_mut().zip(words) {
            *time = word.parse().ok()?;
        }
        Some((cpu, times))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn offline_cpus_leave_a_gap_and_old_kernels_fewer_fields() {
        let text = "cpu  9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu2 1 2 3 4\ncpux 1\ncpu3 a\nintr 5\n";
        let found: Vec<_> = per_cpu(text).collect();
        assert_eq!(found, [("0", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), ("2", [1, 2, 3, 4, 0, 0, 0, 0, 0, 0])]);
    }

    #[test]
    fn time_does_not_run_backwards_unless_the_cpu_was_replugged() {
        let mut seen = Seen::default();
        seen.steady("0", [10.0; FIELDS]);
        assert_eq!(seen.steady("0", [9.5; FIELDS])[IDLE], 10.0);
        assert_eq!(seen.steady("0", [11.0; FIELDS])[IDLE], 11.0);
        assert_eq!(seen.steady("0", [1.0; FIELDS])[IDLE], 1.0);
    }

    proptest! {
        #[test]
        fn every_line_comes_back(rows in proptest::collection::btree_map(0u16..999, proptest::array::uniform10(0u64..1 << 40), 0..9)) {
            let text: String = rows
                .iter()
                .map(|(cpu, times)| format!("cpu{cpu} {}\n", times.map(|time| time.to_string()).join(" ")))
                .collect();
            let found: Vec<_> = per_cpu(&text).map(|(cpu, times)| (cpu.parse::<u16>().unwrap(), times)).collect();
            prop_assert_eq!(found, rows.into_iter().collect::<Vec<_>>());
        }
    }
}
