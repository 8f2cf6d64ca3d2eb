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
    for (cpu, counts) in per_cpu(&text) {
        for (row, count) in [&PROCESSED, &DROPPED, &SQUEEZED].into_iter().zip(counts) {
            part.put(row, [&cpu], f64::from(count));
        }
    }
    Ok(())
}

/// The CPU's number and its hexadecimal columns.
fn per_cpu(text: &str) -> impl Iterator<Item = (String, Vec<u32>)> {
    text.lines().enumerate().map(|(line, words)| {
        let columns: Vec<u32> =
            words.split_ascii_whitespace().map_while(|word| u32::from_str_radix(word, 16).ok()).collect();
        // Older kernels write online CPUs in order and do not say which.
        let cpu = columns.get(CPU_COLUMN).map_or_else(|| line.to_string(), u32::to_string);
        (cpu, columns)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_kernels_say_which_cpu_it_is() {
        let text = "0000000a 00000001 00000002\n0000000b 1 2 0 0 0 0 0 0 0 0 0 00000003\n";
        let found: Vec<(String, u32)> = per_cpu(text).map(|(cpu, columns)| (cpu, columns[0])).collect();
        assert_eq!(found, [("0".to_owned(), 10), ("3".to_owned(), 11)]);
    }
}
