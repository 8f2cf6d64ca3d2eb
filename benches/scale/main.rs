//! Speed and memory at the size of a big cloud, as ratios against baselines of the same run:
//! `cargo bench --bench scale` (identity, compute and placement; about four minutes; `-- --hypervisors N --instances N`
//! for other sizes) and `cargo bench --bench scale -- services` (all services at three sizes; about ten minutes).
//!
//! A simulated cloud and stackcast run as processes of their own, so that CPU and memory are stackcast's alone.
//! Baselines: a raw socket that sends the same bytes; stackcast made to re-read every list each time; the requests of
//! openstack-exporter for the same cloud.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_in_result,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a bench may stop on a fault; its figures are printed"
)]

mod child;
mod peer;
mod scrape;
mod services;

use std::time::{Duration, Instant};

use child::{Cloud, Exporter, Scope, Size};

/// Simulated minutes pass this much quicker than real ones, intervals and churn alike.
const HASTE: u64 = 10;
/// Simulated minutes over which the steady state is measured.
const STEADY_MINUTES: u64 = 12;
/// Share of the servers that changes in a simulated minute.
const CHURN_PER_MINUTE: f64 = 0.001;

fn main() {
    println!("{}", machine());
    if std::env::args().any(|argument| argument == "services") {
        return services::all_sizes();
    }
    let size =
        Size { hypervisors: argument("--hypervisors", 1000), instances: argument("--instances", 50_000), projects: 12 };
    println!(
        "{} hypervisors, {} instances, page size 1000; identity, compute, placement",
        size.hypervisors, size.instances
    );

    let cloud = Cloud::start(size, CHURN_PER_MINUTE * HASTE as f64, 0);
    first_host_figures();
    let exporter = first_collection(&cloud, Scope::Heart);
    let deltas = steady(&cloud, &exporter, STEADY_MINUTES, "deltas and generations");
    memory(&exporter, "page read compressed");
    answers(&exporter);
    host_tick(&exporter);
    memory(&exporter, "page read plain too");
    drop(exporter);

    let rereading = Exporter::start(&cloud, Scope::Heart, HASTE, true);
    rereading.until_collected();
    let everything = steady(&cloud, &rereading, STEADY_MINUTES, "re-reading everything");
    println!(
        "steady state: {:.1} % of the requests, {:.1} % of the CPU of re-reading everything",
        100.0 * deltas.requests / everything.requests,
        100.0 * deltas.cpu_seconds / everything.cpu_seconds
    );
}

fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args();
    arguments.find(|argument| argument == name);
    arguments.next().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("unknown");
    format!("{cores} cores,{}; load {load} at the start", model.trim_start_matches([' ', '\t', ':']))
}

fn first_host_figures() {
    let started = Instant::now();
    let exporter = Exporter::without_cloud();
    while !exporter.page().contains("host_load1 ") {
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("first host figures after {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
}

fn first_collection(cloud: &Cloud, scope: Scope) -> Exporter {
    let (started, before, demo) = (Instant::now(), cloud.requests(), cloud.cpu_seconds());
    let exporter = Exporter::start(cloud, scope, HASTE, false);
    exporter.until_collected();
    println!(
        "first full collection: {:.1} s, {} requests, {:.1} s CPU (the simulated cloud: {:.1} s)",
        started.elapsed().as_secs_f64(),
        cloud.requests() - before,
        exporter.cpu_seconds(),
        cloud.cpu_seconds() - demo
    );
    exporter
}

fn memory(exporter: &Exporter, readers: &str) {
    let [now, highest] = exporter.resident();
    println!("resident memory, {readers}: {now:.0} MB, {highest:.0} MB at its highest");
}

/// The page against a raw socket that sends the same bytes, in turns.
fn answers(exporter: &Exporter) {
    for encoding in ["gzip", "identity"] {
        let page = scrape::get(exporter.address, encoding);
        let raw = scrape::raw_server(page.clone());
        let turns = scrape::turns(&[exporter.address, raw], encoding, 200);
        let [ours, baseline] = [&turns[0], &turns[1]];
        println!(
            "/metrics {encoding}: {:.1} MB, {} series; p50 {:.1} ms, p99 {:.1} ms; raw socket p50 {:.1} ms, p99 {:.1} ms; p99 ratio {:.2}",
            page.len() as f64 / 1e6,
            exporter.series(),
            scrape::percentile(ours, 50),
            scrape::percentile(ours, 99),
            scrape::percentile(baseline, 50),
            scrape::percentile(baseline, 99),
            scrape::percentile(ours, 99) / scrape::percentile(baseline, 99)
        );
    }
}

fn host_tick(exporter: &Exporter) {
    let (host, total) = exporter.rendered_by_a_host_tick();
    println!("a host tick renders {host} of {total} bytes anew ({:.3} %)", 100.0 * host / total);
}

/// Cost of a simulated minute.
struct Cost {
    requests: f64,
    cpu_seconds: f64,
}

/// Scraped once a simulated minute, as Prometheus would.
fn steady(cloud: &Cloud, exporter: &Exporter, minutes: u64, name: &str) -> Cost {
    scrape::get(exporter.address, "gzip");
    let (requests, cpu) = (cloud.requests(), exporter.cpu_seconds());
    for _ in 0..minutes {
        std::thread::sleep(Duration::from_secs(60 / HASTE));
        scrape::get(exporter.address, "gzip");
    }
    let cost = Cost {
        requests: (cloud.requests() - requests) as f64 / minutes as f64,
        cpu_seconds: (exporter.cpu_seconds() - cpu) / minutes as f64,
    };
    println!("{name}: {:.1} requests and {:.3} s CPU a simulated minute", cost.requests, cost.cpu_seconds);
    cost
}
