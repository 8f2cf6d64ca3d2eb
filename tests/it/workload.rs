//! Workload records from end to end, over real sockets: a cloud that changes, stackcast that compares, keeps and sends, a
//! second stackcast that collects, and its CSV. And the same against a real OpenStack, whose changes are made through its
//! own API.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::against_openstack::{alone, change, clouds_yaml};
use crate::support::exposition::{Page, value};
use crate::support::process::Stackcast;
use serde_json::Value;
use stackcast::demo::{Demo, Settings, Status};
use stackcast::model::clock::Clock;

const TYPES: [&str; 6] = ["vm", "flavor", "volume", "image", "tenant", "keystone_user"];

/// A CSV with its head taken off.
struct Csv {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Csv {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let head = lines.next().unwrap();
        Self { rows: lines.collect(), head }
    }

    fn column(&self, name: &str) -> usize {
        self.head.iter().position(|column| column == name).unwrap_or_else(|| panic!("{name}: {:?}", self.head))
    }

    /// Values of a column where another one is `true`.
    fn of(&self, name: &str, flag: &str) -> BTreeSet<&str> {
        let (name, flag) = (self.column(name), self.column(flag));
        self.rows.iter().filter(|row| row[flag] == "true").map(|row| row[name].as_str()).collect()
    }

    fn all(&self, name: &str) -> BTreeSet<&str> {
        let name = self.column(name);
        self.rows.iter().map(|row| row[name].as_str()).collect()
    }
}

/// Starts the collector.
fn collector(data: &Path, more: &[(&str, &str)]) -> Stackcast {
    let data = data.display().to_string();
    let mut environment = vec![
        ("STACKCAST_DATA__DIRECTORY", data.as_str()),
        ("STACKCAST_WORKLOAD__COLLECTOR__ENABLED", "true"),
        ("STACKCAST_ANALYSIS__ENABLED", "false"),
    ];
    environment.extend(more);
    Stackcast::start(&["serve"], &environment)
}

/// Starts the stackcast that watches a cloud and sends.
/// Reads a cloud every `seconds` and sends what changes to a collector.
fn watcher(clouds: &Path, cloud: &str, data: &Path, to: &Stackcast, seconds: u32) -> Stackcast {
    let (clouds, data, pace) = (clouds.display().to_string(), data.display().to_string(), seconds.to_string());
    let url = format!("http://{}", to.address);
    let environment = [
        ("OS_CLIENT_CONFIG_FILE", clouds.as_str()),
        ("STACKCAST_DATA__DIRECTORY", data.as_str()),
        ("STACKCAST_ANALYSIS__ENABLED", "false"),
        ("STACKCAST_WORKLOAD__ENABLED", "true"),
        ("STACKCAST_WORKLOAD__INTERVAL_SECONDS", "1"),
        ("STACKCAST_WORKLOAD__SEND__CONSENT", "true"),
        ("STACKCAST_WORKLOAD__SEND__AFTER_DAYS", "0"),
        ("STACKCAST_WORKLOAD__SEND__INTERVAL_SECONDS", "1"),
        ("STACKCAST_WORKLOAD__SEND__URL", url.as_str()),
        ("STACKCAST_COLLECT__INTERVAL__FAST_SECONDS", pace.as_str()),
        ("STACKCAST_COLLECT__INTERVAL__MEDIUM_SECONDS", pace.as_str()),
        ("STACKCAST_COLLECT__INTERVAL__SLOW_SECONDS", pace.as_str()),
    ];
    // What is kept is of these services; the others would cost a real cloud's one process each for nothing.
    let others = ["container-infra", "dns", "baremetal", "orchestration", "database", "sharev2", "load-balancer"]
        .map(|service| format!("--disable-service.{service}"));
    let arguments: Vec<&str> = ["serve", cloud].into_iter().chain(others.iter().map(String::as_str)).collect();
    Stackcast::start(&arguments, &environment)
}

fn gauge(page: &Page, family: &str, kind: &str) -> Option<f64> {
    page.get(family)?.samples.iter().find(|((_, labels), _)| labels["type"] == kind).map(|(_, value)| *value)
}

fn counted(page: &Page, kind: &str, change: &str) -> f64 {
    let family = page.get("stackcast_workload_changes_total");
    let mut samples = family.iter().flat_map(|family| &family.samples);
    samples
        .find(|((_, labels), _)| labels["type"] == kind && labels["change"] == change)
        .map_or(0.0, |(_, value)| *value)
}

