//! More than a thousand objects of a kind, a hundred to a page: every list is read to its end, and what is exported is
//! as many as the simulated cloud says when it is asked for all at once, by another client and without pages.

use crate::support::exposition::{Page, value};
use crate::support::process::once;
use secrecy::ExposeSecret;
use stackcast::demo::{Demo, Settings};
use stackcast::model::clock::{Clock, Timestamp};

/// How a family tells the length of a list.
enum Told {
    /// By its only sample.
    Value(&'static str),
    /// By having a sample for each.
    Samples(&'static str),
}

use Told::{Samples, Value};

/// Lists with what tells their length; the key is the last piece of the path without its query.
const LISTS: [(&str, &[Told]); 17] = [
    ("identity/v3/projects", &[Value("openstack_identity_projects"), Samples("openstack_identity_project_info")]),
    ("identity/v3/users", &[Value("openstack_identity_users")]),
    (
        "compute/v2.1/servers/detail?all_tenants=1",
        &[Value("openstack_nova_total_vms"), Samples("openstack_nova_server_status")],
    ),
    ("compute/v2.1/os-hypervisors", &[Samples("openstack_nova_vcpus_available")]),
    ("placement/resource_providers", &[Samples("openstack_placement_resource_provider_info")]),
    ("network/v2.0/networks", &[Value("openstack_neutron_networks"), Samples("openstack_neutron_network")]),
    ("network/v2.0/subnets", &[Value("openstack_neutron_subnets"), Samples("openstack_neutron_subnet")]),
    ("network/v2.0/ports", &[Value("openstack_neutron_ports"), Samples("openstack_neutron_port")]),
    ("network/v2.0/routers", &[Value("openstack_neutron_routers"), Samples("openstack_neutron_router")]),
    ("network/v2.0/floatingips", &[Value("openstack_neutron_floating_ips"), Samples("openstack_neutron_floating_ip")]),
    ("network/v2.0/security-groups", &[Value("openstack_neutron_security_groups")]),
    (
        "volume/v3/volumes/detail?all_tenants=1",
        &[Value("openstack_cinder_volumes"), Samples("openstack_cinder_volume_gb")],
    ),
    ("volume/v3/snapshots/detail?all_tenants=1", &[Value("openstack_cinder_snapshots")]),
    (
        "load-balancer/v2.0/lbaas/loadbalancers",
        &[Value("openstack_loadbalancer_total_loadbalancers"), Samples("openstack_loadbalancer_loadbalancer_status")],
    ),
    (
        "load-balancer/v2.0/lbaas/pools",
        &[Value("openstack_loadbalancer_total_pools"), Samples("openstack_loadbalancer_pool_status")],
    ),
    (
        "share/v2/shares/detail?all_tenants=1",
        &[Value("openstack_sharev2_shares_counter"), Samples("openstack_sharev2_share_gb")],
    ),
    ("dns/v2/zones?limit=1000000", &[Value("openstack_designate_zones"), Samples("openstack_designate_zone_status")]),
];

async fn demo(page_size: usize) -> Demo {
    let settings = Settings { hypervisors: 1_100, instances: 2_800, projects: 1_100, page_size, ..Settings::default() };
    Demo::start(settings, Clock::manual(Timestamp::from_seconds(1_795_293_909))).await.unwrap()
}

/// Asks a cloud whose pages have no end.
struct Whole {
    demo: Demo,
    http: reqwest::Client,
    token: String,
}

impl Whole {
    async fn new() -> Self {
        let (demo, http) = (demo(1_000_000).await, reqwest::Client::new());
        let credentials = demo.credentials();
        let login = serde_json::json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {"name": credentials.username,
                "domain": {"name": credentials.user_domain_name}, "password": credentials.password.expose_secret()}}},
            "scope": {"project": {"name": credentials.project_name, "domain": {"name": credentials.project_domain_name}}}}});
        let request = http.post(format!("{}/auth/tokens", demo.auth_url())).body(login.to_string());
        let answer = request.send().await.unwrap();
        let token = answer.headers()["x-subject-token"].to_str().unwrap().to_owned();
        Self { demo, http, token }
    }

    async fn length(&self, path: &str) -> usize {
        let request = self.http.get(format!("http://{}/{path}", self.demo.address()));
        let request = request.header("x-auth-token", &self.token).header("x-auth-all-projects", "true");
        let answer = request.send().await.unwrap();
        let (status, body) = (answer.status(), answer.bytes().await.unwrap());
        assert!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&body));
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let list = path.split('?').next().unwrap().trim_end_matches("/detail").rsplit('/').next().unwrap();
        let key = list.trim_start_matches("os-").replace('-', "_");
        let links = body.get(format!("{key}_links")).and_then(|links| links.as_array());
        assert!(links.is_none_or(|links| links.iter().all(|link| link["rel"] != "next")), "{path} has a next page");
        body[&key].as_array().unwrap_or_else(|| panic!("{path} has no {key}")).len()
    }
}

impl Told {
    fn on(&self, page: &Page) -> (&'static str, f64) {
        let samples = |family: &str| page.get(family).map(|family| &family.samples);
        match self {
            Value(family) => (family, value(page, family, &[]).unwrap_or(f64::NAN)),
            Samples(family) => (family, samples(family).map_or(0.0, |samples| samples.len() as f64)),
        }
    }
}

#[tokio::test]
async fn a_thousand_and_more_are_read_by_the_hundred() {
    let paged = demo(100).await;
    let page = once(&paged.clouds_yaml(), "demo", &[]).await;
    let failed = page["stackcast_collector_success"].samples.iter().filter(|(_, success)| **success == 0.0);
    assert_eq!(failed.map(|((_, labels), _)| &labels["collector"]).collect::<Vec<_>>(), [""; 0]);
    let whole = Whole::new().await;
    let (mut wrong, mut long) = (Vec::new(), 0);
    for (path, told) in LISTS {
        let length = whole.length(path).await;
        long += usize::from(length > 1_000);
        for told in told {
            let (family, found) = told.on(&page);
            if found != length as f64 {
                wrong.push(format!("{family}: {found}, {path} has {length}"));
            }
        }
    }
    assert!(wrong.is_empty() && long >= 11, "{long} lists are long; {wrong:#?}");
}
