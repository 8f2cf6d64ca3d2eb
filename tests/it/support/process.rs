//! Starts the real binary and asks it over real sockets.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::exposition::{Page, parse};

/// A running `stackcast`; killed when dropped.
pub struct Stackcast {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
    client: reqwest::Client,
}

/// What `stackcast once CLOUD` prints with this clouds.yaml and environment, and nothing of ours.
pub async fn once(clouds_yaml: &str, cloud: &str, environment: &[(&str, &str)]) -> Page {
    let folder = tempfile::tempdir().unwrap();
    let clouds = folder.path().join("clouds.yaml");
    std::fs::write(&clouds, clouds_yaml).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackcast"));
    command.args(["once", cloud]).env_clear().env("OS_CLIENT_CONFIG_FILE", &clouds);
    command.env("STACKCAST_DATA__DIRECTORY", folder.path().join("data")).envs(environment.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    parse(&text).unwrap_or_else(|fault| panic!("{fault}"))
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Stackcast {
    /// Runs `stackcast ARGUMENTS` with this environment and nothing of ours, listening on a free port.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackcast"));
        command.args(arguments).arg(format!("--web.listen-address={address}"));
        command.env_clear().env("HOME", "/nonexistent").env("PATH", "/usr/bin:/bin");
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, copy) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = copy.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self { child, address, log, client: reqwest::Client::new() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Its command line and environment, as the process list shows them.
    pub fn process_list(&self) -> String {
        let line = std::fs::read(format!("/proc/{}/cmdline", self.pid())).unwrap();
        String::from_utf8_lossy(&line).replace('\0', " ")
    }

    /// One GET; status and body.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let answer = self.client.get(format!("http://{}{path}", self.address)).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.ok()?))
    }

    /// The metrics page, read strictly; none while nothing listens yet.
    pub async fn page(&self) -> Option<Page> {
        let (status, text) = self.get("/metrics").await?;
        assert_eq!(status, 200, "{text}");
        Some(parse(&text).unwrap_or_else(|fault| panic!("{fault}")))
    }

    /// Asks for pages until one satisfies the test; fails with the last complaint and the log.
    pub async fn until(&mut self, seconds: u64, mut test: impl FnMut(&Page) -> Result<(), String>) -> Page {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let mut complaint = "no page yet".to_owned();
        while Instant::now() < deadline {
            if let Some(page) = self.page().await {
                match test(&page) {
                    Ok(()) => return page,
                    Err(fault) => complaint = fault,
                }
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("stackcast ended with {status}:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("gave up after {seconds} s: {complaint}\nlog:\n{}", self.log());
    }
}

impl Drop for Stackcast {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
