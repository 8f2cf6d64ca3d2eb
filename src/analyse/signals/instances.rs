//! Numbers of instances: of the cloud, its zones and projects, and those in trouble.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Reader, Source};
use crate::analyse::capacity::Place;
use crate::model::inventory::server::Servers;
use crate::model::signal::{Scope, Signal};

static INSTANCES: Signal = value_signal!("instances", "Instances in any state.", Count, Both);
static FAULTY: Signal = value_signal!("instances_error", "Instances in state ERROR.", Count, Up);
static BUILDING: Signal = value_signal!("instances_build", "Instances in state BUILD.", Count, Up);

pub(super) const SOURCE: Source =
    Source { collector: "compute.servers", signals: &[&INSTANCES, &FAULTY, &BUILDING], read };

fn read(reader: &mut Reader<'_>) {
    let Some(servers) = reader.snapshot.table::<Servers>(reader.origin) else { return };
    let mut by_zone: BTreeMap<Arc<str>, u32> = BTreeMap::new();
    let mut by_project: BTreeMap<String, u32> = BTreeMap::new();
    let (mut faulty, mut building) = (0_u32, 0_u32);
    for server in servers.0.values() {
        if !server.zone.is_empty() {
            *by_zone.entry(Arc::clone(&server.zone)).or_default() += 1;
        }
        *by_project.entry(server.project.to_string()).or_default() += 1;
        faulty += u32::from(&*server.status == "ERROR");
        building += u32::from(&*server.status == "BUILD");
    }
    let whole = reader.whole();
    reader.value(&INSTANCES, &whole, servers.0.len() as f64);
    reader.value(&FAULTY, &whole, f64::from(faulty));
    reader.value(&BUILDING, &whole, f64::from(building));
    for (zone, count) in by_zone {
        reader.value(&INSTANCES, &Place { scope: Scope::Az, entity: zone }, f64::from(count));
    }
    for (project, count) in by_project {
        reader.value(&INSTANCES, &Place { scope: Scope::Project, entity: Arc::from(project) }, f64::from(count));
    }
}
