//! Forecasts, runways, accuracy, profiles and nodes, as the API tells them.

use serde_json::Value as Json;

use super::api::{DAY, api_hooks, ask, cloud, good};
use super::{Running, settings};

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
async fn nodes_and_status() {
    let server = Running::start(&settings(), api_hooks(cloud(3))).await;
    let metrics = good(&server, "/api/metrics?limit=2").await;
    assert_eq!((&metrics["total"], metrics["nodes"].as_array().unwrap().len()), (&3.into(), 2));
    let node = &metrics["nodes"][0];
    assert_eq!((node["vcpus_total"].as_f64(), node["cpu_utilization"].as_f64()), (Some(64.0), Some(25.0)));
    assert!(node["memory_total_mb"].is_null() && node["instances"].is_null() && metrics["memory"].is_null());
    let status = good(&server, "/api/status").await;
    let accuracy = serde_json::json!({
        "series": 5, "mase_median": 0.8, "better_than_naive_ratio": 1.0, "coverage_ratio": 0.8,
    });
    let forecasts = serde_json::json!({"history": true, "series": 5, "ready": 2, "accuracy": accuracy});
    assert_eq!(status["forecasts"], forecasts);
}
