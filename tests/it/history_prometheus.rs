//! The same weeks in the embedded store, a real Prometheus (behind TLS and a password) and a real VictoriaMetrics: each
//! answers the same. Without the programs (Debian: prometheus, victoria-metrics) the test says so and passes.

use std::fmt::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::support::process::free_port;
use stackcast::history::{
    Answer, FILE_NAME, History, HistoryError, Prometheus, PrometheusHistory, Retention, Store, Telemetry, Want,
};
use stackcast::model::clock::{Clock, Timestamp};
use stackcast::model::metric::Unit;
use stackcast::model::part::Origin;
use stackcast::model::signal::{Direction, Query, Scope, SeriesKey, Signal, Tick};

/// A Wednesday in 2025, at midnight: within anybody's retention, and not in the future.
const START: i64 = 1_760_486_400;
const WEEKS: i64 = 2;
const STEP: i64 = 100;
const HOSTS: usize = 4;

/// Killed when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn value(at: i64, host: usize) -> f64 {
    let noise = (at / STEP * 7919 + host as i64 * 31) % 100;
    (50.0 + 20.0 * ((at % 86_400) as f64 / 13_751.0).sin() + noise as f64 / 10.0).round() / 100.0
}

/// Host 3 was away for a day.
fn present(at: i64, host: usize) -> bool {
    host != 3 || !(START + 86_400..START + 2 * 86_400).contains(&at)
}

fn times() -> impl Iterator<Item = i64> {
    (START..START + WEEKS * 7 * 86_400).step_by(usize::try_from(STEP).unwrap())
}

fn signal() -> Arc<Signal> {
    let query = Query {
        expression: "test_load".into(),
        scope: Some(Scope::Hypervisor),
        entity_label: "host".into(),
        resource: Some("vcpu".into()),
        basis: None,
    };
    Arc::new(Signal {
        name: "load".into(),
        help: "A load.".into(),
        unit: Unit::Ratio,
        min: Some(0.0),
        max: None,
        ceiling: None,
        counter: false,
        season: None,
        direction: Direction::Up,
        query,
    })
}

fn key(host: usize) -> Arc<SeriesKey> {
    Arc::new(SeriesKey {
        signal: "load".into(),
        origin: Origin::new("c", "r"),
        scope: Scope::Hypervisor,
        entity: format!("n{host}").into(),
        resource: "vcpu".into(),
        basis: None,
    })
}

fn want(step: u64) -> Want {
    let (from, to) = (Timestamp::from_seconds(START), Timestamp::from_seconds(START + WEEKS * 7 * 86_400));
    Want { signal: signal(), only: None, from, to, step: Duration::from_secs(step) }
}

fn labels(host: usize) -> String {
    format!("test_load{{cloud=\"c\",region=\"r\",host=\"n{host}\",job=\"x\"}}")
}

fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// Asks until there is an answer with series; the servers need a moment.
async fn patiently(history: &PrometheusHistory, want: &Want) -> Answer {
    let mut last = None;
    for _ in 0..150 {
        match history.read(want).await {
            Ok(answer) if !answer.stretches.is_empty() => return answer,
            outcome => last = Some(outcome),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("no answer: {last:?}");
}

fn assert_same(embedded: &Answer, other: &Answer, what: &str) {
    let name = |answer: &Answer| -> Vec<_> {
        answer.stretches.iter().map(|s| (s.key.clone(), s.start, s.values.len())).collect()
    };
    assert_eq!(name(embedded), name(other), "{what}");
    for (a, b) in embedded.stretches.iter().zip(&other.stretches) {
        let far = |(at, (a, b)): (usize, (&f64, &f64))| {
            let same = a.is_nan() && b.is_nan() || (a - b).abs() < 2e-6;
            (!same).then_some((at, *a, *b))
        };
        let differ: Vec<_> = a.values.iter().zip(&b.values).enumerate().filter_map(far).collect();
        // Prometheus takes a reading for valid for five minutes, so the first points of a gap may be told.
        assert!(
            differ.len() <= 3 * usize::from(&*a.key.entity == "n3"),
            "{what}, {}: {:?} of {}",
            a.key.entity,
            &differ[..differ.len().min(9)],
            differ.len()
        );
    }
    assert!(other.warnings.is_empty(), "{what}: {:?}", other.warnings);
}

async fn embedded(directory: &Path) -> (Answer, Answer) {
    let retention = Retention { raw_days: 400, rollup_days: 400 };
    let store =
        Store::open(&directory.join(FILE_NAME), retention, &Clock::system(), &Arc::new(Telemetry::default())).unwrap();
    let keys: Vec<_> = (0..HOSTS).map(key).collect();
    for at in times() {
        let readings = keys.iter().enumerate().filter(|(host, _)| present(at, *host));
        let readings = readings.map(|(host, key)| (Arc::clone(key), value(at, host))).collect();
        store.append_waiting(Tick { at: Timestamp::from_seconds(at), readings }).unwrap();
    }
    store.settle().unwrap();
    (store.read(&want(100)).await.unwrap(), store.read(&want(3600)).await.unwrap())
}

fn start_prometheus(directory: &Path, port: u16) -> Server {
    let mut text = String::from("# TYPE test_load gauge\n");
    for host in 0..HOSTS {
        for at in times().filter(|at| present(*at, host)) {
            writeln!(text, "{} {} {at}", labels(host), value(at, host)).unwrap();
        }
    }
    text.push_str("# EOF\n");
    let file = directory.join("weeks.om");
    std::fs::write(&file, text).unwrap();
    let data = directory.join("tsdb");
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
        .arg(&file)
        .arg(&data)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(directory.join("cert.pem"), certified.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), certified.signing_key.serialize_pem()).unwrap();
    let hash = bcrypt::hash("correct-horse", 4).unwrap();
    let web = format!(
        "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\nbasic_auth_users:\n  stackcast: {hash}\n"
    );
    std::fs::write(directory.join("web.yml"), web).unwrap();
    std::fs::write(directory.join("prometheus.yml"), "").unwrap();
    std::fs::write(directory.join("password"), "correct-horse\n").unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", directory.join("prometheus.yml").display()))
        .arg(format!("--web.config.file={}", directory.join("web.yml").display()))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .arg("--storage.tsdb.retention.time=100y")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stderr(Stdio::null())
        .spawn();
    Server(child.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_answers_as_the_embedded_store_does() {
    if !installed("prometheus") || !installed("promtool") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (fine, hourly) = embedded(directory.path()).await;
    let port = free_port();
    let _server = start_prometheus(directory.path(), port);
    let settings = Prometheus {
        url: Some(format!("https://localhost:{port}/")),
        username: Some("stackcast".to_owned()),
        password_file: Some(directory.path().join("password")),
        ca_file: Some(directory.path().join("cert.pem")),
        resolution_seconds: 100,
        ..Prometheus::default()
    };
    let history = PrometheusHistory::new(&settings).unwrap();
    // 12,096 points a series: more than Prometheus answers at once.
    assert_same(&fine, &patiently(&history, &want(100)).await, "raw");
    assert_same(&hourly, &history.read(&want(3600)).await.unwrap(), "hourly");
    let one = Want { only: Some([key(2)].into()), ..want(3600) };
    let answer = history.read(&one).await.unwrap();
    assert_eq!(answer.stretches.len(), 1);
    assert_eq!(answer.stretches[0].key, key(2));
    refusals(&settings, directory.path()).await;
}

/// What goes wrong is said, with what to do, and without the password.
async fn refusals(settings: &Prometheus, directory: &Path) {
    std::fs::write(directory.join("wrong"), "hunter2").unwrap();
    let error = |settings: Prometheus, want: Want| async move {
        let error = PrometheusHistory::new(&settings).unwrap().read(&want).await.unwrap_err();
        assert!(matches!(error, HistoryError::Prometheus(_)));
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hunter2") && !text.contains("correct-horse"), "{text}");
        text
    };
    let wrong = Prometheus { password_file: Some(directory.join("wrong")), ..settings.clone() };
    let text = error(wrong, want(3600)).await;
    assert!(text.contains("401") && text.contains("password_file"), "{text}");
    let untrusted = Prometheus { ca_file: None, ..settings.clone() };
    let text = error(untrusted, want(3600)).await;
    assert!(text.contains("certificate"), "{text}");
    let mut bad = want(3600);
    Arc::make_mut(&mut bad.signal).query.expression = "rate(".into();
    let text = error(settings.clone(), bad).await;
    assert!(text.contains("parse error") && text.contains("`load`"), "{text}");
    let blind = Prometheus { ca_file: None, verify: false, ..settings.clone() };
    assert!(PrometheusHistory::new(&blind).unwrap().read(&want(3600)).await.is_ok());
    let small = Prometheus { response_bytes_max: 65_536, ..settings.clone() };
    let pieces = PrometheusHistory::new(&small).unwrap().read(&want(100)).await.unwrap();
    assert_eq!(pieces.stretches[0].values.len(), 12_096, "asked for in pieces");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_victoria_metrics_answers_as_the_embedded_store_does() {
    if !installed("victoria-metrics") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (fine, hourly) = embedded(directory.path()).await;
    let port = free_port();
    let child = Command::new("victoria-metrics")
        .arg(format!("-storageDataPath={}", directory.path().join("vm").display()))
        .args(["-retentionPeriod=100y", "-search.latencyOffset=0s"])
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    let _server = Server(child.unwrap());
    let url = format!("http://127.0.0.1:{port}");
    let mut text = String::new();
    for host in 0..HOSTS {
        for at in times().filter(|at| present(*at, host)) {
            writeln!(text, "{} {} {}", labels(host), value(at, host), at * 1000).unwrap();
        }
    }
    let client = reqwest::Client::new();
    for attempt in 0.. {
        let sent = client.post(format!("{url}/api/v1/import/prometheus")).body(text.clone()).send().await;
        if sent.is_ok_and(|response| response.status().is_success()) {
            break;
        }
        assert!(attempt < 100, "VictoriaMetrics takes no data");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let _ = client.get(format!("{url}/internal/force_flush")).send().await;
    let settings = Prometheus { url: Some(url), resolution_seconds: 100, ..Prometheus::default() };
    let history = PrometheusHistory::new(&settings).unwrap();
    assert_same(&fine, &patiently(&history, &want(100)).await, "raw");
    assert_same(&hourly, &history.read(&want(3600)).await.unwrap(), "hourly");
}
