//! Waiting longer after each failure, with jitter, so that many clients do not come back at once.

use std::time::{Duration, Instant};

/// Waits between failures of one thing, doubling from the first to the longest.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    next: Duration,
    longest: Duration,
    until: Option<Instant>,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, next: first, longest, until: None }
    }

    /// Notes a failure: not again for a while.
    pub(super) fn fail(&mut self) {
        self.until = Some(Instant::now() + self.next);
        self.next = (self.next * 2).min(self.longest);
    }

    /// Notes a success: the next failure begins with the first wait again.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.first, self.longest);
    }

    /// How long it still is.
    pub(super) fn left(&self) -> Option<Duration> {
        self.until?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}

/// First wait between repeats of one request; doubled each time.
const REPEAT_FIRST: Duration = Duration::from_millis(250);
/// Longest wait between repeats, unless the service asks for more.
const REPEAT_LONGEST: Duration = Duration::from_secs(8);

/// The wait ahead of repeat `number` (from 0): exponential, half of it by chance.
pub(super) fn repeat_wait(number: u32) -> Duration {
    let full = REPEAT_FIRST.saturating_mul(1u32.checked_shl(number).unwrap_or(u32::MAX)).min(REPEAT_LONGEST);
    full.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(300));
        assert!(backoff.left().is_none());
        let mut waits = Vec::new();
        for _ in 0..8 {
            backoff.fail();
            waits.push(backoff.left().unwrap().as_secs() + 1);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        backoff.reset();
        assert!(backoff.left().is_none());
        backoff.fail();
        assert_eq!(backoff.left().unwrap().as_secs() + 1, 5);
    }

    #[test]
    fn repeats_wait_between_half_and_all_of_the_step() {
        for (number, millis) in [(0, 250), (1, 500), (2, 1000), (5, 8000), (40, 8000), (u32::MAX, 8000)] {
            let wait = repeat_wait(number).as_millis();
            assert!((millis / 2..=millis).contains(&wait), "{number}: {wait}");
        }
    }
}
