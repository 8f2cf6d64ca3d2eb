//! A real Prometheus scrapes the page, in both formats and compressed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Running, filled, hooks, settings};

const INSTANCES: usize = 5000;
/// Instances and the two samples of the host.
const SAMPLES: usize = INSTANCES + 2;

struct Prometheus {
    process: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Prometheus {
    /// `None`, said loudly, where Prometheus is not installed.
    fn start(folder: &std::path::Path, config: &str) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::fs::write(folder.join("prometheus.yml"), config).unwrap();
        let spawned = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match spawned {
            Ok(process) => Some(Self { process, port }),
            Err(error) => {
                say!("SKIPPED: prometheus cannot be started ({error}); apt-get install prometheus");
                None
            }
        }
    }

    fn query(&self, expression: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let encoded: String = expression.bytes().map(|b| format!("%{b:02x}")).collect();
        write!(stream, "GET /api/v1/query?query={encoded} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let value: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        value.pointer("/data/result/0/value/1").cloned()
    }

    /// Waits until an expression has a value that is not 0.
    fn wait_for(&self, expression: &str) -> f64 {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let value = self.query(expression).and_then(|value| value.as_str()?.parse::<f64>().ok());
            if let Some(value) = value.filter(|value| *value != 0.0) {
                return value;
            }
            assert!(Instant::now() < end, "{expression} stays without a value");
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

/// Takes connections and passes them on with another `Accept` header, as a Prometheus before 2.5 sent it.
fn classic_only(target: std::net::SocketAddr) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut client = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if client.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head);
            let lines = head.lines().filter(|line| {
                let line = line.to_ascii_lowercase();
                !line.is_empty() && !line.starts_with("accept:") && !line.starts_with("connection:")
            });
            let request: String = lines.map(|line| format!("{line}\r\n")).collect();
            let mut server = TcpStream::connect(target).unwrap();
            let accept = "Accept: text/plain;version=0.0.4;q=0.3,*/*;q=0.1\r\nConnection: close\r\n\r\n";
            server.write_all(format!("{request}{accept}").as_bytes()).unwrap();
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).unwrap();
            assert!(String::from_utf8_lossy(&answer).contains("version=0.0.4"));
            let _ = client.write_all(&answer);
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_reads_both_formats() {
    let server = Running::start(&settings(), hooks(filled(INSTANCES))).await;
    let address = server.address;
    let check = move || {
        let folder = tempfile::tempdir().unwrap();
        let job = |name: &str, port: u16| {
            format!("- job_name: {name}\n  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n")
        };
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{}{}",
            job("openmetrics", address.port()),
            job("classic", classic_only(address))
        );
        let Some(prometheus) = Prometheus::start(folder.path(), &config) else { return };
        for name in ["openmetrics", "classic"] {
            let selector = format!("{{job=\"{name}\"}}");
            prometheus.wait_for(&format!("up{selector}"));
            let ours = format!("count({{job=\"{name}\",__name__=~\"openstack_.*|host_.*\"}})");
            assert_eq!(prometheus.wait_for(&ours), SAMPLES as f64, "{name}");
            let own = format!("count({{job=\"{name}\",__name__=~\"stackcast_.*\"}})");
            let all = prometheus.wait_for(&format!("scrape_samples_scraped{selector}"));
            assert!(prometheus.wait_for(&own) > 5.0 && all > SAMPLES as f64, "{name}: {all}");
            let odd = format!("openstack_nova_server_status{{job=\"{name}\",name=\"web \\\"7\\\"\\\\\\n\"}}");
            assert_eq!(prometheus.wait_for(&odd), 1.5, "{name}: labels arrive unharmed");
            assert_eq!(prometheus.wait_for(&format!("host_cpu_seconds_total{{job=\"{name}\",mode=\"idle\"}}")), 2.0);
        }
        say!("Prometheus read both formats, {SAMPLES} samples each beside our own");
    };
    tokio::task::spawn_blocking(check).await.unwrap();
}
