//! What goes wrong at a cloud's APIs, one test each, over real sockets: the page is always 200, the other
//! services keep flowing, `_up` and the collector's metrics tell the truth, and memory stays bounded.

use std::collections::BTreeSet;

use crate::support::exposition::{Page, value};
use crate::support::process::Stackcast;
use stackcast::demo::{Demo, Effect, Fault, Settings};
use stackcast::model::clock::Clock;

/// A small simulated cloud with stackcast in front of it.
struct Scene {
    demo: Demo,
    stackcast: Stackcast,
    _folder: tempfile::TempDir,
}

/// Short limits, so that a hanging service shows within seconds.
const SHORT: [(&str, &str); 5] = [
    ("STACKCAST_COLLECT__INTERVAL__FAST_SECONDS", "1"),
    ("STACKCAST_COLLECT__INTERVAL__SLOW_SECONDS", "2"),
    ("STACKCAST_OPENSTACK__REQUEST_TIMEOUT_SECONDS", "2"),
    ("STACKCAST_OPENSTACK__RETRIES", "1"),
    ("STACKCAST_OPENSTACK__RETRY_AFTER_MAX_SECONDS", "2"),
];

impl Scene {
    /// With a fault that is there from the first request on.
    async fn with(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self::start(demo(0).await, faults, &[])
    }

    /// With faults to come.
    async fn healthy() -> Self {
        let mut scene = Self::with([]).await;
        scene.until(all_up).await;
        scene
    }

    fn start(demo: Demo, faults: impl IntoIterator<Item = Fault>, environment: &[(&str, &str)]) -> Self {
        faults.into_iter().for_each(|fault| demo.faults().add(fault));
        let folder = tempfile::tempdir().unwrap();
        let clouds = folder.path().join("clouds.yaml");
        std::fs::write(&clouds, demo.clouds_yaml()).unwrap();
        let data = folder.path().join("data").display().to_string();
        let clouds = clouds.display().to_string();
        let mut all = vec![("OS_CLIENT_CONFIG_FILE", clouds.as_str()), ("STACKCAST_DATA__DIRECTORY", data.as_str())];
        all.extend(SHORT);
        all.extend(environment);
        Self { demo, stackcast: Stackcast::start(&["serve", "demo"], &all), _folder: folder }
    }

    async fn until(&mut self, test: impl FnMut(&Page) -> Result<(), String>) -> Page {
        self.stackcast.until(30, test).await
    }

    /// Ends the faults and waits until all is well again.
    async fn recovers(&mut self) {
        self.demo.faults().clear();
        self.until(all_up).await;
    }

    fn resident_megabytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.stackcast.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }
}

async fn demo(port: u16) -> Demo {
    let listen = ([127, 0, 0, 1], port).into();
    let settings = Settings { hypervisors: 6, instances: 40, projects: 4, listen, ..Settings::default() };
    Demo::start(settings, Clock::system()).await.unwrap()
}

fn up(page: &Page, service: &str) -> Option<f64> {
    value(page, &format!("openstack_{service}_up"), &[])
}

fn all_up(page: &Page) -> Result<(), String> {
    let states: Vec<_> = ["identity", "nova", "placement"].iter().map(|service| up(page, service)).collect();
    if states.iter().all(|state| *state == Some(1.0)) { Ok(()) } else { Err(format!("up: {states:?}")) }
}

/// Nova fails with this kind of error; the other services and the host do not.
fn only_nova_fails(page: &Page, kind: &str) -> Result<(), String> {
    let labels = [("collector", "compute.servers"), ("kind", kind)];
    let errors = value(page, "stackcast_collector_errors_total", &labels);
    let others = (up(page, "identity"), up(page, "placement"));
    let success = value(page, "stackcast_collector_success", &[("collector", "compute.servers")]);
    let host = page.contains_key("host_load1");
    if up(page, "nova") == Some(0.0)
        && success == Some(0.0)
        && errors.is_some_and(|count| count >= 1.0)
        && others == (Some(1.0), Some(1.0))
        && host
        && page.contains_key("openstack_placement_resource_total")
    {
        return Ok(());
    }
    Err(format!("nova {:?}, success {success:?}, errors {errors:?}, others {others:?}, host {host}", up(page, "nova")))
}

/// A fault of Nova from the start: said with its kind, and over when it is over.
async fn nova_fails(effect: Effect, kind: &str) -> Scene {
    let mut scene = Scene::with([Fault::of("nova", effect)]).await;
    let page = scene.until(|page| only_nova_fails(page, kind)).await;
    assert!(!page.contains_key("openstack_nova_total_vms"), "no made-up number");
    scene.recovers().await;
    scene
}

#[tokio::test]
async fn an_internal_error() {
    nova_fails(Effect::Status { code: 500, retry_after: None }, "server").await;
}

#[tokio::test]
async fn overload_with_retry_after() {
    let scene = nova_fails(Effect::Status { code: 503, retry_after: Some(1) }, "server").await;
    let page = scene.stackcast.page().await.unwrap();
    let retries = value(&page, "stackcast_openstack_retries_total", &[("service", "compute"), ("reason", "server")]);
    assert!(retries.is_some_and(|count| count >= 1.0), "{retries:?}");
}

#[tokio::test]
async fn throttling() {
    nova_fails(Effect::Status { code: 429, retry_after: Some(1) }, "throttled").await;
}

