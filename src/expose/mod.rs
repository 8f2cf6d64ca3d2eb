//! Serves the snapshot: text formats, HTTP, TLS, limits. (interface stub: helper `expose` replaces this)

use serde::{Deserialize, Serialize};

/// How metrics are served.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Addresses to listen on.
    pub listen_addresses: Vec<String>,
    /// Path of the metrics page.
    pub telemetry_path: String,
    /// TLS, client certificates and basic auth, in the form of Prometheus' exporter-toolkit.
    pub web_config_file: Option<std::path::PathBuf>,
    /// Networks (CIDR) that may connect; empty allows all.
    pub allow: Vec<String>,
    /// Connections at once.
    pub connections_max: usize,
    /// Seconds that a client may take to send its request headers.
    pub header_timeout_seconds: u64,
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
