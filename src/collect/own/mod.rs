//! stackcast's figures about itself: collectors, requests, series, process.
//!
//! They are read at each scrape from counters in memory (nothing is collected then), so they tell the
//! truth of this second. Families about a cloud come as one part per region; the rest as a local part.

mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::SERVICES;
use super::health::{CollectorHealth, Health};
use crate::model::clock::{Clock, Timestamp};
use crate::model::metric::{Descriptor, Metric};
use crate::model::part::{Origin, Part, PartBuilder, PartKey};
use crate::model::snapshot::{Snapshot, SnapshotStore};
use crate::openstack::client::Cloud;

crate::metrics! {
    /// Version of stackcast; always 1.
    BUILD_INFO = gauge "stackcast_build_info" [version rustc], Info, "the build";
    /// 1 when the last reload of the configuration succeeded; the former one stays in force otherwise.
    RELOAD_SUCCESSFUL = gauge "stackcast_config_last_reload_successful" [], Bool, "the last load of the configuration";
    /// When the configuration was last loaded successfully.
    RELOAD_TIMESTAMP = gauge "stackcast_config_last_reload_success_timestamp_seconds" [], Timestamp, "the last load of the configuration";
    /// 1 when the collector's last run succeeded, 0 when it failed; absent before its first run has ended.
    COLLECTOR_SUCCESS = gauge "stackcast_collector_success" [collector], Bool, "the collector's last run";
    /// How long the collector's last run took.
    COLLECTOR_DURATION = gauge "stackcast_collector_duration_seconds" [collector], Seconds, "the collector's last run";
    /// When the collector last succeeded.
    COLLECTOR_LAST_SUCCESS = gauge "stackcast_collector_last_success_timestamp_seconds" [collector], Timestamp, "the collector's last successful run";
    /// Objects read in the collector's last successful run (with deltas: those that had changed).
    COLLECTOR_ITEMS = gauge "stackcast_collector_items" [collector], Count, "the collector's last successful run";
    /// Failed runs of the collector.
    COLLECTOR_ERRORS = counter "stackcast_collector_errors_total" [collector kind], Count, "the collector's runs";
    /// What the credentials let the collector see (all, project, none); always 1. Where it is not all, the collector's families are incomplete or absent.
    COLLECTOR_VISIBILITY = gauge "stackcast_collector_visibility_info" [collector visibility], Info, "answers and rights of the token";
    /// Objects that were left out because they could not be understood.
    ITEMS_REJECTED = counter "stackcast_items_rejected_total" [collector reason], Count, "decoding of answers";
    /// Requests sent to OpenStack, by service type and HTTP status (or the kind of error where no answer came).
    OPENSTACK_REQUESTS = counter "stackcast_openstack_requests_total" [service code], Count, "the client's counters";
    /// Duration of requests to OpenStack, body included.
    OPENSTACK_DURATION = histogram "stackcast_openstack_request_duration_seconds" [service], Seconds, "the client's timers";
    /// Requests to OpenStack that were sent again.
    OPENSTACK_RETRIES = counter "stackcast_openstack_retries_total" [service reason], Count, "the client's counters";
    /// Tokens fetched from Keystone.
    LOGINS = counter "stackcast_openstack_logins_total" [], Count, "POST /v3/auth/tokens";
    /// When the current token ends; it is renewed ahead of that.
    TOKEN_EXPIRY = gauge "stackcast_token_expiry_timestamp_seconds" [], Timestamp, "POST /v3/auth/tokens";
    /// Series held, by exposition group.
    SERIES = gauge "stackcast_series" [group], Count, "the snapshot";
    /// Limit on series: of one family in one part, and in total.
    SERIES_LIMIT = gauge "stackcast_series_limit" [limit], Count, "the configuration";
    /// How long the collector of a family took at its last run; with collect.metric_time.
    METRIC_COLLECT = gauge "openstack_metric_collect_seconds" [openstack_metric openstack_service], Seconds, "the collector's last successful run";
    /// Version of the exporter, with openstack-exporter's labels; always 1, and only with collect.compat.
    EXPORTER_BUILD_INFO = gauge "openstack_exporter_build_info" [branch goarch goos goversion revision tags version], Info, "the build";
    /// Samples left out: a repeated label set (duplicate), over a limit (limit), printed by another group (conflict), or of a name that no parser takes (name).
    SERIES_DROPPED = counter "stackcast_series_dropped_total" [family reason], Count, "the snapshot";
}

