//! Faults do what they say, seen from the other end of a socket.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Client, small};
use crate::demo::{Effect, Fault};

const SERVERS: &str = "compute/v2.1/servers/detail?all_tenants=1&limit=5";

async fn hit(effect: Effect) -> Client {
    let client = Client::new(small()).await;
    client.demo.faults().add(Fault::of("nova", effect).at("v2.1/servers").times(1));
    client
}

#[tokio::test]
async fn statuses_come_with_retry_after_and_stop_by_count() {
    for (code, retry_after) in [(500, None), (503, Some(2)), (429, Some(1))] {
        let client = hit(Effect::Status { code, retry_after }).await;
        assert_eq!(client.get("compute/v2.1/flavors", "").await.0, 200, "another path is not hit");
        let answer = client.request(SERVERS, "").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), code);
        let header = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header, retry_after.map(|seconds: u64| seconds.to_string()));
        assert_eq!(client.get(SERVERS, "").await.0, 200);
    }
}

#[tokio::test]
async fn hung_requests_hang_and_shutdown_ends_them() {
    let client = hit(Effect::Hang).await;
    let hung = client.request(SERVERS, "").timeout(Duration::from_millis(300)).send().await;
    assert!(hung.unwrap_err().is_timeout());
    client.demo.faults().add(Fault::of("nova", Effect::Hang));
    let waiting = tokio::spawn(client.request(SERVERS, "").send());
    while client.demo.stats().in_flight == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let began = Instant::now();
    client.demo.shutdown().await;
    assert!(waiting.await.unwrap().is_err());
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn bodies_are_cut_truncated_or_replaced() {
    let client = hit(Effect::Cut).await;
    let answer = client.request(SERVERS, "").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert!(answer.bytes().await.is_err(), "the connection ends in the body");

    let client = hit(Effect::TruncatedJson).await;
    let body = client.request(SERVERS, "").send().await.unwrap().bytes().await.unwrap();
    assert!(body.len() > 100 && serde_json::from_slice::<serde_json::Value>(&body).is_err());

    let client = hit(Effect::Html).await;
    let answer = client.request(SERVERS, "").send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(answer.bytes().await.unwrap().starts_with(b"<!DOCTYPE html>"));
}

#[tokio::test]
async fn huge_bodies_stream_and_slow_ones_trickle() {
    let client = hit(Effect::HugeBody { bytes: 1 << 30 }).await;
    let mut answer = client.request(SERVERS, "").send().await.unwrap();
    let mut read = 0u64;
    while let Some(piece) = answer.chunk().await.unwrap() {
        read += piece.len() as u64;
        if read > 32 << 20 {
            break;
        }
    }
    assert!(read > 32 << 20);

    let client = hit(Effect::SlowBytes { bytes_per_second: 20_000 }).await;
    let began = Instant::now();
    let body = client.request(SERVERS, "").send().await.unwrap().bytes().await.unwrap();
    let seconds = body.len() as f64 / 20_000.0;
    assert!(began.elapsed().as_secs_f64() > 0.8 * seconds, "{} bytes in {:?}", body.len(), began.elapsed());
}

#[tokio::test]
async fn lists_get_odd_items_duplicates_and_loops() {
    let client = hit(Effect::OddItem).await;
    let page = client.get(SERVERS, "").await.1;
    let odd: Vec<_> = page["servers"].as_array().unwrap().iter().filter(|server| !server["id"].is_string()).collect();
    assert_eq!((page["servers"].as_array().unwrap().len(), odd.len()), (6, 1));

    let client = hit(Effect::DuplicateItems).await;
    let page = client.get(SERVERS, "").await.1;
    assert_eq!(page["servers"][0], page["servers"][5]);

    let client = hit(Effect::PagingLoop).await;
    let page = client.get(SERVERS, "").await.1;
    assert_eq!(page["servers_links"][0]["href"], client.url(SERVERS));
    client.demo.faults().add(Fault::of("keystone", Effect::PagingLoop));
    assert_eq!(client.get("identity/v3/projects", "").await.1["links"]["next"], client.url("identity/v3/projects"));
}

#[tokio::test]
async fn plans_are_set_over_http() {
    let client = Client::new(small()).await;
    let plan = json!({"faults": [{"service": "keystone", "effect": {"kind": "status", "code": 503}}]});
    let put = |body: String| client.http.put(client.url("_demo/faults")).body(body).send();
    assert_eq!(put(plan.to_string()).await.unwrap().status().as_u16(), 200);
    assert_eq!(client.login("admin", None, None).await.0, 503);
    assert_eq!(client.get("compute/v2.1/flavors", "").await.0, 200);
    assert_eq!(put("{\"faults\": [{}]}".to_owned()).await.unwrap().status().as_u16(), 400);
    client.http.delete(client.url("_demo/faults")).send().await.unwrap();
    assert_eq!(client.login("admin", None, None).await.0, 201);
    let advanced =
        client.http.post(client.url("_demo/advance?seconds=60")).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(&advanced[..], br#"{"now":"2026-11-21T20:46:09Z"}"#);
}
