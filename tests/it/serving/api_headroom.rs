//! What still fits, what is stranded, what may fail and what is promised, as the API tells them.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use stackcast::expose::Hooks;
use stackcast::model::clock::Timestamp;
use stackcast::model::headroom::{
    Commitment, Commitments, FactsAt, FlavorRoom, Headroom, HostName, Promised, Resilience, Room, Rooms, Stop, Strand,
    Stranded, Survival,
};
use stackcast::model::id::Id;
use stackcast::model::part::PartBuilder;
use stackcast::model::signal::Scope;

use super::api::{api_hooks, ask, good, publish};
use super::{Running, filled, hooks, settings};

/// 2026-11-22T06:28:20Z: 100 s before the API's now.
const FACTS: i64 = 1_795_328_900;

fn headroom() -> Headroom {
    let room = |instances, stop, upper_bound| Room { instances, stop, upper_bound };
    let flavor = |name: &str, zones: [Room; 2], hosts: [Room; 3], caveats: &[&'static str]| FlavorRoom {
        name: name.into(),
        id: format!("id-{name}").into(),
        is_public: true,
        caveats: caveats.to_vec(),
        local: Rooms { zones: zones.to_vec(), hosts: hosts.to_vec() },
        volume_backed: None,
    };
    let mut large = flavor(
        "large",
        [room(3, 0, false), room(0, 2, false)],
        [room(1, 0, false), room(2, 0, false), room(0, 2, false)],
        &[],
    );
    let more = Rooms { zones: vec![room(30, 1, false), room(0, 2, false)], hosts: large.local.hosts.clone() };
    large.volume_backed = Some(more);
    let pinned = flavor(
        "pinned",
        [room(5, 1, true), room(0, 2, false)],
        [room(5, 1, true), room(0, 1, false), room(0, 2, false)],
        &["cpu_pinning"],
    );
    let host = |name: &str, zone: &str| HostName { name: name.into(), zone: zone.into() };
    Headroom {
        zones: vec!["az-a".into(), "az-b".into()],
        hosts: vec![host("h1", "az-a"), host("h2", "az-a"), host("h3", "az-b")],
        stops: vec![Stop::Resource("disk".into()), Stop::Resource("pcpu".into()), Stop::Trait("HW_X".into())],
        flavors: vec![large, pinned],
    }
}

fn stranded() -> Stranded {
    let row = |scope, entity: &str, stranded, limiting| Strand {
        scope,
        entity: entity.into(),
        resource: "vcpu".into(),
        usable: 100.0,
        free: 50.0,
        stranded,
        limiting,
    };
    let rows = vec![
        row(Scope::Cloud, "c", 10.0, false),
        row(Scope::Az, "az-a", 20.0, false),
        row(Scope::Hypervisor, "h1", 40.0, true),
    ];
    Stranded { mix: vec![("large".into(), 7)], rows }
}

fn surveyed() -> Hooks {
    let store = filled(1);
    let mut part = PartBuilder::new();
    part.table(Arc::new(headroom()));
    part.table(Arc::new(stranded()));
    let survival = |scope, entity: &str, evacuation_hosts, stopped_by: Option<&str>| Survival {
        scope,
        entity: entity.into(),
        hosts: 3,
        evacuation_hosts,
        instances: 12,
        stopped_by: stopped_by.map(Arc::from),
    };
    let rows = vec![survival(Scope::Aggregate, "ssd", 3, None), survival(Scope::Az, "az-a", 1, Some("large"))];
    part.table(Arc::new(Resilience { rows }));
    let commitment = |project: &str, limit, unused| Commitment {
        project: Id::new(project),
        name: Some(format!("name of {project}").into()),
        resource: "vcpu",
        limit,
        used: 5.0,
        unused,
    };
    let total = Promised { resource: "vcpu", limit: 20.0, unlimited: 1, unused: 15.0, usable: 100.0, free: 10.0 };
    let rows = vec![commitment("p1", Some(20.0), 9.0), commitment("p2", None, 10.0)];
    part.table(Arc::new(Commitments { rows, totals: vec![total] }));
    part.table(Arc::new(FactsAt(Timestamp::from_seconds(FACTS))));
    publish(&store, "analysis.headroom", part);
    api_hooks(store)
}

fn column<'a>(answer: &'a Json, name: &str) -> Vec<&'a Json> {
    answer["items"].as_array().unwrap().iter().map(|row| &row[name]).collect()
}

