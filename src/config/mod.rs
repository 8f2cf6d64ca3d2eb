//! Configuration: every stage's settings composed into one, and where they come from.
//!
//! Defaults < file < environment < flags (see [`load`]). Each stage owns its `Settings`; this module adds
//! only what belongs to no stage. It reads files and checks values; it opens no socket and logs in nowhere,
//! and it holds no secret: credentials stay in clouds.yaml and `OS_*`, which `openstack::clouds` reads.

mod clouds;
mod compat;
mod data;
mod environment;
mod error;
mod file;
mod filter;
pub(crate) mod keys;
mod layer;
pub mod load;
mod reload;
mod suggest;
mod validate;

use serde::{Deserialize, Serialize};

pub use clouds::{Clouds, EndpointType, Wanted};
pub use compat::Compat;
pub use data::{Data, DirectoryError};
pub use error::{Error, Fault};
pub use filter::Filter;
pub use load::{Loaded, Override, Sources};
pub use reload::{changed_keys, restart_keys};

/// Everything that can be configured.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Behave as another exporter does: values, labels, families, address. What is set explicitly wins over it.
    #[schemars(example = &"openstack-exporter")]
    pub compat: Option<Compat>,
    /// Which clouds are served. Credentials stay in clouds.yaml or in `OS_*` variables.
    pub clouds: Clouds,
    /// How stackcast behaves towards OpenStack's APIs.
    pub openstack: crate::openstack::Settings,
    /// What is collected, and how often.
    pub collect: crate::collect::Settings,
    /// How metrics are served.
    pub expose: crate::expose::Settings,
    /// Families and labels that are left out.
    pub filter: Filter,
    /// Limits against explosions, not against big clouds; what they drop is counted.
    pub limits: Limits,
    /// What is kept on disk.
    pub data: Data,
    /// Where weeks of readings come from: the embedded store, or a Prometheus-compatible one.
    pub history: crate::history::Settings,
    /// Signals of your own, by name: PromQL expressions.
    pub signals: std::collections::BTreeMap<String, crate::history::SignalQuery>,
    /// Analysis of what was collected.
    pub analysis: crate::analyse::Settings,
    /// Records of how workloads change: what came, went and changed each day, without names and addresses.
    pub workload: crate::workload::Settings,
    /// Reports for people, and small notices where no Alertmanager is: to a file, by mail, to Slack.
    pub report: crate::report::Settings,
    /// The program's own log, on standard error.
    pub log: Log,
}

/// Limits on series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Series of one family from one collector and region.
    pub series_per_family: usize,
    /// Series in all.
    pub series_total: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { series_per_family: 1_000_000, series_total: 5_000_000 }
    }
}

/// The program's own log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Least severe level that is written. RUST_LOG in the environment overrides it, per module if wanted.
    pub level: LogLevel,
    /// Form of a line.
    pub format: LogFormat,
}

/// Severity of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What failed and needs somebody.
    Error,
    /// And what is odd.
    Warn,
    /// And what happens once in a while.
    #[default]
    Info,
    /// And every request.
    Debug,
    /// And everything.
    Trace,
}

impl LogLevel {
    /// The name, as in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}
