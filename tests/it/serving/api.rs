//! What the tests of the JSON API have in common: a small cloud with forecasts and findings, and how it is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;
use stackcast::expose::{Hooks, Sources};
use stackcast::history::{Answer, History, HistoryError, Pending, Stretch, Want};
use stackcast::model::anomaly::{Anomalies, Anomaly, Change, Peer, PeerGroup, Watching};
use stackcast::model::clock::{Clock, Timestamp};
use stackcast::model::id::Id;
use stackcast::model::inventory::hypervisor::{Hypervisor, Hypervisors};
use stackcast::model::inventory::provider::{Inventory, Provider, Providers};
use stackcast::model::metric::Unit;
use stackcast::model::part::{Origin, PartBuilder, PartKey};
use stackcast::model::prediction::{Accuracy, Ahead, Band, Crossing, Horizon, Prediction, Predictions};
use stackcast::model::signal::{Basis, Direction, Query, Scope, SeriesKey, Signal, Tick};
use stackcast::model::snapshot::SnapshotStore;

use super::{Running, body, filled, header, hooks, status_of};

/// 2026-11-22T06:00:00Z, a Sunday.
const TRAINED: i64 = 1_795_327_200;
/// Half an hour later.
pub(super) const NOW: i64 = TRAINED + 1800;
pub(super) const DAY: f64 = 86_400.0;
/// When the kept history of the cloud's memory changes: 2026-11-21T12:00:00Z.
pub(super) const CHANGED: i64 = 1_795_262_400;

stackcast::metrics! {
    /// Used over usable.
    UTILIZATION = gauge "stackcast_capacity_utilization_ratio" [scope entity resource basis], Ratio, "test";
}

pub(super) fn key(scope: Scope, entity: &str, resource: &str) -> Arc<SeriesKey> {
    Arc::new(SeriesKey {
        signal: "utilization".into(),
        origin: Origin::new("c", "r"),
        scope,
        entity: entity.into(),
        resource: resource.into(),
        basis: Some(Basis::Allocation),
    })
}

/// Full in so many days, pessimistically.
fn prediction(days: f64, ready: bool) -> Arc<Prediction> {
    let band = |mean: f64| Band { mean, lower: mean - 0.1, upper: mean + 0.1 };
    let accuracy =
        Accuracy { mase: 0.5 + days / 1000.0, naive_mase: 1.1, wape: f64::NAN, bias: 0.01, coverage: 0.8, origins: 7 };
    let at = |days: f64| TRAINED as f64 + days * DAY;
    let crossing = Crossing { mid: at(days * 2.0), upper: at(days), lower: f64::INFINITY };
    Arc::new(Prediction {
        trained: TRAINED,
        history_seconds: 30.0 * DAY,
        missing_ratio: 0.0,
        ready,
        model: "analogue".to_owned(),
        season_seconds: DAY,
        level: 0.8,
        ahead: BTreeMap::from([(Horizon::Day, Ahead { band: band(0.5), accuracy: Some(accuracy) })]),
        crossings: BTreeMap::from([("full".to_owned(), crossing)]),
        rungs: Vec::new(),
        window_seconds: 120.0 * DAY,
        week_mean: None,
        daily_growth: Some(0.004),
        hourly: (0..24).map(|hour| band(f64::from(hour) / 100.0)).collect(),
        daily: (2..=90).map(|day| band(f64::from(day) / 100.0)).collect(),
    })
}

pub(super) fn publish(store: &SnapshotStore, group: &'static str, part: PartBuilder) {
    let key = PartKey { group, origin: Origin::new("c", "r"), source: group.into() };
    let (part, dropped) = part.seal(key, Timestamp::from_seconds(NOW - 60), 1_000_000);
    store.publish(part, dropped);
}

/// Forecasts of so many hypervisors and of the cloud, and what else the API reads.
pub(super) fn cloud(hypervisors: usize) -> Arc<SnapshotStore> {
    let store = filled(1);
    let mut predictions = Predictions::default();
    predictions.0.insert(key(Scope::Cloud, "c", "vcpu"), prediction(200.0, true));
    predictions.0.insert(key(Scope::Cloud, "c", "memory"), prediction(40.0, true));
    let (mut rows, mut providers) = (Vec::new(), Providers::default());
    for index in 0..hypervisors {
        let name = format!("node-{index:04}");
        predictions.0.insert(key(Scope::Hypervisor, &name, "vcpu"), prediction(300.0 + index as f64, false));
        rows.push(Hypervisor {
            name: name.as_str().into(),
            uuid: None,
            service_host: name.as_str().into(),
            zone: "az-a".into(),
            aggregates: Vec::new(),
            state: "up".into(),
            status: "enabled".into(),
            host_ip: None,
            cpu_model: None,
        });
        let inventory =
            Inventory { total: 20, reserved: 4, allocation_ratio: 4.0, min_unit: 1, max_unit: 16, step_size: 1 };
        let provider = Provider {
            name: name.as_str().into(),
            generation: 1,
            parent: None,
            root: Id::new(&name),
            inventories: [("VCPU".into(), inventory)].into(),
            usages: [("VCPU".into(), 16)].into(),
            traits: Default::default(),
            aggregates: Default::default(),
            allocations: Vec::new(),
        };
        providers.0.insert(Id::new(&name), Arc::new(provider));
    }
    let mut part = PartBuilder::new();
    part.table(Arc::new(predictions));
    publish(&store, "analysis.forecast", part);
    let mut part = PartBuilder::new();
    part.put(&UTILIZATION, ["cloud", "c", "memory", "allocation"], 0.625);
    publish(&store, "analysis.capacity", part);
    let mut part = PartBuilder::new();
    part.table(Arc::new(findings(hypervisors)));
    publish(&store, "analysis.anomaly", part);
    let mut part = PartBuilder::new();
    part.table(Arc::new(Hypervisors(rows)));
    part.table(Arc::new(providers));
    publish(&store, "compute.hypervisors", part);
    store
}

