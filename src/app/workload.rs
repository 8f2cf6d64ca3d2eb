//! The tasks of workload records: looks at what has been collected, sends and cleans up at their own pace. They live as
//! long as the process; a reload changes which clouds there are, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::running::App;
use crate::collect::health::{CollectorState, Health, Visibility};
use crate::config::{self, Filter};
use crate::model::clock::Clock;
use crate::model::day::Day;
use crate::model::part::{Origin, PartBuilder, PartKey};
use crate::model::snapshot::SnapshotStore;
use crate::model::workload::ResourceType;
use crate::workload::{Desk, Looked, Sender, Settings, Sight, Store, Telemetry, Tracker, own_part};

/// How often it is seen whether a comparison is due: a collector that begins to work need not wait for long.
const LOOK: Duration = Duration::from_secs(10);
/// Exposition groups: about clouds, and about this process.
const GROUP: &str = "workload";
const OWN_GROUP: &str = "workload.own";

/// The collector that fills the table of a kind of resource.
const fn collector(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Vm => "compute.servers",
        ResourceType::Flavor => "compute.flavors",
        ResourceType::Volume => "volume.volumes",
        ResourceType::Image => "image.images",
        ResourceType::Tenant => "identity.projects",
        ResourceType::KeystoneUser => "identity.users",
    }
}

/// What the task works with.
struct Workload {
    snapshots: Arc<SnapshotStore>,
    health: Arc<Health>,
    clock: Clock,
    filter: Arc<ArcSwap<Filter>>,
    settings: Settings,
    store: Arc<Store>,
    telemetry: Arc<Telemetry>,
    tracker: Tracker,
    /// When each kind was last compared.
    compared: BTreeMap<(Origin, ResourceType), Instant>,
    cleaned: Option<Day>,
}

impl App {
    /// Starts what the settings switch on: recording, sending, taking.
    pub(super) fn start_workload(
        &self,
        settings: &config::Settings,
        stop: CancellationToken,
    ) -> Option<JoinHandle<()>> {
        let (data, settings) = (&settings.data, settings.workload.clone());
        if !settings.enabled && !settings.collector.enabled {
            return None;
        }
        let store = Store::open(&data.directory, Day::of(self.clock.now()));
        let store = store.inspect_err(|error| tracing::error!(%error, "no workload records until the next start"));
        let (store, telemetry) = (Arc::new(store.ok()?), Arc::new(Telemetry::default()));
        let taken = settings.collector.enabled.then_some(settings.collector.body_bytes_max);
        let desk = Desk::new(Arc::clone(&store), Arc::clone(&telemetry), self.clock.clone(), taken);
        let _first = self.records.set(Arc::new(desk));
        if settings.enabled && settings.send.consent {
            match Sender::new(Arc::clone(&store), Arc::clone(&telemetry), self.clock.clone(), &settings.send) {
                Ok(sender) => drop(tokio::spawn(sender.run(stop.clone()))),
                Err(error) => tracing::error!(%error, "workload records are not sent until the next start"),
            }
        }
        let workload = Workload {
            snapshots: Arc::clone(&self.store),
            health: Arc::clone(&self.health),
            clock: self.clock.clone(),
            filter: Arc::clone(&self.filter),
            tracker: Tracker::new(Arc::clone(&store), Arc::clone(&telemetry)),
            settings,
            store,
            telemetry,
            compared: BTreeMap::new(),
            cleaned: None,
        };
        Some(tokio::spawn(workload.run(stop)))
    }
}

impl Workload {
    async fn run(mut self, stop: CancellationToken) {
        let pause = LOOK.min(Duration::from_secs(self.settings.interval_seconds.max(1)));
        loop {
            // Thousands of rows are compared and a disk is waited for: not on the threads that answer requests.
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match looked.await {
                Ok(workload) => self = workload,
                Err(fault) => {
                    tracing::error!(%fault, "workload records ended unexpectedly; none are made until the next start");
                    return;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn look(&mut self) {
        let at = self.clock.now();
        if self.settings.enabled {
            for origin in self.origins() {
                for kind in ResourceType::ALL {
                    self.compare_if_due(&origin, kind);
                }
                let part = self.telemetry.part(&origin);
                self.publish(GROUP, origin, part);
            }
        }
        let part = own_part(&self.store, &self.telemetry, &self.settings);
        self.publish(OWN_GROUP, Origin::LOCAL, part);
        self.clean(Day::of(at));
    }

    /// Regions whose collectors are known; those of a cloud that the configuration has no more are not.
    fn origins(&self) -> Vec<Origin> {
        let entries = self.health.entries();
        let mut origins: Vec<Origin> =
            entries.iter().map(|entry| entry.origin.clone()).filter(|origin| origin.region.is_some()).collect();
        origins.sort();
        origins.dedup();
        origins
    }

    fn compare_if_due(&mut self, origin: &Origin, kind: ResourceType) {
        let key = (origin.clone(), kind);
        let interval = Duration::from_secs(self.settings.interval_seconds);
        if self.compared.get(&key).is_some_and(|last| last.elapsed() < interval) {
            return;
        }
        let entries = self.health.entries();
        let entry = entries.iter().find(|entry| entry.origin == *origin && entry.collector == collector(kind));
        let sight = entry.map_or(Sight::Nothing, |entry| sight(&entry.state()));
        match self.tracker.look(&self.snapshots.load(), origin, kind, sight, self.clock.now()) {
            Ok(Looked::Blind) => {}
            Ok(looked) => {
                tracing::debug!(?origin, kind = kind.as_str(), ?looked, "workload compared");
                self.compared.insert(key, Instant::now());
            }
            Err(error) => tracing::error!(%error, kind = kind.as_str(), "workload changes are not recorded"),
        }
    }

    /// Once a day, and at the start.
    fn clean(&mut self, today: Day) {
        if self.cleaned == Some(today) {
            return;
        }
        let (own, received) = (self.settings.retention_days, self.settings.collector.retention_days);
        match self.tracker.expire(own, received, today) {
            Ok(gone) => {
                if gone > 0 {
                    tracing::info!(gone, "workload records were old enough to go");
                }
                self.cleaned = Some(today);
            }
            Err(error) => tracing::error!(%error, "old workload records stay"),
        }
    }

    fn publish(&self, group: &'static str, origin: Origin, mut part: PartBuilder) {
        let filter = self.filter.load();
        part.retain(|row| !filter.drops(&row.name, row.slow, row.deprecated));
        part.drop_labels(|row, label| filter.drops_label(&row.name, label));
        let key = PartKey { group, origin, source: group.into() };
        let (part, dropped) = part.seal(key, self.clock.now(), self.snapshots.limits().per_family);
        self.snapshots.publish(part, dropped);
    }
}

/// What a collector's facts are worth: what was found before a failure is no news.
fn sight(state: &CollectorState) -> Sight {
    match (state.success, state.visibility) {
        (Some(true), Visibility::All) => Sight::All,
        (Some(true), Visibility::Domain | Visibility::Project) => Sight::Project,
        _ => Sight::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_collector_is_known() {
        let known: Vec<&str> =
            crate::collect::SERVICES.iter().flat_map(|service| service.collectors).map(|spec| spec.name).collect();
        for kind in ResourceType::ALL {
            assert!(known.contains(&collector(kind)), "{}", collector(kind));
        }
    }
}
