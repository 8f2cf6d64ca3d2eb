//! By which name the server may be called, and how often; and that no other site is let in.

use serde_json::Value as Json;
use stackcast::expose::{RateLimit, Settings};

use super::{Running, body, filled, header, hooks, settings, status_of};

async fn as_host(server: &Running, path: &str, host: &str) -> String {
    server.raw(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await
}

#[tokio::test]
async fn on_loopback_a_foreign_name_gets_the_metrics_only() {
    let server = Running::start(&settings(), hooks(filled(1))).await;
    for host in ["localhost", "127.0.0.1:9180", "[::1]:9180"] {
        assert_eq!(status_of(&as_host(&server, "/api/status", host).await), "200", "{host}");
    }
    let refused = as_host(&server, "/api/status", "evil.example").await;
    assert_eq!((status_of(&refused), header(&refused, "content-type")), ("421", Some("application/problem+json")));
    let problem: Json = serde_json::from_str(body(&refused)).unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("expose.hosts"));
    for path in ["/", "/ws", "/charts/heatmap", "/-/reload"] {
        assert_eq!(status_of(&as_host(&server, path, "evil.example").await), "421", "{path}");
    }
    for path in ["/metrics", "/-/healthy", "/-/ready"] {
        assert_eq!(status_of(&as_host(&server, path, "scraped.by.another.name").await), "200", "{path}");
    }
}

#[tokio::test]
async fn given_names_count_for_everything() {
    let settings = Settings { hosts: vec!["metrics.example.org".to_owned()], ..settings() };
    let server = Running::start(&settings, hooks(filled(1))).await;
    assert_eq!(status_of(&as_host(&server, "/metrics", "metrics.example.org:9180").await), "200");
    assert_eq!(status_of(&as_host(&server, "/metrics", "evil.example").await), "421");
    assert_eq!(status_of(&as_host(&server, "/metrics", "localhost").await), "200");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let rate_limit = RateLimit { requests_per_second: 0.02, burst: 3 };
    let server = Running::start(&Settings { rate_limit, ..settings() }, hooks(filled(1))).await;
    for _ in 0..3 {
        assert_eq!(status_of(&server.get("/api/status", "").await), "200");
    }
    let refused = server.get("/api/status", "").await;
    assert_eq!(status_of(&refused), "429");
    assert_eq!(header(&refused, "content-type"), Some("application/problem+json"));
    let seconds: u64 = header(&refused, "retry-after").unwrap().parse().unwrap();
    assert!((1..=50).contains(&seconds), "{seconds}");
    for _ in 0..10 {
        assert_eq!(status_of(&server.get("/metrics", "").await), "200", "scrapes have a larger share of their own");
    }
}

#[tokio::test]
async fn no_answer_lets_another_site_read_it() {
    let server = Running::start(&settings(), hooks(filled(1))).await;
    for path in ["/metrics", "/api/status", "/charts/heatmap"] {
        let answer = server.get(path, "Origin: http://evil.example\r\n").await;
        assert_eq!((status_of(&answer), header(&answer, "access-control-allow-origin")), ("200", None), "{path}");
    }
    let preflight = "OPTIONS /api/v1/what-if HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\
                     Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n";
    let answer = server.raw(preflight).await;
    assert_eq!((status_of(&answer), header(&answer, "access-control-allow-origin")), ("405", None));
}
