//! Capacity figures as gauges.

use super::figures::{Figure, Figures, Place};
use super::resource::Resource;
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;
use crate::model::signal::Basis;

crate::metrics! {
    /// Used over usable of a resource; may pass 1.
    UTILIZATION = gauge "stackcast_capacity_utilization_ratio" [scope entity resource basis], Ratio, "Placement inventories and usages; Nova hypervisors";
    /// vCPUs that may be used: (total - reserved) x allocation ratio, less buffer and failure reserve, of hosts that are up and enabled.
    USABLE_VCPUS = gauge "stackcast_capacity_usable_vcpus" [scope entity basis], Count, "Placement inventories; Nova hypervisors";
    /// Used vCPUs.
    USED_VCPUS = gauge "stackcast_capacity_used_vcpus" [scope entity basis], Count, "Placement usages";
    /// vCPUs that are usable and not used.
    FREE_VCPUS = gauge "stackcast_capacity_free_vcpus" [scope entity basis], Count, "Placement inventories and usages";
    /// Dedicated CPUs that may be used.
    USABLE_PCPUS = gauge "stackcast_capacity_usable_pcpus" [scope entity basis], Count, "Placement inventories; Nova hypervisors";
    /// Used dedicated CPUs.
    USED_PCPUS = gauge "stackcast_capacity_used_pcpus" [scope entity basis], Count, "Placement usages";
    /// Dedicated CPUs that are usable and not used.
    FREE_PCPUS = gauge "stackcast_capacity_free_pcpus" [scope entity basis], Count, "Placement inventories and usages";
    /// Memory that may be used.
    USABLE_MEMORY = gauge "stackcast_capacity_usable_memory_bytes" [scope entity basis], Bytes, "Placement inventories; Nova hypervisors";
    /// Used memory.
    USED_MEMORY = gauge "stackcast_capacity_used_memory_bytes" [scope entity basis], Bytes, "Placement usages";
    /// Memory that is usable and not used.
    FREE_MEMORY = gauge "stackcast_capacity_free_memory_bytes" [scope entity basis], Bytes, "Placement inventories and usages";
    /// Disk that may be used.
    USABLE_DISK = gauge "stackcast_capacity_usable_disk_bytes" [scope entity basis], Bytes, "Placement inventories; Nova hypervisors";
    /// Used disk.
    USED_DISK = gauge "stackcast_capacity_used_disk_bytes" [scope entity basis], Bytes, "Placement usages";
    /// Disk that is usable and not used.
    FREE_DISK = gauge "stackcast_capacity_free_disk_bytes" [scope entity basis], Bytes, "Placement inventories and usages";
    /// Devices (or units of any other resource class) that may be used.
    USABLE_DEVICES = gauge "stackcast_capacity_usable_devices" [scope entity resource basis], Count, "Placement inventories; Nova hypervisors";
    /// Used devices.
    USED_DEVICES = gauge "stackcast_capacity_used_devices" [scope entity resource basis], Count, "Placement usages";
    /// Devices that are usable and not used.
    FREE_DEVICES = gauge "stackcast_capacity_free_devices" [scope entity resource basis], Count, "Placement inventories and usages";
    /// Hypervisors by whether the scheduler may use them: available, disabled, down. Only the available ones are in the figures of capacity.
    HYPERVISORS = gauge "stackcast_capacity_hypervisors" [scope entity state], Count, "Nova hypervisors";
}

/// Usable, used, free.
type Three = [&'static Metric<3>; 3];

/// Puts all figures of a region.
pub(super) fn emit(part: &mut PartBuilder, figures: &Figures) {
    for ((place, resource), figure) in &figures.amounts {
        amounts(part, place, resource, *figure);
        if let Some(ratio) = figure.utilization() {
            put_utilization(part, place, resource.as_str(), Basis::Allocation, ratio);
        }
    }
    for (place, hosts) in &figures.hosts {
        for (state, count) in [("available", hosts.available), ("disabled", hosts.disabled), ("down", hosts.down)] {
            part.put(&HYPERVISORS, [place.scope.as_str(), &place.entity, state], f64::from(count));
        }
    }
}

/// Puts a utilisation, whatever it was computed from.
pub(in crate::analyse) fn put_utilization(
    part: &mut PartBuilder,
    place: &Place,
    resource: &str,
    basis: Basis,
    ratio: f64,
) {
    part.put(&UTILIZATION, [place.scope.as_str(), &place.entity, resource, basis.as_str()], ratio);
}

fn amounts(part: &mut PartBuilder, place: &Place, resource: &Resource, figure: Figure) {
    let (scope, entity, basis) = (place.scope.as_str(), &*place.entity, Basis::Allocation.as_str());
    let values = [figure.usable, figure.used, figure.free()];
    let three: Three = match resource {
        Resource::Vcpu => [&USABLE_VCPUS, &USED_VCPUS, &FREE_VCPUS],
        Resource::Pcpu => [&USABLE_PCPUS, &USED_PCPUS, &FREE_PCPUS],
        Resource::Memory => [&USABLE_MEMORY, &USED_MEMORY, &FREE_MEMORY],
        Resource::Disk => [&USABLE_DISK, &USED_DISK, &FREE_DISK],
        Resource::Devices(class) => {
            for (metric, value) in [&USABLE_DEVICES, &USED_DEVICES, &FREE_DEVICES].into_iter().zip(values) {
                part.put(metric, [scope, entity, class, basis], value);
            }
            return;
        }
    };
    for (metric, value) in three.into_iter().zip(values) {
        part.put(metric, [scope, entity, basis], value);
    }
}
