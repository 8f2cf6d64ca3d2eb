//! The processes under measurement.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::scrape;

const PROGRAM: &str = env!("CARGO_BIN_EXE_stackcast");

/// The simulated cloud.
pub struct Cloud {
    process: Process,
    address: SocketAddr,
    clouds_yaml: PathBuf,
}

/// Size of the simulated cloud; the rest follows from it.
#[derive(Clone, Copy)]
pub struct Size {
    pub hypervisors: usize,
    pub instances: usize,
    pub projects: usize,
}

/// Which services are collected.
#[derive(Clone, Copy, PartialEq)]
pub enum Scope {
    /// Identity, compute and placement.
    Heart,
    /// All that the simulated cloud has.
    All,
}

const REMAINING: [&str; 12] = [
    "network",
    "image",
    "volume",
    "object-store",
    "load-balancer",
    "container-infra",
    "dns",
    "baremetal",
    "gnocchi",
    "database",
    "orchestration",
    "sharev2",
];

/// stackcast itself.
pub struct Exporter {
    process: Process,
    pub address: SocketAddr,
}

/// Killed when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).expect("running");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<f64>().expect("number");
        (ticks(11) + ticks(12)) / 100.0
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("port")
}

impl Cloud {
    pub fn start(size: Size, churn: f64, delay_ms: u64) -> Self {
        let address = free_address();
        let mut command = Command::new(PROGRAM);
        command.args(["demo", "--cloud-only", "--listen", &address.to_string(), "--churn", &churn.to_string()]);
        command.args(["--hypervisors", &size.hypervisors.to_string(), "--instances", &size.instances.to_string()]);
        command.args(["--projects", &size.projects.to_string(), "--delay-ms", &delay_ms.to_string()]);
        let clouds_yaml = std::env::temp_dir().join(format!("stackcast-scale-{}.yaml", address.port()));
        let output = fs::File::create(&clouds_yaml).expect("clouds.yaml");
        let child = command.stdout(output).stderr(Stdio::null()).spawn().expect("demo cloud");
        // The cloud prints its clouds.yaml, the application credential last, once it listens.
        while !fs::read_to_string(&clouds_yaml).is_ok_and(|yaml| yaml.contains("application_credential_secret")) {
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process: Process(child), address, clouds_yaml }
    }

    /// Requests served so far.
    pub fn requests(&self) -> u64 {
        self.requests_by_path().values().sum()
    }

    /// The same by service and path.
    pub fn requests_by_path(&self) -> BTreeMap<String, u64> {
        let stats: serde_json::Value = serde_json::from_slice(&body(self.address, "/_demo/stats")).expect("stats");
        let mut requests = BTreeMap::new();
        for (service, paths) in stats["requests"].as_object().expect("services") {
            for (path, count) in paths.as_object().expect("paths") {
                requests.insert(format!("{service} {path}"), count.as_u64().expect("a number"));
            }
        }
        requests
    }

    /// User and system time so far: the simulated cloud must not be what is measured.
    pub fn cpu_seconds(&self) -> f64 {
        self.process.cpu_seconds()
    }
}

impl Exporter {
    /// Intervals `haste` times quicker than the defaults; `everything` re-reads all lists each time.
    pub fn start(cloud: &Cloud, scope: Scope, haste: u64, everything: bool) -> Self {
        assert!(cloud.process.0.id() > 0);
        let seconds = |default: u64| (default / haste).to_string();
        let full = if everything { "1".to_owned() } else { seconds(3600) };
        let clouds_yaml = cloud.clouds_yaml.to_str().expect("path").to_owned();
        let left_out = if scope == Scope::Heart { &REMAINING[..] } else { &[] };
        Self::with(
            left_out,
            &[
                ("OS_CLIENT_CONFIG_FILE", clouds_yaml),
                ("OS_CLOUD", "demo".to_owned()),
                ("STACKCAST_COLLECT__INTERVAL__FAST_SECONDS", seconds(60)),
                ("STACKCAST_COLLECT__INTERVAL__MEDIUM_SECONDS", seconds(300)),
                ("STACKCAST_COLLECT__INTERVAL__SLOW_SECONDS", seconds(900)),
                ("STACKCAST_COLLECT__INTERVAL__FULL_SECONDS", full),
            ],
        )
    }

