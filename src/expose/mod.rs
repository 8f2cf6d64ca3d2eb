//! Serves the snapshot: text formats, HTTP, TLS, limits.
//!
//! ```text
//! SnapshotStore ─► names, plan (what a group prints), segment ─► text | openmetrics ─► output (pieces, deflate)
//!                                                                  │
//!                             page, group (cache by variant) ◄─────┘ ─► routes ─► connection ─► server
//! ```
//! A scrape copies pointers: a group's text was rendered (and compressed) when one of its parts changed, and of it only
//! the segments whose rows changed; the live piece (self metrics) alone is made anew for each page. Nothing is collected here, nothing in
//! the snapshot is changed, and no module but `model` is known.

mod auth;
mod connection;
mod error;
mod group;
mod guard;
mod landing;
mod names;
mod negotiate;
mod networks;
mod openmetrics;
mod output;
mod page;
mod plan;
mod routes;
mod san;
mod segment;
mod server;
mod telemetry;
mod text;
mod tls;
mod web_config;

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::model::metric::Descriptor;

pub use error::ServeError;
pub use negotiate::{Encoding, Format, encoding_for, format_for};
pub use page::{Exposition, GroupStats, Live, Page};
pub use server::Server;

/// How metrics are served.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Addresses to listen on; `:9180` is every interface.
    pub listen_addresses: Vec<String>,
    /// Path of the metrics page.
    pub telemetry_path: String,
    /// TLS, client certificates and basic auth, in the form of Prometheus' exporter-toolkit.
    pub web_config_file: Option<PathBuf>,
    /// Networks (CIDR) that may connect; empty allows all.
    pub allow: Vec<String>,
    /// Connections at once; further ones wait.
    pub connections_max: usize,
    /// Seconds that a client may take to send its request headers.
    pub header_timeout_seconds: u64,
    /// Seconds after which a connection without a request is closed.
    pub idle_timeout_seconds: u64,
    /// Seconds that running answers are given at shutdown.
    pub shutdown_grace_seconds: u64,
    /// Names and labels.
    pub naming: Naming,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen_addresses: vec!["127.0.0.1:9180".to_owned()],
            telemetry_path: "/metrics".to_owned(),
            web_config_file: None,
            allow: Vec::new(),
            connections_max: 256,
            header_timeout_seconds: 10,
            // Longer than the usual scrape intervals, so that Prometheus keeps its connection.
            idle_timeout_seconds: 180,
            shutdown_grace_seconds: 10,
            naming: Naming::default(),
        }
    }
}

/// Prefixes and cloud labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Naming {
    /// Prefix of the cloud's families in place of `openstack`.
    pub prefix: String,
    /// Prefix of the host's families in place of `host`; `node` makes node_exporter dashboards work.
    pub host_prefix: String,
    /// Whether `cloud` and `region` labels are added to the cloud's families.
    pub cloud_labels: CloudLabels,
}

impl Default for Naming {
    fn default() -> Self {
        Self { prefix: "openstack".to_owned(), host_prefix: "host".to_owned(), cloud_labels: CloudLabels::Auto }
    }
}

/// When `cloud` and `region` labels are added to `openstack_*` families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloudLabels {
    /// When more than one (cloud, region) is served.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never; refused when more than one (cloud, region) is served.
    Never,
}

/// What the server needs from the rest of the program.
#[derive(Clone)]
pub struct Hooks {
    /// The metrics page.
    pub exposition: Arc<Exposition>,
    /// Readiness and the landing page's facts; called per request, so it has to be quick.
    pub status: Arc<dyn Fn() -> Status + Send + Sync>,
    /// Reads the configuration anew; the error is shown to whoever asked, so it must not carry a secret.
    pub reload: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// How the program is, for `/-/ready` and the landing page.
#[derive(Clone, Debug)]
pub struct Status {
    /// Whether every collector has run once, or what is awaited.
    pub ready: Result<(), String>,
    /// The clouds and regions that are watched.
    pub clouds: Vec<CloudStatus>,
    /// What the reader may want to do next, in plain sentences.
    pub hints: Vec<String>,
}

/// One region of a cloud, in words.
#[derive(Clone, Debug)]
pub struct CloudStatus {
    /// Name of the cloud, as in clouds.yaml.
    pub cloud: String,
    /// Region; empty before the first login.
    pub region: String,
    /// Whether it answers.
    pub up: bool,
    /// What works and what does not, in a few words.
    pub detail: String,
}

/// Every table of metrics that the server fills about itself, for the reference.
pub fn tables() -> Vec<&'static [&'static Descriptor]> {
    vec![telemetry::METRICS]
}
