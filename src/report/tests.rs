//! Whole reports from answers as the API gives them: of an empty cloud, of one that does not answer, of a large one, and
//! of one whose names mean harm. That the API does answer so, tests/it/report.rs proves on a running server.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::*;

/// Answers by path.
struct Canned(fn(&str) -> Option<Value>);

impl Answers for Canned {
    fn ask<'a>(&'a self, question: &'a str) -> BoxFuture<'a, Result<Vec<u8>, AskError>> {
        let path = question.split('?').next().unwrap();
        let answer = match (self.0)(path) {
            Some(mut body) => {
                let frame = json!({"generated_at": "2026-11-22T06:00:00Z", "data_age_seconds": 30.0, "ready": true});
                body.as_object_mut().unwrap().extend(frame.as_object().unwrap().clone());
                Ok(body.to_string().into_bytes())
            }
            None => Err(AskError::Unreachable("http://127.0.0.1:9 cannot be reached: connection refused".to_owned())),
        };
        async move { answer }.boxed()
    }
}

fn report(answers: fn(&str) -> Option<Value>) -> Document {
    let settings = Settings { lead_time_days: 60, ..Settings::default() };
    let at = Timestamp::parse("2026-11-22T06:00:00Z").unwrap();
    compose(&Canned(answers), &settings, "test", at).now_or_never().unwrap()
}

fn page(items: Vec<Value>) -> Option<Value> {
    Some(json!({"total": items.len(), "limit": 1000, "offset": 0, "next_offset": null, "items": items}))
}

fn status(cloud: &str) -> Option<Value> {
    Some(json!({
        "version": "0.1.0", "waiting_for": null, "hints": [],
        "clouds": [{"cloud": cloud, "region": "RegionOne", "up": false, "detail": "1 of 2 collectors succeed, 1 fail"}],
        "collectors": [
            {"collector": "compute.servers", "cloud": cloud, "success": false, "data_age_seconds": null,
             "visibility": "all", "errors": 7.0}],
        "forecasts": {"history": true, "series": 2, "ready": 1},
        "data": {"items_rejected": 0.0, "samples_dropped": 0.0, "missing_samples_ratio": 0.1, "store_bytes": 1e6},
        "process": {"cpu_mean_ratio": 0.01, "memory_bytes": 1e8}
    }))
}

fn empty(path: &str) -> Option<Value> {
    match path {
        "/api/status" => Some(json!({
            "version": "0.1.0", "waiting_for": null, "clouds": [], "collectors": [],
            "forecasts": {"history": false, "series": 0, "ready": 0},
            "data": {"items_rejected": 0.0, "samples_dropped": 0.0, "missing_samples_ratio": null, "store_bytes": null},
            "process": {"cpu_mean_ratio": null, "memory_bytes": null}
        })),
        "/api/v1/waste" => Some(json!({
            "regions": [], "instances_total": 0, "instances": [], "things_total": 0, "things": []
        })),
        "/api/v1/anomalies" => {
            let mut body = page(Vec::new())?;
            body["series"] = json!({"watched": 0, "learning": 3, "silent": 0, "missing": 0});
            Some(body)
        }
        _ => page(Vec::new()),
    }
}

