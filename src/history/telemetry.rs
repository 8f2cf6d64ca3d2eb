//! What the store counts about itself, and how it becomes a part of the page.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::sqlite::Trouble;
use crate::model::clock::Timestamp;
use crate::model::metric::Descriptor;
use crate::model::part::{Origin, Part, PartBuilder, PartKey};

crate::metrics! {
    /// Bytes of the embedded store on disk, its write-ahead log included.
    SIZE = gauge "stackcast_store_size_bytes" [], Bytes, "stackcast itself";
    /// Series that the embedded store knows.
    SERIES = gauge "stackcast_store_series" [], Count, "stackcast itself";
    /// Ticks handed to the embedded store: written, refused (the queue was full), failed (the disk did not take them).
    TICKS = counter "stackcast_store_ticks_total" [result], Count, "stackcast itself";
    /// Faults of the embedded store, by reason: full, damaged, locked, newer, denied, io, other.
    ERRORS = counter "stackcast_store_errors_total" [reason], Count, "stackcast itself";
    /// Blocks of the embedded store that were found damaged and left out, each time they were met.
    DAMAGED = counter "stackcast_store_damaged_blocks_total" [], Count, "stackcast itself";
    /// Ticks that wait for the embedded store.
    QUEUE = gauge "stackcast_store_queue_length" [], Count, "stackcast itself";
    /// When the embedded store last took a tick; 0 before the first one.
    LAST_WRITE = gauge "stackcast_store_last_write_timestamp_seconds" [], Timestamp, "stackcast itself";
    /// Time spent rewriting closed days and making their roll-ups.
    ROLLUP = counter "stackcast_store_rollup_seconds_total" [], Seconds, "stackcast itself";
}

/// Rows of this stage, for the reference.
pub fn tables() -> Vec<&'static [&'static Descriptor]> {
    vec![METRICS]
}

/// More samples than any of the families can have.
const FAMILY_CAP: usize = 100;

/// The store's counters.
#[derive(Debug, Default)]
pub struct Telemetry {
    pub(super) written: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) damaged: AtomicU64,
    pub(super) queue: AtomicU64,
    pub(super) series: AtomicU64,
    last_write: AtomicI64,
    rollup_micros: AtomicU64,
    size: AtomicU64,
    errors: Mutex<BTreeMap<&'static str, u64>>,
}

impl Telemetry {
    /// Counts a fault.
    pub(super) fn error(&self, trouble: Trouble) {
        *self.errors.lock().unwrap_or_else(PoisonError::into_inner).entry(trouble.label()).or_default() += 1;
    }

    /// Notes a tick that is on disk.
    pub(super) fn wrote(&self, at: Timestamp) {
        self.written.fetch_add(1, Ordering::Relaxed);
        self.last_write.store(at.millis(), Ordering::Relaxed);
    }

    /// Notes the size of the store: its file and the log beside it.
    pub(super) fn measure(&self, path: &Path) {
        let log = path.with_extension("db-wal");
        let size = [path, &log].iter().filter_map(|path| std::fs::metadata(path).ok()).map(|file| file.len()).sum();
        self.size.store(size, Ordering::Relaxed);
    }

    /// Notes the time that a closed day took.
    pub(super) fn rolled_up(&self, took: Duration) {
        self.rollup_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Everything as a part.
    pub fn part(&self, at: Timestamp) -> Part {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        let mut part = PartBuilder::new();
        part.put(&SIZE, [], read(&self.size));
        part.put(&SERIES, [], read(&self.series));
        for (result, counter) in [("written", &self.written), ("refused", &self.refused), ("failed", &self.failed)] {
            part.put(&TICKS, [result], read(counter));
        }
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for trouble in Trouble::ALL {
            part.put(&ERRORS, [trouble.label()], errors.get(trouble.label()).copied().unwrap_or(0) as f64);
        }
        part.put(&DAMAGED, [], read(&self.damaged));
        part.put(&QUEUE, [], read(&self.queue));
        part.put(&LAST_WRITE, [], Timestamp::from_millis(self.last_write.load(Ordering::Relaxed)).seconds());
        part.put(&ROLLUP, [], read(&self.rollup_micros) / 1e6);
        part.seal(PartKey { group: "store", origin: Origin::LOCAL, source: "history.store".into() }, at, FAMILY_CAP).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_there_from_the_start() {
        let telemetry = Telemetry::default();
        telemetry.error(Trouble::Full);
        let part = telemetry.part(Timestamp::default());
        assert_eq!(part.families.len(), METRICS.len());
        assert_eq!(part.samples(), METRICS.len() - 2 + 3 + Trouble::ALL.len());
    }
}
