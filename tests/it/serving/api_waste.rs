//! What is at risk, wasted, under pressure and growing, as the API tells it.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use stackcast::expose::Hooks;
use stackcast::model::clock::Timestamp;
use stackcast::model::headroom::FactsAt;
use stackcast::model::id::Id;
use stackcast::model::part::PartBuilder;
use stackcast::model::project_use::{ProjectUse, ProjectUses};
use stackcast::model::recommendation::{Action, Recommendation, Recommendations};
use stackcast::model::risk::{Cause, Level, Risk, Risks};
use stackcast::model::signal::{Basis, Scope};
use stackcast::model::waste::{
    Amounts, Coverage, InstanceClass, Kind, Pressed, Pressure, PressureClass, Use, Waste, WastedInstance, WastedThing,
};

use super::api::{api_hooks, ask, good, publish};
use super::{Running, filled, settings};

/// 2026-11-22T06:28:20Z: 100 s before the API's now.
const FACTS: i64 = 1_795_328_900;
const NOW: f64 = 1_795_329_000.0;

fn risks() -> Risks {
    let risk = |scope, entity: &str, resource: &str, level, cause| Risk {
        scope,
        entity: entity.into(),
        resource: resource.into(),
        basis: Basis::Allocation,
        level,
        cause,
        utilization: 0.75,
        day_ahead: Some(0.82),
        full_at: Some(NOW + 86_400.0),
        daily_growth: None,
    };
    Risks(vec![
        risk(Scope::Az, "az-a", "memory", Level::High, Cause::Runway),
        risk(Scope::Az, "az-a", "vcpu", Level::Low, Cause::Level),
        risk(Scope::Hypervisor, "h1", "vcpu", Level::Critical, Cause::Forecast),
        risk(Scope::Hypervisor, "h2", "vcpu", Level::Low, Cause::Level),
    ])
}

fn waste(coverage: Option<Vec<Coverage>>) -> Waste {
    let used = Use { cpu_ratio: 0.02, memory_ratio: None, network_bytes_per_second: Some(f64::INFINITY) };
    let instance = |id: &str, class, memory_bytes, used| WastedInstance {
        id: Id::new(id),
        name: "web".into(),
        project: Id::new("p"),
        zone: "az-a".into(),
        flavor: "large".into(),
        class,
        since: Timestamp::from_seconds(FACTS),
        amounts: Amounts { vcpus: 2.0, memory_bytes, disk_bytes: 0.0 },
        used,
    };
    let mut instances = vec![instance("off", InstanceClass::PoweredOff, 1.0, None)];
    if coverage.is_some() {
        instances.push(instance("idle", InstanceClass::Idle, 5.0, Some(used)));
    }
    let thing = WastedThing {
        kind: Kind::FloatingIp,
        id: Id::new("address"),
        project: Id::new("p"),
        class: "unassociated",
        bytes: 0.0,
        since: None,
    };
    Waste { instances: Some(instances), things: vec![thing], known: vec![Kind::FloatingIp], coverage }
}

fn hooks_with(coverage: Option<Vec<Coverage>>) -> Hooks {
    let store = filled(1);
    let facts = || {
        let mut part = PartBuilder::new();
        part.table(Arc::new(FactsAt(Timestamp::from_seconds(FACTS))));
        part
    };
    let mut part = facts();
    part.table(Arc::new(risks()));
    publish(&store, "analysis.risk", part);
    let mut part = facts();
    let advice = Recommendation {
        scope: Scope::Az,
        entity: "az-a".into(),
        resource: "memory".into(),
        action: Action::Reclaim,
        severity: Level::High,
        text: "reclaim".to_owned(),
        amount: Some(5.0),
        days_gained: None,
    };
    part.table(Arc::new(Recommendations(vec![advice])));
    publish(&store, "analysis.recommendation", part);
    let mut part = facts();
    let pressed = Pressed {
        id: Id::new("busy"),
        name: "db".into(),
        project: Id::new("p"),
        zone: "az-a".into(),
        hypervisor: "h1".into(),
        class: PressureClass::Constrained,
        cpu_ratio: Some(0.99),
        memory_ratio: Some(0.5),
        host_ratio: None,
    };
    if coverage.is_some() {
        part.table(Arc::new(Pressure { zones: vec!["az-a".into()], rows: vec![pressed] }));
    }
    part.table(Arc::new(waste(coverage)));
    publish(&store, "analysis.waste", part);
    let mut part = facts();
    let project = |id: &str, utilization, daily_growth, exhausted_at| ProjectUse {
        project: id.into(),
        name: None,
        resource: "vcpu".into(),
        projects: 1,
        used: utilization * 8.0,
        limit: 8.0,
        utilization,
        daily_growth,
        exhausted_at,
    };
    let uses = [
        project("p1", 0.95, None, None),
        project("p2", 0.5, Some(0.01), Some(NOW + 100.0)),
        project("p3", 0.7, Some(0.02), Some(f64::INFINITY)),
    ];
    part.table(Arc::new(ProjectUses(uses.to_vec())));
    publish(&store, "analysis.projects", part);
    api_hooks(store)
}

