//! Several clouds and regions at once, probes of single clouds, compatibility, filters, text files and service
//! discovery: the real program in front of simulated clouds, over real sockets.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;

use crate::support::exposition::{Page, parse, value};
use crate::support::process::Stackcast;
use stackcast::demo::{Demo, Effect, Fault, Settings};
use stackcast::model::clock::Clock;

/// Clouds and the clouds.yaml that names them.
struct Clouds {
    demos: Vec<Demo>,
    folder: tempfile::TempDir,
}

impl Clouds {
    /// One simulated cloud per name, each with these regions.
    async fn start(regions: &[&str], names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut demos, mut text) = (Vec::new(), "clouds:\n".to_owned());
        for (seed, name) in names.iter().enumerate() {
            let regions = regions.iter().map(|&region| region.to_owned()).collect();
            let settings = Settings {
                hypervisors: 4,
                instances: 20,
                projects: 3,
                seed: seed as u64 + 1,
                regions,
                ..Settings::default()
            };
            let demo = Demo::start(settings, Clock::system()).await.unwrap();
            text += &cloud_of(&demo, name);
            demos.push(demo);
        }
        std::fs::write(folder.path().join("clouds.yaml"), text).unwrap();
        Self { demos, folder }
    }

    fn clouds_yaml(&self) -> std::path::PathBuf {
        self.folder.path().join("clouds.yaml")
    }

    fn add(&self, text: &str) {
        let path = self.clouds_yaml();
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, before + text).unwrap();
    }

    fn serve(&self, flags: &[&str], environment: &[(&str, &str)]) -> Stackcast {
        let (clouds, data) =
            (self.clouds_yaml().display().to_string(), self.folder.path().join("data").display().to_string());
        let mut all = vec![
            ("OS_CLIENT_CONFIG_FILE", clouds.as_str()),
            ("STACKCAST_DATA__DIRECTORY", data.as_str()),
            ("STACKCAST_COLLECT__INTERVAL__FAST_SECONDS", "1"),
            ("STACKCAST_COLLECT__TEXTFILE__INTERVAL_SECONDS", "1"),
        ];
        all.extend(environment);
        Stackcast::start(&[&["serve"], flags].concat(), &all)
    }
}

/// The entry of a simulated cloud's own clouds.yaml, under another name.
fn cloud_of(demo: &Demo, name: &str) -> String {
    let text = demo.clouds_yaml();
    let entry = text.split("  demo-reader:").next().unwrap().strip_prefix("clouds:\n  demo:").unwrap().to_owned();
    format!("  {name}:{entry}")
}

fn up(page: &Page, cloud: &str, region: &str) -> Option<f64> {
    value(page, "openstack_nova_up", &[("cloud", cloud), ("region", region)])
}

fn vms(page: &Page, cloud: &str, region: &str) -> Option<f64> {
    value(page, "openstack_nova_total_vms", &[("cloud", cloud), ("region", region)])
}

