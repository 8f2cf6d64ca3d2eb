//! Magnum, Designate, Ironic, Heat, Trove and Gnocchi of the simulated cloud, read by the real binary over real
//! sockets: every family's count against the size that was asked for, small pages against large ones, and what
//! credentials without rights, the restriction to a project and openstack-exporter's ways make of it.

use std::collections::BTreeMap;

use crate::support::exposition::{Labels, Page, value};
use crate::support::process::once;
use stackcast::demo::{Demo, Settings};
use stackcast::model::clock::{Clock, Timestamp};

const PREFIXES: [&str; 6] = ["container_infra", "designate", "ironic", "heat", "trove", "gnocchi"];

/// 120 hypervisors make 12 nodes, 12 projects make 12 zones, 4 clusters, 4 + 24 stacks and 6 databases, 40 instances
/// make 160 metrics.
async fn demo(page_size: usize) -> Demo {
    let settings = Settings { hypervisors: 120, instances: 40, projects: 12, page_size, ..Settings::default() };
    Demo::start(settings, Clock::manual(Timestamp::from_seconds(1_795_293_909))).await.unwrap()
}

/// What `stackcast once` prints.
async fn page(demo: &Demo, cloud: &str, environment: &[(&str, &str)]) -> Page {
    once(&demo.clouds_yaml(), cloud, environment).await
}

/// The samples of the six services.
fn theirs(page: &Page) -> BTreeMap<(String, Labels), f64> {
    let ours = |name: &str| PREFIXES.iter().any(|prefix| name.starts_with(&format!("openstack_{prefix}_")));
    let families = page.iter().filter(|(name, _)| ours(name));
    families.flat_map(|(_, family)| family.samples.iter().map(|(key, value)| (key.clone(), *value))).collect()
}

/// How many samples a family has, and their sum.
fn sum(page: &Page, family: &str) -> (usize, f64) {
    let samples = page.get(family).map(|family| &family.samples);
    samples.map_or((0, 0.0), |samples| (samples.len(), samples.values().sum()))
}

fn labels<'p>(page: &'p Page, family: &str, label: &'p str) -> Vec<&'p str> {
    page[family].samples.keys().map(|(_, labels)| labels[label].as_str()).collect()
}

fn visibility(page: &Page, collector: &str) -> String {
    let rows = page["stackcast_collector_visibility_info"].samples.keys();
    let mut found = rows.filter(|(_, labels)| labels["collector"] == collector);
    found.next().unwrap().1["visibility"].clone()
}

fn all_up(page: &Page) {
    for prefix in PREFIXES {
        assert_eq!(value(page, &format!("openstack_{prefix}_up"), &[]), Some(1.0), "{prefix}");
    }
}

#[tokio::test]
async fn every_family_counts_what_there_is_through_small_pages() {
    let demo = demo(5).await;
    // Longer pages than the cloud gives: all but Heat cut them down.
    let page = page(&demo, "demo", &[("STACKCAST_OPENSTACK__PAGE_SIZE", "7")]).await;
    all_up(&page);
    assert_eq!(value(&page, "openstack_container_infra_total_clusters", &[]), Some(4.0));
    for family in ["cluster_masters", "cluster_nodes", "cluster_status", "cluster_info"] {
        assert_eq!(sum(&page, &format!("openstack_container_infra_{family}")).0, 4, "{family}");
    }
    assert!(!labels(&page, "openstack_container_infra_cluster_status", "project_id").contains(&""));
    assert_eq!(value(&page, "openstack_designate_zones", &[]), Some(12.0));
    let (sets, (zones, counted)) =
        (sum(&page, "openstack_designate_recordsets_status").0, sum(&page, "openstack_designate_recordsets"));
    assert!(zones == 12 && counted == sets as f64 && sets > 60, "{zones} zones, {counted} of {sets} record sets");
    assert_eq!(sum(&page, "openstack_ironic_node"), (12, 12.0));
    assert_eq!(sum(&page, "openstack_ironic_nodes").1, 12.0);
    assert!(!labels(&page, "openstack_ironic_node", "lessee").iter().all(|lessee| lessee.is_empty()), "since 1.65");
    let second = 1_795_156_200.0;
    assert_eq!(sum(&page, "openstack_ironic_node_updated_at"), (12, 12.0 * second), "whole seconds");
    assert_eq!(sum(&page, "openstack_heat_stack_status").0, 28);
    assert_eq!(sum(&page, "openstack_heat_stack_status_counter"), (30, 28.0));
    assert_eq!(sum(&page, "openstack_heat_stacks").1, 28.0);
    assert_eq!(value(&page, "openstack_trove_total_instances", &[]), Some(6.0));
    assert_eq!(sum(&page, "openstack_trove_instance_status").0, 6);
    assert_eq!(sum(&page, "openstack_trove_instance_volume_used_gb").0, 0, "Trove does not tell");
    assert_eq!(value(&page, "openstack_gnocchi_total_metrics", &[]), Some(160.0));
    for (family, agents) in [("container_infra", 2), ("designate", 6), ("ironic", 2), ("heat", 4)] {
        assert_eq!(sum(&page, &format!("openstack_{family}_agent_state")), (agents, agents as f64), "{family}");
    }
}

