//! Typed tables: what analysis, workload records and other collectors need beyond samples.
//!
//! One small file per kind. Collectors fill them, everyone else reads them from the snapshot with
//! [`Snapshot::table`](super::snapshot::Snapshot::table). Rows are small: ids are 16 bytes, repeated
//! texts are interned, so that 50,000 servers take less than 20 MB.

pub mod aggregate;
pub mod compute_service;
pub mod flavor;
pub mod floating_ip;
pub mod guest;
pub mod hypervisor;
pub mod image;
pub mod interner;
pub mod load_balancer;
pub mod network;
pub mod network_agent;
pub mod pool;
pub mod project;
pub mod provider;
pub mod quota;
pub mod router;
pub mod server;
pub mod share;
pub mod user;
pub mod volume;
pub mod volume_snapshot;
pub mod zone;