async fn json(stackcast: &Stackcast, path: &str) -> Value {
    let (status, body) = stackcast.get(path).await.unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

async fn csv(stackcast: &Stackcast, kind: &str) -> Csv {
    let (status, body) = stackcast.get(&format!("/api/v1/csv/{kind}")).await.unwrap();
    assert_eq!(status, 200, "{kind}: {body}");
    Csv::parse(&body)
}

/// Waits until the collector's CSV of a kind satisfies a test.
async fn until_collected(collector: &Stackcast, kind: &str, test: impl Fn(&Csv) -> bool) -> Csv {
    for _ in 0..300 {
        if let Some((200, body)) = collector.get(&format!("/api/v1/csv/{kind}")).await {
            let found = Csv::parse(&body);
            if test(&found) {
                return found;
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the collector's {kind}.csv never satisfied; its log:\n{}", collector.log());
}

/// Every text of a store, blobs unpacked.
fn texts(data: &Path) -> String {
    let store = rusqlite::Connection::open(data.join("workload.db")).unwrap();
    let mut all = String::new();
    for table in ["own", "received"] {
        let mut rows = store.prepare(&format!("SELECT current, changes FROM {table}")).unwrap();
        let blobs = rows.query_map([], |row| Ok([row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?])).unwrap();
        for blob in blobs.flat_map(Result::unwrap) {
            flate2::read::DeflateDecoder::new(&*blob).read_to_string(&mut all).unwrap();
        }
    }
    assert!(all.len() > 1000, "nothing to search");
    for file in ["workload.db", "workload.db-wal"] {
        all += &String::from_utf8_lossy(&std::fs::read(data.join(file)).unwrap_or_default());
    }
    all
}

/// Everything that a cloud's API tells under such a name.
fn named(page: &Page, label: &str) -> BTreeSet<String> {
    let samples = page.values().flat_map(|family| family.samples.keys());
    samples.filter_map(|(_, labels)| labels.get(label).filter(|value| value.len() > 5).cloned()).collect()
}

#[tokio::test]
async fn a_cloud_changes_and_the_collector_has_it_as_csv() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Clock::system().now());
    let settings = Settings {
        hypervisors: 6,
        instances: 60,
        projects: 3,
        churn_per_minute: Some(0.1),
        token_seconds: 1_000_000,
        ..Settings::default()
    };
    let demo = Demo::start(settings, clock.clone()).await.unwrap();
    let clouds = folder.path().join("clouds.yaml");
    std::fs::write(&clouds, demo.clouds_yaml()).unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let mut second = collector(&there, &[]);
    second.until(60, |_| Ok(())).await;
    let mut first = watcher(&clouds, "demo", &here, &second, 1);
    let page = first.until(120, all_read).await;
    assert!(TYPES.iter().all(|kind| gauge(&page, "stackcast_workload_fetch_success", kind) == Some(1.0)));
    assert_eq!(json(&first, "/api/v1/changes").await["total"], 0, "a baseline is no change");

    // Instances come, change and go; in between the program is killed, and no change is lost by that.
    let step = |minutes: u64| clock.set(clock.now().plus(Duration::from_secs(60 * minutes)));
    step(5);
    first.until(60, servers_changed).await;
    drop(first);
    step(5);
    let mut first = watcher(&clouds, "demo", &here, &second, 1);
    let page = first.until(120, servers_changed).await;
    let total = json(&first, "/api/v1/changes?type=vm").await["total"].as_u64().unwrap();
    let modified = page["stackcast_workload_attribute_changes_total"].samples.iter();
    assert!(modified.filter(|((_, labels), _)| labels["attribute"] == "status").any(|(_, value)| *value > 0.0));

    let own = csv(&first, "vm").await;
    let collected = until_collected(&second, "vm", |collected| collected.rows == own.rows).await;
    assert_eq!(collected.head, own.head, "what is sent is what is kept");
    let flags = ["vm.is_added", "vm.is_modified", "vm.is_removed"].map(|flag| collected.of("vm.id", flag).len());
    assert!(flags.iter().all(|count| *count > 0), "{flags:?}");
    assert!(total >= flags.iter().sum::<usize>() as u64, "a resource may change twice");
    assert_current(&demo, &collected);
    for kind in TYPES {
        assert!(!until_collected(&second, kind, |csv| !csv.rows.is_empty()).await.rows.is_empty());
    }
    let clusters = csv(&second, "clusters").await;
    assert_eq!(clusters.rows.len(), 1);

    let page = first.page().await.unwrap();
    assert_private(&page, [&here, &there]);
    assert!(!texts(&there).contains("RegionOne"), "a collector learns neither cloud nor region");
    // Counts reach the page with the collector's next look at itself.
    let received =
        |page: &Page, result| value(page, "stackcast_workload_received_reports_total", &[("result", result)]);
    let told = |page: &Page| {
        let (added, failed) = (received(page, "added"), received(page, "failed"));
        let whole = added.is_some_and(|count| count >= 6.0) && failed == Some(0.0);
        if whole { Ok(()) } else { Err(format!("added {added:?}, failed {failed:?}")) }
    };
    second.until(30, told).await;
}

/// Every kind of resource has a baseline.
fn all_read(page: &Page) -> Result<(), String> {
    let unread = |kind: &&&str| gauge(page, "stackcast_workload_resources", kind).is_none();
    TYPES.iter().find(unread).map_or(Ok(()), |missing| Err(format!("{missing} is not compared yet")))
}

/// Servers came, changed and went.
fn servers_changed(page: &Page) -> Result<(), String> {
    let unseen = |change: &&&str| counted(page, "vm", change) == 0.0;
    let changes = ["added", "modified", "removed"];
    changes.iter().find(unseen).map_or(Ok(()), |missing| Err(format!("no server {missing}")))
}

/// What is not removed is what the cloud has now.
fn assert_current(demo: &Demo, collected: &Csv) {
    let living: BTreeSet<String> = {
        let world = demo.world(0).unwrap();
        let living = world.servers().iter().filter(|server| server.status != Status::Deleted);
        living.map(|server| stackcast::model::id::Id::Dashed(server.id.into()).to_string()).collect()
    };
    let (ids, removed) = (collected.all("vm.id"), collected.of("vm.id", "vm.is_removed"));
    let there_now: BTreeSet<String> = ids.difference(&removed).map(|id| (*id).to_owned()).collect();
    assert_eq!(there_now, living, "current rows are the cloud's servers");
}

/// Nothing that a person chose, and no address, is kept here or there.
fn assert_private(page: &Page, stores: [&Path; 2]) {
    let labels = ["name", "hostname", "address_ipv4", "instance_libvirt"];
    let planted: BTreeSet<String> = labels.iter().flat_map(|label| named(page, label)).collect();
    assert!(planted.len() > 40, "only {} names are known", planted.len());
    for data in stores {
        let texts = texts(data);
        for name in &planted {
            assert!(!texts.contains(name.as_str()), "{}: `{name}` is kept", data.display());
        }
        for forbidden in ["192.168.", "10.0.0.", "fa:16:3e", "password", "\"name\"", "addresses"] {
            assert!(!texts.contains(forbidden), "{}: `{forbidden}` is kept", data.display());
        }
    }
}

#[tokio::test]
async fn questions_and_reports_that_are_wrong_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let limit = [("STACKCAST_WORKLOAD__COLLECTOR__BODY_BYTES_MAX", "65536")];
    let mut stackcast = collector(&folder.path().join("data"), &limit);
    stackcast.until(60, |_| Ok(())).await;
    for (path, status, words) in [
        ("/api/v1/csv/plugins", 404, "no plugins"),
        ("/api/v1/csv/nothing", 404, "keystone_user"),
        ("/api/v1/csv/vm?from_date=22.11.2026", 400, "from_date"),
        ("/api/v1/csv/vm?to_date=2026-02-30", 400, "to_date"),
        ("/api/v1/csv/vm?from_date=2026-02-02&to_date=2026-02-01", 400, "lies behind"),
        ("/api/v1/csv/vm?type=vm", 400, "no parameter `type`"),
        ("/api/v1/changes?type=host", 400, "keystone_user"),
        ("/api/v1/changes?limit=0", 400, "limit"),
        ("/api/v1/oswl_stats", 405, "POST"),
        ("/api/v1/changes", 200, "\"total\":0"),
        ("/api/v1/csv/clusters", 200, "master_node_uid"),
    ] {
        let (code, body) = stackcast.get(path).await.unwrap();
        assert_eq!((code, body.contains(words)), (status, true), "{path}: {body}");
    }
    let client = reqwest::Client::new();
    let url = format!("http://{}/api/v1/oswl_stats", stackcast.address);
    let post = async |form: &str, body: String| {
        let answer = client.post(&url).header("content-type", form).body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.text().await.unwrap())
    };
    let record = include_str!("../data/oswl_record.json");
    let (status, body) = post("application/json", format!("{{\"oswl_stats\": [{record}]}}")).await;
    assert_eq!((status, body.contains("\"added\"")), (200, true), "{body}");
    let bad = record.replace("\"status\"", "\"name\"");
    let (status, body) = post("application/json", format!("{{\"oswl_stats\": [{record}, {bad}]}}")).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &answer["errors"][0]["record"]), (400, &1.into()), "{body}");
    assert_eq!(answer["errors"][0]["path"], "oswl_stats[1].resource_data.current[0].name");
    assert_eq!(
        (&answer["oswl_stats"][0]["status"], &answer["oswl_stats"][1]["status"]),
        (&"updated".into(), &"failed".into())
    );
    assert_eq!(post("application/json", "{}".to_owned()).await.0, 400);
    assert_eq!(post("text/plain", "{\"oswl_stats\": []}".to_owned()).await.0, 415);
    assert_eq!(post("application/json; charset=utf-8", "{\"oswl_stats\": []}".to_owned()).await.0, 200);
    assert_eq!(post("application/json", " ".repeat(70_000)).await.0, 413);

    let answer =
        client.get(format!("http://{}/api/v1/csv/all?to_date=2026-11-30", stackcast.address)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/zip");
    let archive = folder.path().join("all.zip");
    std::fs::write(&archive, answer.bytes().await.unwrap()).unwrap();
    // Read by somebody else's code.
    let listing =
        "import sys,zipfile;z=zipfile.ZipFile(sys.argv[1]);assert z.testzip() is None;print(z.read('vm.csv').decode())";
    match Command::new("python3").args(["-c", listing]).arg(&archive).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert!(String::from_utf8_lossy(&output.stdout).contains(",vm,"), "the reported record");
        }
        Err(_) => say!("SKIPPED: python3 is not installed"),
    }
}

