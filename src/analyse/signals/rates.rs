//! Increase per second of counters between two looks.

use std::collections::HashMap;

use crate::model::clock::Timestamp;
use crate::model::part::Origin;

/// Counters not seen for so long, in milliseconds, are forgotten.
const FORGET_MILLIS: i64 = 3_600_000;

/// What counters stood at.
#[derive(Debug, Default)]
pub(super) struct Rates(HashMap<(Origin, String), (Timestamp, f64)>);

impl Rates {
    /// Increase per second since the last look; none at the first look, over a reset, and when time stands still.
    pub(super) fn per_second(&mut self, origin: &Origin, name: &str, at: Timestamp, value: f64) -> Option<f64> {
        let (before, last) = self.0.insert((origin.clone(), name.to_owned()), (at, value))?;
        let seconds = at.since(before).as_secs_f64();
        (seconds > 0.0 && value >= last).then(|| (value - last) / seconds)
    }

    /// Forgets what went away.
    pub(super) fn forget_before(&mut self, at: Timestamp) {
        self.0.retain(|_, (seen, _)| at.millis().saturating_sub(seen.millis()) < FORGET_MILLIS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_needs_two_looks_and_no_reset() {
        let mut rates = Rates::default();
        let mut look = |at, value| rates.per_second(&Origin::LOCAL, "x", Timestamp::from_seconds(at), value);
        assert_eq!(look(0, 10.0), None);
        assert_eq!(look(10, 30.0), Some(2.0));
        assert_eq!(look(10, 40.0), None);
        assert_eq!(look(20, 5.0), None);
        assert_eq!(look(30, 15.0), Some(1.0));
        // The clock went back.
        assert_eq!(look(25, 20.0), None);
        rates.forget_before(Timestamp::from_seconds(3_700));
        assert!(rates.0.is_empty());
    }
}
