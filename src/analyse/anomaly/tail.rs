//! How rare is this? A streaming sketch of one feature's own history, and the tail probability it gives.
//!
//! Logarithmic buckets (12 % wide) hold the body of the distribution; above the 99 % quantile the tail is a mixture
//! of an exponential and a Pareto fit (peaks over threshold), so that what was never seen has a probability, too. It
//! knows magnitudes only: a feature with two signs is folded or split before.
#![expect(clippy::indexing_slicing, reason = "numeric kernel: bucket numbers are clamped to the array")]

use super::archive::Archive;

const BUCKETS: usize = 128;
/// Buckets per doubling.
const PER_OCTAVE: f64 = 6.0;
/// Where the fitted tail starts.
const BODY: f64 = 0.99;
/// Share of the heavy (Pareto) fit in the mixture.
const HEAVY: f64 = 0.3;
/// No opinion before this many observations.
pub(super) const WARM_UP: f64 = 150.0;
/// At this many observations all counts are halved: the sketch follows its series (16 weeks at 5 minutes), and a count
/// never outgrows its 24 bits.
const MEMORY: f64 = 32_768.0;
/// A tail fit starts from this many imagined exceedances of this relative size, so that two real ones do not decide.
const PRIOR_COUNT: f64 = 3.0;
const PRIOR_SIZE: f64 = 0.15;
/// Narrowest tail, relative to the quantile: below it, the buckets cannot tell anyway.
const NARROWEST: f64 = 0.05;
/// The most decades that the exponential fit may claim.
const MOST: f64 = 30.0;

/// A sketch of the magnitudes seen so far.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    total: f64,
    /// None before the first magnitude above zero: much never moves, and there are ten of these per series.
    buckets: Option<Box<Buckets>>,
}

#[derive(Clone, Debug)]
struct Buckets {
    /// Zeros are in the first one.
    counts: [f32; BUCKETS],
    /// Logarithm (in buckets) of the lower edge of bucket 0.
    base: f64,
}

impl Tail {
    pub(super) const fn new() -> Self {
        Self { total: 0.0, buckets: None }
    }

    /// Decades of rarity (-log10 of the probability of something at least as large): 3 = one in a thousand.
    pub(super) fn decades(&self, magnitude: f64) -> f64 {
        if self.total < WARM_UP || !magnitude.is_finite() || magnitude <= 0.0 {
            return 0.0;
        }
        let Some(buckets) = &self.buckets else {
            // Nothing but zeros so far: any other value is as rare as the history is long.
            return self.total.log10().min(6.0);
        };
        let place = magnitude.log2() * PER_OCTAVE - buckets.base;
        let (edge, above) = buckets.body_edge(self.total);
        if place <= edge as f64 {
            let rank: f64 = buckets.counts[(place.max(0.0) as usize)..].iter().copied().map(f64::from).sum();
            return -((rank + 1.0) / (self.total + 1.0)).log10();
        }
        buckets.fitted(self.total, place, edge, above)
    }

    /// The magnitude that a share `q` of the history does not pass (upper edge of its bucket).
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        if self.total < WARM_UP {
            return None;
        }
        let Some(buckets) = &self.buckets else { return Some(0.0) };
        let mut left = self.total * (1.0 - q);
        for i in (0..BUCKETS).rev() {
            left -= f64::from(buckets.counts[i]);
            if left <= 0.0 {
                return Some(if i == 0 { 0.0 } else { ((i as f64 + 1.0 + buckets.base) / PER_OCTAVE).exp2() });
            }
        }
        Some(0.0)
    }

    /// Adds a magnitude; anything that is not a number is left out.
    pub(super) fn push(&mut self, magnitude: f64) {
        if !magnitude.is_finite() || magnitude < 0.0 {
            return;
        }
        match &mut self.buckets {
            Some(buckets) => buckets.push(magnitude),
            None if magnitude > 0.0 => self.buckets = Some(Box::new(Buckets::new(self.total as f32, magnitude))),
            None => {}
        }
        self.total += 1.0;
        if self.total >= MEMORY {
            self.buckets.iter_mut().flat_map(|buckets| &mut buckets.counts).for_each(|count| *count *= 0.5);
            self.total *= 0.5;
        }
    }

    pub(super) fn fields(&mut self, archive: &mut Archive) {
        let zeros = || Buckets::zeros(self.total as f32);
        let mut buckets = self.buckets.take().unwrap_or_else(|| Box::new(zeros()));
        archive.f64(&mut buckets.base);
        archive.f64(&mut self.total);
        archive.f32s(&mut buckets.counts);
        self.buckets = (!buckets.base.is_nan()).then_some(buckets);
    }
}

impl Buckets {
    /// Nothing but zeros; there is no base yet.
    fn zeros(count: f32) -> Self {
        let mut counts = [0.0; BUCKETS];
        counts[0] = count;
        Self { counts, base: f64::NAN }
    }

    /// The first magnitude above zero, after so many zeros.
    fn new(zeros: f32, magnitude: f64) -> Self {
        let base = (magnitude.log2() * PER_OCTAVE).floor() - (BUCKETS / 2) as f64;
        let mut buckets = Self { base, ..Self::zeros(zeros) };
        buckets.push(magnitude);
        buckets
    }

