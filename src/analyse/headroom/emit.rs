//! The findings as gauges.

use crate::model::headroom::{Headroom, Resilience, Stranded};
use crate::model::part::PartBuilder;
use crate::model::signal::Scope;

crate::metrics! {
    /// How many more instances of a flavor fit in a zone (az is empty for hosts of none), by Placement's rules; full zones have 0.
    HEADROOM = gauge "stackcast_capacity_flavor_headroom_instances" [flavor az], Count, "Placement inventories, usages, traits; Nova flavors, hypervisors, aggregates";
    /// What stops the next instance: a resource, trait, aggregate or host (none is available); exact is upper_bound where filters that Placement does not know decide (NUMA, huge pages, PCI, aggregates of tenants), always 1.
    LIMIT = gauge "stackcast_capacity_flavor_limit_info" [flavor az resource exact], Info, "Placement inventories, usages, traits; Nova flavors, hypervisors, aggregates";
    /// Free capacity that the mix of flavors running in the region cannot use, over usable capacity.
    STRANDED = gauge "stackcast_capacity_stranded_ratio" [scope entity resource], Ratio, "Placement inventories, usages, traits; Nova flavors, servers";
    /// How many of the largest hosts may fail so that all of their instances fit on the others.
    EVACUATION = gauge "stackcast_capacity_evacuation_hosts" [scope entity], Count, "Placement inventories, usages, traits; Nova flavors, servers";
    /// Measured demand over allocated capacity; only of hypervisors whose demand is measured.
    EFFICIENCY = gauge "stackcast_efficiency_ratio" [scope entity resource], Ratio, "Placement inventories and usages; measured demand";
}

pub(super) fn headroom(part: &mut PartBuilder, headroom: &Headroom) {
    for flavor in &headroom.flavors {
        for (zone, room) in headroom.zones.iter().zip(&flavor.local.zones) {
            part.put(&HEADROOM, [&flavor.name, zone], f64::from(room.instances));
            if let Some(stop) = headroom.stops.get(usize::from(room.stop)) {
                let exact = if room.upper_bound { "upper_bound" } else { "exact" };
                part.put(&LIMIT, [&flavor.name, zone, stop.resource(), exact], 1.0);
            }
        }
    }
}

/// Hosts are told by the API only: they would be thousands of series.
pub(super) fn plans(part: &mut PartBuilder, stranded: &Stranded, resilience: &Resilience) {
    for row in stranded.rows.iter().filter(|row| row.scope != Scope::Hypervisor) {
        if let Some(ratio) = row.ratio() {
            part.put(&STRANDED, [row.scope.as_str(), &row.entity, &row.resource], ratio);
        }
    }
    for row in &resilience.rows {
        part.put(&EVACUATION, [row.scope.as_str(), &row.entity], f64::from(row.evacuation_hosts));
    }
}