/// Asks until the answer has this status.
async fn answered(stackcast: &Stackcast, path: &str, status: u16) -> String {
    let mut last = None;
    for _ in 0..150 {
        last = stackcast.get(path).await;
        if let Some((_, body)) = last.as_ref().filter(|(code, _)| *code == status) {
            return body.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("{path}: {last:?}\n{}", stackcast.log());
}

/// Label names of a page's cloud families.
fn labels(page: &Page) -> BTreeSet<&str> {
    let families = page.iter().filter(|(name, _)| name.starts_with("openstack_"));
    families
        .flat_map(|(_, family)| family.samples.keys())
        .flat_map(|(_, labels)| labels.keys().map(String::as_str))
        .collect()
}

#[tokio::test]
async fn two_clouds_with_two_regions_and_one_of_them_dead() {
    let mut clouds = Clouds::start(&["north", "south"], &["alpha", "beta"]).await;
    // And one that never answered.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    clouds.add(&format!(
        "  gamma:\n    auth: {{auth_url: 'http://{dead}/v3', username: u, password: p, project_name: p}}\n    region_name: r\n"
    ));
    let mut stackcast = clouds.serve(&[], &[]);
    let all = [("alpha", "north"), ("alpha", "south"), ("beta", "north"), ("beta", "south")];
    let page = stackcast
        .until(30, |page| match all.iter().find(|(cloud, region)| up(page, cloud, region) != Some(1.0)) {
            Some(missing) => Err(format!("{missing:?}")),
            None if up(page, "gamma", "r") != Some(0.0) => Err("gamma".to_owned()),
            None => Ok(()),
        })
        .await;
    assert!(all.iter().all(|(cloud, region)| vms(&page, cloud, region).is_some_and(|count| count > 0.0)));
    let up_of_api = |page: &Page, cloud| {
        value(
            page,
            "openstack_api_up",
            &[("cloud", cloud), ("region", "north"), ("service", "compute"), ("interface", "public")],
        )
    };
    assert_eq!((up_of_api(&page, "alpha"), up_of_api(&page, "beta")), (Some(1.0), Some(1.0)));
    drop(clouds.demos.remove(1));
    let page = stackcast
        .until(30, |page| match (up(page, "beta", "north"), up(page, "alpha", "south"), up_of_api(page, "beta")) {
            (Some(0.0), Some(1.0), Some(0.0)) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    assert!(vms(&page, "alpha", "north").is_some_and(|count| count > 0.0), "the other's figures stay");
    assert_eq!(up_of_api(&page, "alpha"), Some(1.0));
}

#[tokio::test]
async fn the_regions_that_clouds_yaml_lists_are_served() {
    let clouds = Clouds::start(&["a", "b", "c"], &["one"]).await;
    clouds.add("    regions: [a, c]\n");
    let mut stackcast = clouds.serve(&["one"], &[]);
    let page = stackcast
        .until(30, |page| match (up(page, "one", "a"), up(page, "one", "c")) {
            (Some(_), Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    assert_eq!(up(&page, "one", "b"), None);
}

#[tokio::test]
async fn a_probe_shows_one_cloud_and_says_what_is_wrong() {
    let clouds = Clouds::start(&["r"], &["alpha", "beta"]).await;
    let mut stackcast = clouds.serve(&[], &[]);
    stackcast.until(30, |page| if up(page, "beta", "r") == Some(1.0) { Ok(()) } else { Err("up".to_owned()) }).await;
    let page = parse(&answered(&stackcast, "/probe?cloud=beta", 200).await).unwrap();
    assert_eq!(value(&page, "openstack_nova_up", &[]), Some(1.0));
    assert!(value(&page, "openstack_nova_total_vms", &[]).is_some_and(|count| count > 0.0));
    assert!(!labels(&page).contains("cloud"), "{:?}", labels(&page));
    // What is found out about the cloud is on its page as well; the process and the host are not the cloud's.
    let not_of_cloud =
        ["process_", "host_", "stackcast_build_", "stackcast_http_", "stackcast_store_", "stackcast_config_"];
    let of_cloud = |family: &String| !not_of_cloud.iter().any(|prefix| family.starts_with(prefix));
    assert!(page.keys().all(of_cloud), "{:?}", page.keys());
    let only = parse(&answered(&stackcast, "/probe?cloud=alpha&include_services=identity", 200).await).unwrap();
    assert!(only.contains_key("openstack_identity_projects") && !only.keys().any(|name| name.contains("nova")));
    let rest = parse(&answered(&stackcast, "/probe?cloud=alpha&exclude_services=compute", 200).await).unwrap();
    assert!(rest.contains_key("openstack_identity_up") && !rest.contains_key("openstack_nova_up"));
    for (path, status, words) in [
        ("/probe", 400, "`cloud` is missing"),
        ("/probe?cloud=alpha&include_services=nova", 400, "unknown service `nova`"),
        ("/probe?cloud=alpha&exclude_services=compute,x", 400, "unknown service `x`"),
        ("/probe?cloud=gamma", 404, "--multi-cloud"),
    ] {
        let (code, body) = stackcast.get(path).await.unwrap();
        assert_eq!((code, body.contains(words)), (status, true), "{path}: {body}");
    }
}

#[tokio::test]
async fn compatible_multi_cloud_collects_what_is_probed() {
    let clouds = Clouds::start(&["r"], &["alpha", "beta"]).await;
    let mut stackcast = clouds.serve(&["--compat", "--multi-cloud"], &[]);
    let page = stackcast.until(30, |_| Ok(())).await;
    assert!(page.contains_key("stackcast_build_info") && !page.keys().any(|name| name.starts_with("openstack_nova")));
    let body = answered(&stackcast, "/probe?cloud=alpha", 200).await;
    let probed = parse(&body).unwrap();
    assert_eq!(value(&probed, "openstack_nova_up", &[]), Some(1.0), "the first probe waits for the first collection");
    assert!(probed.contains_key("openstack_nova_server_status"));
    let catalogue = include_str!("../data/openstack-exporter-metrics.csv");
    let known: BTreeSet<&str> = catalogue.lines().filter_map(|line| line.split(',').next()).collect();
    assert!(probed.keys().all(|name| known.contains(name.as_str())), "{:?}", probed.keys());
    assert_eq!(clouds.demos[1].stats().requests.len(), 0, "nobody asked for beta");
    assert_eq!(stackcast.get("/probe?cloud=gamma").await.unwrap(), (200, String::new()));
    clouds.add(&cloud_of(&clouds.demos[1], "gamma"));
    let added = parse(&answered(&stackcast, "/probe?cloud=gamma", 200).await).unwrap();
    assert_eq!(value(&added, "openstack_nova_up", &[]), Some(1.0), "added to clouds.yaml since the start");
}

#[tokio::test]
async fn a_compatible_page_has_the_peers_families_only() {
    let clouds = Clouds::start(&["r"], &["alpha"]).await;
    let flags = ["--compat", "--collect-metric-time", "--nova.metadata-extra-labels=team=owner"];
    let mut stackcast = clouds.serve(&flags, &[]);
    let page = stackcast
        .until(30, |page| match value(page, "openstack_nova_up", &[]) {
            Some(1.0) if page.contains_key("openstack_nova_server_status") => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    let catalogue = include_str!("../data/openstack-exporter-metrics.csv");
    let known: BTreeSet<&str> = catalogue.lines().filter_map(|line| line.split(',').next()).collect();
    assert!(page.keys().all(|name| known.contains(name.as_str())), "{:?}", page.keys());
    assert!(page.contains_key("openstack_exporter_build_info"));
    let time = [("openstack_metric", "total_vms"), ("openstack_service", "openstack_nova")];
    assert!(value(&page, "openstack_metric_collect_seconds", &time).is_some_and(|seconds| seconds > 0.0));
    let mut status = page["openstack_nova_server_status"].samples.keys();
    assert!(status.all(|(_, labels)| labels.contains_key("team") && !labels.contains_key("cloud")));
}

#[tokio::test]
async fn filters_and_text_files() {
    let clouds = Clouds::start(&["r"], &["alpha"]).await;
    let texts = clouds.folder.path().join("texts");
    std::fs::create_dir(&texts).unwrap();
    write(
        &texts.join("good.prom"),
        "# HELP raid_ok State of the array.\n# TYPE raid_ok gauge\nraid_ok{array=\"md0\"} 1\n",
    );
    write(&texts.join("bad.prom"), "half a lin");
    let config = clouds.folder.path().join("stackcast.toml");
    let text = "[filter]\ndisable_metrics = [\"openstack_placement_*\", \"stackcast_http_*\", \"nova-flavors\"]\n\
         [filter.drop_labels]\nopenstack_nova_server_status = [\"user_id\", \"host_id\"]\nnova-running_vms = [\"tenant_id\", \"hostname\"]\n\
         [collect.textfile]\ndirectories = [\"TEXTS\"]\n";
    write(&config, &text.replace("TEXTS", &texts.display().to_string()));
    let mut stackcast = clouds.serve(&["--config", &config.display().to_string()], &[]);
    let page = stackcast
        .until(30, |page| match value(page, "openstack_nova_up", &[]) {
            Some(1.0) if page.contains_key("openstack_nova_server_status") && page.contains_key("raid_ok") => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    let gone = |name: &&String| {
        name.starts_with("openstack_placement")
            || name.starts_with("stackcast_http")
            || *name == "openstack_nova_flavors"
    };
    assert_eq!(page.keys().find(gone), None);
    let status = &page["openstack_nova_server_status"].samples;
    assert!(status.keys().all(|(_, labels)| !labels.contains_key("user_id") && labels.contains_key("id")));
    let all = value(&page, "openstack_nova_total_vms", &[]);
    assert_eq!(Some(status.len() as f64), all, "ids still tell them apart");
    let dropped = [("family", "openstack_nova_running_vms"), ("reason", "duplicate")];
    assert!(value(&page, "stackcast_series_dropped_total", &dropped).is_some_and(|count| count > 0.0));
    assert_eq!(value(&page, "raid_ok", &[("array", "md0")]), Some(1.0));
    assert_eq!(page["raid_ok"].help, "State of the array.");
    assert_eq!(value(&page, "host_textfile_scrape_error", &[]), Some(1.0));
    assert_eq!(page["host_textfile_mtime_seconds"].samples.len(), 2);
    std::fs::remove_file(texts.join("bad.prom")).unwrap();
    let healed = |page: &Page| value(page, "host_textfile_scrape_error", &[]) == Some(0.0);
    stackcast.until(30, |page| if healed(page) { Ok(()) } else { Err("still failing".to_owned()) }).await;
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn hypervisors_are_discovered_once_they_are_known() {
    let clouds = Clouds::start(&["north", "south"], &["alpha"]).await;
    clouds.demos[0].faults().add(Fault::of("nova", Effect::Status { code: 503, retry_after: None }));
    let environment = [
        ("STACKCAST_OPENSTACK__RETRIES", "0"),
        ("STACKCAST_EXPOSE__SD__PORT", "9177"),
        ("STACKCAST_EXPOSE__SD__LABELS__TEAM", "infra"),
    ];
    let stackcast = clouds.serve(&[], &environment);
    let body = answered(&stackcast, "/api/v1/sd/hypervisors", 503).await;
    assert!(body.starts_with("not yet: "), "an empty list would drop all targets: {body}");
    clouds.demos[0].faults().clear();
    let body = answered(&stackcast, "/api/v1/sd/hypervisors", 200).await;
    let groups: Vec<serde_json::Value> = serde_json::from_str(&body).unwrap();
    let text = |group: &serde_json::Value, label: &str| group["labels"][label].as_str().unwrap().to_owned();
    assert!(!groups.is_empty());
    for group in &groups {
        assert!(group["targets"][0].as_str().unwrap().ends_with(":9177"), "{group}");
        assert_eq!((text(group, "team").as_str(), text(group, "__meta_openstack_cloud").as_str()), ("infra", "alpha"));
        assert!(["north", "south"].contains(&text(group, "__meta_openstack_region").as_str()));
        assert!(!text(group, "__meta_openstack_hypervisor_hostname").is_empty());
    }
}
