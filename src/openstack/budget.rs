//! How much of a service's time we may take: requests in flight and requests per second, first come first served.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Settings;

/// The budget of one service in one cloud, shared by all its collectors.
#[derive(Debug)]
pub(super) struct Budget {
    flights: Arc<Semaphore>,
    /// Time between requests; none without a limit.
    gap: Option<Duration>,
    /// When the next request may start.
    next: Mutex<Option<Instant>>,
}

impl Budget {
    pub(super) fn new(settings: &Settings) -> Self {
        let rate = settings.requests_per_second;
        // try_from: a rate near zero is a gap beyond what a Duration holds.
        let gap = (rate > 0.0).then(|| Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::from_secs(3600)));
        Self { flights: Arc::new(Semaphore::new(settings.concurrency.max(1))), gap, next: Mutex::new(None) }
    }

    /// Waits for a place in the queue; it is held until dropped. None never happens, as the semaphore is never closed.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.flights).acquire_owned().await.ok();
        if let Some(start) = self.slot() {
            tokio::time::sleep_until(start).await;
        }
        permit
    }

    /// Reserves a start time. After a pause up to a second's worth may start at once.
    fn slot(&self) -> Option<Instant> {
        let gap = self.gap?;
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let burst = Duration::from_secs(1).saturating_sub(gap);
        let earliest = now.checked_sub(burst).unwrap_or(now);
        let slot = next.unwrap_or(earliest).max(earliest);
        *next = Some(slot + gap);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_per_second_are_kept_over_time() {
        let budget = Budget::new(&Settings { requests_per_second: 20.0, concurrency: 100, ..Settings::default() });
        let started = Instant::now();
        for _ in 0..40 {
            drop(budget.permit().await);
        }
        let took = started.elapsed().as_secs_f64();
        assert!((0.9..2.5).contains(&took), "20 at once, 20 more within the next second, took {took}");
    }

    #[tokio::test]
    async fn no_more_in_flight_than_allowed() {
        let budget = Budget::new(&Settings { concurrency: 2, ..Settings::default() });
        let (one, two) = (budget.permit().await, budget.permit().await);
        assert!(tokio::time::timeout(Duration::from_millis(30), budget.permit()).await.is_err());
        drop(one);
        assert!(tokio::time::timeout(Duration::from_secs(5), budget.permit()).await.is_ok());
        drop(two);
    }
}
