//! Neutron and Octavia: shapes as recorded, pages, `fields`, rights, and figures that agree with one another.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::structure::{differences, recording, shape};
use super::{Client, small};
use crate::demo::Settings;

#[tokio::test]
async fn neutron_answers_have_the_recorded_shape() {
    let client = Client::new(Settings { instances: 400, ..small() }).await;
    let project = format!("{:032x}", client.demo.world(0).unwrap().identity().projects[2].id);
    let router = client.get("network/v2.0/routers", "").await.1["routers"][0]["id"].as_str().unwrap().to_owned();
    let mut wrong = Vec::new();
    for (file, path) in [
        ("networks", "networks".to_owned()),
        ("subnets", "subnets".to_owned()),
        ("ports", "ports".to_owned()),
        ("routers", "routers".to_owned()),
        ("floatingips", "floatingips".to_owned()),
        ("agents", "agents".to_owned()),
        ("security-groups", "security-groups".to_owned()),
        ("network-ip-availabilities", "network-ip-availabilities".to_owned()),
        ("quotas-details", format!("quotas/{project}/details.json")),
        ("router-l3-agents", format!("routers/{router}/l3-agents")),
    ] {
        let (status, ours) = client.get(&format!("network/v2.0/{path}"), "").await;
        assert_eq!(status, 200, "{path}: {ours}");
        let found = differences(&shape(&ours), &shape(&recording(&format!("neutron/{file}"))));
        // What only some lists and resources have, and numbers longer than the parser holds.
        let chance =
            ["_links", ".tags[]", ".is_default", "binding:vif_details", ".security_group_rules[]", "total_ips"];
        let telling = found.into_iter().filter(|line| !chance.iter().any(|part| line.contains(part)));
        wrong.extend(telling.map(|line| format!("{file}: {line}")));
    }
    let versions = client.get("network/", "").await.1;
    wrong.extend(differences(&shape(&versions), &shape(&recording("neutron/versions"))));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn routers_of_agents_are_the_agents_of_routers() {
    let client = Client::new(Settings { projects: 20, ..small() }).await;
    let ids = |list: &Value| list.as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>();
    let agents = client.get("network/v2.0/agents?binary=neutron-l3-agent", "").await.1;
    let (mut by_agent, mut by_router, mut ha) = (BTreeSet::new(), BTreeSet::new(), 0);
    for agent in ids(&agents["agents"]) {
        let answer = client.get(&format!("network/v2.0/agents/{}/l3-routers", agent.as_str().unwrap()), "").await.1;
        by_agent.extend(ids(&answer["routers"]).iter().map(|router| (router.to_string(), agent.to_string())));
    }
    let routers = client.get("network/v2.0/routers", "").await.1;
    for router in routers["routers"].as_array().unwrap() {
        let id = router["id"].as_str().unwrap();
        let answer = client.get(&format!("network/v2.0/routers/{id}/l3-agents"), "").await.1;
        by_router.extend(ids(&answer["agents"]).iter().map(|agent| (router["id"].to_string(), agent.to_string())));
        let states = answer["agents"].as_array().unwrap().iter().map(|agent| agent["ha_state"].clone());
        let active = states.filter(|state| state == "active").count();
        assert_eq!(active == 1, router["ha"] == json!(true), "{answer}");
        ha += active;
    }
    assert!(ha > 0 && by_router.len() > routers["routers"].as_array().unwrap().len());
    assert_eq!(by_agent, by_router);
    assert_eq!(client.get("network/v2.0/agents/x/l3-routers", "").await.0, 404);
}

/// All items of a list, following its links.
async fn whole(client: &Client, path: &str, key: &str) -> (Vec<Value>, usize) {
    let (mut items, mut pages, mut next) = (Vec::new(), 0, Some(path.to_owned()));
    while let Some(path) = next {
        let (status, page) = client.get(&path, "").await;
        assert_eq!(status, 200, "{path}: {page}");
        items.extend(page[key].as_array().unwrap().iter().cloned());
        pages += 1;
        let links = page[format!("{key}_links")].as_array().cloned().unwrap_or_default();
        next = links.iter().find(|link| link["rel"] == "next").map(|link| link["href"].as_str().unwrap().to_owned());
    }
    (items, pages)
}

#[tokio::test]
async fn pages_hold_every_port_once_and_only_the_fields_asked_for() {
    let client = Client::new(small()).await;
    let (all, pages) = whole(&client, "network/v2.0/ports", "ports").await;
    assert_eq!(pages, 1);
    let (ids, pages) = whole(&client, "network/v2.0/ports?fields=id&fields=status&limit=50", "ports").await;
    assert_eq!(pages, all.len() / 50 + 1);
    let distinct: BTreeSet<&str> = ids.iter().map(|port| port["id"].as_str().unwrap()).collect();
    assert_eq!((distinct.len(), ids.len()), (all.len(), all.len()));
    assert!(ids.iter().all(|port| port.as_object().unwrap().len() == 2));
    assert_eq!(client.get("network/v2.0/ports?marker=00000000-0000-0000-0000-000000000000", "").await.0, 404);
    assert_eq!(client.get("network/v2.0/ports?limit=x", "").await.0, 400);
}

#[tokio::test]
async fn addresses_quotas_and_servers_agree_with_the_ports() {
    let client = Client::new(small()).await;
    let ports = whole(&client, "network/v2.0/ports", "ports").await.0;
    let taken: usize = ports.iter().map(|port| port["fixed_ips"].as_array().unwrap().len()).sum();
    let pools = client.get("network/v2.0/network-ip-availabilities", "").await.1;
    let used = |item: &Value| item["used_ips"].as_u64().unwrap() as usize;
    assert_eq!(pools["network_ip_availabilities"].as_array().unwrap().iter().map(used).sum::<usize>(), taken);
    let project = format!("{:032x}", client.demo.world(0).unwrap().identity().projects[2].id);
    let quota = client.get(&format!("network/v2.0/quotas/{project}/details.json"), "").await.1;
    let own = ports.iter().filter(|port| port["project_id"] == project.as_str()).count() as u64;
    assert_eq!(quota["quota"]["port"]["used"], own);
    let floating = whole(&client, "network/v2.0/floatingips", "floatingips").await.0;
    let of_project = floating.iter().filter(|ip| ip["project_id"] == project.as_str()).count() as u64;
    assert_eq!(quota["quota"]["floatingip"]["used"], of_project);
    let servers = client.get("compute/v2.1/servers/detail?all_tenants=1", "compute 2.96").await.1;
    let addresses = servers["servers"].to_string();
    for ip in floating.iter().filter(|ip| ip["status"] == "ACTIVE") {
        assert!(addresses.contains(ip["floating_ip_address"].as_str().unwrap()), "{ip}");
    }
}

#[tokio::test]
async fn a_reader_sees_its_own_without_an_error() {
    let mut client = Client::new(small()).await;
    let project = json!({"project": {"name": "admin", "domain": {"name": "Default"}}});
    client.token = client.login("monitoring", None, Some(project)).await.1;
    let count = async |path: &str, key: &str| {
        let (status, answer) = client.get(path, "").await;
        assert_eq!(status, 200, "{answer}");
        answer[key].as_array().unwrap().len()
    };
    assert_eq!(count("network/v2.0/agents", "agents").await, 0);
    assert_eq!(count("network/v2.0/routers", "routers").await, 0);
    assert_eq!(count("network/v2.0/networks", "networks").await, 2, "the external and the shared one");
    assert_eq!(count("load-balancer/v2.0/lbaas/loadbalancers", "loadbalancers").await, 0);
    assert_eq!(client.get("load-balancer/v2.0/octavia/amphorae", "").await.0, 403);
    assert_eq!(client.get("network/v2.0/networks?fields=id", "").await.0, 200);
    client.token = "gone".to_owned();
    assert_eq!(client.get("network/v2.0/networks", "").await.0, 401);
}

#[tokio::test]
async fn load_balancers_page_and_count_traffic() {
    let client = Client::new(small()).await;
    let (all, _) = whole(&client, "load-balancer/v2.0/lbaas/loadbalancers", "loadbalancers").await;
    let (paged, pages) = whole(&client, "load-balancer/v2.0/lbaas/loadbalancers?limit=2", "loadbalancers").await;
    assert!(pages > 2 && paged == all, "{pages} pages");
    let path = format!("load-balancer/v2.0/lbaas/loadbalancers/{}/stats", all[0]["id"].as_str().unwrap());
    let before = client.get(&path, "").await.1["stats"]["bytes_in"].as_u64().unwrap();
    client.clock.set(super::START.plus(std::time::Duration::from_secs(60)));
    assert!(client.get(&path, "").await.1["stats"]["bytes_in"].as_u64().unwrap() > before);
}
