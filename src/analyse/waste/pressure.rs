//! Pressure: instances that use nearly all that they have, and those that take a great share of the host besides them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::settings::Settings;
use super::usage::Usage;
use crate::model::inventory::provider::Providers;
use crate::model::inventory::server::Servers;
use crate::model::waste::{Pressed, Pressure, PressureClass};

/// Who is under pressure now, of the instances that are measured; a constrained one is no bully.
pub(super) fn pressure(
    servers: &Servers,
    usage: &Usage,
    providers: Option<&Providers>,
    settings: &Settings,
) -> Pressure {
    let cpus = providers.map(installed).unwrap_or_default();
    let (mut zones, mut measured) = (BTreeSet::new(), Vec::new());
    for (id, server) in servers.0.iter().filter(|(_, server)| &*server.status == "ACTIVE") {
        let Some((guest, reading)) = usage.now(id) else { continue };
        zones.insert(Arc::clone(&server.zone));
        let host = cpus.get(&server.hypervisor).filter(|cpus| **cpus > 0.0);
        let constrained = reading.cpu > settings.constrained_ratio
            || reading.memory.is_some_and(|ratio| ratio > settings.constrained_ratio);
        measured.push(Pressed {
            id: id.clone(),
            name: server.name.clone(),
            project: server.project.clone(),
            zone: Arc::clone(&server.zone),
            hypervisor: Arc::clone(&server.hypervisor),
            class: if constrained { PressureClass::Constrained } else { PressureClass::Bully },
            cpu_ratio: Some(reading.cpu),
            memory_ratio: reading.memory,
            host_ratio: host.and_then(|host| Some(reading.cpu * guest.cpus? / host)),
        });
    }
    let suffering: BTreeSet<Arc<str>> = measured
        .iter()
        .filter(|row| row.class == PressureClass::Constrained)
        .map(|row| Arc::clone(&row.hypervisor))
        .collect();
    measured.retain(|row| {
        let great = row.host_ratio.is_some_and(|ratio| ratio > settings.bully_ratio);
        row.class == PressureClass::Constrained || (great && suffering.contains(&row.hypervisor))
    });
    measured.sort_unstable_by(|a, b| (a.class, &a.id).cmp(&(b.class, &b.id)));
    Pressure { zones: zones.into_iter().collect(), rows: measured }
}

/// CPUs of each host.
fn installed(providers: &Providers) -> BTreeMap<Arc<str>, f64> {
    let mut cpus: BTreeMap<Arc<str>, f64> = BTreeMap::new();
    for provider in providers.0.values() {
        let Some(root) = providers.0.get(&provider.root) else { continue };
        let own = ["VCPU", "PCPU"].into_iter().filter_map(|class| provider.inventories.get(class));
        *cpus.entry(Arc::clone(&root.name)).or_default() += own.map(|inventory| inventory.total as f64).sum::<f64>();
    }
    cpus
}