    fn push(&mut self, magnitude: f64) {
        let bucket = self.bucket(magnitude);
        self.counts[bucket] += 1.0;
    }

    fn bucket(&mut self, magnitude: f64) -> usize {
        if magnitude <= 0.0 {
            return 0;
        }
        let log = magnitude.log2() * PER_OCTAVE;
        let over = log - self.base - (BUCKETS as f64 - 1.0);
        if over >= 1.0 {
            // Make room above: the lowest buckets are merged, and it is the top that matters.
            let shift = (over.min(BUCKETS as f64) as usize).clamp(12, BUCKETS);
            let mut moved = [0.0; BUCKETS];
            for (i, count) in self.counts.iter().enumerate() {
                moved[i.saturating_sub(shift)] += count;
            }
            self.counts = moved;
            self.base += shift as f64;
        }
        (log - self.base).clamp(0.0, BUCKETS as f64 - 1.0) as usize
    }

    /// First bucket of the fitted tail, and how many observations lie in it or above.
    fn body_edge(&self, total: f64) -> (usize, f64) {
        let wanted = total * (1.0 - BODY);
        let mut above = 0.0;
        for i in (1..BUCKETS).rev() {
            above += f64::from(self.counts[i]);
            if above >= wanted {
                return (i, above);
            }
        }
        (1, above)
    }

    fn fitted(&self, total: f64, place: f64, edge: usize, above: f64) -> f64 {
        let start = -((above + 1.0) / (total + 2.0)).log10();
        let (mut log_excess, mut excess) = (0.0, 0.0);
        for (i, count) in self.counts[edge..].iter().copied().map(f64::from).enumerate() {
            if count > 0.0 {
                let octaves = (i as f64 + 0.5) / PER_OCTAVE;
                log_excess += count * octaves;
                excess += count * (octaves.exp2() - 1.0);
            }
        }
        let shrunk = |sum: f64| ((sum + PRIOR_COUNT * PRIOR_SIZE) / (above + PRIOR_COUNT)).max(NARROWEST);
        let octaves = ((place - edge as f64) / PER_OCTAVE).min(60.0);
        let exponential = start + (octaves.exp2() - 1.0) / shrunk(excess) * std::f64::consts::LOG10_E;
        let pareto = start + octaves / shrunk(log_excess) * std::f64::consts::LOG10_E;
        HEAVY * pareto + (1.0 - HEAVY) * exponential.min(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(n: usize) -> Tail {
        let mut tail = Tail::new();
        for i in 0..n {
            // Exponential by inversion, low-discrepancy.
            let u = (i as f64 * 0.618_033_988_749_895).fract();
            tail.push(-(1.0 - u).ln());
        }
        tail
    }

    #[test]
    fn an_exponential_is_calibrated_in_body_and_tail() {
        let tail = filled(10_000);
        for (p, slack) in [(0.1, 0.05), (0.01, 0.1), (1e-3, 0.4), (1e-4, 0.8)] {
            let decades = tail.decades(-f64::ln(p));
            assert!((decades + f64::log10(p)).abs() < slack, "{p}: {decades}");
        }
        let q = tail.quantile(0.99).unwrap();
        assert!((q / 4.605 - 1.0).abs() < 0.15, "{q}");
    }

    #[test]
    fn silent_before_the_warm_up_and_on_zeros() {
        assert_eq!(filled(149).decades(100.0), 0.0);
        let mut tail = Tail::new();
        (0..1000).for_each(|_| tail.push(0.0));
        assert_eq!(tail.decades(0.0), 0.0);
        assert!((tail.decades(1e-6) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn zeros_take_no_room_and_still_count() {
        let mut tail = Tail::new();
        (0..1000).for_each(|_| tail.push(0.0));
        assert!(tail.buckets.is_none());
        let mut saved = Archive::saving();
        tail.fields(&mut saved);
        let mut restored = Tail::new();
        restored.fields(&mut Archive::loading(saved.into_bytes()));
        assert!(restored.buckets.is_none());
        for tail in [&mut tail, &mut restored] {
            tail.push(1.0);
            assert_eq!(tail.buckets.as_ref().unwrap().counts[0], 1000.0);
            assert_eq!(tail.quantile(0.99), Some(0.0));
            assert!(tail.decades(1.0) > 2.0, "once in a thousand, and no other tail is known");
        }
        assert_eq!(tail.decades(1.0).to_bits(), restored.decades(1.0).to_bits());
    }

    proptest! {
        #[test]
        fn larger_is_never_less_rare(values in proptest::collection::vec(0.0..1e12f64, 200..400), a in 0.0..1e13f64, b in 0.0..1e13f64) {
            let mut tail = Tail::new();
            values.iter().for_each(|v| tail.push(*v));
            let (low, high) = (a.min(b), a.max(b));
            // Across the join of body and tail the fit may step back by the width of a bucket, no more.
            prop_assert!(tail.decades(low) <= tail.decades(high) + 0.15);
            prop_assert!(tail.decades(high).is_finite());
        }

        #[test]
        fn any_number_is_taken(values in proptest::collection::vec(any::<f64>(), 0..300)) {
            let mut tail = Tail::new();
            for v in values {
                tail.push(v);
                prop_assert!(tail.decades(v).is_finite());
            }
        }
    }
}