    /// The local host only.
    pub fn without_cloud() -> Self {
        Self::with(&[], &[])
    }

    fn with(left_out: &[&str], environment: &[(&str, String)]) -> Self {
        let address = free_address();
        let data = std::env::temp_dir().join(format!("stackcast-scale-{}", address.port()));
        let mut command = Command::new(PROGRAM);
        command.arg(format!("--web.listen-address={address}")).env_clear().env("HOME", "/nonexistent");
        command.args(left_out.iter().map(|service| format!("--disable-service.{service}")));
        command.env("STACKCAST_DATA__DIRECTORY", data).envs(environment.iter().map(|(k, v)| (k, v)));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("stackcast");
        while std::net::TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(2));
        }
        Self { process: Process(child), address }
    }

    /// Waits until every collector has ended its first run, and succeeded.
    pub fn until_collected(&self) {
        while !status_is_200(self.address, "/-/ready") || !self.page().contains("openstack_nova_limits_vcpus_max{") {
            std::thread::sleep(Duration::from_millis(100));
        }
        let page = self.page();
        let failed: Vec<_> =
            page.lines().filter(|l| l.starts_with("stackcast_collector_success{") && l.ends_with(" 0")).collect();
        assert!(failed.is_empty(), "{failed:?}");
    }

    /// The page, read compressed: what Prometheus does, and all that is kept then.
    pub fn page(&self) -> String {
        let answer = scrape::get(self.address, "gzip");
        let body = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |head_end| head_end + 4);
        let mut text = String::new();
        flate2::bufread::GzDecoder::new(&answer[body..]).read_to_string(&mut text).expect("text");
        text
    }

    /// The value of a family's only sample.
    pub fn value(&self, family: &str) -> f64 {
        let page = self.page();
        let line = page.lines().find(|line| line.strip_prefix(family).is_some_and(|rest| rest.starts_with(['{', ' '])));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }

    /// Samples whose lines start so.
    pub fn lines(&self, start: &str) -> f64 {
        self.page().lines().filter(|line| line.starts_with(start)).count() as f64
    }

    pub fn series(&self) -> usize {
        self.page().lines().filter(|line| !line.starts_with('#') && line.contains(' ')).count()
    }

    /// Bytes rendered for one tick of the host, as the exporter counts them, and bytes of the whole page.
    pub fn rendered_by_a_host_tick(&self) -> (f64, f64) {
        let counted = || {
            let page = self.page();
            let line =
                page.lines().find(|l| l.starts_with("stackcast_exposition_rendered_bytes_total{group=\"host\"}"));
            line.and_then(|line| line.rsplit(' ').next())
                .and_then(|bytes| bytes.parse::<f64>().ok())
                .expect("a counter")
        };
        let before = counted();
        // One tick is 5 s; two renderings are counted when both encodings are kept warm.
        std::thread::sleep(Duration::from_millis(5200));
        (counted() - before, self.page().len() as f64)
    }

    /// User and system time so far.
    pub fn cpu_seconds(&self) -> f64 {
        self.process.cpu_seconds()
    }

    /// Resident memory in MB, now and at its highest.
    pub fn resident(&self) -> [f64; 2] {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.0.id())).expect("running");
        ["VmRSS:", "VmHWM:"].map(|name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("memory");
            line.trim().trim_end_matches(" kB").parse::<f64>().expect("number") * 1024.0 / 1e6
        })
    }
}

fn exchange(address: SocketAddr, path: &str) -> Vec<u8> {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).expect("connection");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answer");
    answer
}

fn status_is_200(address: SocketAddr, path: &str) -> bool {
    exchange(address, path).starts_with(b"HTTP/1.1 200")
}

fn body(address: SocketAddr, path: &str) -> Vec<u8> {
    let answer = exchange(address, path);
    let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    answer[head_end + 4..].to_vec()
}
