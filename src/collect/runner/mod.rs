//! Runs every collector at its own pace and publishes what it finds.
//!
//! One supervisor per cloud logs in, reads the catalog and starts a task per collector and region; it
//! looks again every few minutes, so that a service added to the catalog is seen without a restart.
//! A collector that fails, hangs or panics delays nobody: its last part stays until it is too old.

mod api;
mod host;
mod task;
mod textfile;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::health::{CollectorHealth, Health, Report};
use super::{Cadence, CollectorSpec, Keep, SERVICES, Service, Settings};
use crate::model::clock::Clock;
use crate::model::part::{Origin, PartKey};
use crate::model::snapshot::SnapshotStore;
use crate::openstack::client::{Cloud, Session};
use crate::openstack::error::{Error, ErrorKind};
pub(crate) use api::METRICS as API_METRICS;
use task::Task;

/// How often a cloud's catalog is looked at for services that came or went.
const CATALOG_INTERVAL: Duration = Duration::from_secs(300);
/// Wait after a failed login; doubled up to [`LOGIN_WAIT_MAX`]. The client has its own back-off for refused credentials.
const LOGIN_WAIT: Duration = Duration::from_secs(2);
const LOGIN_WAIT_MAX: Duration = Duration::from_secs(30);

/// What all runs share.
#[derive(Clone, Debug)]
pub struct Runner {
    /// Where parts go.
    pub store: Arc<SnapshotStore>,
    /// Where the state of collectors is kept.
    pub health: Arc<Health>,
    /// Collection settings.
    pub settings: Arc<Settings>,
    /// Which families are wanted.
    pub keep: Keep,
    /// The time of day.
    pub clock: Clock,
    /// Every task, to wait for at the end.
    pub tasks: TaskTracker,
    /// Ends all tasks.
    pub stop: CancellationToken,
}

