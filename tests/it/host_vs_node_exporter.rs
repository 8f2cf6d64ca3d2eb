//! Our host figures against a running node_exporter (Debian: prometheus-node-exporter): same families, types, label
//! sets and values, once over the fake host of tests/fixtures/host (exactly) and once over the host that runs the test.
//!
//! Skipped, loudly, where node_exporter is not installed.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use stackcast::collect::host::{Host, Settings};
use stackcast::model::part::PartBuilder;

use crate::host_samples::{Sample, fixture_settings, samples};

/// Families that are ours alone, or where our value is meant to differ.
const OURS: [(&str, &str); 4] = [
    ("machine_info", "identity of the server, ours"),
    ("unreadable_files_total", "ours"),
    ("scrape_collector_", "names and times of subsystems are each exporter's own"),
    ("gpu_", "ours"),
];

/// Values that move between the two readings of a live host, with what they may move by: a ratio, and an amount.
const RACING: [(&str, f64, f64, &str); 14] = [
    ("time_seconds", 0.0, 5.0, "the readings lie up to seconds apart"),
    ("load", 0.2, 2.0, "recomputed every 5 s"),
    ("procs_", 0.0, 1000.0, "running and blocked tasks change with every switch"),
    ("memory_", 0.1, 512e6, "other processes (a compiler beside the test) take and free memory"),
    ("filesystem_", 0.02, 1e9, "other processes write"),
    ("sockstat_", 0.5, 200.0, "connections come and go; the scrape itself is one"),
    ("netstat_Tcp_CurrEstab", 0.5, 200.0, "connections come and go"),
    ("filefd_allocated", 0.2, 2000.0, "files are opened and closed"),
    ("entropy_available_bits", 0.5, 256.0, "drawn from and filled"),
    ("disk_io_now", 0.0, 1000.0, "requests in flight"),
    ("processes_", 0.3, 500.0, "processes come and go"),
    ("udp_queues", 0.5, 1e6, "packets in flight"),
    ("arp_entries", 0.5, 20.0, "entries expire"),
    ("nf_conntrack_entries", 0.5, 1e4, "connections come and go"),
];

struct NodeExporter {
    child: Child,
    port: u16,
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl NodeExporter {
    fn start(arguments: &[String]) -> Option<Self> {
        let names = ["prometheus-node-exporter", "node_exporter"];
        let path = std::env::var_os("PATH")?;
        let program: PathBuf = std::env::split_paths(&path)
            .flat_map(|folder| names.map(|name| folder.join(name)))
            .find(|candidate| candidate.is_file())?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--collector.processes", "--no-collector.systemd"])
            .args(arguments)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, port })
    }

    fn page(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
                let mut page = String::new();
                stream.read_to_string(&mut page).unwrap();
                if page.contains("node_cpu_seconds_total") {
                    return page;
                }
            }
            assert!(Instant::now() < deadline, "node_exporter does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

type Families = BTreeMap<String, (String, BTreeMap<String, f64>)>;

/// Reads the text format far enough for node_exporter's page; empty labels are left out.
fn parse(page: &str) -> Families {
    let mut families = Families::new();
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    for line in page.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            kinds.insert(name, kind);
        }
        let Some(rest) = line.strip_prefix("node_") else { continue };
        let (series, value) = rest.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let mut labels: BTreeSet<String> = labels
            .trim_end_matches('}')
            .split_inclusive("\",")
            .map(|label| label.trim_end_matches(',').to_owned())
            .filter(|label| !label.is_empty() && !label.ends_with("=\"\""))
            .collect();
        labels.retain(|label| label.contains('='));
        let labels: Vec<String> = labels.into_iter().collect();
        let kind = kinds.get(format!("node_{name}").as_str()).copied().unwrap_or("").to_owned();
        let family = families.entry(name.to_owned()).or_insert_with(|| (kind, BTreeMap::new()));
        family.1.insert(labels.join(","), value.parse().unwrap());
    }
    families
}

fn ours(samples: Vec<Sample>) -> Families {
    let mut families = Families::new();
    for sample in samples {
        let labels: Vec<String> = sample.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let name = sample.name.strip_prefix("host_").unwrap().to_owned();
        let family = families.entry(name).or_insert_with(|| (sample.kind.to_owned(), BTreeMap::new()));
        family.1.insert(labels.join(","), sample.value);
    }
    families
}

fn collect(settings: &Settings) -> Families {
    let mut part = PartBuilder::new();
    Host::new(settings).collect(&mut part);
    ours(samples(part))
}

/// Whether two values agree. Counters of a live host may only have grown; other values must be equal to 2 %.
fn agrees(name: &str, kind: &str, before: f64, ours: f64, after: f64, exact: bool) -> bool {
    let near = |ratio: f64, amount: f64| {
        let bound = |value: f64| (ours - value).abs() <= (value.abs() * ratio).max(amount);
        bound(before) || bound(after)
    };
    if exact && name != "time_seconds" && !name.starts_with("filesystem_") {
        return near(1e-9, 0.0);
    }
    if let Some((_, ratio, amount, _)) = RACING.iter().find(|(prefix, ..)| name.starts_with(prefix)) {
        return near(*ratio, *amount);
    }
    let counts = kind == "counter" || (kind == "untyped" && after > before);
    if counts { ours >= before * (1.0 - 1e-9) && ours <= after * (1.0 + 1e-9) } else { near(0.02, 0.0) }
}