#[tokio::test]
async fn pages_of_any_size_hold_the_same() {
    let (small, large) = (demo(3).await, demo(1000).await);
    let small = theirs(&page(&small, "demo", &[("STACKCAST_OPENSTACK__PAGE_SIZE", "4")]).await);
    let large = theirs(&page(&large, "demo", &[]).await);
    let differ: Vec<_> = large.iter().filter(|(key, value)| small.get(key) != Some(value)).take(3).collect();
    assert!(differ.is_empty() && small.len() == large.len(), "{} and {}: {differ:?}", small.len(), large.len());
}

#[tokio::test]
async fn without_rights_there_is_less_and_it_is_said() {
    let demo = demo(1000).await;
    let page = page(&demo, "demo-reader", &[]).await;
    all_up(&page);
    for collector in ["container_infra.clusters", "dns.zones", "dns.recordsets", "baremetal.nodes"] {
        assert_eq!(visibility(&page, collector), "project", "{collector}");
    }
    for collector in ["orchestration.stacks", "database.instances", "gnocchi.metrics"] {
        assert_eq!(visibility(&page, collector), "project", "{collector}");
    }
    for collector in
        ["container_infra.agents", "dns.agents", "baremetal.agents", "orchestration.agents", "gnocchi.status"]
    {
        assert_eq!(visibility(&page, collector), "none", "{collector}");
    }
    assert!(!page.keys().any(|name| name.ends_with("_designate_agent_state") || name.contains("_gnocchi_status_")));
    assert_eq!(value(&page, "openstack_designate_zones", &[]), None, "a 0 would be of the project `admin` alone");
}

#[tokio::test]
async fn one_project_only() {
    let demo = demo(1000).await;
    let all = page(&demo, "demo", &[]).await;
    let project = labels(&all, "openstack_trove_instance_status", "tenant_id")[0].to_owned();
    let page = page(&demo, "demo", &[("STACKCAST_COLLECT__SCOPE__PROJECT_ID", &project)]).await;
    for (family, label) in [
        ("openstack_designate_zone_status", "tenant_id"),
        ("openstack_designate_recordsets", "tenant_id"),
        ("openstack_heat_stack_status", "project_id"),
        ("openstack_trove_instance_status", "tenant_id"),
    ] {
        assert!(labels(&page, family, label).iter().all(|found| *found == project), "{family}");
    }
    assert_eq!(value(&page, "openstack_designate_zones", &[]), Some(1.0));
}

#[tokio::test]
async fn as_openstack_exporter_would_read_it() {
    let demo = demo(1000).await;
    let page = page(&demo, "demo", &[("STACKCAST_COLLECT__COMPAT", "true")]).await;
    assert_eq!(sum(&page, "openstack_heat_stack_status_counter"), (30, 0.0), "the project `admin` has no stacks");
    assert_eq!(labels(&page, "openstack_container_infra_cluster_status", "project_id"), [""; 4]);
    assert_eq!(labels(&page, "openstack_trove_instance_status", "health_status"), [""; 6]);
    assert_eq!(sum(&page, "openstack_trove_instance_volume_used_gb"), (6, 0.0));
    assert_eq!(value(&page, "openstack_designate_zones", &[]), Some(12.0));
}