fn covered() -> Option<Vec<Coverage>> {
    Some(vec![Coverage { zone: "az-a".into(), running: 4, judged: 3 }])
}

fn column<'a>(rows: &'a Json, name: &str) -> Vec<&'a Json> {
    rows.as_array().unwrap().iter().map(|row| &row[name]).collect()
}

#[tokio::test]
async fn places_are_told_with_their_risk_and_what_to_do() {
    let server = Running::start(&settings(), hooks_with(covered())).await;
    let all = good(&server, "/api/analysis").await;
    assert_eq!((&all["total"], &all["ready"], &all["data_age_seconds"]), (&json!(3), &json!(true), &json!(100.0)));
    assert_eq!(column(&all["items"], "node"), ["h1", "az-a", "h2"], "the worst first");
    assert_eq!(column(&all["items"], "overall_risk"), ["critical", "high", "low"]);
    let zone = &all["items"][1];
    assert_eq!(column(&zone["resources"], "risk"), ["high", "low"]);
    assert_eq!(zone["resources"][0]["full_at"], "2026-11-23T06:30:00Z");
    let expected = json!([{
        "resource": "memory", "action": "reclaim", "severity": "high", "text": "reclaim", "amount": 5.0, "days_gained": null,
    }]);
    assert_eq!(zone["recommendations"], expected);
    assert_eq!(all["items"][2]["recommendations"], json!([]));
    let worst = good(&server, "/api/analysis?risk=critical").await;
    assert_eq!(column(&worst["items"], "node"), ["h1"]);
}

#[tokio::test]
async fn waste_says_what_is_unknown() {
    let server = Running::start(&settings(), hooks_with(covered())).await;
    let all = good(&server, "/api/v1/waste?top=1").await;
    assert_eq!(
        (&all["instances_total"], column(&all["instances"], "id")),
        (&json!(2), vec![&json!("idle")]),
        "most memory first"
    );
    assert_eq!(
        all["instances"][0]["used"],
        json!({"cpu_ratio": 0.02, "memory_ratio": null, "network_bytes_per_second": null})
    );
    let region = &all["regions"][0];
    assert_eq!(column(&region["classes"], "instances"), [1, 0, 1, 0]);
    assert_eq!((&region["unknown"], &region["coverage"][0]["ratio"]), (&Json::Null, &json!(0.75)));
    assert_eq!((&all["things"][0]["kind"], &all["things"][0]["bytes"]), (&json!("floating_ip"), &Json::Null));
    assert_eq!(column(&good(&server, "/api/v1/pressure").await["items"], "id"), ["busy"]);

    let server = Running::start(&settings(), hooks_with(None)).await;
    let all = good(&server, "/api/v1/waste").await;
    let region = &all["regions"][0];
    assert_eq!(column(&region["classes"], "class"), ["powered_off", "error"]);
    assert!(region["unknown"].as_str().unwrap().starts_with("which instances are idle or oversized is unknown"));
    let pressure = good(&server, "/api/v1/pressure").await;
    assert_eq!((&pressure["measured"], &pressure["total"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn projects_are_ordered_by_what_ends_or_grows() {
    let server = Running::start(&settings(), hooks_with(None)).await;
    let all = good(&server, "/api/v1/projects").await;
    assert_eq!(column(&all["items"], "project"), ["p2", "p1", "p3"], "soonest first, then the fullest");
    assert_eq!(
        (&all["items"][0]["exhaustion_seconds"], &all["items"][2]["exhausted_at"]),
        (&json!(100.0), &Json::Null)
    );
    let growing = good(&server, "/api/v1/projects?order_by=growth").await;
    assert_eq!(column(&growing["items"], "project"), ["p3", "p2", "p1"]);
    for (path, status, parameter) in [
        ("v1/projects?project=nosuch", "404", "project"),
        ("v1/projects?order_by=name", "400", "order_by"),
        ("v1/waste?top=0", "400", "top"),
        ("v1/waste?cloud=nosuch", "404", "cloud"),
        ("v1/pressure?class=idle", "400", "class"),
        ("analysis?risk=huge", "400", "risk"),
        ("analysis?entity=nosuch", "404", "entity"),
    ] {
        let (code, problem) = ask(&server, &format!("/api/{path}")).await;
        assert_eq!((code.as_str(), problem["parameter"].as_str()), (status, Some(parameter)), "{path}: {problem}");
    }
}
