//! The figures for plotly.js and the processes of the host. How figures look is looked at; here is that they hold together.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use stackcast::expose::{Hooks, HostProcess, Sources};

use super::api::{api_hooks, ask, cloud, good};
use super::{Running, filled, hooks, settings};

#[tokio::test]
async fn a_chart_has_the_past_the_forecast_and_its_interval() {
    let server = Running::start(&settings(), api_hooks(cloud(2))).await;
    let chart = good(&server, "/charts/utilization?resource=vcpu&days=2&ahead=7").await;
    let [past, lower, upper, mean] = [0, 1, 2, 3].map(|at| &chart["data"][at]);
    for trace in [past, lower, upper, mean] {
        let (x, y) = (trace["x"].as_array().unwrap(), trace["y"].as_array().unwrap());
        assert_eq!((x.len(), trace["type"].as_str()), (y.len(), Some("scatter")));
        assert!(x.is_sorted_by_key(|at| at.as_str()) && y.iter().all(Json::is_number));
    }
    assert_eq!((past["x"].as_array().unwrap().len(), mean["x"].as_array().unwrap().len()), (48, 24 + 6));
    assert_eq!(
        (past["x"][47].as_str(), mean["x"][0].as_str()),
        (Some("2026-11-22T05:00:00Z"), Some("2026-11-22T07:00:00Z"))
    );
    assert_eq!((&upper["fill"], &lower["fill"]), (&json!("tonexty"), &Json::Null));
    assert!(chart["layout"]["title"]["text"].as_str().unwrap().contains("c"));
    assert_eq!((&chart["ready"], &chart["data_age_seconds"]), (&json!(true), &json!(1800.0)));
    let alone = good(&server, "/charts/utilization?resource=vcpu&ahead=0").await;
    assert_eq!(alone["data"].as_array().unwrap().len(), 1, "the past alone");
    assert_eq!(ask(&server, "/charts/utilization?days=91").await.0, "400");
    assert_eq!(ask(&server, "/charts/utilization?entity=nobody").await.0, "404");
    assert_eq!(ask(&server, "/charts/nothing").await.0, "404");
}

#[tokio::test]
async fn the_heatmap_has_a_row_for_each_hypervisor() {
    let server = Running::start(&settings(), hooks(filled(1))).await;
    let empty = good(&server, "/charts/heatmap").await;
    assert_eq!((&empty["data"][0]["z"], &empty["ready"]), (&json!([]), &json!(false)));
    let server = Running::start(&settings(), api_hooks(super::api::utilizations())).await;
    let chart = good(&server, "/charts/heatmap").await;
    let trace = &chart["data"][0];
    assert_eq!(
        (&trace["y"], &trace["x"]),
        (&json!(["node-2", "node-1"]), &json!(["memory", "vcpu"])),
        "the fullest first"
    );
    assert_eq!(trace["z"], json!([[0.9, null], [0.2, 0.5]]));
    let one = good(&server, "/charts/heatmap?nodes=1").await;
    assert_eq!(one["data"][0]["y"], json!(["node-2"]));
    assert_eq!(good(&server, "/charts/heatmap?basis=demand").await["data"][0]["y"], json!([]));
    assert_eq!(ask(&server, "/charts/heatmap?cloud=nosuch").await.0, "404");
}

#[tokio::test]
async fn processes_are_told_by_name_where_the_host_is_looked_at() {
    let process = |pid, name: &str| HostProcess { pid, name: name.to_owned(), cpu_ratio: 0.5, memory_bytes: 1024 };
    let all = [process(1, "init"), process(2, "qemu")];
    let own = hooks(filled(1));
    let processes: stackcast::expose::ProcessSource =
        Arc::new(move |count| Some(all.iter().take(count).cloned().collect()));
    let looking = Hooks { sources: Sources { processes, ..own.sources.clone() }, ..own };
    let server = Running::start(&settings(), looking).await;
    let told = good(&server, "/api/v1/host/processes?top=1").await;
    let expected = json!([{"pid": 1, "name": "init", "cpu_ratio": 0.5, "memory_bytes": 1024, "memory_ratio": null}]);
    assert_eq!(told["items"], expected);
    assert_eq!(ask(&server, "/api/v1/host/processes?top=0").await.0, "400");
    let server = Running::start(&settings(), hooks(filled(1))).await;
    assert_eq!(ask(&server, "/api/v1/host/processes").await.0, "404");
}
