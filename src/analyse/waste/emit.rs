//! Waste and pressure as gauges. What is not known is absent; what is known has its 0.

use std::collections::{BTreeMap, BTreeSet};

use super::things::{CLASSES, ORPHANED};
use crate::model::part::PartBuilder;
use crate::model::waste::{Amounts, InstanceClass, Kind, Pressure, PressureClass, Waste};

crate::metrics! {
    /// Instances that are waste, each in the first class that fits: powered_off, error, idle, oversized; the last two only where use is measured.
    INSTANCES = gauge "stackcast_waste_instances" [class az], Count, "Nova servers; measured use of instances";
    /// vCPUs that come back when these instances go or, if oversized, shrink.
    VCPUS = gauge "stackcast_waste_vcpus" [class az], Count, "Nova servers; measured use of instances";
    /// Memory that comes back when these instances go or, if oversized, shrink.
    MEMORY = gauge "stackcast_waste_memory_bytes" [class az], Bytes, "Nova servers; measured use of instances";
    /// Disk of hosts that comes back when these instances go.
    DISK = gauge "stackcast_waste_disk_bytes" [class az], Bytes, "Nova servers; measured use of instances";
    /// Share of the running instances that are measured for long enough to be called idle or oversized.
    COVERAGE = gauge "stackcast_waste_coverage_ratio" [az], Ratio, "measured use of instances";
    /// Volumes and snapshots (class old_snapshot) that are waste, each in the first class that fits: orphaned_project (only where every project is listed), error, unattached.
    VOLUMES = gauge "stackcast_waste_volumes" [class], Count, "Cinder volumes, snapshots; Keystone projects";
    /// Size of these volumes and snapshots.
    VOLUME_BYTES = gauge "stackcast_waste_volume_bytes" [class], Bytes, "Cinder volumes, snapshots; Keystone projects";
    /// Floating IPs that lead nowhere: orphaned_project, unassociated.
    FLOATING_IPS = gauge "stackcast_waste_floating_ips" [class], Count, "Neutron floating IPs; Keystone projects";
    /// Load balancers that serve nothing: orphaned_project, error, empty (neither listeners nor pools).
    LOAD_BALANCERS = gauge "stackcast_waste_load_balancers" [class], Count, "Octavia load balancers; Keystone projects";
    /// Instances that use nearly all that they have (constrained), or a great share of a host on which another one does (bully); only where use is measured.
    PRESSURE = gauge "stackcast_pressure_instances" [class az], Count, "measured use of instances";
}

/// Puts all waste of a region; projects may be orphaned only where all of them are known.
pub(super) fn waste(part: &mut PartBuilder, waste: &Waste, zones: &BTreeSet<&str>, every_project: bool) {
    instances(part, waste, zones);
    for coverage in waste.coverage.iter().flatten() {
        if let Some(ratio) = coverage.ratio() {
            part.put(&COVERAGE, [&coverage.zone], ratio);
        }
    }
    let mut sums: BTreeMap<(bool, Kind, &str), (f64, f64)> = BTreeMap::new();
    for (kind, classes) in CLASSES.iter().filter(|(kind, _)| waste.known.contains(kind)) {
        for class in classes.iter().filter(|class| **class != ORPHANED || every_project) {
            sums.insert(slot(*kind, class), (0.0, 0.0));
        }
    }
    for thing in &waste.things {
        let sum = sums.entry(slot(thing.kind, thing.class)).or_default();
        *sum = (sum.0 + 1.0, sum.1 + thing.bytes);
    }
    for ((_, kind, class), (count, bytes)) in sums {
        match kind {
            Kind::FloatingIp => part.put(&FLOATING_IPS, [class], count),
            Kind::LoadBalancer => part.put(&LOAD_BALANCERS, [class], count),
            Kind::Volume | Kind::Snapshot => {
                part.put(&VOLUMES, [class], count);
                part.put(&VOLUME_BYTES, [class], bytes);
            }
        }
    }
}

/// Snapshots of projects that have gone are counted with their volumes.
fn slot(kind: Kind, class: &str) -> (bool, Kind, &str) {
    let kind = if class == ORPHANED && kind == Kind::Snapshot { Kind::Volume } else { kind };
    (kind > Kind::Snapshot, kind, class)
}

fn instances(part: &mut PartBuilder, waste: &Waste, zones: &BTreeSet<&str>) {
    let Some(instances) = &waste.instances else { return };
    let mut sums: BTreeMap<(InstanceClass, &str), (f64, Amounts)> = BTreeMap::new();
    for zone in zones {
        let judged = waste.coverage.iter().flatten().any(|coverage| *coverage.zone == **zone && coverage.judged > 0);
        // Of a zone in which nothing has been judged yet, 0 would be a guess.
        for class in InstanceClass::ALL.into_iter().filter(|class| judged || !class.is_measured()) {
            sums.insert((class, zone), Default::default());
        }
    }
    for instance in instances {
        let sum = sums.entry((instance.class, &instance.zone)).or_default();
        sum.0 += 1.0;
        sum.1 += instance.amounts;
    }
    for ((class, zone), (count, amounts)) in sums {
        let labels = [class.as_str(), zone];
        part.put(&INSTANCES, labels, count);
        part.put(&VCPUS, labels, amounts.vcpus);
        part.put(&MEMORY, labels, amounts.memory_bytes);
        part.put(&DISK, labels, amounts.disk_bytes);
    }
}

/// Puts the pressure of a region.
pub(super) fn pressure(part: &mut PartBuilder, pressure: &Pressure) {
    let mut counts: BTreeMap<(PressureClass, &str), u32> = BTreeMap::new();
    for zone in &pressure.zones {
        for class in PressureClass::ALL {
            counts.insert((class, zone), 0);
        }
    }
    for row in &pressure.rows {
        *counts.entry((row.class, &row.zone)).or_default() += 1;
    }
    for ((class, zone), count) in counts {
        part.put(&PRESSURE, [class.as_str(), zone], count.into());
    }
}