/// Of every list a thousand rows and more, with names as long as clouds have them, and harmful ones.
fn large(path: &str) -> Option<Value> {
    let host = |n: usize| format!("compute-{n:04}.rack-{:02}.row-b.example.org<script>alert(1)</script>", n % 40);
    let place = |n: usize| {
        json!({
            "cloud": "prod", "region": "RegionOne", "scope": "hypervisor", "entity": host(n), "resource": "memory",
            "basis": "allocation", "signal": "utilization"
        })
    };
    let with = |n: usize, more: Value| {
        let mut row = place(n);
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let date = |days: f64| json!({"at": "2026-12-04T00:00:00Z", "seconds": days * 86_400.0});
    let rows: Vec<Value> = match path {
        "/api/status" => return status("prod\r\nBcc: everybody@example.org"),
        "/api/v1/waste" => {
            let instance = |n: usize| json!({
                "name": host(n), "flavor": "m1.large", "class": "powered_off", "since": "2026-10-01T00:00:00Z",
                "vcpus": 4.0, "memory_bytes": 8.6e9, "disk_bytes": 8e10
            });
            let thing = json!({"kind": "volume", "class": "unattached", "bytes": 1e11});
            let class = json!({"class": "powered_off", "instances": 5000, "vcpus": 2e4, "memory_bytes": 4.3e13,
                "disk_bytes": 4e14});
            return Some(json!({
                "regions": [{"classes": [class], "unknown": "which instances are idle is unknown"}],
                "instances_total": 5000, "instances": (0..5000).map(instance).collect::<Vec<_>>(),
                "things_total": 5000, "things": vec![thing; 5000]
            }));
        }
        "/api/v1/anomalies" => {
            let row = |n| with(n, json!({"signal_label": "memory_demand", "since": "2026-11-22T05:00:00Z",
                "duration_seconds": 3600.0, "score": 1.5, "reason": "far above the usual hour of the week"}));
            let mut body = page((0..10).map(row).collect())?;
            body["series"] = json!({"watched": 4000, "learning": 3, "silent": 0, "missing": 0});
            return Some(body);
        }
        "/api/v1/runway" => (0..50).map(|n| with(n, json!({"utilization_ratio": 0.9, "pessimistic": date(12.0),
            "mid": date(20.0), "act_by": date(0.0), "window_seconds": 2.6e6, "ready": true}))).collect(),
        "/api/v1/headroom" => (0..2000).map(|n| json!({"cloud": "prod", "region": "RegionOne",
            "flavor": format!("flavor-{}", n / 10), "is_public": true, "az": format!("az{}", n % 10), "instances": n / 100,
            "reason": "no host has 8 GiB of memory left", "exact": true})).collect(),
        "/api/v1/resilience" => (0..50).map(|n| with(n, json!({"hosts": 40, "evacuation_hosts": 0,
            "stopped_by": "m1.large"}))).collect(),
        "/api/analysis" => (0..1100).map(|n| with(n, json!({"node": host(n), "entity": null, "overall_risk": "high",
            "resources": [{"resource": "memory", "utilization_ratio": 0.93, "day_ahead_ratio": 0.94,
                "full_at": "2026-12-04T00:00:00Z", "risk": "high"}],
            "recommendations": [{"severity": "high", "text": "memory is 93 % given away: add hosts, or move instances"}]
        }))).map(|mut row| { row.as_object_mut().unwrap().remove("entity"); row }).collect(),
        "/api/v1/changes" => vec![json!({"type": "vm", "change": "added"}); 10_000],
        "/api/forecasts" => (0..53).map(|n| json!({"cloud": "prod", "region": "RegionOne", "scope": "cloud",
            "entity": "prod", "node": "prod", "timestamp": "2026-11-22T06:00:00Z", "resource": "memory", "basis": "allocation",
            "forecast": 0.7 + f64::from(n) / 200.0, "lower_bound": 0.65, "upper_bound": 0.99, "confidence": 0.8,
            "unit": "ratio", "ready": true})).collect(),
        "/api/v1/accuracy" => (0..10).map(|n| with(n, json!({"horizon": "24h", "mase": 0.8, "naive_mase": 1.1,
            "coverage_ratio": 0.5, "ready": true}))).collect(),
        "/api/v1/projects" => (0..50).map(|n| json!({"project": "p", "name": host(n), "resource": "vcpu",
            "utilization_ratio": 0.95, "growth_30d_ratio": 0.1, "exhausted_at": "2026-12-04T00:00:00Z",
            "exhaustion_seconds": 1e6})).collect(),
        _ => return None,
    };
    page(rows)
}

#[test]
fn a_large_cloud_fits_into_a_mail_and_its_names_do_no_harm() {
    let document = report(large);
    let html = document.print(Form::Html, Some("https://stackcast.example.org/"));
    // Gmail cuts mails at 102 kB.
    assert!(html.len() < 90_000, "{} bytes", html.len());
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
    assert!(html.contains("href=\"https://stackcast.example.org/api/v1/runway\""));
    assert!(!document.subject.contains(['\r', '\n']) && document.subject.starts_with("[stackcast] "));
    let text = document.print(Form::Text, None);
    for told in [
        "Runway",
        "Outlook",
        "Headroom",
        "Risk",
        "Waste",
        "Anomalies",
        "Changes",
        "Forecast quality",
        "Data health",
        "Order by",
        "10 of 200 flavors fit nowhere",
        "1100 high",
        "2026-12-04 (in 12 days)",
        "5 000",
        "10 000 resources",
    ] {
        assert!(text.contains(told), "{told} is missing:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 200), "{text}");
    assert!(!text.contains("Not known"), "{text}");
    let read: Value = serde_json::from_str(&document.print(Form::Json, None)).unwrap();
    assert_eq!(read["sections"].as_array().unwrap().len(), 10);
}

#[test]
fn an_empty_cloud_is_told_as_unknown_and_not_as_fine() {
    let text = report(empty).print(Form::Text, None);
    assert!(text.contains("no cloud is watched") && text.contains("nothing is forecast"), "{text}");
    assert!(!text.contains("Places at risk") && !text.contains("Reclaimable"), "{text}");
}

#[test]
fn one_that_does_not_answer_says_so_in_every_section() {
    let document = report(|_| None);
    assert_eq!(document.subject, "[stackcast] nothing is known yet");
    let text = document.print(Form::Text, None);
    assert_eq!(text.matches("Not known: http://127.0.0.1:9 cannot be reached").count(), 10, "{text}");
}

#[test]
fn one_section_that_fails_keeps_no_other_waiting() {
    let document = report(|path| if path == "/api/v1/waste" { None } else { large(path) });
    let text = document.print(Form::Text, None);
    assert_eq!(text.matches("Not known").count(), 1, "{text}");
    assert!(text.contains("1100 high"));
}
