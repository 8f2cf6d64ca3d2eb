//! Paging, filters, tokens, regions, statistics, control path.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::{Client, START, small};
use crate::demo::{Demo, DemoError, Settings};
use crate::model::clock::Clock;

#[tokio::test]
async fn paging_loses_nothing() {
    let client = Client::new(Settings { page_size: 7, ..small() }).await;
    let truth: BTreeSet<String> = {
        let world = client.demo.world(0).unwrap();
        world.servers().iter().map(|s| crate::demo::json::Uuid(s.id).to_string()).collect()
    };
    for (query, pages) in [("&limit=5", 41), ("&limit=500", 29), ("", 29)] {
        let (ids, read) = client
            .all_ids(&format!("compute/v2.1/servers/detail?all_tenants=1{query}"), "compute 2.87", "servers")
            .await;
        assert_eq!((ids.len(), read), (200, pages), "{query}");
        assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), truth);
    }
    let (hosts, _) = client.all_ids("compute/v2.1/os-hypervisors/detail?limit=5", "compute 2.87", "hypervisors").await;
    assert_eq!(hosts.len(), 12);
    let (flavors, _) =
        client.all_ids("compute/v2.1/flavors/detail?is_public=None&limit=5", "compute 2.87", "flavors").await;
    assert_eq!(flavors.iter().collect::<BTreeSet<_>>().len(), 12);
    let (status, _) = client.get("compute/v2.1/servers/detail?limit=x", "compute 2.87").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn usage_pages_add_up() {
    let client = Client::new(Settings { page_size: 30, ..small() }).await;
    let (mut next, mut hours, mut pages) =
        (Some("compute/v2.1/os-simple-tenant-usage?start=2026-11-01T00:00:00".to_owned()), 0.0, 0);
    while let Some(path) = next {
        let page = client.get(&path, "compute 2.40").await.1;
        hours +=
            page["tenant_usages"].as_array().unwrap().iter().map(|u| u["total_hours"].as_f64().unwrap()).sum::<f64>();
        pages += 1;
        next = page["tenant_usages_links"][0]["href"].as_str().map(str::to_owned);
    }
    let whole = client.get("compute/v2.1/os-simple-tenant-usage?start=2026-11-01T00:00:00", "compute 2.1").await.1;
    let all: f64 = whole["tenant_usages"].as_array().unwrap().iter().map(|u| u["total_hours"].as_f64().unwrap()).sum();
    assert!(pages > 5 && (hours - all).abs() < 1e-6 * all, "{pages} pages, {hours} and {all} hours");
}

#[tokio::test]
async fn tokens_end_by_time_and_at_command() {
    let client = Client::new(Settings { token_seconds: 60, ..small() }).await;
    let ask = || async { client.get("compute/v2.1/flavors/detail", "").await.0 };
    assert_eq!(ask().await, 200);
    client.clock.set(START.plus(Duration::from_secs(60)));
    assert_eq!(ask().await, 401);
    let mut client = client;
    let system = json!({"system": {"all": true}});
    client.token = client.login("admin", None, Some(system)).await.1;
    assert_eq!(client.get("identity/v3/users", "").await.0, 200);
    assert_eq!(client.get("compute/v2.1/os-services", "").await.0, 403);
    let revoked = client.http.post(client.url("_demo/revoke")).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(&revoked[..], br#"{"revoked":2}"#);
    assert_eq!(client.get("identity/v3/users", "").await.0, 401);
}

#[tokio::test]
async fn application_credentials_log_in() {
    use secrecy::ExposeSecret;
    let client = Client::new(small()).await;
    let known = client.demo.credentials();
    let credential =
        json!({"id": known.application_credential_id, "secret": known.application_credential_secret.expose_secret()});
    let body =
        json!({"auth": {"identity": {"methods": ["application_credential"], "application_credential": credential}}});
    let answer = client
        .http
        .post(format!("{}/auth/tokens", client.demo.auth_url()))
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 201);
    let yaml = client.demo.clouds_yaml();
    assert!(yaml.contains("  demo:\n    auth:\n      auth_url: http://127.0.0.1:"), "{yaml}");
    assert!(!format!("{:?} {:?}", client.demo, known).contains(known.password.expose_secret()));
}

