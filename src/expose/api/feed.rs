//! The status for those who listen: made once for all of them, told to a bounded number.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::asked::{Asked, Parameter};
use super::problem::Problem;
use super::{Now, status};
use crate::expose::routes::Inner;

/// Listeners at once, by whichever way.
const LISTENERS_MAX: usize = 64;
/// Listeners are told the same status if they ask within this time.
const FRESH: Duration = Duration::from_millis(900);
/// Something is sent at least so often, so that proxies keep the connection and the dead are noticed.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);

/// How often the status is told.
pub(super) const INTERVAL: Parameter =
    Parameter::count("interval", 1, 3600, "Seconds from one status to the next.").or("5");

/// Listeners, and what they were told last.
#[derive(Debug)]
pub(in crate::expose) struct Feed {
    listeners: Arc<Semaphore>,
    last: Mutex<Option<(Instant, Arc<str>)>>,
    /// The end of the server.
    pub(super) shutdown: CancellationToken,
}

impl Feed {
    /// Ends with the server.
    pub(in crate::expose) fn new(shutdown: CancellationToken) -> Self {
        Self { listeners: Arc::new(Semaphore::new(LISTENERS_MAX)), last: Mutex::default(), shutdown }
    }

    /// A place among the listeners, for as long as the returned value lives.
    pub(super) fn listen(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let full = |_| Problem::unavailable(format!("{LISTENERS_MAX} listeners are there already"));
        Arc::clone(&self.listeners).try_acquire_owned().map_err(full)
    }
}

/// How long to wait between two statuses.
pub(super) fn interval(asked: &Asked) -> Duration {
    Duration::from_secs(u64::try_from(asked.count(&INTERVAL)).unwrap_or(1).max(1))
}

/// The answer of `/api/status`, or the problem with it, as text.
pub(super) async fn current(inner: &Arc<Inner>) -> Arc<str> {
    let mut last = inner.feed.last.lock().await;
    if let Some((at, text)) = &*last
        && at.elapsed() < FRESH
    {
        return Arc::clone(text);
    }
    let now = Now::of(&inner.hooks, &inner.turns);
    let made = tokio::task::spawn_blocking(move || status::answer(&now, &Asked::default())).await;
    let made = made.unwrap_or_else(|fault| Err(Problem::internal(&fault)));
    let bytes = made.unwrap_or_else(|problem| serde_json::to_vec(&problem).unwrap_or_default());
    let text: Arc<str> = Arc::from(String::from_utf8_lossy(&bytes));
    *last = Some((Instant::now(), Arc::clone(&text)));
    text
}
