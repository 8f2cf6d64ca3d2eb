//! How the API refuses, that its description is true, and that its answers stay small.

use serde_json::Value as Json;

use super::api::{api_hooks, ask, cloud, good};
use super::{Running, body, filled, header, hooks, settings, status_of};

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
    let post = "POST /api/forecasts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let refused = server.raw(post).await;
    assert_eq!((status_of(&refused), header(&refused, "allow")), ("405", Some("GET, HEAD")));
    let head = server.raw("HEAD /api/forecasts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
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
        // Workload records are asked for in tests/it/workload.rs, where there are some; a stream has no end; charts and
        // processes have tests of their own.
        let elsewhere = ["/api/v1/changes", "/api/v1/stream", "/api/v1/host/processes", "/charts/utilization"]
            .contains(&path.as_str());
        if item["post"].is_object() || elsewhere || path.starts_with("/api/v1/csv/") {
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
