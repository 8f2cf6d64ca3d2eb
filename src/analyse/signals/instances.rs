//! Numbers of instances: of the cloud, its zones and projects, and those in trouble.

use std::sync::Arc;

use super::{Reader, Source};
use crate::analyse::capacity::Place;
use crate::model::inventory::server::ServerCounts;
use crate::model::signal::{Scope, Signal};

static INSTANCES: Signal = value_signal!("instances", "Instances in any state.", Count, Both);
static FAULTY: Signal = value_signal!("instances_error", "Instances in state ERROR.", Count, Up);
static BUILDING: Signal = value_signal!("instances_build", "Instances in state BUILD.", Count, Up);

pub(super) const SOURCE: Source =
    Source { collector: "compute.servers", signals: &[&INSTANCES, &FAULTY, &BUILDING], read };

fn read(reader: &mut Reader<'_>) {
    // Counted where servers are kept, by what comes, goes and changes; here are all of them in a few numbers.
    let Some(counts) = reader.snapshot.table::<ServerCounts>(reader.origin) else { return };
    let of_status = |status: &str| f64::from(counts.by_status.get(status).copied().unwrap_or_default());
    let whole = reader.whole();
    reader.value(&INSTANCES, &whole, f64::from(counts.all));
    reader.value(&FAULTY, &whole, of_status("ERROR"));
    reader.value(&BUILDING, &whole, of_status("BUILD"));
    for (zone, count) in &counts.by_zone {
        reader.value(&INSTANCES, &Place { scope: Scope::Az, entity: Arc::clone(zone) }, f64::from(*count));
    }
    for (project, count) in &counts.by_project {
        let entity = Arc::from(project.to_string());
        reader.value(&INSTANCES, &Place { scope: Scope::Project, entity }, f64::from(*count));
    }
}
