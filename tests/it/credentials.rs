//! Credentials with less than all rights: what is asked with them, what appears, and what is said to be out of sight.
//! Never a figure of a part as if it were one of the whole, and never a 0 that only means "not shown".

use std::collections::{BTreeMap, BTreeSet};

use crate::support::exposition::{Page, value};
use crate::support::process::once;
use secrecy::ExposeSecret;
use stackcast::demo::{Demo, Settings};
use stackcast::model::clock::{Clock, Timestamp};

/// Eighteen projects, two of them of the domain `corp`.
async fn demo() -> Demo {
    let settings = Settings { hypervisors: 6, instances: 90, projects: 18, ..Settings::default() };
    Demo::start(settings, Clock::manual(Timestamp::from_seconds(1_795_293_909))).await.unwrap()
}

/// A clouds.yaml with one cloud, `part`, that a user enters by this scope.
fn clouds_yaml(demo: &Demo, user: &str, scope: &str) -> String {
    let password = demo.credentials().password.expose_secret().to_owned();
    format!(
        "clouds:\n  part:\n    auth: {{auth_url: '{}', username: {user}, password: '{password}', user_domain_name: Default, {scope}}}\n",
        demo.auth_url()
    )
}

/// What each collector sees, and whether it succeeded.
fn sights(page: &Page) -> BTreeMap<&str, &str> {
    let rows = page["stackcast_collector_visibility_info"].samples.keys();
    rows.map(|(_, labels)| (labels["collector"].as_str(), labels["visibility"].as_str())).collect()
}

fn label_values<'p>(page: &'p Page, family: &str, label: &str) -> BTreeSet<&'p str> {
    let samples = page.get(family).map(|family| &family.samples);
    samples.into_iter().flatten().map(|((_, labels), _)| labels[label].as_str()).collect()
}

/// Samples of openstack-exporter's kind that say 0 of a whole cloud.
fn zeros(page: &Page) -> Vec<&str> {
    let families = page.iter().filter(|(name, _)| name.starts_with("openstack_") && !name.ends_with("_up"));
    let zero = families
        .filter(|(_, family)| family.samples.iter().any(|((_, labels), value)| labels.is_empty() && *value == 0.0));
    zero.map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn a_token_for_a_domain_tells_of_that_domain_alone() {
    let demo = demo().await;
    for user in ["monitoring", "admin"] {
        let page = once(&clouds_yaml(&demo, user, "domain_name: corp"), "part", &[]).await;
        let sights = sights(&page);
        for collector in ["identity.projects", "identity.users", "identity.domains"] {
            assert_eq!(sights[collector], "domain", "{user}: {collector}");
        }
        let of_heart = ["compute.servers", "compute.hypervisors", "compute.quotas", "placement.providers"];
        let seen: Vec<_> = of_heart.iter().filter(|collector| sights.get(**collector) == Some(&"all")).collect();
        assert!(seen.is_empty(), "{user}: {seen:?}");
        assert_eq!(value(&page, "openstack_identity_projects", &[]), Some(2.0));
        assert_eq!(label_values(&page, "stackcast_project_info", "domain"), ["corp"].into());
        assert_eq!(value(&page, "openstack_identity_domains", &[]), Some(1.0));
        for family in [
            "openstack_nova_total_vms",
            "openstack_neutron_ports",
            "openstack_cinder_volumes",
            "openstack_glance_images",
        ] {
            assert_eq!(value(&page, family, &[]), None, "{user}: {family}");
        }
        assert_eq!(zeros(&page), ["openstack_identity_users"], "{user}: corp has none");
        let asked = demo.stats().requests;
        assert!(asked.contains_key("keystone"), "{asked:?}");
    }
}

#[tokio::test]
async fn a_member_of_a_project_sees_what_is_its_own() {
    let demo = demo().await;
    let (user, project, id, servers) = {
        let world = demo.world(0).unwrap();
        let owner = world.identity().projects[5].owner;
        let user = world.identity().users.iter().find(|user| user.id == owner).unwrap().name.clone();
        let servers = world.servers().iter().filter(|server| world.project_of(server).unwrap().owner == owner);
        let live = servers.filter(|server| server.status != stackcast::demo::Status::Deleted).count();
        let project = &world.identity().projects[5];
        (user, project.name.clone(), format!("{:032x}", project.id), live)
    };
    let scope = format!("project_name: {project}, project_domain_name: Default");
    let page = once(&clouds_yaml(&demo, &user, &scope), "part", &[]).await;
    let sights = sights(&page);
    for collector in ["compute.servers", "compute.quotas", "network.ports", "volume.volumes", "identity.projects"] {
        assert_eq!(sights[collector], "project", "{collector}");
    }
    for collector in ["compute.hypervisors", "placement.providers"] {
        assert_eq!(sights[collector], "none", "{collector}");
    }
    assert_eq!(value(&page, "openstack_nova_total_vms", &[]), Some(servers as f64));
    for (family, label) in [
        ("openstack_nova_server_status", "tenant_id"),
        ("openstack_nova_limits_vcpus_max", "tenant_id"),
        ("openstack_quota_limit", "project_id"),
        ("openstack_cinder_volume_gb", "tenant_id"),
        ("stackcast_project_info", "entity"),
    ] {
        assert_eq!(label_values(&page, family, label), [id.as_str()].into(), "{family}");
    }
    assert!(!page.keys().any(|name| name.starts_with("openstack_placement_") && !name.ends_with("_up")));
    assert!(!page.contains_key("openstack_nova_vcpus_available"));
}

#[tokio::test]
async fn an_administrator_restricted_to_a_domain_or_a_project() {
    let demo = demo().await;
    let (domain, project) = {
        let world = demo.world(0).unwrap();
        let identity = world.identity();
        (identity.domains[1].id.clone(), format!("{:032x}", identity.projects[4].id))
    };
    let yaml = demo.clouds_yaml();
    let page = once(&yaml, "demo", &[("STACKCAST_COLLECT__SCOPE__DOMAIN_ID", &domain)]).await;
    assert_eq!(value(&page, "openstack_identity_projects", &[]), Some(2.0));
    let own: BTreeSet<_> = label_values(&page, "stackcast_project_info", "entity");
    for family in ["openstack_nova_limits_vcpus_max", "openstack_cinder_limits_volume_max_gb"] {
        assert_eq!(label_values(&page, family, "tenant_id"), own, "{family}");
    }
    assert_eq!(label_values(&page, "openstack_quota_limit", "project_id"), own);
    let page = once(&yaml, "demo", &[("STACKCAST_COLLECT__SCOPE__PROJECT_ID", &project)]).await;
    for (family, label) in [
        ("openstack_nova_server_status", "tenant_id"),
        ("openstack_quota_used", "project_id"),
        ("openstack_cinder_volume_gb", "tenant_id"),
    ] {
        assert_eq!(label_values(&page, family, label), [project.as_str()].into(), "{family}");
    }
}
