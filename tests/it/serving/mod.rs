//! The HTTP server over real sockets.

mod api;
mod api_charts;
mod api_contract;
mod api_headroom;
mod api_series;
mod api_waste;
mod api_watch;
mod api_what_if;
mod http;
mod limits;
mod prometheus;
mod secure;
mod shutdown;
mod stream;
mod welcome;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stackcast::expose::{Exposition, Hooks, Naming, ProbeRefusal, ServeError, Server, Settings, Sources, Status};
use stackcast::metrics;
use stackcast::model::clock::{Clock, Timestamp};
use stackcast::model::part::{Origin, PartBuilder, PartKey};
use stackcast::model::snapshot::{SeriesLimits, SnapshotStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

metrics! {
    /// Instances.
    SERVERS = gauge "openstack_nova_server_status" [id name], State, "test";
    /// CPU time.
    CPU = counter "host_cpu_seconds_total" [mode], Seconds, "test";
}

/// A store with this many instances in one group and two samples in another.
fn filled(instances: usize) -> Arc<SnapshotStore> {
    assert_eq!(METRICS.len(), 2);
    let store = SnapshotStore::new(SeriesLimits::default());
    let mut builder = PartBuilder::new();
    for id in 0..instances {
        builder.put(&SERVERS, [&format!("{id:032x}"), &format!("web \"{id}\"\\\n")], 1.5);
    }
    let key = PartKey { group: "compute", origin: Origin::new("c", "r"), source: "servers".into() };
    let (part, dropped) = builder.seal(key, Timestamp::default(), 1_000_000);
    store.publish(part, dropped);
    let mut builder = PartBuilder::new();
    builder.put(&CPU, ["user"], 1.0);
    builder.put(&CPU, ["idle"], 2.0);
    let key = PartKey { group: "host", origin: Origin::LOCAL, source: "host".into() };
    let (part, dropped) = builder.seal(key, Timestamp::default(), 1_000_000);
    store.publish(part, dropped);
    store
}

fn hooks(store: Arc<SnapshotStore>) -> Hooks {
    Hooks {
        exposition: Exposition::new(store, Naming::default(), Arc::new(Vec::new)),
        status: Arc::new(|| Status { ready: Ok(()), clouds: Vec::new(), hints: Vec::new() }),
        sources: Sources::without_history(Clock::system()),
        probe: Arc::new(|asked| Box::pin(async move { Err(ProbeRefusal::NotYet(asked.cloud)) })),
        reload: Arc::new(|| Box::pin(async { Ok(()) })),
    }
}

fn settings() -> Settings {
    Settings { listen_addresses: vec!["127.0.0.1:0".to_owned()], ..Settings::default() }
}

/// A server that runs until it is stopped or dropped.
struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    async fn start(settings: &Settings, hooks: Hooks) -> Self {
        let server = Server::bind(settings, hooks).await.unwrap();
        let address = server.addresses()[0];
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(server.run(shutdown.clone()));
        Self { address, shutdown, task }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends text as it is and gives all that comes until the server closes.
    async fn raw(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("the server closes").unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn get(&self, path: &str, headers: &str) -> String {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
        self.task.abort();
    }
}

fn status_of(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("")
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
