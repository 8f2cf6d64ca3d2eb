//! The last readings of a series, as short numbers relative to an origin: their median, means and spread. It holds no
//! history beyond a few hundred readings.
#![expect(clippy::indexing_slicing, reason = "numeric kernel: every range is bounded by the length at hand")]

use super::archive::Archive;

/// Readings of "now": long enough that noise averages out.
pub(super) const SHORT: usize = 40;
/// Readings of "before" (a day at 5 minutes).
pub(super) const LONG: usize = 288;
/// Readings of the running median.
const LEVEL: usize = 200;
const KEPT: usize = SHORT + LONG;

/// A sliding window.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    /// Oldest first; grows to twice what is kept, then its older half goes: slices stay contiguous at O(1) a reading.
    values: Vec<f32>,
    /// The last [`LEVEL`] of them, sorted.
    sorted: Vec<f32>,
}

impl Recent {
    pub(super) fn push(&mut self, value: f64) {
        let value = value as f32;
        if self.sorted.len() == LEVEL {
            let gone = self.values[self.values.len() - LEVEL];
            let at = self.sorted.partition_point(|v| v.total_cmp(&gone).is_lt());
            self.sorted.remove(at);
        }
        let at = self.sorted.partition_point(|v| v.total_cmp(&value).is_lt());
        self.sorted.insert(at, value);
        self.values.push(value);
        if self.values.len() >= 2 * KEPT {
            self.values.drain(..KEPT);
        }
    }

    /// Median of the last readings.
    pub(super) fn median(&self) -> Option<f64> {
        self.sorted.get(self.sorted.len() / 2).map(|v| f64::from(*v))
    }

    /// The value `back` readings ago (0 = the last one).
    pub(super) fn back(&self, back: usize) -> Option<f64> {
        let at = self.values.len().checked_sub(back + 1)?;
        self.values.get(at).map(|v| f64::from(*v))
    }

    /// Mean of "now" less mean of "before".
    pub(super) fn shift(&self) -> Option<f64> {
        let n = self.values.len();
        let now = n.checked_sub(SHORT)?;
        if now < 30 {
            return None;
        }
        Some(mean(&self.values[now..]) - mean(&self.values[now.saturating_sub(LONG)..now]))
    }

    /// Standard deviation of "now".
    pub(super) fn spread(&self) -> Option<f64> {
        let now = &self.values[self.values.len().checked_sub(SHORT)?..];
        let centre = mean(now);
        let square: f64 = now.iter().map(|v| (f64::from(*v) - centre).powi(2)).sum();
        Some((square / now.len() as f64).sqrt())
    }

    pub(super) fn fields(&mut self, archive: &mut Archive) {
        if !archive.is_loading() && self.values.len() > KEPT {
            self.values.drain(..self.values.len() - KEPT);
        }
        archive.list(&mut self.values, KEPT);
        if archive.is_loading() {
            self.sorted = self.values[self.values.len().saturating_sub(LEVEL)..].to_vec();
            self.sorted.sort_unstable_by(f32::total_cmp);
        }
    }
}

fn mean(values: &[f32]) -> f64 {
    values.iter().copied().map(f64::from).sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_median_is_that_of_the_last_200(values in proptest::collection::vec(-1e3..1e3f32, 1..900)) {
            let mut recent = Recent::default();
            values.iter().for_each(|v| recent.push(f64::from(*v)));
            let mut last = values[values.len().saturating_sub(LEVEL)..].to_vec();
            last.sort_unstable_by(f32::total_cmp);
            prop_assert_eq!(recent.median(), Some(f64::from(last[last.len() / 2])));
            prop_assert_eq!(recent.back(0), values.last().map(|v| f64::from(*v)));
        }
    }

    #[test]
    fn shift_and_spread() {
        let mut recent = Recent::default();
        (0..400).for_each(|i| recent.push(f64::from(u8::from(i >= 360)) * 10.0));
        assert_eq!(recent.shift(), Some(10.0));
        assert_eq!(recent.spread(), Some(0.0));
    }
}
