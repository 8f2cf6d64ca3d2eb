//! Workload records: what came, changed and went in a cloud, day by day, as OSWL (the OpenStack workload statistics of
//! Fuel) had it.
//!
//! ```text
//! Snapshot (typed tables) ─► record (white list), listing (canonical) ─► diff ─► store ─┬─► csv, changes (for expose)
//!                              tracker ──────────────────────────────┘        └─► sender ─► HTTPS ─► collector ─► store
//! ```
//! No request to a cloud is made here, and nothing is kept that is not on the white list. When to look, where settings
//! come from and how questions arrive is left to `app` and `expose`.

mod collector;
mod csv;
mod diff;
mod listing;
mod record;
mod report;
mod sender;
mod settings;
mod store;
mod telemetry;
#[cfg(test)]
mod tests;
mod tracker;

use crate::model::metric::Descriptor;
use crate::model::part::PartBuilder;

pub use collector::Desk;
pub use sender::{Round, SendError, Sender};
pub use settings::{Collector, Send, Settings};
pub use store::{FILE_NAME, Store, backup};
pub use telemetry::Telemetry;
pub use tracker::{Looked, Sight, Tracker};

/// Rows of this stage, for the reference.
pub fn tables() -> Vec<&'static [&'static Descriptor]> {
    vec![telemetry::METRICS]
}

/// The families about this process.
pub fn own_part(store: &Store, telemetry: &Telemetry, settings: &Settings) -> PartBuilder {
    telemetry.own_part(store.bytes(), settings.send.consent, settings.collector.enabled)
}