#[tokio::test]
async fn nothing_is_recorded_or_taken_unless_switched_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let environment = [("STACKCAST_DATA__DIRECTORY", data.as_str()), ("STACKCAST_ANALYSIS__ENABLED", "false")];
    let mut stackcast = Stackcast::start(&["serve"], &environment);
    stackcast.until(60, |_| Ok(())).await;
    let (status, body) = stackcast.get("/api/v1/changes").await.unwrap();
    assert_eq!((status, body.contains("workload.enabled")), (404, true), "{body}");
    let url = format!("http://{}/api/v1/oswl_stats", stackcast.address);
    let form = reqwest::Client::new().post(url).header("content-type", "application/json");
    assert_eq!(form.body("{\"oswl_stats\": []}").send().await.unwrap().status(), 404);
    assert!(!Path::new(&data).join("workload.db").exists());
}

#[tokio::test]
async fn a_real_openstack_changes_and_the_collector_has_it_as_csv() {
    let Some(clouds) = clouds_yaml() else { return };
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let mut second = collector(&there, &[]);
    second.until(60, |_| Ok(())).await;
    let mut first = watcher(Path::new(&clouds), "admin", &here, &second, 6);
    first.until(240, all_read).await;
    for (what, kind, done) in [
        ("create", "vm", "added"),
        ("resize", "vm", "modified"),
        ("more", "volume", "added"),
        ("less", "volume", "removed"),
        ("delete", "vm", "removed"),
    ] {
        change(&clouds, &[what]);
        let counted = |page: &Page| counted(page, kind, done) > 0.0;
        first.until(180, |page| if counted(page) { Ok(()) } else { Err(format!("{what}: no {kind} {done}")) }).await;
        if what == "more" {
            drop(first);
            first = watcher(Path::new(&clouds), "admin", &here, &second, 6);
            first.until(240, all_read).await;
        }
    }
    let noticed = json(&first, "/api/v1/changes?limit=1000").await;
    let has = |kind: &str, change: &str| {
        noticed["items"].as_array().unwrap().iter().any(|item| item["type"] == kind && item["change"] == change)
    };
    for (kind, change) in
        [("vm", "added"), ("vm", "modified"), ("vm", "removed"), ("volume", "added"), ("volume", "removed")]
    {
        assert!(has(kind, change), "{kind} {change}: {noticed}");
    }
    let own = csv(&first, "vm").await;
    let removed = own.of("vm.id", "vm.is_removed").len();
    assert!(removed >= 1);
    until_collected(&second, "vm", |collected| collected.rows == own.rows).await;
    for data in [&here, &there] {
        let texts = texts(data);
        for planted in ["stackcast-change", "initech", "acme", "alice", "192.168.", "10.0.", "fa:16:3e", "compute-0"] {
            assert!(!texts.contains(planted), "{}: `{planted}` is kept", data.display());
        }
    }
}
