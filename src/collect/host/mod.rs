//! The local host: node_exporter's families behind the `host_` prefix, so that with the prefix `node` its dashboards
//! and alerts work as they are.
//!
//! One file per subsystem, each with its table and one `collect`; a subsystem that fails never hides the others.
//! On Linux they read /proc and /sys below settable roots (`linux/`); elsewhere sysinfo gives what it can
//! (`portable`). It deliberately does not watch other hosts, and no process ever becomes a label.

mod error;
#[cfg(feature = "gpu")]
mod gpu;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;
mod settings;
mod state;
mod system;

use std::collections::HashMap;
use std::time::{Duration, Instant};

pub use settings::{Disk, Filesystem, Network, Pattern, Settings, SubsystemName};
pub use system::{ProcessFigures, TopProcesses};

use crate::model::clock::Clock;
use crate::model::metric::Descriptor;
use crate::model::part::{Origin, Part, PartBuilder, PartKey};
use error::HostError;
use state::State;

crate::metrics! {
    /// Time that the subsystem took when it was last read.
    COLLECTOR_DURATION = gauge "host_scrape_collector_duration_seconds" [collector], Seconds, "stackcast itself";
    /// 1 when the subsystem could be read.
    COLLECTOR_SUCCESS = gauge "host_scrape_collector_success" [collector], Bool, "stackcast itself";
    /// Files that the service's user may not read, counted at every try.
    UNREADABLE = counter "host_unreadable_files_total" [collector], Count, "stackcast itself";
}

/// A subsystem: its name, its table, how often it is read and the function that reads it.
struct Subsystem {
    /// With the `host.` in front.
    name: &'static str,
    metrics: &'static [&'static Descriptor],
    /// Figures that rarely change and cost many reads are read at most this often and repeated in between.
    pace: Option<Duration>,
    collect: fn(&mut State, &mut PartBuilder) -> Result<(), HostError>,
}

/// Declares the subsystems in the order in which they run.
macro_rules! subsystems {
    ($($module:ident $(every $seconds:literal)?),+ $(,)?) => {
        pub(super) static SUBSYSTEMS: &[$crate::collect::host::Subsystem] = &[$(
            $crate::collect::host::Subsystem {
                name: concat!("host.", stringify!($module)),
                metrics: $module::METRICS,
                pace: subsystems!(@pace $($seconds)?),
                collect: $module::collect,
            }
        ),+];
    };
    (@pace) => { None };
    (@pace $seconds:literal) => { Some(std::time::Duration::from_secs($seconds)) };
}
use subsystems;

#[cfg(target_os = "linux")]
use linux::SUBSYSTEMS as PLATFORM;
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    //! What runs on other systems than Linux.
    use super::portable;
    subsystems![portable];
}
#[cfg(not(target_os = "linux"))]
use elsewhere::SUBSYSTEMS as PLATFORM;

#[cfg(feature = "gpu")]
mod devices {
    //! What runs on every system when built in.
    use super::gpu;
    subsystems![gpu];
}

fn all_subsystems() -> impl Iterator<Item = &'static Subsystem> {
    #[cfg(feature = "gpu")]
    let devices: &'static [Subsystem] = devices::SUBSYSTEMS;
    #[cfg(not(feature = "gpu"))]
    let devices: &'static [Subsystem] = &[];
    PLATFORM.iter().chain(devices)
}

/// Names of the subsystems of this platform, without the `host.`.
fn subsystem_names() -> impl Iterator<Item = &'static str> {
    all_subsystems().map(|subsystem| label(subsystem.name))
}

fn label(name: &'static str) -> &'static str {
    name.strip_prefix("host.").unwrap_or(name)
}

/// Every table of this folder.
pub fn tables() -> Vec<&'static [&'static Descriptor]> {
    all_subsystems().map(|subsystem| subsystem.metrics).chain([METRICS]).collect()
}