/// What watching says: the cloud is quiet, the second host is far above its peers, and the memory of the cloud moved.
fn findings(hypervisors: usize) -> Anomalies {
    let host = |index: usize| key(Scope::Hypervisor, &format!("node-{index:04}"), "vcpu");
    let (vcpu, memory) = (key(Scope::Cloud, "c", "vcpu"), key(Scope::Cloud, "c", "memory"));
    let mut watched = vec![(vcpu, Watching::Watched), (Arc::clone(&memory), Watching::Learning)];
    watched.extend((0..hypervisors).map(|index| (host(index), Watching::Watched)));
    let anomaly = |key, since: i64, score| Anomaly {
        key,
        since: Timestamp::from_seconds(NOW - since),
        score,
        direction: 1,
        cause: "shift",
        reason: "moved to another level",
        value: Some(0.93),
        expected: Some((0.2, 0.5)),
        rarity: 1e-4,
        group: Some("az-a".into()),
        peer_score: Some(2.5),
        quiet_peers: vec!["node-0000".into()],
        also: vec![Arc::clone(&memory)],
    };
    let peer = |index: usize, score| Peer { entity: format!("node-{index:04}").into(), value: 0.5, score };
    let group = PeerGroup {
        group: "az-a".into(),
        signal: "vcpu_allocation_utilization".to_owned(),
        median: 0.4,
        members: vec![peer(1, 2.5), peer(0, 0.1)],
    };
    let at = Timestamp::from_seconds(NOW - 60);
    let change =
        Change { key: Arc::clone(&memory), at: Timestamp::from_seconds(CHANGED), before: 0.4, after: 0.7, size: 9.0 };
    Anomalies {
        at,
        watched,
        current: vec![anomaly(host(1), 3600, 2.0), anomaly(Arc::clone(&memory), 600, 1.2)],
        changes: vec![change],
        groups: vec![group],
    }
}

pub(super) fn api_hooks(store: Arc<SnapshotStore>) -> Hooks {
    assert_eq!(METRICS.len(), 1);
    let sources = Sources {
        clock: Clock::manual(Timestamp::from_seconds(NOW)),
        history: Arc::new(|| Some(Arc::new(Waves) as Arc<dyn History>)),
        signal: Arc::new(|name| (name == "utilization").then(|| Arc::new(signal()))),
        ..Sources::without_history(Clock::manual(Timestamp::from_seconds(NOW)))
    };
    Hooks { sources, ..hooks(store) }
}

fn signal() -> Signal {
    Signal {
        name: "utilization".into(),
        help: "Used over usable.".into(),
        unit: Unit::Ratio,
        min: Some(0.0),
        max: None,
        ceiling: Some(1.0),
        counter: false,
        season: None,
        direction: Direction::Up,
        query: Query {
            expression: "x".into(),
            scope: None,
            entity_label: "entity".into(),
            resource: None,
            basis: None,
        },
    }
}

/// A history of one series whose value is the hour of the day; nobody may ask for more than one.
#[derive(Debug)]
struct Waves;

impl History for Waves {
    fn append(&self, _: Tick) -> Result<(), HistoryError> {
        Ok(())
    }

    fn read<'a>(&'a self, want: &'a Want) -> Pending<'a, Answer> {
        let hours = want.to.since(want.from).as_secs() / want.step.as_secs();
        let first = want.from.millis() / 3_600_000;
        let values = (0..hours as i64).map(|hour| ((first + hour) % 24) as f64).collect();
        let key = want.only.iter().flatten().next().expect("one series is asked for").clone();
        let stretch = Stretch { key, start: want.from, step: want.step, values };
        Box::pin(async move { Ok(Answer { stretches: vec![stretch], warnings: Vec::new() }) })
    }
}

pub(super) async fn ask(server: &Running, path: &str) -> (String, Json) {
    let answer = server.get(path, "").await;
    let json = serde_json::from_str(body(&answer)).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"));
    let form = if status_of(&answer) == "200" { "application/json" } else { "application/problem+json" };
    assert_eq!(header(&answer, "content-type"), Some(form), "{path}");
    (status_of(&answer).to_owned(), json)
}

pub(super) async fn good(server: &Running, path: &str) -> Json {
    let (status, json) = ask(server, path).await;
    assert_eq!(status, "200", "{path}: {json}");
    json
}

/// A cloud of which only the use of two hypervisors is known.
pub(super) fn utilizations() -> Arc<SnapshotStore> {
    let store = filled(1);
    let mut part = PartBuilder::new();
    for (node, resource, ratio) in [("node-1", "vcpu", 0.5), ("node-1", "memory", 0.2), ("node-2", "memory", 0.9)] {
        part.put(&UTILIZATION, ["hypervisor", node, resource, "allocation"], ratio);
    }
    publish(&store, "analysis.capacity", part);
    store
}
