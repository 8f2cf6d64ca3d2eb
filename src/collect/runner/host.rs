//! The pace of the local host's figures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::Runner;
use crate::collect::health::{CollectorHealth, Visibility};
use crate::collect::host::{Host, Outcome};
use crate::model::part::{Origin, PartBuilder, PartKey};

/// Exposition group and service name of the host's figures.
const GROUP: &str = "host";

impl Runner {
    /// Starts the collection of the local host's figures; the first are there at once.
    pub fn spawn_host(&self) {
        let runner = self.clone();
        self.tasks.spawn(async move {
            let mut host = Some(Host::new(&runner.settings.host));
            let mut entries = BTreeMap::new();
            let interval = Duration::from_secs(runner.settings.host.interval_seconds.max(1));
            let mut ticks = tokio::time::interval(interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = runner.stop.cancelled() => return,
                }
                host = runner.collect_host(host, &mut entries).await;
            }
        });
    }

    /// Collects the host's figures once: for `once` and `check`.
    pub async fn collect_host_once(&self) {
        self.collect_host(Some(Host::new(&self.settings.host)), &mut BTreeMap::new()).await;
    }

    /// One run on a blocking thread; a panic there costs the state between runs, not the pace.
    async fn collect_host(
        &self,
        host: Option<Host>,
        entries: &mut BTreeMap<&'static str, Arc<CollectorHealth>>,
    ) -> Option<Host> {
        let runner = self.clone();
        let mut host = host.unwrap_or_else(|| Host::new(&self.settings.host));
        let run = tokio::task::spawn_blocking(move || {
            let mut builder = PartBuilder::new();
            let outcomes = host.collect(&mut builder);
            let key = PartKey { group: GROUP, origin: Origin::LOCAL, source: GROUP.into() };
            runner.keep.apply(&mut builder);
            let (part, dropped) = builder.seal(key, runner.clock.now(), runner.store.limits().per_family);
            runner.store.publish(part, dropped);
            (host, outcomes)
        });
        match run.await {
            Ok((host, outcomes)) => {
                for outcome in outcomes {
                    let register = || self.health.register(Origin::LOCAL, GROUP, outcome.collector, true);
                    let entry = Arc::clone(entries.entry(outcome.collector).or_insert_with(register));
                    self.note_host(&entry, outcome);
                }
                Some(host)
            }
            Err(failure) => {
                tracing::error!(%failure, "host figures could not be collected");
                None
            }
        }
    }

    fn note_host(&self, entry: &CollectorHealth, outcome: Outcome) {
        match outcome.result {
            Ok(samples) => {
                entry.succeeded(self.clock.now(), outcome.duration, samples, Visibility::All, BTreeMap::new());
            }
            Err((kind, text)) => entry.failed(outcome.duration, kind, None, text),
        }
    }
}
