//! Time that tasks ran and waited, per CPU, where the kernel keeps scheduler statistics.

use super::super::error::HostError;
use super::super::state::State;
use super::text;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Time that tasks ran on the CPU.
    RUNNING = counter "host_schedstat_running_seconds_total" [cpu], Seconds, "/proc/schedstat";
    /// Time that tasks waited for the CPU.
    WAITING = counter "host_schedstat_waiting_seconds_total" [cpu], Seconds, "/proc/schedstat";
    /// Time slices run on the CPU.
    TIMESLICES = counter "host_schedstat_timeslices_total" [cpu], Count, "/proc/schedstat";
}

/// Words before running time, waiting time and time slices.
const SKIPPED: usize = 6;

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let Some(text) = state.read_optional(&state.proc("schedstat"))? else { return Ok(()) };
    for (name, words) in text::lines(&text) {
        let Some(cpu) = name.strip_prefix("cpu") else { continue };
        let columns: Vec<u64> = words.skip(SKIPPED).map_while(|word| word.parse().ok()).collect();
        if let [running, waiting, timeslices] = columns.as_slice() {
            part.put(&RUNNING, [cpu], *running as f64 / 1e9);
            part.put(&WAITING, [cpu], *waiting as f64 / 1e9);
            part.put(&TIMESLICES, [cpu], *timeslices as f64);
        }
    }
    Ok(())
}
