//! One day of one instance in 64 bytes: how often its CPU, memory and network were in which range.
//!
//! The ranges' ends include the thresholds of idle and oversized. A quantile is told as the upper end of its range, so
//! that a sketch may call an idle instance busy, but never a busy one idle.

use crate::model::waste::Use;

/// So many days are kept: today's and those that a verdict needs.
pub(super) const DAYS_KEPT: u32 = 15;
/// Verdicts rest on this quantile.
const QUANTILE: f64 = 0.95;

/// Ends of ranges, ascending; beyond the last one is a range more.
const CPU: [f64; 15] = [0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const MEMORY: [f64; 7] = [0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
const NETWORK: [f64; 7] = [100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

/// What was measured between two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// Share of its vCPUs.
    pub(super) cpu: f64,
    /// Share of its memory.
    pub(super) memory: Option<f64>,
    /// Bytes a second, the greater of both directions.
    pub(super) network: Option<f64>,
}

/// Counts of a day, or of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sketch {
    cpu: [u16; CPU.len() + 1],
    memory: [u16; MEMORY.len() + 1],
    network: [u16; NETWORK.len() + 1],
}

impl Sketch {
    pub(super) fn add(&mut self, reading: Reading) {
        count(&mut self.cpu, &CPU, reading.cpu);
        if let Some(memory) = reading.memory {
            count(&mut self.memory, &MEMORY, memory);
        }
        if let Some(network) = reading.network {
            count(&mut self.network, &NETWORK, network);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (own, more) in self.counts_mut().zip(other.counts()) {
            *own = own.saturating_add(more);
        }
    }

    /// What was used at most, but for 5 % of the time; none of an empty sketch.
    pub(super) fn used(&self) -> Option<Use> {
        Some(Use {
            cpu_ratio: quantile(&self.cpu, &CPU)?.min(1.0),
            memory_ratio: quantile(&self.memory, &MEMORY).map(|ratio| ratio.min(1.0)),
            network_bytes_per_second: quantile(&self.network, &NETWORK),
        })
    }

    /// As the store keeps it: which counts are not 0, and those.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let mask = self.counts().enumerate().fold(0u32, |mask, (at, count)| mask | u32::from(count > 0) << at);
        bytes.extend(mask.to_le_bytes());
        for count in self.counts().filter(|count| *count > 0) {
            bytes.extend(count.to_le_bytes());
        }
    }

    /// Reads one off the front.
    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mask = u32::from_le_bytes(*bytes.split_off(..4)?.first_chunk()?);
        let mut sketch = Self::default();
        for (at, slot) in sketch.counts_mut().enumerate() {
            if mask >> at & 1 == 1 {
                *slot = u16::from_le_bytes(*bytes.split_off(..2)?.first_chunk()?);
            }
        }
        Some(sketch)
    }

    fn counts(&self) -> impl Iterator<Item = u16> {
        self.cpu.iter().chain(&self.memory).chain(&self.network).copied()
    }

    fn counts_mut(&mut self) -> impl Iterator<Item = &mut u16> {
        self.cpu.iter_mut().chain(&mut self.memory).chain(&mut self.network)
    }
}

fn count(counts: &mut [u16], ends: &[f64], value: f64) {
    let range = ends.partition_point(|end| *end <= value);
    if let Some(count) = counts.get_mut(range) {
        *count = count.saturating_add(1);
    }
}

/// The upper end of the range that the quantile lies in; infinite for the last one.
fn quantile(counts: &[u16], ends: &[f64]) -> Option<f64> {
    let total: u32 = counts.iter().map(|count| u32::from(*count)).sum();
    let rank = (f64::from(total) * QUANTILE).ceil();
    let mut below = 0;
    let range = counts.iter().position(|count| {
        below += u32::from(*count);
        total > 0 && f64::from(below) >= rank
    })?;
    Some(ends.get(range).copied().unwrap_or(f64::INFINITY))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_takes_64_bytes() {
        assert_eq!(size_of::<Sketch>(), 64);
    }

    #[test]
    fn thresholds_are_ends_of_ranges() {
        let settings = super::super::Settings::default();
        assert!(CPU.contains(&settings.idle_cpu_ratio) && CPU.contains(&settings.oversized_cpu_ratio));
        assert!(MEMORY.contains(&settings.oversized_memory_ratio));
        assert!(NETWORK.contains(&settings.idle_network_bytes_per_second));
    }

    proptest! {
        #[test]
        fn quantiles_never_say_too_little(values in prop::collection::vec(0.0..1.2f64, 1..400)) {
            let mut sketch = Sketch::default();
            for cpu in &values {
                sketch.add(Reading { cpu: *cpu, memory: None, network: None });
            }
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let exact = sorted[(values.len() as f64 * QUANTILE).ceil() as usize - 1];
            let used = sketch.used().unwrap();
            prop_assert!(used.cpu_ratio >= exact.min(1.0));
            prop_assert_eq!(used.memory_ratio, None);
        }

        #[test]
        fn sketches_are_read_back(counts in prop::collection::vec(any::<u16>(), 32), more in prop::collection::vec(any::<u8>(), 0..9)) {
            let mut sketch = Sketch::default();
            for (slot, count) in sketch.counts_mut().zip(&counts) {
                *slot = *count;
            }
            let mut bytes = Vec::new();
            sketch.write(&mut bytes);
            bytes.extend(&more);
            let mut rest = &bytes[..];
            prop_assert_eq!(Sketch::read(&mut rest), Some(sketch));
            prop_assert_eq!(rest, &more[..]);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut rest = &bytes[..];
            let _ = Sketch::read(&mut rest);
        }
    }
}