/// Every table of this folder.
pub fn tables() -> [&'static [&'static Descriptor]; 2] {
    [METRICS, process::METRICS]
}

/// Group and source of the parts made here.
const GROUP: &str = "own";

/// Where self metrics are read from.
#[derive(Debug)]
pub struct Own {
    health: Arc<Health>,
    store: Arc<SnapshotStore>,
    clouds: Mutex<Vec<Arc<Cloud>>>,
    compat: AtomicBool,
    metric_time: AtomicBool,
    clock: Clock,
    reload_ok: AtomicBool,
    reload_millis: AtomicI64,
}

impl Own {
    /// Reads from these registers.
    pub fn new(health: Arc<Health>, store: Arc<SnapshotStore>, clock: Clock) -> Self {
        let now = clock.now().millis();
        Self {
            health,
            store,
            clouds: Mutex::default(),
            compat: AtomicBool::new(false),
            metric_time: AtomicBool::new(false),
            clock,
            reload_ok: AtomicBool::new(true),
            reload_millis: AtomicI64::new(now),
        }
    }

    /// The clouds whose requests are counted.
    pub fn set_clouds(&self, clouds: Vec<Arc<Cloud>>) {
        *self.clouds.lock().unwrap_or_else(PoisonError::into_inner) = clouds;
    }

    /// Which of openstack-exporter's ways are taken on.
    pub fn set_modes(&self, settings: &super::Settings) {
        self.compat.store(settings.compat, Ordering::Relaxed);
        self.metric_time.store(settings.metric_time, Ordering::Relaxed);
    }

    /// Notes a reload of the configuration.
    pub fn reloaded(&self, successful: bool) {
        self.reload_ok.store(successful, Ordering::Relaxed);
        if successful {
            self.reload_millis.store(self.clock.now().millis(), Ordering::Relaxed);
        }
    }

