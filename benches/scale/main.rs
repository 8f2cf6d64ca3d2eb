//! Speed and memory at the size of a big cloud, as ratios against baselines of the same run:
//! `cargo bench --bench scale` (about four minutes; `-- --hypervisors N --instances N` for other sizes).
//!
//! A simulated cloud and stackcast run as processes of their own, so that CPU and memory are stackcast's alone.
//! Baselines: a raw socket that sends the same bytes; stackcast made to re-read every list each time.

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
mod scrape;

use std::time::{Duration, Instant};

use child::{Cloud, Exporter};

/// Simulated minutes pass this much quicker than real ones, intervals and churn alike.
const HASTE: u64 = 10;
/// Simulated minutes over which the steady state is measured.
const STEADY_MINUTES: u64 = 12;
/// Share of the servers that changes in a simulated minute.
const CHURN_PER_MINUTE: f64 = 0.001;

fn main() {
    let hypervisors = argument("--hypervisors", 1000);
    let instances = argument("--instances", 50_000);
    println!("{hypervisors} hypervisors, {instances} instances, page size 1000; {}", machine());

    let cloud = Cloud::start(hypervisors, instances, CHURN_PER_MINUTE * HASTE as f64);
    first_host_figures();
    let exporter = first_collection(&cloud);
    answers(&exporter);
    let deltas = steady(&cloud, &exporter, "deltas and generations");
    println!("resident memory: {:.0} MB", exporter.resident_bytes() as f64 / 1e6);
    drop(exporter);

    let rereading = Exporter::start(&cloud, HASTE, true);
    rereading.until_collected();
    let everything = steady(&cloud, &rereading, "re-reading everything");
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
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores,{}", model.trim_start_matches([' ', '\t', ':']))
}

fn first_host_figures() {
    let started = Instant::now();
    let exporter = Exporter::without_cloud();
    while !exporter.page().contains("host_load1 ") {
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("first host figures after {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
}

fn first_collection(cloud: &Cloud) -> Exporter {
    let (started, before) = (Instant::now(), cloud.requests());
    let exporter = Exporter::start(cloud, HASTE, false);
    exporter.until_collected();
    println!(
        "first full collection: {:.1} s, {} requests, {:.1} s CPU",
        started.elapsed().as_secs_f64(),
        cloud.requests() - before,
        exporter.cpu_seconds()
    );
    exporter
}

/// The page against a raw socket that sends the same bytes, in turns.
fn answers(exporter: &Exporter) {
    for encoding in ["identity", "gzip"] {
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
    let (host, total) = exporter.rendered_by_a_host_tick();
    println!("a host tick renders {host} of {total} bytes anew ({:.3} %)", 100.0 * host / total);
}

/// Cost of a simulated minute.
struct Cost {
    requests: f64,
    cpu_seconds: f64,
}

/// Scraped once a simulated minute, as Prometheus would.
fn steady(cloud: &Cloud, exporter: &Exporter, name: &str) -> Cost {
    scrape::get(exporter.address, "gzip");
    let (requests, cpu) = (cloud.requests(), exporter.cpu_seconds());
    for _ in 0..STEADY_MINUTES {
        std::thread::sleep(Duration::from_secs(60 / HASTE));
        scrape::get(exporter.address, "gzip");
    }
    let minutes = STEADY_MINUTES as f64;
    let cost = Cost {
        requests: (cloud.requests() - requests) as f64 / minutes,
        cpu_seconds: (exporter.cpu_seconds() - cpu) / minutes,
    };
    println!("{name}: {:.1} requests and {:.3} s CPU a simulated minute", cost.requests, cost.cpu_seconds);
    cost
}
