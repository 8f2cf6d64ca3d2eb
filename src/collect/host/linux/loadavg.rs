//! Load averages.

use super::super::error::HostError;
use super::super::state::{State, number};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Tasks running or waiting (for a CPU or for uninterruptible I/O), averaged over 1 minute.
    LOAD_1 = gauge "host_load1" [], Count, "/proc/loadavg";
    /// The same over 5 minutes.
    LOAD_5 = gauge "host_load5" [], Count, "/proc/loadavg";
    /// The same over 15 minutes.
    LOAD_15 = gauge "host_load15" [], Count, "/proc/loadavg";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let path = state.proc("loadavg");
    let text = state.read(&path)?;
    let mut words = text.split_ascii_whitespace();
    for row in [&LOAD_1, &LOAD_5, &LOAD_15] {
        let load =
            words.next().and_then(number).ok_or(HostError::Malformed { path: path.clone(), what: "three loads" })?;
        part.put(row, [], load);
    }
    Ok(())
}
