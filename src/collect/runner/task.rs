//! The life of one collector: runs, deadlines, retries, withdrawal of facts that are too old.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Runner;
use crate::collect::health::{CollectorHealth, Report};
use crate::collect::{Collect, CollectorSpec, Cx, Service, quota};
use crate::model::clock::Timestamp;
use crate::model::part::{Origin, PartBuilder, PartKey};
use crate::openstack::client::Cloud;
use crate::openstack::error::{Error, ErrorKind};

/// Wait after a failed run; doubled up to the collector's interval.
const RETRY_WAIT: Duration = Duration::from_secs(5);
/// A run may take this long even when its interval is shorter (first read of a big cloud).
const RUN_LIMIT_MIN: Duration = Duration::from_secs(300);

/// One collector of one region.
pub(super) struct Task {
    pub(super) runner: Runner,
    pub(super) cloud: Arc<Cloud>,
    pub(super) origin: Origin,
    pub(super) service: &'static Service,
    pub(super) spec: &'static CollectorSpec,
    pub(super) key: PartKey,
    pub(super) interval: Duration,
    pub(super) health: Arc<CollectorHealth>,
    pub(super) report: Arc<Report>,
}

impl Task {
    /// Runs until stopped, at the collector's interval; sooner again after a failure.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut collector = None;
        let mut failures = 0u32;
        let mut expiry: Option<Instant> = None;
        loop {
            let started = Instant::now();
            let succeeded = {
                let attempt = self.attempt(&mut collector);
                tokio::pin!(attempt);
                loop {
                    tokio::select! {
                        succeeded = &mut attempt => break succeeded,
                        () = reached(expiry) => expiry = self.withhold(),
                        () = stop.cancelled() => return self.leave(),
                    }
                }
            };
            let next = if succeeded {
                failures = 0;
                expiry = Some(Instant::now() + self.interval * self.runner.settings.interval.max_age_intervals.max(1));
                started + self.interval
            } else {
                failures += 1;
                Instant::now() + self.interval.min(RETRY_WAIT * 2u32.saturating_pow(failures.min(10) - 1))
            };
            loop {
                tokio::select! {
                    () = tokio::time::sleep_until(next) => break,
                    () = reached(expiry) => expiry = self.withhold(),
                    () = stop.cancelled() => return self.leave(),
                }
            }
        }
    }

    /// One run with its deadline. The collector moves into a task of its own, so that a panic ends the run and not the pace.
    pub(super) async fn attempt(&self, collector: &mut Option<Box<dyn Collect>>) -> bool {
        let started = Instant::now();
        let limit = self.interval.max(RUN_LIMIT_MIN);
        let error = match tokio::time::timeout(limit, self.collect(collector)).await {
            Ok(Ok(part)) => {
                self.publish(part, started.elapsed()).await;
                return true;
            }
            Ok(Err(error)) => error,
            Err(_) => {
                let detail = format!("no result within {} s", limit.as_secs());
                Error::new(ErrorKind::Timeout, self.service.name, self.spec.name, detail)
            }
        };
        let blind = error.kind == ErrorKind::Forbidden;
        let (cloud, collector) = (self.cloud.name(), self.spec.name);
        if blind && self.health.state().success.is_none() {
            tracing::info!(cloud, collector, %error, "not permitted; left out until the rights change");
        } else if !blind {
            tracing::warn!(cloud, collector, %error, "collection failed");
        }
        self.report.finish();
        self.health.failed(started.elapsed(), error.kind.label(), Some(error.kind), error.to_string());
        false
    }

    async fn collect(&self, collector: &mut Option<Box<dyn Collect>>) -> Result<PartBuilder, Error> {
        let region = self.origin.region.as_deref().unwrap_or("");
        let client = self.cloud.service(self.service.catalog_types, region).await?;
        let cx = Cx {
            client,
            origin: self.origin.clone(),
            store: Arc::clone(&self.runner.store),
            clock: self.runner.clock.clone(),
            settings: Arc::clone(&self.runner.settings),
            keep: self.runner.keep.clone(),
            interval: self.interval,
            report: Arc::clone(&self.report),
        };
        let mut taken = collector.take().unwrap_or_else(|| (self.spec.make)());
        let run = tokio::spawn(async move {
            let result = taken.collect(&cx).await;
            (taken, result)
        });
        match AbortOnDrop(run).await {
            Ok((returned, result)) => {
                *collector = Some(returned);
                result
            }
            Err(failure) => {
                let detail = format!("collector ended early ({failure}); its state starts afresh");
                Err(Error::new(ErrorKind::Internal, self.service.name, self.spec.name, detail))
            }
        }
    }

    async fn publish(&self, mut part: PartBuilder, duration: Duration) {
        self.runner.keep.apply(&mut part);
        let (key, at, cap) = (self.key.clone(), self.runner.clock.now(), self.runner.store.limits().per_family);
        let store = Arc::clone(&self.runner.store);
        let shared_key = self.shared_key();
        // Sealing 50,000 instances takes tens of milliseconds: too long for an async worker.
        let sealed = tokio::task::spawn_blocking(move || {
            let shared = part.split_off(quota::is_shared);
            if shared.samples() > 0 {
                let (shared, dropped) = shared.seal(shared_key, at, cap);
                store.publish(shared, dropped);
            } else {
                store.withdraw(&shared_key);
            }
            let (part, dropped) = part.seal(key, at, cap);
            store.publish(part, dropped);
        });
        if let Err(failure) = sealed.await {
            tracing::error!(collector = self.spec.name, %failure, "part could not be published");
        }
        self.note_success(at, duration);
    }

    fn note_success(&self, at: Timestamp, duration: Duration) {
        let (items, visibility, rejected) = self.report.finish();
        let state = self.health.state();
        if state.success == Some(false) {
            tracing::info!(cloud = self.cloud.name(), collector = self.spec.name, "collection works again");
        }
        self.health.succeeded(at, duration, items, visibility, rejected);
    }

    fn withhold(&self) -> Option<Instant> {
        tracing::warn!(cloud = self.cloud.name(), collector = self.spec.name, "facts are too old and are withheld");
        self.withdraw();
        self.health.withheld();
        None
    }

    fn withdraw(&self) {
        self.runner.store.withdraw(&self.key);
        self.runner.store.withdraw(&self.shared_key());
    }

    /// Where its samples of families go that several collectors fill: a family lives in one group.
    fn shared_key(&self) -> PartKey {
        PartKey { group: quota::GROUP, ..self.key.clone() }
    }

    fn leave(&self) {
        self.withdraw();
        self.runner.health.forget(|entry| std::ptr::eq(entry, &raw const *self.health));
    }
}

/// Ends with the given instant; never without one.
async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A spawned run that ends when whoever waits for it gives up (deadline, shutdown).
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
