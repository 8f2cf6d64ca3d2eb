//! How many processes and threads there are, and in which state. Names and owners of processes never become labels;
//! the API has the top ones.

use std::collections::BTreeMap;

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Processes by state: R running, S sleeping, D waiting for I/O, T stopped, Z ended but not collected, I idle kernel thread.
    STATE = gauge "host_processes_state" [state], Count, "/proc/<pid>/stat";
    /// Processes.
    PIDS = gauge "host_processes_pids" [], Count, "/proc/<pid>/stat";
    /// Threads of all processes.
    THREADS = gauge "host_processes_threads" [], Count, "/proc/<pid>/stat";
    /// Process ids that the kernel gives out.
    MAX_PROCESSES = gauge "host_processes_max_processes" [], Count, "/proc/sys/kernel/pid_max";
    /// Threads that the kernel allows.
    MAX_THREADS = gauge "host_processes_max_threads" [], Count, "/proc/sys/kernel/threads-max";
}

/// A host with more processes than this has another problem; the figures stop growing there.
const PROCESSES_MAX: usize = 100_000;

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let path = state.proc("");
    let entries = std::fs::read_dir(&path).map_err(|error| HostError::read(path.clone(), error))?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let pids = pids.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let mut states: BTreeMap<char, u32> = BTreeMap::new();
    let (mut processes, mut threads) = (0u32, 0u64);
    for pid in pids.take(PROCESSES_MAX) {
        // A process may end between the listing and this read.
        let Ok(text) = state.read(&path.join(&pid).join("stat")) else { continue };
        let Some((letter, count)) = letter_and_threads(&text) else { continue };
        processes += 1;
        threads = threads.saturating_add(count);
        *states.entry(letter).or_default() += 1;
    }
    for (letter, count) in &states {
        part.put(&STATE, [letter.encode_utf8(&mut [0; 4])], f64::from(*count));
    }
    part.put(&PIDS, [], f64::from(processes));
    part.put(&THREADS, [], threads as f64);
    for (file, row) in [("sys/kernel/pid_max", &MAX_PROCESSES), ("sys/kernel/threads-max", &MAX_THREADS)] {
        if let Some(limit) = state.number(&state.proc(file)) {
            part.put(row, [], limit);
        }
    }
    Ok(())
}

/// The fields behind the name, which stands in parentheses and may hold any character.
fn letter_and_threads(stat: &str) -> Option<(char, u64)> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut words = behind.split_ascii_whitespace();
    let letter = words.next()?.chars().next()?;
    Some((letter, words.nth(16)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_name_is_survived(name in "\\PC{0,15}", threads in 1u64..10_000) {
            let stat = format!("7 ({name}) S 1 7 7 0 -1 4194560 9 0 0 0 1 2 3 4 20 0 {threads} 0 55 0 0\n");
            prop_assert_eq!(letter_and_threads(&stat), Some(('S', threads)));
        }
    }
}
