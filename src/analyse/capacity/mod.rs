//! Capacity: what of each resource may be used, is used and is free, by hypervisor, zone, aggregate and cloud.
//!
//! From Placement's provider trees and Nova's hypervisors, as typed tables of the snapshot; pure. Utilisation is what
//! is forecast. What fits on top (headroom per flavor) and what is wasted is counted elsewhere.

mod emit;
mod figures;
mod resource;
mod settings;
mod sightings;

pub(super) use emit::put_utilization;
pub(super) use figures::SHARING;
pub use figures::{Figure, Figures, HostCounts, Place, figures};
pub use resource::Resource;
pub use settings::Settings;
pub(super) use sightings::Sightings;

use crate::model::metric::Descriptor;
use crate::model::part::PartBuilder;

/// The families of capacity.
pub(super) static METRICS: &[&Descriptor] = emit::METRICS;

/// Puts all figures of a region.
pub(super) fn emit(part: &mut PartBuilder, figures: &Figures) {
    emit::emit(part, figures);
}

#[cfg(test)]
pub(super) use figures::tests;