    /// Every self metric of this moment, one part per origin; `dropped` is what the page left out, by family and reason.
    pub fn parts(&self, dropped: Vec<(String, &'static str, u64)>) -> Vec<Part> {
        let mut builders: BTreeMap<Origin, PartBuilder> = BTreeMap::new();
        self.put_collectors(&mut builders);
        self.put_requests(&mut builders);
        self.put_local(builders.entry(Origin::LOCAL).or_default(), dropped);
        let now = self.clock.now();
        builders
            .into_iter()
            .map(|(origin, builder)| {
                builder.seal(PartKey { group: GROUP, origin, source: GROUP.into() }, now, usize::MAX).0
            })
            .collect()
    }

    fn put_collectors(&self, builders: &mut BTreeMap<Origin, PartBuilder>) {
        let entries = self.health.entries();
        for entry in &entries {
            put_collector(entry, builders.entry(entry.origin.clone()).or_default());
        }
        for (origin, builder) in builders {
            self.put_services(builder, origin, &entries, &|_| true);
        }
    }

    /// Whether services of a region are up, and how long their families took to collect.
    fn put_services(
        &self,
        builder: &mut PartBuilder,
        origin: &Origin,
        entries: &[Arc<CollectorHealth>],
        wanted: &dyn Fn(&str) -> bool,
    ) {
        let compat = self.compat.load(Ordering::Relaxed);
        let snapshot = self.store.load();
        for service in SERVICES.iter().filter(|service| wanted(service.name)) {
            let of_service = || entries.iter().filter(|e| e.origin == *origin && e.service == service.name);
            let up = if compat { any_succeeds(of_service()) } else { service_up(of_service()) };
            if let Some(up) = up {
                builder.put(service.up, [], f64::from(u8::from(up)));
            }
            if self.metric_time.load(Ordering::Relaxed) {
                of_service().for_each(|entry| put_metric_times(builder, entry, service.up, &snapshot));
            }
        }
    }

    /// What a page of one cloud has of it: one part per region, for the services that are wanted.
    pub fn cloud_parts(&self, cloud: &str, region: Option<&str>, wanted: &dyn Fn(&str) -> bool) -> Vec<Part> {
        let entries = self.health.entries();
        let of_cloud = |origin: &Origin| {
            origin.cloud.as_deref() == Some(cloud)
                && region.is_none_or(|region| origin.region.as_deref() == Some(region))
        };
        let origins: BTreeSet<&Origin> = entries.iter().map(|entry| &entry.origin).filter(|o| of_cloud(o)).collect();
        let now = self.clock.now();
        let part = |origin: &Origin| {
            let mut builder = PartBuilder::new();
            self.put_services(&mut builder, origin, &entries, wanted);
            builder.seal(PartKey { group: GROUP, origin: origin.clone(), source: GROUP.into() }, now, usize::MAX).0
        };
        origins.into_iter().map(part).collect()
    }

    fn put_requests(&self, builders: &mut BTreeMap<Origin, PartBuilder>) {
        let clouds = self.clouds.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for cloud in clouds {
            let counted = cloud.telemetry().snapshot();
            for (key, count) in counted.requests {
                let builder = builders.entry(Origin::new(cloud.name(), &key.region)).or_default();
                builder.put(&OPENSTACK_REQUESTS, [&key.service, &key.code], count as f64);
            }
            for (region, service, value) in counted.durations {
                let builder = builders.entry(Origin::new(cloud.name(), &region)).or_default();
                builder.put_histogram(&OPENSTACK_DURATION, [&service], value);
            }
            let whole_cloud = builders.entry(Origin::new(cloud.name(), "")).or_default();
            for (service, reason, count) in counted.retries {
                whole_cloud.put(&OPENSTACK_RETRIES, [&service, reason], count as f64);
            }
            whole_cloud.put(&LOGINS, [], counted.logins as f64);
            if let Some(expires) = counted.token_expires {
                whole_cloud.put(&TOKEN_EXPIRY, [], expires.seconds());
            }
        }
    }

    fn put_local(&self, builder: &mut PartBuilder, dropped: Vec<(String, &'static str, u64)>) {
        builder.put(&BUILD_INFO, [env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_RUST_VERSION")], 1.0);
        if self.compat.load(Ordering::Relaxed) {
            let arch = match std::env::consts::ARCH {
                "x86_64" => "amd64",
                "aarch64" => "arm64",
                other => other,
            };
            let labels = ["", arch, std::env::consts::OS, "", "", "", env!("CARGO_PKG_VERSION")];
            builder.put(&EXPORTER_BUILD_INFO, labels, 1.0);
        }
        builder.put(&RELOAD_SUCCESSFUL, [], f64::from(u8::from(self.reload_ok.load(Ordering::Relaxed))));
        let reloaded = Timestamp::from_millis(self.reload_millis.load(Ordering::Relaxed));
        builder.put(&RELOAD_TIMESTAMP, [], reloaded.seconds());
        let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
        for part in self.store.load().parts() {
            *groups.entry(part.key.group).or_default() += part.samples();
        }
        for (group, samples) in groups {
            builder.put(&SERIES, [group], samples as f64);
        }
        let limits = self.store.limits();
        builder.put(&SERIES_LIMIT, ["family"], limits.per_family as f64);
        builder.put(&SERIES_LIMIT, ["total"], limits.total as f64);
        // Sealing and page may both drop for the same reason: one sample for the sum.
        let mut sums: BTreeMap<(String, &str), u64> = BTreeMap::new();
        let sealed =
            self.store.dropped().into_iter().map(|(family, reason, samples)| (family.into_owned(), reason, samples));
        for (family, reason, samples) in sealed.chain(dropped) {
            *sums.entry((family, reason)).or_default() += samples;
        }
        for ((family, reason), samples) in sums {
            builder.put(&SERIES_DROPPED, [&family, reason], samples as f64);
        }
        process::put(builder);
    }
}

fn put_collector(entry: &CollectorHealth, builder: &mut PartBuilder) {
    let state = entry.state();
    let collector = entry.collector;
    for (kind, count) in &state.errors {
        builder.put(&COLLECTOR_ERRORS, [collector, kind], *count as f64);
    }
    for (reason, count) in &state.rejected {
        builder.put(&ITEMS_REJECTED, [collector, reason], *count as f64);
    }
    let Some(success) = state.success else { return };
    builder.put(&COLLECTOR_SUCCESS, [collector], f64::from(u8::from(success)));
    builder.put(&COLLECTOR_DURATION, [collector], state.duration.as_secs_f64());
    if let Some(at) = state.last_success {
        builder.put(&COLLECTOR_LAST_SUCCESS, [collector], at.seconds());
        builder.put(&COLLECTOR_ITEMS, [collector], state.items as f64);
    }
    if entry.origin != Origin::LOCAL {
        builder.put(&COLLECTOR_VISIBILITY, [collector, state.visibility.label()], 1.0);
    }
}

/// The collector's time beside each drop-in family that it filled, in openstack-exporter's words.
fn put_metric_times(builder: &mut PartBuilder, entry: &CollectorHealth, up: &'static Metric<0>, snapshot: &Snapshot) {
    let state = entry.state();
    let Some(service) = up.descriptor.name.strip_suffix("_up").filter(|_| state.success == Some(true)) else { return };
    let key = PartKey { group: entry.collector, origin: entry.origin.clone(), source: entry.collector.into() };
    for family in snapshot.part(&key).into_iter().flat_map(|part| &part.families) {
        let metric = family.descriptor().name.strip_prefix(service).and_then(|rest| rest.strip_prefix('_'));
        if let Some(metric) = metric {
            builder.put(&METRIC_COLLECT, [metric, service], state.duration.as_secs_f64());
        }
    }
}

/// openstack-exporter's idea of up: not every collector fails.
fn any_succeeds<'a>(entries: impl Iterator<Item = &'a Arc<CollectorHealth>>) -> Option<bool> {
    entries.filter_map(|entry| entry.state().success).reduce(|any, success| any || success)
}

/// Whether a service is up: no core collector's last run failed and nothing was withheld for its age.
/// None before any of its collectors has run.
fn service_up<'a>(entries: impl Iterator<Item = &'a Arc<CollectorHealth>>) -> Option<bool> {
    let mut up = None;
    for entry in entries {
        let state = entry.state();
        if state.success.is_some() {
            up = Some(up.unwrap_or(true) && !(entry.core && entry.failing()) && !state.withheld);
        }
    }
    up
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::collect::health::Visibility;
    use crate::model::snapshot::SeriesLimits;
    use crate::openstack::error::ErrorKind;

    fn values(own: &Own, name: &str) -> Vec<(Vec<String>, f64)> {
        let mut found = Vec::new();
        for part in own.parts(Vec::new()) {
            for family in part.families.iter().filter(|f| f.descriptor().name == name) {
                for sample in family.samples() {
                    found.push((sample.labels().map(str::to_owned).collect(), sample.number()));
                }
            }
        }
        found
    }

    #[test]
    fn up_tells_an_outage_from_missing_rights() {
        let health = Arc::new(Health::default());
        let own = Own::new(Arc::clone(&health), SnapshotStore::new(SeriesLimits::default()), Clock::system());
        let origin = Origin::new("c", "r");
        let core = health.register(origin.clone(), "compute", "compute.servers", true);
        let slow = health.register(origin, "compute", "compute.usage", false);
        assert!(values(&own, "openstack_nova_up").is_empty(), "unknown before the first run");

        let fail = |entry: &CollectorHealth, kind: ErrorKind| {
            entry.failed(Duration::ZERO, kind.label(), Some(kind), "x".to_owned());
        };
        core.succeeded(Timestamp::from_seconds(7), Duration::ZERO, 3, Visibility::All, BTreeMap::new());
        fail(&slow, ErrorKind::Server);
        assert_eq!(values(&own, "openstack_nova_up"), vec![(vec![], 1.0)], "a slow extra alone is no outage");
        fail(&core, ErrorKind::Forbidden);
        assert_eq!(values(&own, "openstack_nova_up"), vec![(vec![], 1.0)], "blind is not down");
        let blind = vec!["compute.servers".to_owned(), "none".to_owned()];
        assert!(values(&own, "stackcast_collector_visibility_info").contains(&(blind, 1.0)));
        fail(&core, ErrorKind::Timeout);
        assert_eq!(values(&own, "openstack_nova_up"), vec![(vec![], 0.0)]);
        core.succeeded(Timestamp::from_seconds(9), Duration::ZERO, 3, Visibility::All, BTreeMap::new());
        slow.withheld();
        assert_eq!(values(&own, "openstack_nova_up"), vec![(vec![], 0.0)], "withheld facts are missing facts");
    }
}