#[tokio::test]
async fn regions_are_apart_and_share_keystone() {
    let regions = vec!["north".to_owned(), "south".to_owned()];
    let client = Client::new(Settings { regions, ..small() }).await;
    let catalog = client.get("identity/v3/auth/catalog", "").await.1;
    let compute = catalog["catalog"].as_array().unwrap().iter().find(|s| s["type"] == "compute").unwrap();
    let south = compute["endpoints"].as_array().unwrap().iter().find(|e| e["region"] == "south").unwrap();
    let url = south["url"].as_str().unwrap();
    assert!(url.ends_with("/south/compute/v2.1"));
    let there = client.get(&format!("{url}/servers?all_tenants=1&limit=1"), "").await.1;
    assert!(
        there["servers_links"][0]["href"]
            .as_str()
            .unwrap()
            .contains("/south/compute/v2.1/servers?all_tenants=1&limit=1&marker=")
    );
    let here = client.get("compute/v2.1/servers?all_tenants=1&limit=1", "").await.1;
    assert_ne!(here["servers"][0]["id"], there["servers"][0]["id"]);
}

#[tokio::test]
async fn requests_are_counted_and_dated_by_the_demo_clock() {
    let client = Client::new(Settings { delay_ms: 50, ..small() }).await;
    client.demo.reset_stats();
    let one = || client.get("compute/v2.1/os-services", "");
    let _ = tokio::join!(one(), one(), one());
    let report = client.demo.stats();
    assert_eq!((report.path("nova", "GET v2.1/os-services"), report.in_flight_max, report.in_flight), (3, 3, 0));
    let stats = client.get("_demo/stats", "").await.1;
    assert_eq!(stats["answers"]["nova"]["200"], 3);
    let answer = client.request("compute/v2.1/flavors", "compute 2.87").send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap();
    assert_eq!(header("date"), "Sat, 21 Nov 2026 20:45:09 GMT");
    assert_eq!(header("openstack-api-version"), "compute 2.87");
    assert!(header("x-openstack-request-id").starts_with("req-"));
}

#[tokio::test]
async fn wrong_settings_and_taken_ports_are_said() {
    let wrong = Demo::start(Settings { hypervisors: 0, ..small() }, Clock::system()).await;
    assert!(matches!(wrong, Err(DemoError::Settings(_))));
    let first = Client::new(small()).await;
    let taken = Demo::start(Settings { listen: first.demo.address(), ..small() }, Clock::system()).await;
    assert!(taken.unwrap_err().to_string().contains("choose another address"));
    first.demo.shutdown().await;
    assert!(first.http.get(format!("http://{}", "127.0.0.1:1")).send().await.is_err());
}

#[tokio::test]
async fn stopped_guests_give_no_diagnostics_and_old_microversions_another_form() {
    let client = Client::new(small()).await;
    let of = |status: &str| format!("compute/v2.1/servers/detail?all_tenants=1&limit=1&status={status}");
    let id = |page: serde_json::Value| page["servers"][0]["id"].as_str().unwrap().to_owned();
    let stopped = id(client.get(&of("SHUTOFF"), "").await.1);
    assert_eq!(client.get(&format!("compute/v2.1/servers/{stopped}/diagnostics"), "").await.0, 409);
    let active = id(client.get(&of("ACTIVE"), "").await.1);
    let path = format!("compute/v2.1/servers/{active}/diagnostics");
    assert!(client.get(&path, "").await.1["cpu0_time"].is_u64());
    let before = client.get(&path, "compute 2.48").await.1["cpu_details"][0]["time"].as_u64().unwrap();
    client.clock.set(START.plus(Duration::from_secs(600)));
    let after = client.get(&path, "compute 2.48").await.1["cpu_details"][0]["time"].as_u64().unwrap();
    assert!(after > before && after - before <= 600_000_000_000, "{before} {after}");
    assert_eq!(client.get("compute/v2.1/os-security-groups?all_tenants=1", "compute 2.35").await.0, 200);
    assert_eq!(client.get("compute/v2.1/os-security-groups", "compute 2.36").await.0, 404);
    assert_eq!(client.get("compute/v2.1/servers/detail?colour=red", "compute 2.75").await.0, 400);
}
