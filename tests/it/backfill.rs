//! A replayed past, judged by others: promtool takes the file, and a real Prometheus answers with what the simulated
//! world knows of itself; nothing that a page says rests on what came later. Without the programs (Debian: prometheus)
//! their part says so and passes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::process::free_port;
use stackcast::app::{Past, fill_history, record};
use stackcast::config;
use stackcast::demo::{Demo, Settings};
use stackcast::history::{self, Want};
use stackcast::model::clock::{Clock, Timestamp};

/// A Wednesday in 2025, at midnight: within anybody's retention, and not in the future.
const START: Timestamp = Timestamp::from_seconds(1_760_486_400);
const HOUR: Duration = Duration::from_secs(3600);
/// Hours of the longer past: forecasts are ready from 116 on.
const LAST: u32 = 120;

fn hours(hours: u32) -> Timestamp {
    START.plus(HOUR * hours)
}

fn past(last: u32) -> Past {
    Past { from: START, to: hours(last), step: HOUR }
}

fn small() -> Settings {
    Settings { hypervisors: 3, instances: 40, projects: 3, anomalies: false, ..Settings::default() }
}

/// A cloud at the beginning, and an exporter's settings for it.
async fn begin(folder: &Path) -> (Demo, Clock, config::Settings) {
    let clock = Clock::manual(START);
    let demo = Demo::start(small(), clock.clone()).await.unwrap();
    let clouds = folder.join("clouds.yaml");
    std::fs::write(&clouds, demo.clouds_yaml()).unwrap();
    let mut settings = config::Settings::default();
    settings.clouds.file = Some(clouds);
    settings.clouds.names = vec!["demo".to_owned()];
    settings.data.directory = folder.join("data");
    (demo, clock, settings)
}

/// What would have been published up to an hour.
async fn recorded(last: u32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (_demo, clock, settings) = begin(folder.path()).await;
    let mut text = Vec::new();
    let samples = record(&settings, &clock, past(last)).await.unwrap().write(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(samples, text.lines().filter(|line| !line.starts_with('#')).count() as u64);
    text
}

/// Instances, and vCPUs that they take, by hour: counted by the world itself.
async fn truth(last: u32) -> Vec<(f64, f64)> {
    let clock = Clock::manual(START);
    let demo = Demo::start(small(), clock.clone()).await.unwrap();
    let mut found = Vec::new();
    for hour in 0..=last {
        clock.set(hours(hour));
        let counts = demo.world(0).unwrap().counts();
        found.push((counts.servers as f64, counts.vcpus_used as f64));
    }
    found
}

/// Families in one piece, series in one piece, times ascending: what the format demands.
fn assert_ordered(text: &str) {
    let (mut families, mut series, mut last) = (BTreeSet::new(), BTreeSet::new(), (String::new(), f64::MIN));
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            assert!(families.insert(family), "{line} twice");
        } else if !line.starts_with('#') {
            let mut words = line.rsplitn(3, ' ');
            let (at, name): (f64, _) = (words.next().unwrap().parse().unwrap(), words.nth(1).unwrap());
            if last.0 == name {
                assert!(at > last.1, "{line}");
            } else {
                assert!(series.insert(name.to_owned()), "{name} in two pieces");
            }
            last = (name.to_owned(), at);
        }
    }
    assert!(text.ends_with("\n# EOF\n"));
}

