//! The local host: how busy it is. If it is a hypervisor of a cloud, that is the hypervisor's measured demand.

use std::sync::Arc;

use super::{Reader, Source};
use crate::analyse::capacity::Place;
use crate::analyse::signals::compute::UTILIZATION;
use crate::model::inventory::hypervisor::Hypervisors;
use crate::model::part::{Family, Origin};
use crate::model::signal::{Basis, Scope, Signal};
use crate::model::snapshot::Snapshot;

static LOAD: Signal = value_signal!("load1", "Load average of one minute.", None, Up);
static RECEIVED: Signal = value_signal!("network_receive_bytes_per_second", "Bytes received per second by all devices but the loopback.", Bytes, Both);
static SENT: Signal = value_signal!("network_transmit_bytes_per_second", "Bytes sent per second by all devices but the loopback.", Bytes, Both);

pub(super) const SOURCE: Source =
    Source { collector: "host", signals: &[&UTILIZATION, &LOAD, &RECEIVED, &SENT], read };

fn read(reader: &mut Reader<'_>) {
    if *reader.origin == Origin::LOCAL {
        local(reader);
    } else {
        hypervisor(reader);
    }
}

/// The host in its own right.
fn local(reader: &mut Reader<'_>) {
    let Some(name) = name(reader.snapshot) else { return };
    let place = Place { scope: Scope::Host, entity: name };
    for (resource, ratio) in ratios(reader) {
        reader.utilization(&place, resource.of_host, Basis::Demand, ratio);
    }
    if let Some(load) = sum(reader.snapshot, "host_load1", |_| true) {
        reader.value(&LOAD, &place, load);
    }
    for (signal, family) in [(&RECEIVED, "host_network_receive_bytes_total"), (&SENT, "host_network_transmit_bytes_total")] {
        let Some(total) = sum(reader.snapshot, family, |labels| !labels.contains(&"lo")) else { continue };
        if let Some(rate) = reader.rates.per_second(reader.origin, family, reader.at, total) {
            reader.value(signal, &place, rate);
        }
    }
}

/// The host as a hypervisor of this region, known by either of its names.
fn hypervisor(reader: &mut Reader<'_>) {
    let Some(name) = name(reader.snapshot) else { return };
    let Some(hypervisors) = reader.snapshot.table::<Hypervisors>(reader.origin) else { return };
    let Some(own) = hypervisors.0.iter().find(|host| host.name == name || host.service_host == name) else { return };
    let place = Place { scope: Scope::Hypervisor, entity: Arc::clone(&own.name) };
    for (resource, ratio) in ratios(reader) {
        reader.utilization(&place, resource.of_hypervisor, Basis::Demand, ratio);
    }
}

/// A resource under its two names: a host has CPUs, a hypervisor vCPUs.
struct Names {
    of_host: &'static str,
    of_hypervisor: &'static str,
}

const CPU: Names = Names { of_host: "cpu", of_hypervisor: "vcpu" };
const MEMORY: Names = Names { of_host: "memory", of_hypervisor: "memory" };
const DISK: Names = Names { of_host: "disk", of_hypervisor: "disk" };

fn ratios(reader: &mut Reader<'_>) -> Vec<(Names, f64)> {
    let snapshot = reader.snapshot;
    let mut found = Vec::new();
    let cpu = |mode: &'static str| sum(snapshot, "host_cpu_seconds_total", move |labels| labels.contains(&mode));
    if let (Some(idle), Some(all)) = (cpu("idle"), sum(snapshot, "host_cpu_seconds_total", |_| true)) {
        let idle = reader.rates.per_second(reader.origin, "cpu idle", reader.at, idle);
        let all = reader.rates.per_second(reader.origin, "cpu", reader.at, all);
        if let (Some(idle), Some(all)) = (idle, all)
            && all > 0.0
        {
            found.push((CPU, (1.0 - idle / all).clamp(0.0, 1.0)));
        }
    }
    let memory = |name| sum(snapshot, name, |_| true).filter(|bytes| *bytes > 0.0);
    if let (Some(available), Some(total)) = (memory("host_memory_MemAvailable_bytes"), memory("host_memory_MemTotal_bytes")) {
        found.push((MEMORY, (1.0 - available / total).clamp(0.0, 1.0)));
    }
    found.extend(fullest(snapshot).map(|ratio| (DISK, ratio)));
    found
}

/// The fullest file system, as its users see it: what is reserved for root counts as used.
fn fullest(snapshot: &Snapshot) -> Option<f64> {
    let (size, available) = (family(snapshot, "host_filesystem_size_bytes")?, family(snapshot, "host_filesystem_avail_bytes")?);
    let ratios = size.samples().filter(|sample| sample.number() > 0.0).filter_map(|size| {
        let same = |other: &crate::model::part::Sample| other.labels().eq(size.labels());
        let free = available.samples().find(same)?.number();
        Some((1.0 - free / size.number()).clamp(0.0, 1.0))
    });
    ratios.max_by(f64::total_cmp)
}

fn name(snapshot: &Snapshot) -> Option<Arc<str>> {
    let uname = family(snapshot, "host_uname_info")?;
    let at = uname.descriptor().labels.iter().position(|label| label == "nodename")?;
    uname.samples().next()?.labels().nth(at).map(Arc::from)
}

/// The sum of a family's samples whose labels pass; none when there is none.
fn sum(snapshot: &Snapshot, name: &str, wanted: impl Fn(&[&str]) -> bool) -> Option<f64> {
    let samples = family(snapshot, name)?.samples();
    let values = samples.filter(|sample| wanted(&sample.labels().collect::<Vec<_>>())).map(|sample| sample.number());
    values.reduce(|a, b| a + b)
}

fn family<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Family> {
    snapshot.group("host").flat_map(|part| &part.families).find(|family| family.descriptor().name == name)
}