/// How one subsystem's run came out: name (e.g. `host.cpu`), samples or what went wrong, time taken.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The `collector` label.
    pub collector: &'static str,
    /// Samples put, or why not: (kind, text).
    pub result: Result<usize, (&'static str, String)>,
    /// Time taken.
    pub duration: Duration,
}

/// All host collectors with their state between runs. Blocking: run on a thread of its own.
#[derive(Debug)]
pub struct Host {
    state: State,
    enabled: Vec<&'static Subsystem>,
    kept: HashMap<&'static str, Kept>,
}

/// The figures of a paced subsystem and when they were read.
#[derive(Debug)]
struct Kept {
    read: Instant,
    part: Part,
    outcome: Outcome,
}

impl std::fmt::Debug for Subsystem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Host {
    /// Prepares the collectors. Reads nothing yet.
    pub fn new(settings: &Settings) -> Self {
        Self::with_clock(settings, Clock::system())
    }

    /// The same with another clock.
    pub fn with_clock(settings: &Settings, clock: Clock) -> Self {
        let disabled: Vec<&str> = settings.disabled.iter().map(|name| name.as_str()).collect();
        let enabled =
            all_subsystems().filter(|subsystem| settings.enabled && !disabled.contains(&label(subsystem.name)));
        Self { enabled: enabled.collect(), state: State::new(settings, clock), kept: HashMap::new() }
    }

    /// One run of all subsystems; a failing one never hides the others.
    pub fn collect(&mut self, part: &mut PartBuilder) -> Vec<Outcome> {
        #[cfg(target_os = "linux")]
        self.state.linux.begin_run();
        let mut outcomes = Vec::with_capacity(self.enabled.len());
        for subsystem in self.enabled.clone() {
            let outcome = match subsystem.pace {
                Some(pace) => self.paced(subsystem, pace, part),
                None => self.run(subsystem, part),
            };
            let collector = label(subsystem.name);
            part.put(&COLLECTOR_DURATION, [collector], outcome.duration.as_secs_f64());
            part.put(&COLLECTOR_SUCCESS, [collector], f64::from(u8::from(outcome.result.is_ok())));
            outcomes.push(outcome);
        }
        for (name, count) in self.state.unreadable() {
            part.put(&UNREADABLE, [label(name)], *count as f64);
        }
        outcomes
    }

    /// Runs a subsystem into a part of its own when its figures have become old, and adds that part.
    fn paced(&mut self, subsystem: &'static Subsystem, pace: Duration, part: &mut PartBuilder) -> Outcome {
        let now = self.state.clock.instant();
        if let Some(kept) = self.kept.get(subsystem.name)
            && now.duration_since(kept.read) < pace
        {
            part.extend(&kept.part);
            return kept.outcome.clone();
        }
        let mut own = PartBuilder::new();
        let outcome = self.run(subsystem, &mut own);
        let key = PartKey { group: "host", origin: Origin::LOCAL, source: subsystem.name.into() };
        let (own, _) = own.seal(key, self.state.clock.now(), usize::MAX);
        part.extend(&own);
        if outcome.result.is_ok() {
            self.kept.insert(subsystem.name, Kept { read: now, part: own, outcome: outcome.clone() });
        } else {
            self.kept.remove(subsystem.name);
        }
        outcome
    }

    fn run(&mut self, subsystem: &'static Subsystem, part: &mut PartBuilder) -> Outcome {
        let before = part.samples();
        let start = self.state.clock.instant();
        self.state.running = subsystem.name;
        let result = (subsystem.collect)(&mut self.state, part);
        let duration = start.elapsed();
        let result = match result {
            Ok(()) => Ok(part.samples().saturating_sub(before)),
            Err(error) => {
                if self.state.first_time(std::path::Path::new(subsystem.name)) {
                    tracing::warn!(collector = subsystem.name, %error, "host figures are missing; further failures are only counted");
                }
                Err((error.kind(), error.to_string()))
            }
        };
        Outcome { collector: subsystem.name, result, duration }
    }
}
