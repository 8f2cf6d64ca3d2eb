//! Listens, accepts, limits the number of connections, and stops without cutting answers off.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Shared, serve};
use super::error::ServeError;
use super::guard::Limits;
use super::names::is_metric_name;
use super::networks::Networks;
use super::routes::App;
use super::web_config::WebConfig;
use super::{Hooks, Settings};

/// A client that takes nothing of an answer for this long is cut.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// Pause after a failed accept, e.g. for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A server that has its ports and is ready to run.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
    connections: Arc<Semaphore>,
    grace: Duration,
}

impl Server {
    /// Checks the settings, reads the web configuration and takes the ports.
    pub async fn bind(settings: &Settings, hooks: Hooks) -> Result<Self, ServeError> {
        for prefix in [&settings.naming.prefix, &settings.naming.host_prefix] {
            if !prefix.is_empty() && !is_metric_name(prefix) {
                return Err(ServeError::Prefix { prefix: prefix.clone() });
            }
        }
        let networks = Networks::parse(&settings.allow)?;
        let web = Arc::new(WebConfig::open(settings.web_config_file.clone())?);
        let telemetry = Arc::clone(hooks.exposition.telemetry());
        let listeners = match settings.systemd_socket {
            true => systemd_sockets()?,
            false => listen_all(&settings.listen_addresses).await?,
        };
        let seconds = |seconds: u64| Duration::from_secs(seconds.max(1));
        let limits = Limits {
            header: seconds(settings.header_timeout_seconds),
            idle: seconds(settings.idle_timeout_seconds),
            write: WRITE_STALL,
        };
        let (shutdown, abort) = (CancellationToken::new(), CancellationToken::new());
        let listening: Vec<SocketAddr> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let app = App::new(hooks, settings, Arc::clone(&web), &listening, &shutdown)?;
        let shared = Arc::new(Shared { app, web, networks, limits, telemetry, shutdown, abort });
        let connections = Arc::new(Semaphore::new(settings.connections_max.clamp(1, Semaphore::MAX_PERMITS)));
        Ok(Self { listeners, shared, connections, grace: Duration::from_secs(settings.shutdown_grace_seconds) })
    }

    /// The addresses in use, with the ports that were chosen for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Serves until `shutdown`; running answers are given the grace period to end.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), ServeError> {
        let Self { listeners, shared, connections, grace } = self;
        let tracker = TaskTracker::new();
        let mut accepting = JoinSet::new();
        for listener in listeners {
            accepting.spawn(accept(listener, Arc::clone(&shared), Arc::clone(&connections), tracker.clone()));
        }
        shutdown.cancelled().await;
        // Frees the ports at once.
        accepting.shutdown().await;
        shared.shutdown.cancel();
        tracker.close();
        if tokio::time::timeout(grace, tracker.wait()).await.is_err() {
            tracing::warn!(connections = tracker.len(), "cutting answers that did not end within the grace period");
            shared.abort.cancel();
            tracker.wait().await;
        }
        Ok(())
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, connections: Arc<Semaphore>, tracker: TaskTracker) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Over the limit, this connection and the system's queue behind it wait.
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let shared = Arc::clone(&shared);
        tracker.spawn(async move {
            serve(stream, peer, shared).await;
            drop(permit);
        });
    }
}

async fn listen_all(addresses: &[String]) -> Result<Vec<TcpListener>, ServeError> {
    if addresses.is_empty() {
        return Err(ServeError::NoAddress);
    }
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.push(listen(address).await?);
    }
    Ok(listeners)
}

/// The sockets of the unit that started us.
fn systemd_sockets() -> Result<Vec<TcpListener>, ServeError> {
    let mut handed = listenfd::ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..handed.len() {
        let Some(socket) = handed.take_tcp_listener(index).map_err(ServeError::SystemdSocket)? else { continue };
        socket.set_nonblocking(true).map_err(ServeError::SystemdSocket)?;
        listeners.push(TcpListener::from_std(socket).map_err(ServeError::SystemdSocket)?);
    }
    if listeners.is_empty() { Err(ServeError::NoSystemdSocket) } else { Ok(listeners) }
}

async fn listen(address: &str) -> Result<TcpListener, ServeError> {
    let result = match address.strip_prefix(':') {
        // Every interface: IPv6 with IPv4 mapped into it, or IPv4 where there is no IPv6.
        Some(port) => match TcpListener::bind(format!("[::]:{port}")).await {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                TcpListener::bind(format!("0.0.0.0:{port}")).await
            }
            result => result,
        },
        None => TcpListener::bind(address).await,
    };
    result.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::AddressInUse { address: address.to_owned() },
        _ => ServeError::Listen { address: address.to_owned(), source },
    })
}
