//! Packets handled in soft interrupts, per CPU: drops and squeezes show a host that cannot keep up with its network.

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Packets processed.
    PROCESSED = counter "host_softnet_processed_total" [cpu], Count, "/proc/net/softnet_stat";
    /// Packets dropped because the CPU's queue was full.
    DROPPED = counter "host_softnet_dropped_total" [cpu], Count, "/proc/net/softnet_stat";
    /// Times that processing stopped with packets left because its budget was used up.
    SQUEEZED = counter "host_softnet_times_squeezed_total" [cpu], Count, "/proc/net/softnet_stat";
}

/// Where newer kernels write the CPU's number.
const CPU_COLUMN: usize = 12;

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let Some(text) = state.read_optional(&state.proc("net/softnet_stat"))? else { return Ok(()) };
    for (line, words) in text.lines().enumerate() {
        let columns: Vec<u32> =
            words.split_ascii_whitespace().map_while(|word| u32::from_str_radix(word, 16).ok()).collect();
        // Older kernels write online CPUs in order.
        let cpu = columns.get(CPU_COLUMN).map_or_else(|| line.to_string(), u32::to_string);
        for (row, count) in [&PROCESSED, &DROPPED, &SQUEEZED].into_iter().zip(&columns) {
            part.put(row, [&cpu], f64::from(*count));
        }
    }
    Ok(())
}
