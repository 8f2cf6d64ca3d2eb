//! Pressure stall information: for how long tasks waited for CPU, I/O and memory. The averages of the kernel are left
//! out, since a rate over the totals gives them for any window.

use super::super::error::HostError;
use super::super::state::State;
use super::text;
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Time in which at least one task waited for a CPU.
    CPU_WAITING = counter "host_pressure_cpu_waiting_seconds_total" [], Seconds, "/proc/pressure/cpu";
    /// Time in which at least one task waited for I/O.
    IO_WAITING = counter "host_pressure_io_waiting_seconds_total" [], Seconds, "/proc/pressure/io";
    /// Time in which no task could run because of I/O.
    IO_STALLED = counter "host_pressure_io_stalled_seconds_total" [], Seconds, "/proc/pressure/io";
    /// Time in which at least one task waited for memory.
    MEMORY_WAITING = counter "host_pressure_memory_waiting_seconds_total" [], Seconds, "/proc/pressure/memory";
    /// Time in which no task could run because of memory.
    MEMORY_STALLED = counter "host_pressure_memory_stalled_seconds_total" [], Seconds, "/proc/pressure/memory";
}

/// File, row of `some`, row of `full`. The kernel's `full` of the CPU is always 0 for the whole host.
type Resource = (&'static str, &'static Metric<0>, Option<&'static Metric<0>>);
static RESOURCES: [Resource; 3] = [
    ("cpu", &CPU_WAITING, None),
    ("io", &IO_WAITING, Some(&IO_STALLED)),
    ("memory", &MEMORY_WAITING, Some(&MEMORY_STALLED)),
];

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    for (resource, waiting, stalled) in &RESOURCES {
        let path = state.proc("pressure").join(resource);
        let text = match state.read_optional(&path) {
            Ok(Some(text)) => text,
            Ok(None) => continue,
            // Built in, but switched off on the kernel's command line.
            Err(HostError::Read { source, .. })
                if source.raw_os_error() == Some(rustix::io::Errno::OPNOTSUPP.raw_os_error()) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some(seconds) = total_seconds(&text, "some") {
            part.put(waiting, [], seconds);
        }
        if let Some((row, seconds)) = stalled.zip(total_seconds(&text, "full")) {
            part.put(row, [], seconds);
        }
    }
    Ok(())
}

fn total_seconds(text: &str, kind: &str) -> Option<f64> {
    let (_, mut words) = text::lines(text).find(|(first, _)| *first == kind)?;
    let micros: u64 = words.find_map(|word| word.strip_prefix("total="))?.parse().ok()?;
    Some(micros as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_microseconds() {
        let text = "some avg10=0.14 avg60=0.42 avg300=0.43 total=7781816\nfull avg10=0.12 total=x\n";
        assert_eq!(total_seconds(text, "some"), Some(7.781816));
        assert_eq!(total_seconds(text, "full"), None);
        assert_eq!(total_seconds("some", "some"), None);
    }
}
