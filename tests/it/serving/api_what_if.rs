//! `POST /api/v1/what-if` over real sockets, with the function that the program hands in.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use stackcast::analyse::{capacity, headroom};
use stackcast::expose::{Hooks, Sources};

use stackcast::model::inventory::flavor::{Flavor, Flavors};
use stackcast::model::inventory::server::Servers;
use stackcast::model::part::PartBuilder;

use super::api::{api_hooks, cloud, publish};
use super::{Running, body, filled, header, hooks, settings, status_of};

/// Hosts of 64 vCPUs with 16 in use each, and one flavor of 4.
fn counting(hosts: usize) -> Hooks {
    let store = cloud(hosts);
    let flavor = Flavor {
        id: "1".into(),
        name: "four".into(),
        vcpus: 4,
        memory_mib: 0,
        disk_gib: 0,
        ephemeral_gib: 0,
        swap_mib: 0,
        is_public: true,
        extra_specs: Default::default(),
    };
    let mut part = PartBuilder::new();
    part.table(Arc::new(Flavors([("four".into(), flavor)].into())));
    part.table(Arc::new(Servers::default()));
    publish(&store, "compute.flavors", part);
    let hooks = api_hooks(store);
    let what_if: stackcast::expose::WhatIfSource =
        Arc::new(|snapshot, scenario, now| headroom::what_if(snapshot, scenario, &capacity::Settings::default(), now));
    Hooks { sources: Sources { what_if, ..hooks.sources.clone() }, ..hooks }
}

async fn post(server: &Running, form: &str, question: &str) -> (String, String) {
    let head =
        format!("POST /api/v1/what-if HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {form}\r\n");
    let answer = server.raw(&format!("{head}Content-Length: {}\r\n\r\n{question}", question.len())).await;
    (status_of(&answer).to_owned(), answer)
}

async fn ask(server: &Running, question: &Json) -> (String, Json) {
    let (status, answer) = post(server, "application/json; charset=utf-8", &question.to_string()).await;
    let form = if status == "200" { "application/json" } else { "application/problem+json" };
    assert_eq!(header(&answer, "content-type"), Some(form), "{question}");
    (status, serde_json::from_str(body(&answer)).unwrap_or_else(|error| panic!("{error}: {answer}")))
}

#[tokio::test]
async fn a_change_is_told_beside_what_is_now() {
    let server = Running::start(&settings(), counting(4)).await;
    let question =
        json!({"ratios": {"vcpu": 8.0}, "hosts_added": [{"count": 1}], "hosts_lost": [{"host": "node-0003"}]});
    let (status, answer) = ask(&server, &question).await;
    assert_eq!(status, "200", "{answer}");
    assert_eq!((&answer["generated_at"], &answer["ready"]), (&json!("2026-11-22T06:30:00Z"), &json!(true)));
    let rows = answer["places"].as_array().unwrap();
    let region = rows.iter().find(|row| row["scope"] == "cloud" && row["resource"] == "vcpu").unwrap();
    assert_eq!((&region["before"]["usable"], &region["after"]["usable"]), (&json!(256.0), &json!(512.0)));
    assert_eq!(region["before"]["utilization_ratio"], 0.25);
    assert_eq!(region["full_before"]["pessimistic"], "2027-06-10T06:00:00Z");
    assert_eq!(region["full_after"], Json::Null, "a forecast of an earlier release knows no other ratios");
    assert_eq!(answer["headroom"][0]["before"], json!({"instances": 48, "limited_by": "vcpu", "exact": true}));
    assert_eq!(answer["headroom"][0]["after"]["instances"], 3 * 28 + 32);
    assert_eq!(answer["hosts"]["lost"], json!(["node-0003"]));
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_its_place() {
    let server = Running::start(&settings(), counting(2)).await;
    for (question, status, parameter) in [
        (json!({"ratio": {}}), "400", "ratio"),
        (json!({"ratios": {"cpu": 1}}), "400", "ratios.cpu"),
        (json!({"hosts_added": [{"count": 1}, {"count": -1}]}), "400", "hosts_added[1].count"),
        (json!({"at": "soon"}), "400", "at"),
        (json!([]), "400", ""),
        (json!({"hosts_lost": [{"count": 3}]}), "400", "hosts_lost[0].count"),
        (json!({"hosts_lost": [{"az": "nowhere"}]}), "404", "hosts_lost[0].az"),
        (json!({"flavors": ["five"]}), "404", "flavors[0]"),
    ] {
        let (code, problem) = ask(&server, &question).await;
        assert_eq!((code.as_str(), &problem["parameter"]), (status, &json!(parameter)), "{question}: {problem}");
    }
    let known = ask(&server, &json!({"flavors": ["five"]})).await.1;
    assert_eq!(known["allowed"], json!(["four"]));
    assert_eq!(post(&server, "text/plain", "{}").await.0, "415");
    assert_eq!(post(&server, "application/json", "{} {}").await.0, "400");
    assert_eq!(post(&server, "application/json", &"[".repeat(300_000)).await.0, "413");
    assert_eq!(post(&server, "application/json", &"[".repeat(100_000)).await.0, "400", "no stack is that deep");
    let get = server.get("/api/v1/what-if", "").await;
    assert_eq!((status_of(&get), header(&get, "allow")), ("405", Some("POST")));
    let server = Running::start(&settings(), hooks(filled(1))).await;
    assert_eq!(ask(&server, &json!({})).await.0, "503");
}
