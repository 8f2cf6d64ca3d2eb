//! Anomalies, peers and what a moment changed, as the API tells them.

use std::sync::Arc;

use serde_json::Value as Json;
use stackcast::history::{History, Retention, Store, Telemetry};
use stackcast::model::clock::{Clock, Timestamp};
use stackcast::model::signal::{Scope, Tick};

use super::api::{CHANGED, DAY, NOW, api_hooks, ask, cloud, good, key};
use super::{Running, settings};

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
