//! What /proc/stat counts for the whole host.

use super::super::error::HostError;
use super::super::state::{State, number};
use super::text;
use crate::model::part::PartBuilder;

text::field_metrics! {
    /// When the host started.
    BOOT_TIME = gauge "host_boot_time_seconds" from "btime", Timestamp, "/proc/stat";
    /// Switches from one task to another.
    CONTEXT_SWITCHES = counter "host_context_switches_total" from "ctxt", Count, "/proc/stat";
    /// Processes and threads started.
    FORKS = counter "host_forks_total" from "processes", Count, "/proc/stat";
    /// Interrupts serviced.
    INTERRUPTS = counter "host_intr_total" from "intr", Count, "/proc/stat";
    /// Tasks that run or are ready to.
    PROCS_RUNNING = gauge "host_procs_running" from "procs_running", Count, "/proc/stat";
    /// Tasks that wait for I/O.
    PROCS_BLOCKED = gauge "host_procs_blocked" from "procs_blocked", Count, "/proc/stat";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let text = super::proc_stat(state)?;
    for (name, mut words) in text::lines(&text) {
        if let Some(row) = text::row_of(FIELDS, name)
            && let Some(value) = words.next().and_then(number)
        {
            part.put(row, [], value);
        }
    }
    Ok(())
}
