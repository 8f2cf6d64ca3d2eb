//! From rows as they come to an evenly spaced history: uneven, missing, repeated and unordered rows are
//! taken in, and what was done to them is counted.
//!
//! Each row counts for the grid step it is nearest to; several rows of one step are averaged. Gaps are
//! filled from the day before where there is one, else by a straight line, and count as missing.

use super::error::ForecastError;
use super::season::steps_per_day;

/// History longer than this is cut at its beginning: 31 days of minutes, or five years of hours.
pub const MAX_STEPS: usize = 45_000;

/// An evenly spaced history.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Values, oldest first; all finite.
    values: Vec<f64>,
    /// Seconds since the epoch of the last value.
    last: i64,
    /// Seconds between two values.
    step: i64,
    missing: usize,
    rejected: usize,
    repeated: usize,
}

impl Series {
    /// From rows of (seconds since the epoch, value) in any order, on a grid of `step` seconds that ends at the
    /// latest row with a finite value.
    ///
    /// # Errors
    /// [`ForecastError::NoData`] without a finite value, [`ForecastError::BadStep`] for a step below one second.
    pub fn from_rows(rows: &[(i64, f64)], step: i64) -> Result<Self, ForecastError> {
        if step < 1 {
            return Err(ForecastError::BadStep(step));
        }
        let finite = || rows.iter().filter(|r| r.1.is_finite());
        let (Some(last), Some(first)) = (finite().map(|r| r.0).max(), finite().map(|r| r.0).min()) else {
            return Err(ForecastError::NoData { rows: rows.len() });
        };
        // How many steps before the last row, rounded to the nearest.
        let age = |at: i64| (last.saturating_sub(at).saturating_add(step / 2)) / step;
        let steps = usize::try_from(age(first)).unwrap_or(MAX_STEPS).saturating_add(1).min(MAX_STEPS);
        let mut cells = vec![(0.0_f64, 0_u32); steps];
        let mut repeated = 0;
        for &(at, value) in finite() {
            let slot = usize::try_from(age(at)).ok().and_then(|a| steps.checked_sub(a + 1));
            if let Some((mean, count)) = slot.and_then(|s| cells.get_mut(s)) {
                repeated += usize::from(*count > 0);
                *count += 1;
                // Halves of huge values stay finite where their sum would not.
                *mean += value / f64::from(*count) - *mean / f64::from(*count);
            }
        }
        let known: Vec<Option<f64>> = cells.iter().map(|c| (c.1 > 0).then_some(c.0)).collect();
        let missing = known.iter().filter(|k| k.is_none()).count();
        let rejected = rows.len() - finite().count();
        Ok(Self { values: fill(&known, steps_per_day(step)), last, step, missing, rejected, repeated })
    }

    /// From values that are evenly spaced already; the last one at `last`.
    ///
    /// # Errors
    /// As [`Series::from_rows`].
    pub fn from_values(values: &[f64], last: i64, step: i64) -> Result<Self, ForecastError> {
        let back = |i: usize| i64::try_from(values.len() - 1 - i).unwrap_or(i64::MAX).saturating_mul(step);
        let rows: Vec<(i64, f64)> =
            values.iter().enumerate().map(|(i, v)| (last.saturating_sub(back(i)), *v)).collect();
        Self::from_rows(&rows, step)
    }

    /// The values, oldest first, none missing.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Seconds since the epoch of the last value.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Seconds between two values.
    pub fn step(&self) -> i64 {
        self.step
    }

    /// The share of steps that no row fell into, 0 to 1.
    pub fn missing_ratio(&self) -> f64 {
        self.missing as f64 / self.values.len().max(1) as f64
    }

    /// Rows without a finite value.
    pub fn rejected(&self) -> usize {
        self.rejected
    }

    /// Rows that fell into a step that had one already.
    pub fn repeated(&self) -> usize {
        self.repeated
    }
}

/// Fills gaps: from the day before where it is known and the gap is longer than a quarter of a day, else by a
/// straight line between the neighbours. The first and the last cell are known.
fn fill(cells: &[Option<f64>], day: Option<usize>) -> Vec<f64> {
    let mut out: Vec<f64> = Vec::with_capacity(cells.len());
    while let Some(cell) = cells.get(out.len()) {
        if let Some(value) = cell {
            out.push(*value);
            continue;
        }
        let start = out.len();
        let gap = cells.iter().skip(start).take_while(|c| c.is_none()).count();
        let before = out.last().copied();
        let after = cells.get(start + gap).copied().flatten();
        let (from, to) = (before.or(after).unwrap_or(0.0), after.or(before).unwrap_or(0.0));
        for k in 1..=gap {
            let yesterday = day.filter(|d| gap > d / 4).and_then(|d| out.len().checked_sub(d)).and_then(|i| out.get(i));
            let part = k as f64 / (gap + 1) as f64;
            let value = yesterday.copied().unwrap_or(from * (1.0 - part) + to * part);
            out.push(value);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn uneven_repeated_and_missing_rows() {
        let rows = [(7210, 3.0), (0, 1.0), (3590, 2.0), (7190, 5.0), (14_400, 7.0), (10, f64::NAN)];
        let s = Series::from_rows(&rows, 3600).unwrap();
        assert_eq!(s.values(), [1.0, 2.0, 4.0, 5.5, 7.0]);
        assert_eq!((s.last(), s.rejected(), s.repeated()), (14_400, 1, 1));
        assert!((s.missing_ratio() - 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_long_gap_repeats_the_day_before() {
        let mut rows: Vec<(i64, f64)> = (0..72).map(|h| (h * 3600, (h % 24) as f64)).collect();
        rows.drain(30..45);
        let s = Series::from_rows(&rows, 3600).unwrap();
        assert_eq!(s.values()[30..45], (30..45).map(|h| f64::from(h % 24)).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_to_go_by_is_said() {
        assert_eq!(Series::from_rows(&[], 60), Err(ForecastError::NoData { rows: 0 }));
        assert_eq!(Series::from_rows(&[(0, f64::NAN)], 60), Err(ForecastError::NoData { rows: 1 }));
        assert_eq!(Series::from_rows(&[(0, 1.0)], 0), Err(ForecastError::BadStep(0)));
    }

    #[test]
    fn a_row_from_1970_does_not_ask_for_a_billion_steps() {
        let s = Series::from_rows(&[(0, 1.0), (1_700_000_000, 2.0)], 60).unwrap();
        assert_eq!(s.values().len(), MAX_STEPS);
    }

    proptest! {
        #[test]
        fn any_rows_give_finite_values(
            rows in prop::collection::vec((any::<i32>(), prop::num::f64::ANY), 0..50), step in 1..100_000_i64,
        ) {
            let rows: Vec<(i64, f64)> = rows.into_iter().map(|(t, v)| (i64::from(t), v)).collect();
            if let Ok(s) = Series::from_rows(&rows, step) {
                prop_assert!(s.values().iter().all(|v| v.is_finite()));
                prop_assert!((0.0..=1.0).contains(&s.missing_ratio()));
            }
        }
    }
}