/// A running service of a region: cancelled when it leaves the catalog.
type Running = BTreeMap<(Origin, &'static str), CancellationToken>;

impl Runner {
    /// Starts the supervisor of a cloud.
    pub fn spawn_cloud(&self, cloud: Arc<Cloud>) {
        self.spawn_apis(Arc::clone(&cloud));
        let runner = self.clone();
        self.tasks.spawn(async move { runner.supervise(cloud).await });
    }

    async fn supervise(self, cloud: Arc<Cloud>) {
        let mut running = Running::new();
        let mut wait = LOGIN_WAIT;
        // Before the first login the regions are unknown; failures are shown under the configured one.
        let unknown = Origin::new(cloud.name(), cloud.config().region.as_deref().unwrap_or(""));
        loop {
            let session = tokio::select! {
                session = cloud.session() => session,
                () = self.stop.cancelled() => return,
            };
            let pause = match session {
                Ok(session) => {
                    wait = LOGIN_WAIT;
                    if running.is_empty() {
                        self.health.forget(|entry| entry.origin == unknown);
                    }
                    self.follow_catalog(&cloud, &session, &mut running).await;
                    CATALOG_INTERVAL
                }
                Err(error) => {
                    tracing::warn!(cloud = cloud.name(), %error, "login failed");
                    if running.is_empty() {
                        self.note_login_failure(&unknown, &error);
                    }
                    let pause = wait;
                    wait = (wait * 2).min(LOGIN_WAIT_MAX);
                    pause
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    /// Shows every wanted service as failing while nobody can log in: its `_up` is 0, not absent.
    pub fn note_login_failure(&self, origin: &Origin, error: &Error) {
        let known = self.health.entries();
        for (service, spec) in wanted(&self.settings) {
            let entry = known.iter().find(|entry| entry.origin == *origin && entry.collector == spec.name).cloned();
            let entry = entry.unwrap_or_else(|| self.register(origin, service, spec));
            entry.failed(Duration::ZERO, error.kind.label(), Some(error.kind), error.to_string());
        }
    }

    async fn follow_catalog(&self, cloud: &Arc<Cloud>, session: &Session, running: &mut Running) {
        let mut present = Vec::new();
        for region in served_regions(cloud, session) {
            let origin = Origin::new(cloud.name(), &region);
            for service in SERVICES.iter().copied().filter(|service| self.settings.wants(service.name)) {
                if self.settings.insists(service.name) || in_catalog(cloud, service, &region).await {
                    present.push((origin.clone(), service));
                }
            }
        }
        running.retain(|(origin, name), stop| {
            let stays = present.iter().any(|(o, service)| o == origin && service.name == *name);
            if !stays {
                tracing::info!(cloud = cloud.name(), service = name, "service left the catalog");
                stop.cancel();
            }
            stays
        });
        for (origin, service) in present {
            running.entry((origin.clone(), service.name)).or_insert_with(|| {
                let stop = self.stop.child_token();
                for spec in service.collectors {
                    self.spawn_collector(cloud, &origin, service, spec, stop.clone());
                }
                stop
            });
        }
    }

    fn register(
        &self,
        origin: &Origin,
        service: &'static Service,
        spec: &'static CollectorSpec,
    ) -> Arc<CollectorHealth> {
        self.health.register(origin.clone(), service.name, spec.name, is_core(service, spec))
    }

    fn task(
        &self,
        cloud: &Arc<Cloud>,
        origin: &Origin,
        service: &'static Service,
        spec: &'static CollectorSpec,
    ) -> Task {
        Task {
            runner: self.clone(),
            cloud: Arc::clone(cloud),
            origin: origin.clone(),
            service,
            spec,
            // A group of its own: a changed list is rendered anew without its neighbours in the service.
            key: PartKey { group: spec.name, origin: origin.clone(), source: spec.name.into() },
            interval: self.settings.interval.of(spec.cadence),
            health: self.register(origin, service, spec),
            report: Arc::new(Report::new(spec.name)),
        }
    }

    fn spawn_collector(
        &self,
        cloud: &Arc<Cloud>,
        origin: &Origin,
        service: &'static Service,
        spec: &'static CollectorSpec,
        stop: CancellationToken,
    ) {
        let task = self.task(cloud, origin, service, spec);
        self.tasks.spawn(async move { task.run(stop).await });
    }

    /// Runs every collector of a cloud once, side by side: for `once` and `check`.
    pub async fn collect_cloud_once(&self, cloud: &Arc<Cloud>, session: &Session) {
        let mut runs = Vec::new();
        for region in served_regions(cloud, session) {
            let origin = Origin::new(cloud.name(), &region);
            for (service, spec) in wanted(&self.settings) {
                if self.settings.insists(service.name) || in_catalog(cloud, service, &region).await {
                    let task = self.task(cloud, &origin, service, spec);
                    runs.push(async move { task.attempt(&mut None).await });
                }
            }
        }
        futures_util::future::join(self.ask_apis_once(cloud, session), futures_util::future::join_all(runs)).await;
    }
}

impl Settings {
    /// Whether a service is collected whatever the catalog says, so that its absence is a failure.
    fn insists(&self, service: &str) -> bool {
        let enabled = self.services.get(service).and_then(|s| s.enabled);
        enabled == Some(true) || (self.ignore_catalog && enabled.is_none())
    }

    /// Whether a service is collected when the catalog has it.
    fn wants(&self, service: &str) -> bool {
        self.services.get(service).and_then(|s| s.enabled) != Some(false)
    }
}

fn wanted(settings: &Settings) -> impl Iterator<Item = (&'static Service, &'static CollectorSpec)> {
    let services = SERVICES.iter().copied().filter(|service| settings.wants(service.name));
    services.flat_map(|service| service.collectors.iter().map(move |spec| (service, spec)))
}

/// The configured regions, else all of the catalog.
fn served_regions(cloud: &Cloud, session: &Session) -> Vec<String> {
    match cloud.config().regions.as_slice() {
        [] => session.regions.clone(),
        configured => configured.to_vec(),
    }
}

/// Whether a service is to be had in a region; other faults than its absence are its collectors' to report.
async fn in_catalog(cloud: &Arc<Cloud>, service: &Service, region: &str) -> bool {
    match cloud.service(service.catalog_types, region).await {
        Ok(_) => true,
        Err(error) => error.kind != ErrorKind::Catalog,
    }
}

/// Those at the service's quickest pace: what an operator takes "the service is up" to mean.
fn is_core(service: &Service, spec: &CollectorSpec) -> bool {
    let rank = |cadence| match cadence {
        Cadence::Fast => 0,
        Cadence::Medium => 1,
        Cadence::Slow => 2,
    };
    service.collectors.iter().all(|other| rank(spec.cadence) <= rank(other.cadence))
}
