//! A histogram with fixed buckets that many tasks may record into without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in seconds for calls over a network: 5 ms to 60 s.
pub const NETWORK_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Upper bounds in seconds for answers from memory: 100 us to 2.5 s.
pub const MEMORY_SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5];

/// A recorder; cheap to record into, read as a whole by [`Histogram::snapshot`].
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    sum_nanos: AtomicU64,
}

/// What a [`Histogram`] held at one moment: `counts` per bucket (not cumulated), one more than bounds (+Inf).
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramValue {
    /// Upper bounds of the buckets, without +Inf.
    pub bounds: &'static [f64],
    /// Observations per bucket; the last one is above every bound.
    pub counts: Vec<u64>,
    /// Sum of the observed values.
    pub sum: f64,
}

impl Histogram {
    /// An empty histogram with these upper bounds (ascending, without +Inf).
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum_nanos: AtomicU64::new(0) }
    }

    /// Counts one duration.
    pub fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// The present state.
    pub fn snapshot(&self) -> HistogramValue {
        HistogramValue {
            bounds: self.bounds,
            counts: self.counts.iter().map(|c| c.load(Ordering::Relaxed)).collect(),
            sum: self.sum_nanos.load(Ordering::Relaxed) as f64 / 1e9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_belongs_to_that_bucket() {
        let histogram = Histogram::new(&[0.1, 1.0]);
        for millis in [50, 100, 101, 1000, 2000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let value = histogram.snapshot();
        assert_eq!(value.counts, vec![2, 2, 1]);
        assert!((value.sum - 3.251).abs() < 1e-9);
    }
}
