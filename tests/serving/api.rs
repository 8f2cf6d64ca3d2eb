//! The JSON API: what it tells, how it refuses, and that its description is true.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;
use stackcast::expose::{Hooks, Sources};
use stackcast::history::{Answer, History, HistoryError, Pending, Retention, Store, Stretch, Telemetry, Want};
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

use super::{Running, body, filled, header, hooks, settings, status_of};

/// 2026-11-22T06:00:00Z, a Sunday.
const TRAINED: i64 = 1_795_327_200;
/// Half an hour later.
const NOW: i64 = TRAINED + 1800;
const DAY: f64 = 86_400.0;
/// When the kept history of the cloud's memory changes: 2026-11-21T12:00:00Z.
const CHANGED: i64 = 1_795_262_400;

stackcast::metrics! {
    /// Used over usable.
    UTILIZATION = gauge "stackcast_capacity_utilization_ratio" [scope entity resource basis], Ratio, "test";
}

fn key(scope: Scope, entity: &str, resource: &str) -> Arc<SeriesKey> {
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
        window_seconds: 120.0 * DAY,
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
fn cloud(hypervisors: usize) -> Arc<SnapshotStore> {
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
        records: Arc::new(|| None),
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
        let key = want.only.clone().expect("one series is asked for");
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

#[tokio::test]
async fn forecasts_are_the_seeds_records_hour_by_hour() {
    let server = Running::start(&settings(), api_hooks(cloud(2))).await;
    let all = good(&server, "/api/forecasts").await;
    assert_eq!(
        (&all["total"], &all["ready"], &all["data_age_seconds"]),
        (&(4 * 24).into(), &true.into(), &1800.0.into())
    );
    assert_eq!(all["generated_at"], "2026-11-22T06:30:00Z");
    let one = good(&server, "/api/forecasts?scope=cloud&resource=vcpu&horizon=1h").await;
    let expected = serde_json::json!({
        "timestamp": "2026-11-22T07:00:00Z", "node": "c", "metric": "vcpu_utilization", "forecast": 0.0,
        "lower_bound": -0.1, "upper_bound": 0.1, "confidence": 0.8, "model_type": "analogue", "ready": true,
        "unit": "ratio", "cloud": "c", "region": "r", "scope": "cloud", "entity": "c", "resource": "vcpu",
        "basis": "allocation", "signal": "utilization",
    });
    assert_eq!(one["items"], Json::Array(vec![expected]));
    let far = good(&server, "/api/forecasts?scope=cloud&resource=vcpu&horizon=7d&offset=24&limit=2").await;
    assert_eq!((&far["total"], &far["next_offset"]), (&30.into(), &26.into()));
    assert_eq!(far["items"][0]["timestamp"], "2026-11-24T06:00:00Z");
    let young = good(&server, "/api/forecasts?entity=node-0001").await;
    assert_eq!((&young["items"][0]["ready"], &young["ready"]), (&false.into(), &false.into()));
}

#[tokio::test]
async fn the_soonest_runway_comes_first_and_the_lead_time_is_taken_off() {
    let server = Running::start(&settings(), api_hooks(cloud(3))).await;
    let runway = good(&server, "/api/v1/runway?lead_time=10d&limit=3").await;
    let entities: Vec<&str> =
        runway["items"].as_array().unwrap().iter().map(|row| row["resource"].as_str().unwrap()).collect();
    assert_eq!((entities, &runway["total"]), (vec!["memory", "vcpu", "vcpu"], &5.into()));
    let first = &runway["items"][0];
    assert_eq!(first["pessimistic"]["at"], "2027-01-01T06:00:00Z");
    assert_eq!(first["pessimistic"]["seconds"].as_f64(), Some(40.0 * DAY - 1800.0));
    assert_eq!(first["act_by"]["at"], "2026-12-22T06:00:00Z");
    assert!(first["optimistic"]["at"].is_null() && first["optimistic"]["seconds"].is_null(), "never is null");
    assert_eq!((first["utilization_ratio"].as_f64(), first["daily_growth_ratio"].as_f64()), (Some(0.625), Some(0.004)));
    assert!(runway["items"][1]["utilization_ratio"].is_null(), "what is not known is not made up");
    let none = good(&server, "/api/v1/runway?tier=high").await;
    assert_eq!((&none["total"], &none["ready"]), (&0.into(), &false.into()));
}

#[tokio::test]
async fn accuracy_and_profile() {
    let server = Running::start(&settings(), api_hooks(cloud(2))).await;
    let accuracy = good(&server, "/api/v1/accuracy?order_by=mase&horizon=24h").await;
    assert_eq!((&accuracy["items"][0]["entity"], &accuracy["total"]), (&"node-0001".into(), &4.into()));
    assert!(accuracy["items"][0]["wape_ratio"].is_null());
    let profile = good(&server, "/api/v1/profile?entity=c&resource=vcpu").await;
    let hours = profile["hours"].as_array().unwrap();
    assert_eq!((hours.len(), &profile["ready"], &profile["unit"]), (168, &true.into(), &"ratio".into()));
    assert_eq!(
        (&hours[30]["weekday"], &hours[30]["hour"], &hours[30]["p50"]),
        (&"Tuesday".into(), &6.into(), &6.0.into())
    );
    assert_eq!(hours[30]["samples"], 4);
    let (status, several) = ask(&server, "/api/v1/profile?entity=c").await;
    assert_eq!((status.as_str(), &several["parameter"]), ("400", &"resource".into()));
    assert_eq!(several["allowed"], serde_json::json!(["memory", "vcpu"]));
}

#[tokio::test]
async fn anomalies_say_since_when_why_and_what_else() {
    let server = Running::start(&settings(), api_hooks(cloud(3))).await;
    let all = good(&server, "/api/v1/anomalies").await;
    assert_eq!((&all["total"], &all["ready"], &all["data_age_seconds"]), (&2.into(), &true.into(), &60.0.into()));
    assert_eq!(all["series"], serde_json::json!({"watched": 4, "learning": 1, "silent": 0, "missing": 0}));
    let first = &all["items"][0];
    assert_eq!((&first["entity"], &first["since"]), (&"node-0001".into(), &"2026-11-22T05:30:00Z".into()));
    assert_eq!((&first["duration_seconds"], &first["feature"]), (&3600.0.into(), &"shift".into()));
    assert_eq!(
        (&first["value"], &first["expected_upper"], &first["unit"]),
        (&0.93.into(), &0.5.into(), &"ratio".into())
    );
    assert_eq!((&first["quiet_peers"], &first["peer_score"]), (&serde_json::json!(["node-0000"]), &2.5.into()));
    assert_eq!(first["also"][0]["signal_label"], "memory_allocation_utilization");
    let latest = good(&server, "/api/v1/anomalies?order_by=since&limit=1").await;
    assert_eq!((&latest["items"][0]["resource"], &latest["next_offset"]), (&"memory".into(), &1.into()));
    // A gauge's label leads to its row, and a quiet series is told from one that nobody watches.
    let label = good(&server, "/api/v1/anomalies?signal=vcpu_allocation_utilization&scope=cloud").await;
    assert_eq!((&label["total"], &label["series"]["watched"]), (&0.into(), &1.into()));
    assert_eq!(ask(&server, "/api/v1/anomalies?entity=node-9999").await.0, "404");
    let young = good(&server, "/api/v1/anomalies?scope=cloud&resource=memory").await;
    assert_eq!((&young["ready"], &young["series"]["learning"]), (&false.into(), &1.into()));
}

#[tokio::test]
async fn peers_tell_the_furthest_first() {
    let server = Running::start(&settings(), api_hooks(cloud(3))).await;
    let peers = good(&server, "/api/v1/peers?members=1").await;
    let group = &peers["items"][0];
    assert_eq!((&group["group"], &group["median"], &group["size"]), (&"az-a".into(), &0.4.into(), &2.into()));
    assert_eq!((&group["outliers"], &group["members"][0]["entity"]), (&1.into(), &"node-0001".into()));
    assert_eq!(group["members"].as_array().unwrap().len(), 1);
    let one = good(&server, "/api/v1/peers?entity=node-0000&signal=vcpu_allocation_utilization").await;
    assert_eq!(one["items"][0]["members"], serde_json::json!([{"entity": "node-0000", "value": 0.5, "score": 0.1}]));
    let (status, problem) = ask(&server, "/api/v1/peers?group=az-z").await;
    assert_eq!((status.as_str(), &problem["allowed"]), ("404", &serde_json::json!(["az-a"])));
}

/// Eleven days of the cloud's vCPU and memory, as the embedded store keeps them.
fn kept(folder: &std::path::Path) -> Store {
    let clock = Clock::manual(Timestamp::from_seconds(NOW));
    let retention = Retention { raw_days: 30, rollup_days: 400 };
    let store =
        Store::open(&folder.join("history.sqlite"), retention, &clock, &Arc::new(Telemetry::default())).unwrap();
    for at in (CHANGED - 10 * 86_400..NOW).step_by(900) {
        let wave = (at as f64 / DAY * std::f64::consts::TAU).sin() * 0.1 + (at as f64 * 0.618).fract() * 0.01;
        let moved = if at >= CHANGED { 0.2 } else { 0.0 };
        let readings =
            vec![(key(Scope::Cloud, "c", "vcpu"), 0.5 + wave), (key(Scope::Cloud, "c", "memory"), 0.5 + wave + moved)];
        store.append_waiting(Tick { at: Timestamp::from_seconds(at), readings }).unwrap();
    }
    store.settle().unwrap();
    store
}

#[tokio::test]
async fn before_and_after_leave_out_what_every_day_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let store: Arc<dyn History> = Arc::new(tokio::task::spawn_blocking(move || kept(&path)).await.unwrap());
    let mut hooks = api_hooks(cloud(1));
    hooks.sources.history = Arc::new(move || Some(Arc::clone(&store)));
    let server = Running::start(&settings(), hooks).await;
    let compared = good(&server, "/api/v1/compare?at=2026-11-21T12:00:00Z&window=6h").await;
    assert_eq!((&compared["total"], &compared["ready"]), (&2.into(), &true.into()));
    assert_eq!((&compared["at"], &compared["after_seconds"]), (&"2026-11-21T12:00:00Z".into(), &21_600.into()));
    let [first, second] = [&compared["items"][0], &compared["items"][1]];
    let figure = |row: &Json, name: &str| row[name].as_f64().unwrap();
    assert_eq!((&first["resource"], &first["earlier"]), (&"memory".into(), &7.into()));
    assert!((figure(first, "change") - figure(first, "usual_change") - 0.2).abs() < 0.02, "{first}");
    assert!(figure(first, "size") > 3.0 && figure(second, "size") < 3.0, "{second}");
    assert!((figure(second, "change") - figure(second, "usual_change")).abs() < 0.02, "the wave of the day is usual");
    assert_eq!((&first["changepoint"], &second["changepoint"]), (&"2026-11-21T12:00:00Z".into(), &Json::Null));
    let least = good(&server, "/api/v1/compare?at=1795262400&window=6h&least=3").await;
    assert_eq!((&least["total"], &least["items"][0]["resource"]), (&1.into(), &"memory".into()));
    let early = good(&server, "/api/v1/compare?at=2026-11-22T05:30:00Z&resource=vcpu").await;
    assert_eq!((&early["ready"], &early["after_seconds"]), (&false.into(), &3600.into()), "a window that goes on");
}

#[tokio::test]
async fn nodes_and_status() {
    let server = Running::start(&settings(), api_hooks(cloud(3))).await;
    let metrics = good(&server, "/api/metrics?limit=2").await;
    assert_eq!((&metrics["total"], metrics["nodes"].as_array().unwrap().len()), (&3.into(), 2));
    let node = &metrics["nodes"][0];
    assert_eq!((node["vcpus_total"].as_f64(), node["cpu_utilization"].as_f64()), (Some(64.0), Some(25.0)));
    assert!(node["memory_total_mb"].is_null() && node["instances"].is_null() && metrics["memory"].is_null());
    let status = good(&server, "/api/status").await;
    assert_eq!(status["forecasts"], serde_json::json!({"history": true, "series": 5, "ready": 2}));
}

#[tokio::test]
async fn what_is_wrong_is_a_problem_that_names_what_would_be_right() {
    let server = Running::start(&settings(), api_hooks(cloud(2))).await;
    for (path, status, parameter) in [
        ("/api/forecasts?horizon=2h", "400", Some("horizon")),
        ("/api/forecasts?nonsense=1", "400", Some("nonsense")),
        ("/api/forecasts?limit=100000", "400", Some("limit")),
        ("/api/forecasts?entity=nobody", "404", Some("entity")),
        ("/api/v1/runway?lead_time=soon", "400", Some("lead_time")),
        ("/api/v1/runway?resource=%00%FF", "404", Some("resource")),
        ("/api/v1/profile", "400", Some("entity")),
        ("/api/v1/anomalies?order_by=name", "400", Some("order_by")),
        ("/api/v1/peers?members=-1", "400", Some("members")),
        ("/api/v1/compare", "400", Some("at")),
        ("/api/v1/compare?at=noon", "400", Some("at")),
        ("/api/v1/compare?at=2027-01-01T00:00:00Z", "400", Some("at")),
        ("/api/v1/compare?at=0&window=1m", "400", Some("window")),
        ("/api/v1/compare?at=0&entity=nobody", "404", Some("entity")),
        ("/api/metrics?node=nobody", "404", None),
        ("/api/status?x=1", "400", Some("x")),
        ("/api/nothing", "404", None),
    ] {
        let (code, problem) = ask(&server, path).await;
        assert_eq!((code.as_str(), problem["parameter"].as_str()), (status, parameter), "{path}: {problem}");
        assert_eq!(problem["status"].to_string(), status);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
    let post = "POST /api/forecasts HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let refused = server.raw(post).await;
    assert_eq!((status_of(&refused), header(&refused, "allow")), ("405", Some("GET, HEAD")));
    let head = server.raw("HEAD /api/forecasts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!((status_of(&head), body(&head)), ("200", ""));
    let page = server.get("/metrics", "").await;
    assert!(body(&page).contains("stackcast_api_requests_total{route=\"unknown\",code=\"404\"} 1\n"));
}

#[tokio::test]
async fn without_any_data_answers_are_empty_and_not_ready() {
    let server = Running::start(&settings(), hooks(filled(1))).await;
    for path in ["/api/forecasts?entity=x", "/api/v1/runway", "/api/v1/accuracy", "/api/v1/anomalies", "/api/v1/peers"]
    {
        let answer = good(&server, path).await;
        assert_eq!((&answer["total"], &answer["ready"]), (&0.into(), &false.into()), "{path}");
        assert!(answer["data_age_seconds"].is_null());
    }
    assert_eq!(ask(&server, "/api/v1/profile?entity=x").await.0, "503");
    assert_eq!(ask(&server, "/api/v1/compare?at=1").await.0, "503");
    good(&server, "/api/metrics").await;
    good(&server, "/api/status").await;
}

/// Every path of the document is served, every parameter is taken, and every answer has the members that its schema
/// requires, and no others.
#[tokio::test]
async fn the_description_is_true() {
    let server = Running::start(&settings(), api_hooks(cloud(2))).await;
    let document = good(&server, "/api/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 18, "{paths:?}");
    let described = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md")).unwrap();
    for (path, item) in paths {
        assert!(described.contains(&format!("`{path}`")), "docs/api.md leaves out {path}");
        // Workload records are asked for in tests/workload.rs, where there are some.
        if item["post"].is_object() || path == "/api/v1/changes" || path.starts_with("/api/v1/csv/") {
            continue;
        }
        let mut query = Vec::new();
        for parameter in item["get"]["parameters"].as_array().unwrap() {
            let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            let about = if path == "/api/v1/peers" { "node-0001" } else { "c" };
            let known = [
                ("cloud", "c"),
                ("region", "r"),
                ("scope", "cloud"),
                ("entity", about),
                ("resource", "vcpu"),
                ("group", "az-a"),
                ("at", "2026-11-21T12:00:00Z"),
            ];
            let choices = schema["enum"].as_array();
            let is_one = |value: &str| choices.is_none_or(|choices| choices.iter().any(|choice| choice == value));
            let value = known.iter().find(|(known, value)| *known == name && is_one(value));
            let value = value.map(|(_, value)| (*value).to_owned());
            let given = [&schema["default"], &schema["enum"][0]].into_iter().find(|value| !value.is_null());
            let given = given.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            let other = match (name, path.as_str()) {
                ("node", _) => "node-0001",
                (_, "/api/v1/peers") => "vcpu_allocation_utilization",
                _ => "utilization",
            };
            query.push(format!("{name}={}", value.or(given).unwrap_or_else(|| other.to_owned())));
        }
        let answer = good(&server, &format!("{path}?{}", query.join("&"))).await;
        let schema = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        agree(path, &answer, schema);
    }
}

fn agree(place: &str, value: &Json, schema: &Json) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let members = value.as_object().unwrap_or_else(|| panic!("{place} is no object"));
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(members.contains_key(name.as_str().unwrap()), "{place}: {name} is missing");
    }
    for (name, member) in members {
        let schema = properties.get(name).unwrap_or_else(|| panic!("{place}: {name} is not described"));
        match member {
            Json::Array(rows) => {
                rows.iter().for_each(|row| agree(&format!("{place}.{name}"), row, &schema["items"]));
            }
            Json::Object(_) => agree(&format!("{place}.{name}"), member, schema),
            _ => {}
        }
    }
}

/// The largest answers at 1,000 hypervisors stay small.
#[tokio::test]
async fn a_big_cloud_is_told_in_pages() {
    let server = Running::start(&settings(), api_hooks(cloud(1000))).await;
    let answer = server.get("/api/forecasts?horizon=7d&limit=10000", "").await;
    assert!(body(&answer).len() < 5_000_000, "{}", body(&answer).len());
    let (mut offset, mut rows) = (Some(0), 0);
    while let Some(from) = offset {
        let page = good(&server, &format!("/api/v1/runway?limit=300&offset={from}")).await;
        rows += page["items"].as_array().unwrap().len();
        offset = page["next_offset"].as_u64();
    }
    assert_eq!(rows, 1002);
    let nodes = server.get("/api/metrics?limit=10000", "").await;
    assert!(body(&nodes).len() < 1_000_000, "{}", body(&nodes).len());
}
