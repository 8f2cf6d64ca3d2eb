//! Serves the snapshot: text formats, HTTP, TLS, limits.
//!
//! ```text
//! SnapshotStore ─► names, plan (what a group prints), segment ─► text | openmetrics ─► output (pieces, deflate)
//!                                                                  │
//!                             page, group (cache by variant) ◄─────┘ ─► routes ─► connection ─► server
//! SnapshotStore, History ─► api (JSON) ─────────────────────────────────► routes
//! ```
//! A scrape copies pointers: a group's text was rendered (and compressed) when one of its parts changed, and of it only
//! the segments whose rows changed; the live piece (self metrics) alone is made anew for each page. Nothing is collected here, nothing in
//! the snapshot is changed, and no modules but `model` and `history` are known.

mod api;
mod auth;
mod connection;
mod discovery;
mod error;
mod group;
mod guard;
mod hosts;
mod landing;
mod names;
mod negotiate;
mod networks;
mod openmetrics;
mod output;
mod page;
mod plan;
mod probe;
mod rate;
mod recording;
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

pub use api::{
    HistorySource, HostProcess, Inside, ProcessSource, RecordsSource, Refusal, SignalSource, Sources, WhatIfSource,
};
pub use error::ServeError;
pub use names::View;
pub use negotiate::{Encoding, Format, encoding_for, format_for};
pub use page::{Exposition, GroupStats, Live, Page};
pub use probe::{Hook as ProbeHook, Refusal as ProbeRefusal, Request as ProbeRequest};
pub use recording::Recording;
pub use server::Server;

/// How metrics are served.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Addresses to listen on; `:9180` is every interface.
    pub listen_addresses: Vec<String>,
    /// Listen on the sockets that systemd hands over (LISTEN_FDS), in place of `listen_addresses`.
    pub systemd_socket: bool,
    /// Path of the metrics page.
    pub telemetry_path: String,
    /// TLS, client certificates and basic auth, in the form of Prometheus' exporter-toolkit.
    pub web_config_file: Option<PathBuf>,
    /// Networks (CIDR) that may connect; empty allows all.
    pub allow: Vec<String>,
    /// Names (without port) that a request may call this server by; IP addresses and localhost are always right. Empty:
    /// other names are refused where only loopback is listened on, but for the metrics page, and taken everywhere else.
    pub hosts: Vec<String>,
    /// How often a client may ask.
    pub rate_limit: RateLimit,
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
    /// `/probe?cloud=NAME`: the page of one cloud.
    pub probe: Probe,
    /// `/api/v1/sd/hypervisors`: targets for Prometheus' HTTP service discovery.
    pub sd: Discovery,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen_addresses: vec!["127.0.0.1:9180".to_owned()],
            systemd_socket: false,
            telemetry_path: "/metrics".to_owned(),
            web_config_file: None,
            allow: Vec::new(),
            hosts: Vec::new(),
            rate_limit: RateLimit::default(),
            connections_max: 256,
            header_timeout_seconds: 10,
            // Longer than the usual scrape intervals, so that Prometheus keeps its connection.
            idle_timeout_seconds: 180,
            shutdown_grace_seconds: 10,
            naming: Naming::default(),
            probe: Probe::default(),
            sd: Discovery::default(),
        }
    }
}

impl Settings {
    /// Whether the web configuration file switches TLS on; how a client of one's own has to ask.
    pub fn serves_tls(&self) -> Result<bool, ServeError> {
        let loaded = self.web_config_file.as_deref().map(web_config::Loaded::read).transpose()?;
        Ok(loaded.is_some_and(|loaded| loaded.tls.is_some()))
    }
}

/// How often a client (an IPv4 address, or a /64 of IPv6) may ask; ten times that for metrics, discovery and health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// Requests per second that it may keep up; 0 is no limit.
    pub requests_per_second: f64,
    /// Requests that it may send at once.
    pub burst: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        // A dashboard of a hundred panels, loaded anew every five seconds.
        Self { requests_per_second: 20.0, burst: 200 }
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

/// `/probe?cloud=NAME`: the page of one cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Probe {
    /// Whether it is served.
    pub enabled: bool,
    /// Answer 200 and an empty page to an unknown cloud, as openstack-exporter does, instead of 404.
    pub unknown_is_empty: bool,
    /// Seconds that a probe waits for a cloud's first collection when it does not say itself
    /// (X-Prometheus-Scrape-Timeout-Seconds).
    pub wait_seconds: u64,
}

impl Default for Probe {
    fn default() -> Self {
        Self { enabled: true, unknown_is_empty: false, wait_seconds: 10 }
    }
}

/// `/api/v1/sd/hypervisors`: targets for Prometheus' HTTP service discovery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Discovery {
    /// Port of the targets; 9100 is node_exporter's.
    pub port: u16,
    /// What the targets' addresses are made of.
    pub address: DiscoveryAddress,
    /// Labels added to every target.
    pub labels: std::collections::BTreeMap<String, String>,
}

impl Default for Discovery {
    fn default() -> Self {
        Self { port: 9100, address: DiscoveryAddress::HostIp, labels: std::collections::BTreeMap::new() }
    }
}

/// What a discovered target's address is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiscoveryAddress {
    /// The IP address that Nova has of the host; its name where there is none.
    HostIp,
    /// The hypervisor's host name.
    Hostname,
}

/// What the server needs from the rest of the program.
#[derive(Clone)]
pub struct Hooks {
    /// The metrics page.
    pub exposition: Arc<Exposition>,
    /// Readiness and the landing page's facts; called per request, so it has to be quick.
    pub status: Arc<dyn Fn() -> Status + Send + Sync>,
    /// Finds, or begins to collect, a cloud that is asked for.
    pub probe: probe::Hook,
    /// What the JSON API is made from, beyond the snapshot.
    pub sources: Sources,
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