#[tokio::test]
async fn headroom_is_told_by_zone_and_by_host() {
    let server = Running::start(&settings(), surveyed()).await;
    let all = good(&server, "/api/v1/headroom").await;
    assert_eq!((&all["total"], &all["ready"], &all["data_age_seconds"]), (&json!(4), &json!(true), &json!(100.0)));
    assert_eq!(all["generated_at"], "2026-11-22T06:30:00Z");
    assert_eq!(column(&all, "instances"), [3, 0, 5, 0]);
    let expected = json!({
        "cloud": "c", "region": "r", "flavor": "pinned", "flavor_id": "id-pinned", "is_public": true, "az": "az-a",
        "host": null, "instances": 5, "limited_by": "pcpu", "reason": "too little pcpu is free", "exact": false,
        "caveats": ["cpu_pinning"],
    });
    assert_eq!(all["items"][2], expected);
    assert_eq!(column(&all, "limited_by"), ["disk", "trait", "pcpu", "trait"]);
    let hosts = good(&server, "/api/v1/headroom?host=1&flavor=large&az=az-a").await;
    assert_eq!(column(&hosts, "host"), ["h1", "h2"]);
    assert_eq!(column(&hosts, "instances"), [1, 2]);
    let volumes = good(&server, "/api/v1/headroom?volume_backed=1").await;
    assert_eq!(column(&volumes, "instances"), [30, 0, 5, 0]);
    let page = good(&server, "/api/v1/headroom?limit=1&offset=1").await;
    assert_eq!((column(&page, "az"), &page["next_offset"]), (vec![&json!("az-b")], &json!(2)));
}

#[tokio::test]
async fn stranded_capacity_resilience_and_commitments() {
    let server = Running::start(&settings(), surveyed()).await;
    let stranded = good(&server, "/api/v1/stranded").await;
    assert_eq!(column(&stranded, "entity"), ["az-a", "c"], "most first, no hosts unless asked for");
    assert_eq!(stranded["items"][0]["ratio"], 0.2);
    let host = good(&server, "/api/v1/stranded?scope=hypervisor").await;
    assert_eq!((column(&host, "limiting"), host["items"][0]["stranded"].as_f64()), (vec![&json!(true)], Some(40.0)));
    let resilience = good(&server, "/api/v1/resilience").await;
    assert_eq!(column(&resilience, "entity"), ["az-a", "ssd"], "the weakest first");
    assert_eq!(column(&resilience, "evacuation_hosts"), [1, 3]);
    assert_eq!(column(&resilience, "stopped_by"), [&json!("large"), &Json::Null]);
    let commitments = good(&server, "/api/v1/commitments?resource=vcpu").await;
    assert_eq!(column(&commitments, "project"), ["p2", "p1"], "the largest promise first");
    assert_eq!(commitments["totals"][0]["overcommitment"], 1.5);
    let one = good(&server, "/api/v1/commitments?project=p1").await;
    assert_eq!((&one["total"], &one["items"][0]["limit"]), (&json!(1), &json!(20.0)));
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let server = Running::start(&settings(), surveyed()).await;
    for (path, status, parameter) in [
        ("headroom?flavor=nosuch", "404", "flavor"),
        ("headroom?az=nosuch", "404", "az"),
        ("headroom?cloud=nosuch", "404", "cloud"),
        ("headroom?region=nosuch", "404", "region"),
        ("headroom?host=yes", "400", "host"),
        ("headroom?volume_backed=2", "400", "volume_backed"),
        ("headroom?limit=0", "400", "limit"),
        ("headroom?hosts=1", "400", "hosts"),
        ("stranded?scope=project", "400", "scope"),
        ("stranded?entity=nosuch", "404", "entity"),
        ("resilience?scope=cloud", "400", "scope"),
        ("commitments?resource=disk", "400", "resource"),
        ("commitments?project=nosuch", "404", "project"),
    ] {
        let (code, problem) = ask(&server, &format!("/api/v1/{path}")).await;
        assert_eq!((code.as_str(), problem["parameter"].as_str()), (status, Some(parameter)), "{path}: {problem}");
    }
    let (_, problem) = ask(&server, "/api/v1/headroom?flavor=nosuch").await;
    assert_eq!(problem["allowed"], json!(["large", "pinned"]));
}

#[tokio::test]
async fn before_anything_is_known_answers_are_empty_and_not_ready() {
    let server = Running::start(&settings(), hooks(filled(1))).await;
    for name in ["headroom?flavor=x", "stranded", "resilience", "commitments"] {
        let answer = good(&server, &format!("/api/v1/{name}")).await;
        assert_eq!((&answer["total"], &answer["ready"]), (&json!(0), &json!(false)), "{name}");
        assert!(answer["data_age_seconds"].is_null());
    }
}
