//! Wasted instances: each in the first class that fits, with what comes back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::settings::Settings;
use super::usage::Usage;
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::server::{Server, Servers};
use crate::model::waste::{Amounts, Coverage, InstanceClass, Use, WastedInstance};

pub(super) const DAY: Duration = Duration::from_secs(86_400);
const MIB: f64 = 1024.0 * 1024.0;
const GIB: f64 = 1024.0 * MIB;
/// An oversized instance could be made so small that it uses this share of its vCPUs and memory.
const FITTING_CPU: f64 = 0.5;
const FITTING_MEMORY: f64 = 0.8;

/// All wasted instances, by rank and id, and how far use is known.
pub(super) fn instances(
    servers: &Servers,
    usage: &Usage,
    settings: &Settings,
    at: Timestamp,
) -> (Vec<WastedInstance>, Vec<Coverage>) {
    let mut zones: BTreeMap<Arc<str>, Coverage> = BTreeMap::new();
    let mut wasted = Vec::new();
    for (id, server) in &servers.0 {
        let used = (&*server.status == "ACTIVE").then(|| {
            let zone = zones.entry(Arc::clone(&server.zone)).or_default();
            zone.running += 1;
            let used = usage.used(id, at, settings.measured_days);
            zone.judged += u32::from(used.is_some());
            used
        });
        wasted.extend(judge(id, server, used.flatten(), settings, at));
    }
    wasted.sort_unstable_by(|a, b| (a.class, &a.id).cmp(&(b.class, &b.id)));
    let coverage = zones.into_iter().map(|(zone, coverage)| Coverage { zone, ..coverage }).collect();
    (wasted, coverage)
}

fn judge(id: &Id, server: &Server, used: Option<Use>, settings: &Settings, at: Timestamp) -> Option<WastedInstance> {
    let class = class(server, used.as_ref(), settings, at)?;
    let used = used.filter(|_| class.is_measured());
    let amounts = match (class, &used) {
        (InstanceClass::Oversized, Some(used)) => surplus(server, used),
        // What no host was found for, holds nothing.
        _ if server.hypervisor.is_empty() && server.host_id.is_empty() => Amounts::default(),
        _ => held(server),
    };
    Some(WastedInstance {
        id: id.clone(),
        name: server.name.clone(),
        project: server.project.clone(),
        zone: Arc::clone(&server.zone),
        flavor: Arc::clone(&server.flavor.name),
        class,
        since: if class.is_measured() { at.minus(DAY * settings.measured_days) } else { server.updated },
        amounts,
        used,
    })
}

/// The first class that fits.
fn class(server: &Server, used: Option<&Use>, settings: &Settings, at: Timestamp) -> Option<InstanceClass> {
    let unchanged_for = |days: u32| at.since(server.updated) >= DAY * days;
    match &*server.status {
        "SHUTOFF" => unchanged_for(settings.powered_off_days).then_some(InstanceClass::PoweredOff),
        "ERROR" => unchanged_for(settings.error_days).then_some(InstanceClass::Error),
        "ACTIVE" if at.since(server.created) >= DAY * settings.measured_days => {
            let used = used?;
            let quiet = used.network_bytes_per_second.is_none_or(|rate| rate <= settings.idle_network_bytes_per_second);
            let small = used.memory_ratio.is_some_and(|ratio| ratio <= settings.oversized_memory_ratio);
            if used.cpu_ratio <= settings.idle_cpu_ratio && quiet {
                Some(InstanceClass::Idle)
            } else if used.cpu_ratio <= settings.oversized_cpu_ratio && small {
                Some(InstanceClass::Oversized)
            } else {
                None
            }
        }
        _ => None,
    }
}

fn held(server: &Server) -> Amounts {
    let flavor = &server.flavor;
    // The root disk of an instance booted from a volume is none of the host's.
    let root = if server.image.is_some() { flavor.disk_gib } else { 0 };
    Amounts {
        vcpus: flavor.vcpus.into(),
        memory_bytes: f64::from(flavor.memory_mib) * MIB,
        disk_bytes: f64::from(root.saturating_add(flavor.ephemeral_gib)) * GIB,
    }
}

/// What a fitting size would leave over; disks cannot shrink.
fn surplus(server: &Server, used: &Use) -> Amounts {
    let held = held(server);
    let vcpus = (held.vcpus * used.cpu_ratio / FITTING_CPU).ceil().max(1.0);
    let memory = used.memory_ratio.map_or(1.0, |ratio| (ratio / FITTING_MEMORY).min(1.0));
    Amounts { vcpus: (held.vcpus - vcpus).max(0.0), memory_bytes: held.memory_bytes * (1.0 - memory), disk_bytes: 0.0 }
}
