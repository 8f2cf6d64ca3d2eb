//! (temporary: helper demo replaces this; the signatures are those of branch `demo`)

use std::net::SocketAddr;

use serde::Deserialize;

use crate::model::clock::Clock;

/// Size and behaviour of the simulated cloud.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Hypervisors per region.
    pub hypervisors: usize,
    /// Instances per region at the start.
    pub instances: usize,
    /// Projects.
    pub projects: usize,
    /// Seed.
    pub seed: u64,
    /// Items per page.
    pub page_size: usize,
    /// Milliseconds that every answer waits.
    pub delay_ms: u64,
    /// Milliseconds on top.
    pub jitter_ms: u64,
    /// Address.
    pub listen: SocketAddr,
    /// Regions.
    pub regions: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hypervisors: 20,
            instances: 400,
            projects: 12,
            seed: 1,
            page_size: 1000,
            delay_ms: 0,
            jitter_ms: 0,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            regions: vec!["RegionOne".to_owned()],
        }
    }
}

/// Faults in force.
#[derive(Debug, Default, Deserialize)]
pub struct FaultPlan {
    /// The faults.
    pub faults: Vec<serde_json::Value>,
}

/// Where faults are set.
#[derive(Debug)]
pub struct Faults;

impl Faults {
    /// Replaces the plan.
    pub fn set(&self, _plan: FaultPlan) {}
}

/// Why the simulated cloud does not start.
#[derive(Debug, thiserror::Error)]
#[error("the demo is not built into this version yet")]
pub struct DemoError;

/// A running simulated cloud; it ends when dropped.
#[derive(Debug)]
pub struct Demo(Faults);

impl Demo {
    /// Starts it.
    pub async fn start(_settings: Settings, _clock: Clock) -> Result<Self, DemoError> {
        Err(DemoError)
    }

    /// Address that it listens on.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    /// A clouds.yaml; it holds secrets.
    pub fn clouds_yaml(&self) -> String {
        String::new()
    }

    /// The faults.
    pub fn faults(&self) -> &Faults {
        &self.0
    }
}
