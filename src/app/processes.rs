//! The processes of this host that use most, read when somebody asks.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::collect::host::{ProcessFigures, TopProcesses};
use crate::expose::HostProcess;

/// CPU use is measured between two readings, and means nothing over less; within it, the last reading is told again.
const SPAN: Duration = Duration::from_millis(300);

/// What the last reading found.
#[derive(Debug, Default)]
pub(super) struct Processes(Mutex<Option<Reading>>);

#[derive(Debug)]
struct Reading {
    source: TopProcesses,
    at: Instant,
    found: Vec<ProcessFigures>,
}

impl Processes {
    /// The first `count`; none where the system does not tell. The first question waits for a second reading, so it is
    /// for a thread that may block.
    pub(super) fn top(&self, count: usize) -> Option<Vec<HostProcess>> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            let source = TopProcesses::new()?;
            std::thread::sleep(SPAN);
            *slot = Some(Reading { source, at: Instant::now(), found: Vec::new() });
        }
        let reading = slot.as_mut()?;
        if reading.found.is_empty() || reading.at.elapsed() >= SPAN {
            reading.found = reading.source.read(usize::MAX);
            reading.at = Instant::now();
        }
        let told = reading.found.iter().take(count).map(|process| HostProcess {
            pid: process.pid,
            name: process.name.clone(),
            cpu_ratio: process.cpu_ratio,
            memory_bytes: process.memory_bytes,
        });
        Some(told.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_come_first_and_no_more_than_asked_for() {
        let processes = Processes::default();
        let all = processes.top(usize::MAX).unwrap();
        assert!(all.iter().any(|process| process.pid == std::process::id()));
        assert!(all.is_sorted_by(|a, b| a.cpu_ratio >= b.cpu_ratio));
        assert_eq!(processes.top(1).unwrap(), all[..1], "told again within the span");
    }
}
