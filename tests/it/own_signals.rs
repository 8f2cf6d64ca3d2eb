//! Signals of the user's own, end to end: a real Prometheus with three weeks behind it, and the real program that asks it.
//! Without the programs (Debian: prometheus) the test says so and passes.

use std::fmt::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::exposition::{Page, value};
use crate::support::process::{Stackcast, free_port};
use stackcast::model::clock::Clock;

const HOSTS: usize = 3;
const STEP: i64 = 300;

/// Killed when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// Three weeks up to an hour from now, so that the latest block is not older than what the test asks for.
fn start_prometheus(directory: &Path, port: u16) -> Server {
    let now = Clock::system().now().millis() / 1000 / STEP * STEP;
    let times = || (now - 21 * 86_400..now + 3600).step_by(usize::try_from(STEP).unwrap());
    let mut text = String::new();
    for (family, level) in [("disk_used_bytes", 40.0), ("disk_size_bytes", 100.0), ("jobs_waiting", 7.0)] {
        writeln!(text, "# TYPE {family} gauge").unwrap();
        for host in 0..HOSTS {
            for at in times() {
                let wave = if level == 100.0 { 0.0 } else { ((at % 86_400) as f64 / 13_751.0).sin() };
                let reading = level + host as f64 * f64::from(u8::from(level != 100.0)) + wave;
                writeln!(text, "{family}{{instance=\"n{host}.dc1:9100\"}} {reading} {at}").unwrap();
            }
        }
    }
    text.push_str("# EOF\n");
    let (file, data) = (directory.join("weeks.om"), directory.join("tsdb"));
    std::fs::write(&file, text).unwrap();
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
        .args([&file, &data])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    std::fs::write(directory.join("prometheus.yml"), "").unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", directory.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .arg("--storage.tsdb.retention.time=100y")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stderr(Stdio::null())
        .spawn();
    Server(child.unwrap())
}

fn configuration(port: u16, directory: &Path, more: &str) -> String {
    format!(
        r#"
[collect.host]
enabled = false
[data]
directory = "{}"
[history.signals]
url = "http://127.0.0.1:{port}"
[signals.disk_used]
query = "disk_used_bytes"
ceiling_query = "disk_size_bytes"
entity_map = "^([^.]+)"
resource = "volume"
direction = "up"
[signals.jobs]
query = "sum(jobs_waiting) by (instance)"
unit = "count"
max_series = 2
[signals.broken]
query = "sum(jobs_waiting"
{more}"#,
        directory.join("data").display()
    )
}

fn about(page: &Page, family: &str, labels: &[(&str, &str)]) -> Option<f64> {
    value(page, family, labels)
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_kept_and_forecast_as_built_in_signals_are() {
    if !installed("prometheus") || !installed("promtool") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = start_prometheus(directory.path(), port);
    let file = directory.path().join("stackcast.toml");
    std::fs::write(&file, configuration(port, directory.path(), "")).unwrap();
    wait_for(port).await;
    let arguments = ["--config", file.to_str().unwrap()];
    let mut program = Stackcast::start(&arguments, &[]);
    let volume = [("scope", "custom"), ("entity", "n1"), ("resource", "volume"), ("basis", "demand")];
    let page = program
        .until(120, |page| {
            let full = [&volume[..], &[("tier", "full"), ("bound", "mid")]].concat();
            about(page, "stackcast_forecast_exhaustion_seconds", &full).map(|_| ()).ok_or("no forecast".to_owned())
        })
        .await;
    let used = about(&page, "stackcast_capacity_utilization_ratio", &volume).unwrap();
    assert!((0.39..0.43).contains(&used), "{used}");
    let history = about(&page, "stackcast_forecast_history_seconds", &volume).unwrap();
    assert!(history > 20.0 * 86_400.0, "the past was read from Prometheus: {history} s");
    let jobs = |host: &str| [("scope", "custom"), ("entity", host), ("signal", "jobs")].map(|(a, b)| (a, b.to_owned()));
    let jobs = |host: &str| {
        let labels = jobs(host);
        let labels: Vec<(&str, &str)> = labels.iter().map(|(name, text)| (*name, text.as_str())).collect();
        about(&page, "stackcast_signal_value", &labels)
    };
    assert!((6.0..8.1).contains(&jobs("n0.dc1:9100").unwrap()));
    assert!(jobs("n1.dc1:9100").is_some() && jobs("n2.dc1:9100").is_none(), "no more than max_series");
    let of = |family: &str, signal: &str| about(&page, family, &[("signal", signal)]);
    assert_eq!(of("stackcast_signal_query_left_out_series", "jobs"), Some(1.0));
    assert_eq!(of("stackcast_signal_query_success", "jobs"), Some(1.0));
    assert_eq!(of("stackcast_signal_query_success", "broken"), Some(0.0), "and it hides no other");
    let info = [("signal", "disk_used"), ("unit", "ratio"), ("direction", "up")];
    assert_eq!(about(&page, "stackcast_signal_info", &info), Some(1.0));
    assert!(program.log().contains("parse error"), "{}", program.log());
    let added = configuration(port, directory.path(), "[signals.added]\nquery = \"jobs_waiting + 1\"\n");
    reload(&mut program, &file, &added).await;
    drop((program, server));
    restart(&arguments, &volume).await;
}

/// Forecasts of the last process are told although nothing can be read, and not made anew before they are due.
async fn restart(arguments: &[&str], volume: &[(&str, &str)]) {
    let mut program = Stackcast::start(arguments, &[]);
    let page = program
        .until(60, |page| {
            let kept = about(page, "stackcast_forecast_ready", volume);
            let asked = about(page, "stackcast_signal_query_success", &[("signal", "jobs")]);
            if kept == Some(1.0) && asked == Some(0.0) { Ok(()) } else { Err(format!("{kept:?} {asked:?}")) }
        })
        .await;
    assert_eq!(runs(&page), 0.0, "a restart makes nothing anew");
}

/// Runs of the forecaster in this process.
fn runs(page: &Page) -> f64 {
    let samples = &page["stackcast_model_run_duration_seconds"].samples;
    let count = |((name, labels), _): &(&(String, crate::support::exposition::Labels), &f64)| {
        name.ends_with("_count") && labels["stage"] == "forecast"
    };
    samples.iter().find(count).map_or(f64::NAN, |(_, value)| *value)
}

/// A signal that a reload brings is asked for, and what it does not change goes on.
async fn reload(program: &mut Stackcast, file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    let sent = Command::new("kill").args(["-HUP", &program.pid().to_string()]).status().unwrap();
    assert!(sent.success());
    let page = program
        .until(90, |page| match about(page, "stackcast_signal_query_success", &[("signal", "added")]) {
            Some(1.0) => Ok(()),
            other => Err(format!("the added signal: {other:?}")),
        })
        .await;
    assert_eq!(runs(&page), 1.0, "a reload makes nothing anew");
}

async fn wait_for(port: u16) {
    for _ in 0..150 {
        let answer = reqwest::get(format!("http://127.0.0.1:{port}/-/ready")).await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("Prometheus does not answer");
}