#[tokio::test]
async fn a_throttle_that_ends_costs_nothing_but_time() {
    let throttle = Fault::of("nova", Effect::Status { code: 429, retry_after: Some(1) }).times(3);
    let mut scene = Scene::with([throttle]).await;
    scene.until(all_up).await;
}

#[tokio::test]
async fn a_hanging_service() {
    nova_fails(Effect::Hang, "timeout").await;
}

#[tokio::test]
async fn a_cut_connection() {
    nova_fails(Effect::Cut, "connect").await;
}

#[tokio::test]
async fn truncated_json() {
    nova_fails(Effect::TruncatedJson, "decode").await;
}

#[tokio::test]
async fn a_web_page_instead_of_json() {
    let scene = nova_fails(Effect::Html, "decode").await;
    assert!(scene.stackcast.log().contains("HTML instead of JSON"), "{}", scene.stackcast.log());
}

#[tokio::test]
async fn a_gigabyte_of_body() {
    let scene = nova_fails(Effect::HugeBody { bytes: 1 << 30 }, "too_large").await;
    let resident = scene.resident_megabytes();
    assert!(resident < 300, "{resident} MB resident at the peak");
}

#[tokio::test]
async fn a_paging_loop() {
    let mut scene = Scene::start(
        demo(0).await,
        [Fault::of("nova", Effect::PagingLoop)],
        &[("STACKCAST_OPENSTACK__PAGE_SIZE", "5")],
    );
    scene.until(|page| only_nova_fails(page, "paging")).await;
    scene.recovers().await;
}

#[tokio::test]
async fn an_odd_item_costs_itself_only() {
    let mut scene = Scene::with([Fault::of("nova", Effect::OddItem)]).await;
    let truth = scene.demo.world(0).unwrap().counts().servers as f64;
    let page = scene
        .until(|page| {
            let labels = [("collector", "compute.servers"), ("reason", "decode")];
            let rejected = value(page, "stackcast_items_rejected_total", &labels);
            all_up(page)?;
            // Rejections count while a run goes on; its figures come at its end.
            value(page, "openstack_nova_total_vms", &[]).ok_or("no figures yet")?;
            if rejected.is_some_and(|count| count >= 1.0) { Ok(()) } else { Err(format!("rejected: {rejected:?}")) }
        })
        .await;
    let servers = value(&page, "openstack_nova_total_vms", &[]).unwrap();
    assert!((servers - truth).abs() <= 2.0, "{servers} servers, {truth} in truth (a few come and go meanwhile)");
}

#[tokio::test]
async fn duplicate_items_break_nothing() {
    let mut scene = Scene::with([Fault::of("nova", Effect::DuplicateItems)]).await;
    let page = scene.until(all_up).await;
    // The page was read by a parser that refuses a sample that appears twice; each server is there once.
    let ids: Vec<_> =
        page["openstack_nova_server_status"].samples.keys().map(|(_, labels)| labels["id"].clone()).collect();
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());
    assert_eq!(Some(ids.len() as f64), value(&page, "openstack_nova_total_vms", &[]));
}

#[tokio::test]
async fn keystone_down_at_the_start_and_back_later() {
    let port = crate::support::process::free_port();
    // The cloud's credentials are known, but nothing listens yet.
    let yaml = demo(port).await;
    let text = yaml.clouds_yaml();
    yaml.shutdown().await;
    let folder = tempfile::tempdir().unwrap();
    let clouds = folder.path().join("clouds.yaml");
    std::fs::write(&clouds, text).unwrap();
    let data = folder.path().join("data").display().to_string();
    let clouds = clouds.display().to_string();
    let mut environment =
        vec![("OS_CLIENT_CONFIG_FILE", clouds.as_str()), ("STACKCAST_DATA__DIRECTORY", data.as_str())];
    environment.extend(SHORT);
    let mut stackcast = Stackcast::start(&["serve", "demo"], &environment);
    stackcast
        .until(30, |page| {
            let down: Vec<_> = ["identity", "nova", "placement"].iter().map(|service| up(page, service)).collect();
            let host = page.contains_key("host_load1");
            if down == [Some(0.0); 3] && host { Ok(()) } else { Err(format!("up: {down:?}, host: {host}")) }
        })
        .await;
    let _back = demo(port).await;
    stackcast.until(60, all_up).await;
}

#[tokio::test]
async fn a_service_that_dies_later_keeps_its_last_facts_for_a_while() {
    let mut scene = Scene::healthy().await;
    scene.demo.faults().add(Fault::of("nova", Effect::Status { code: 500, retry_after: None }));
    let page = scene.until(|page| only_nova_fails(page, "server")).await;
    assert!(page.contains_key("openstack_nova_total_vms"), "young facts stay");
    // Five intervals of one second later they are too old to be shown.
    scene
        .until(|page| match page.contains_key("openstack_nova_total_vms") {
            false => only_nova_fails(page, "server"),
            true => Err("old facts are still shown".to_owned()),
        })
        .await;
    scene.recovers().await;
}

#[tokio::test]
async fn revoked_tokens_and_short_lives_are_survived() {
    let mut scene = Scene::healthy().await;
    let logins = |page: &Page| value(page, "stackcast_openstack_logins_total", &[]).unwrap_or(0.0);
    let before = logins(&scene.stackcast.page().await.unwrap());
    assert!(scene.demo.revoke_tokens() >= 1);
    let page = scene.until(|page| if logins(page) > before { all_up(page) } else { Err("no login".to_owned()) }).await;
    assert!(logins(&page) <= before + 2.0, "one login for all, not one per request: {}", logins(&page));
}