/// The differences; `before` and `after` are node_exporter's pages around our reading.
fn differences(before: &Families, ours: &Families, after: &Families, exact: bool) -> Vec<String> {
    let mut differences = Vec::new();
    let (mut compared, mut only_ours) = (0, Vec::new());
    for (name, (kind, series)) in ours {
        if OURS.iter().any(|(prefix, _)| name.starts_with(prefix)) {
            continue;
        }
        let Some(((their_kind, first), (_, last))) = before.get(name).zip(after.get(name)) else {
            only_ours.push(name.as_str());
            continue;
        };
        compared += 1;
        if kind != their_kind {
            differences.push(format!("{name}: {kind} here, {their_kind} there"));
        }
        // States of processes appear and vanish.
        let volatile = !exact && name == "processes_state";
        for labels in first.keys().filter(|labels| !series.contains_key(*labels) && !volatile) {
            // node_exporter 1.5 lists an offline CPU with zeros; it has no time, so we have no series.
            if !(name.starts_with("cpu_") && first[labels] == 0.0) {
                differences.push(format!("{name}{{{labels}}} is missing here"));
            }
        }
        for (labels, value) in series {
            match first.get(labels).zip(last.get(labels)) {
                Some((first, last)) if agrees(name, kind, *first, *value, *last, exact) => {}
                Some((first, last)) => {
                    differences.push(format!("{name}{{{labels}}}: {value} here, {first} to {last} there"));
                }
                None if volatile => {}
                None => differences.push(format!("{name}{{{labels}}} is not there")),
            }
        }
    }
    let missing: Vec<&str> = before.keys().filter(|name| !ours.contains_key(*name)).map(String::as_str).collect();
    println!(
        "families compared: {compared}; in node_exporter's page: {}; missing here: {}",
        before.len(),
        missing.len()
    );
    println!("missing here: {missing:?}");
    println!("only here: {only_ours:?}");
    assert!(compared > 150, "only {compared} families could be compared");
    differences
}

fn skipped() {
    println!(
        "\n*** SKIPPED: node_exporter is not installed (apt-get install prometheus-node-exporter), NOTHING was compared ***\n"
    );
}

#[test]
fn the_fake_host_looks_the_same_to_both() {
    let settings = fixture_settings();
    let arguments = [
        format!("--path.procfs={}", settings.procfs.display()),
        format!("--path.sysfs={}", settings.sysfs.display()),
        format!("--path.rootfs={}", settings.rootfs.display()),
        format!("--path.udev.data={}", settings.udev_data.display()),
        // Netlink would tell of the devices of the host that runs the test.
        "--no-collector.netdev.netlink".to_owned(),
    ];
    let Some(exporter) = NodeExporter::start(&arguments) else { return skipped() };
    let page = parse(&exporter.page());
    let mut ours = collect(&settings);
    // node_exporter 1.5 reads these past --path.rootfs, from the host that runs the test.
    ours.remove("time_zone_offset_seconds");
    let found = differences(&page, &ours, &page, true);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn this_host_looks_the_same_to_both() {
    let Some(exporter) = NodeExporter::start(&[]) else { return skipped() };
    let before = parse(&exporter.page());
    let ours = collect(&Settings::default());
    let after = parse(&exporter.page());
    let found = differences(&before, &ours, &after, false);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
#[ignore = "a measurement: cargo test --release --test it -- host_vs_node_exporter --ignored --nocapture"]
fn what_a_run_costs() {
    const RUNS: u32 = 200;
    // Ticks of 10 ms, hence the many runs.
    let cpu_seconds = || {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let ticks = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().skip(11).take(2);
        ticks.map(|word| word.parse::<f64>().unwrap()).sum::<f64>() / 100.0
    };
    let measure = |what: &str, mut run: Box<dyn FnMut() -> usize>| {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let found: usize = (0..RUNS).map(|_| run()).sum();
        let (wall, cpu) = (start.elapsed() / RUNS, (cpu_seconds() - cpu) / f64::from(RUNS));
        println!("{what}: {} samples, wall {wall:?}, CPU {:.2} ms", found as u32 / RUNS, cpu * 1e3);
    };
    let collect = |host: &mut Host| {
        let mut part = PartBuilder::new();
        let mut outcomes = host.collect(&mut part);
        outcomes.sort_by_key(|outcome| std::cmp::Reverse(outcome.duration));
        (part.samples(), outcomes)
    };
    let (_, outcomes) = collect(&mut Host::new(&Settings::default()));
    for outcome in outcomes.iter().take(8) {
        println!("{}: {:?}", outcome.collector, outcome.duration);
    }
    measure("first run, everything read", Box::new(move || collect(&mut Host::new(&Settings::default())).0));
    let mut host = Host::new(&Settings::default());
    measure("further run, slow figures repeated", Box::new(move || collect(&mut host).0));
}
