//! What can keep the server from starting. Names the setting and the remedy, never a secret.

use std::path::PathBuf;

/// Why the server cannot start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else listens there.
    #[error(
        "cannot listen on {address}: address in use; is another exporter running? choose another with --web.listen-address"
    )]
    AddressInUse {
        /// As in the settings.
        address: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another with --web.listen-address")]
    Listen {
        /// As in the settings.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// No address at all.
    #[error("no address to listen on; give one with --web.listen-address")]
    NoAddress,
    /// systemd handed nothing over.
    #[error("systemd handed over no TCP socket; start by a .socket unit, or leave --web.systemd-socket out")]
    NoSystemdSocket,
    /// What systemd handed over cannot be used.
    #[error("cannot use the socket of systemd: {0}; the .socket unit needs ListenStream= with an address and port")]
    SystemdSocket(std::io::Error),
    /// The metrics path cannot be served.
    #[error("--web.telemetry-path `{path}` {fault}")]
    TelemetryPath {
        /// As in the settings.
        path: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A prefix cannot be part of a metric name.
    #[error("prefix `{prefix}` cannot begin a metric name; use letters, digits and underscores")]
    Prefix {
        /// As in the settings.
        prefix: String,
    },
    /// An element of the allow list is no network.
    #[error("`{network}` in the allow list is not a network; write it like 10.0.0.0/8 or 2001:db8::/32")]
    Network {
        /// As in the settings.
        network: String,
    },
    /// The web configuration file or a file that it names is wrong.
    #[error("{}{}: {message}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    WebConfig {
        /// The file.
        file: PathBuf,
        /// The line, where known.
        line: Option<u64>,
        /// What is wrong with it.
        message: String,
    },
}

impl ServeError {
    /// A fault in a web configuration file or in one of the files that it names.
    pub(crate) fn web_config(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self::WebConfig { file: file.into(), line: None, message: message.into() }
    }
}