/// What a file says of times up to an hour, but for how long real requests took.
fn up_to(text: &str, last: u32) -> BTreeSet<&str> {
    let early =
        |line: &&str| line.rsplit_once(' ').is_some_and(|(_, at)| at.parse::<f64>().unwrap() <= hours(last).seconds());
    // Signals of scope custom are those durations, here.
    let measured = |line: &&str| line.starts_with("openstack_api_duration") || line.contains("scope=\"custom\"");
    let samples = text.lines().filter(|line| !line.starts_with('#') && !measured(line));
    samples.filter(early).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_is_what_was_known_then_and_a_real_prometheus_takes_it() {
    let (long, short) = tokio::join!(tokio::spawn(recorded(LAST)), tokio::spawn(recorded(LAST - 2)));
    let (long, short) = (long.unwrap(), short.unwrap());
    assert_ordered(&long);
    let (of_long, of_short) = (up_to(&long, LAST - 2), up_to(&short, LAST - 2));
    let differ: Vec<_> = of_long.symmetric_difference(&of_short).take(5).collect();
    assert!(differ.is_empty(), "what came later has changed what was said: {differ:#?}");
    let forecasts = of_short.iter().filter(|line| line.starts_with("stackcast_forecast_utilization_ratio{")).count();
    assert!(forecasts > 0, "there are forecasts to compare");
    let trained = "stackcast_forecast_trained_timestamp_seconds{cloud=\"demo\",region=\"RegionOne\",scope=\"cloud\",entity=\"demo\",resource=\"vcpu\"";
    for hour in 2..=LAST - 2 {
        let (before, now) = (hours(hour - 1).seconds(), hours(hour).seconds());
        let made = of_short.iter().any(|line| line.starts_with(trained) && line.ends_with(&format!(" {before} {now}")));
        assert!(made, "made anew at hour {hour}");
    }
    if !installed("prometheus") || !installed("promtool") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let prometheus = Prometheus::start(folder.path(), &long);
    for (hour, (servers, vcpus)) in (0..).zip(truth(LAST).await) {
        assert_eq!(prometheus.value("openstack_nova_total_vms", hour).await, servers, "hour {hour}");
        assert_eq!(prometheus.value("sum(openstack_nova_vcpus_used)", hour).await, vcpus, "hour {hour}");
    }
    assert_eq!(prometheus.value("openstack_nova_up", LAST).await, 1.0);
    assert_eq!(
        prometheus.value("count(stackcast_forecast_ready{scope=\"cloud\",resource=\"vcpu\"} == 1)", LAST).await,
        1.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filled_history_reads_as_the_world_was_and_time_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (demo, clock, settings) = begin(folder.path()).await;
    fill_history(&settings, &clock, past(30)).await.unwrap();
    assert_eq!(demo.world(0).unwrap().now(), hours(30), "the cloud stands where its past ended");
    let opened = history::open(&settings.history, &settings.data.directory, 30, &clock).unwrap();
    let signal = stackcast::analyse::signals::built_in().into_iter().find(|signal| signal.name == "instances").unwrap();
    // The last two days, which is all of this past, were gone through at the pace of the analysis grid.
    let step = HOUR / 12;
    let want = Want { signal: signal.clone().into(), only: None, from: START, to: hours(31), step };
    let answer = opened.history.read(&want).await.unwrap();
    let whole = answer.stretches.iter().find(|stretch| &*stretch.key.entity == "demo").unwrap();
    let servers: Vec<f64> = truth(30).await.into_iter().map(|(servers, _)| servers).collect();
    let at_full_hours: Vec<f64> = whole.values.iter().copied().step_by(12).collect();
    assert_eq!(at_full_hours, servers);
}

fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// A Prometheus over blocks that promtool has made of a file; killed when dropped.
struct Prometheus {
    child: Child,
    url: String,
    client: reqwest::Client,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(folder: &Path, text: &str) -> Self {
        let (file, data) = (folder.join("past.om"), folder.join("tsdb"));
        std::fs::write(&file, text).unwrap();
        let mut promtool = Command::new("promtool");
        promtool.args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"]).arg(&file).arg(&data);
        let made = promtool.output().unwrap();
        assert!(made.status.success(), "{made:?}");
        std::fs::write(folder.join("prometheus.yml"), "").unwrap();
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, url: format!("http://127.0.0.1:{port}/api/v1/query"), client: reqwest::Client::new() }
    }

    /// The only value of a query at an hour; the server needs a moment to begin with.
    async fn value(&self, query: &str, hour: u32) -> f64 {
        let parameters = BTreeMap::from([("query", query.to_owned()), ("time", hours(hour).seconds().to_string())]);
        let url = reqwest::Url::parse_with_params(&self.url, &parameters).unwrap();
        for _ in 0..150 {
            if let Ok(answer) = self.client.get(url.clone()).send().await
                && answer.status().is_success()
            {
                let answer: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
                let found = answer["data"]["result"].as_array().unwrap();
                assert_eq!(found.len(), 1, "{query} at hour {hour}: {answer}");
                return found[0]["value"][1].as_str().unwrap().parse().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("no answer to {query}");
    }
}
