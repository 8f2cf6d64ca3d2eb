//! The local host: node_exporter's families behind the `host_` prefix. (interface stub: helper `host` replaces this)

use serde::{Deserialize, Serialize};

use crate::model::metric::Descriptor;
use crate::model::part::PartBuilder;

/// Figures of the local host.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether the host is collected at all.
    pub enabled: bool,
    /// Seconds between collections.
    pub interval_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, interval_seconds: 5 }
    }
}

/// Every table of this folder.
pub fn tables() -> Vec<&'static [&'static Descriptor]> {
    Vec::new()
}

/// How one subsystem's run came out: name (e.g. `host.cpu`), samples or what went wrong, time taken.
#[derive(Debug)]
pub struct Outcome {
    /// The `collector` label.
    pub collector: &'static str,
    /// Samples put, or why not: (kind, text).
    pub result: Result<usize, (&'static str, String)>,
    /// Time taken.
    pub duration: std::time::Duration,
}

/// All host collectors with their state between runs. Blocking: run on a thread of its own.
#[derive(Debug)]
pub struct Host {}

impl Host {
    /// Prepares the collectors.
    pub fn new(_settings: &Settings) -> Self {
        Self {}
    }

    /// One run of all subsystems; a failing one never hides the others.
    pub fn collect(&mut self, _part: &mut PartBuilder) -> Vec<Outcome> {
        Vec::new()
    }
}
