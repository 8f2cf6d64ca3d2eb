//! What flows through stackcast: metric descriptors, parts, snapshots, typed tables, time.
//!
//! Data flows one way. Collectors and analyses fill a [`part::PartBuilder`]; the runner seals it
//! into an immutable [`part::Part`] and publishes it in the [`snapshot::SnapshotStore`]; exposition,
//! history and analysis only read. Nothing here talks to a network, a disk or another module.

pub mod alert;
pub mod anomaly;
pub mod clock;
pub mod day;
pub mod headroom;
pub mod histogram;
pub mod id;
pub mod inventory;
pub mod metric;
pub mod part;
pub mod prediction;
pub mod project_use;
pub mod recommendation;
pub mod risk;
pub mod signal;
pub mod snapshot;
pub mod waste;
pub mod what_if;
pub mod workload;
