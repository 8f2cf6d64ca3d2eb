//! What holds capacity without using it, and what would come back.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::ask::{AskError, get};
use super::super::document::{Cell, Section, Tone};
use super::super::figures::{bytes, count, day};
use super::{Desk, things};

pub(super) const TITLE: &str = "Waste";
pub(super) const PATH: &str = "/api/v1/waste";

const TOP: usize = 8;

#[derive(Debug, Deserialize)]
struct Body {
    regions: Vec<Region>,
    instances_total: usize,
    instances: Vec<Instance>,
    things_total: usize,
    things: Vec<Thing>,
}

#[derive(Debug, Deserialize)]
struct Region {
    classes: Vec<Class>,
    unknown: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Class {
    class: String,
    instances: usize,
    vcpus: f64,
    memory_bytes: f64,
    disk_bytes: f64,
}

#[derive(Debug, Deserialize)]
struct Instance {
    name: String,
    flavor: String,
    class: String,
    since: String,
    vcpus: f64,
    memory_bytes: f64,
}

#[derive(Debug, Deserialize)]
struct Thing {
    kind: String,
    class: String,
    bytes: Option<f64>,
}

pub(super) async fn fill(section: &mut Section, desk: &Desk<'_>) -> Result<(), AskError> {
    let body = get::<Body>(desk.answers, &format!("{PATH}?top=10000")).await?.body;
    if body.regions.is_empty() {
        section.note("Not known yet: no region has been looked at.");
        return Ok(());
    }
    let mut classes: BTreeMap<String, Class> = BTreeMap::new();
    for class in body.regions.iter().flat_map(|region| &region.classes) {
        let zero = || Class { class: class.class.clone(), instances: 0, vcpus: 0.0, memory_bytes: 0.0, disk_bytes: 0.0 };
        let sum = classes.entry(class.class.clone()).or_insert_with(zero);
        sum.instances += class.instances;
        (sum.vcpus, sum.memory_bytes) = (sum.vcpus + class.vcpus, sum.memory_bytes + class.memory_bytes);
        sum.disk_bytes += class.disk_bytes;
    }
    let memory: f64 = classes.values().map(|class| class.memory_bytes).sum();
    let vcpus: f64 = classes.values().map(|class| class.vcpus).sum();
    let value = format!(
        "{} with {} vCPUs and {} of memory; {}",
        things(body.instances_total, "instance", "instances"),
        count(vcpus),
        bytes(memory),
        things(body.things_total, "other thing", "other things")
    );
    let any = body.instances_total + body.things_total > 0;
    section.fact("Reclaimable", value, if any { Tone::Plain } else { Tone::Good });
    let rows = classes.values().filter(|class| class.instances > 0).map(|class| {
        let back = format!("{} vCPUs, {}", count(class.vcpus), bytes(class.memory_bytes));
        let name = class.class.replace('_', " ");
        vec![Cell::new(name), Cell::new(count(class.instances as f64)), Cell::new(back), Cell::new(bytes(class.disk_bytes))]
    });
    let rows = rows.collect();
    section.table(&["Instances", "Number", "Comes back", "Disk"], rows);
    let mut kinds: BTreeMap<(String, String), (usize, f64)> = BTreeMap::new();
    for thing in &body.things {
        let sum = kinds.entry((thing.kind.replace('_', " "), thing.class.replace('_', " "))).or_default();
        *sum = (sum.0 + 1, sum.1 + thing.bytes.unwrap_or(0.0));
    }
    let rows = kinds.iter().map(|((kind, class), (number, size))| {
        let size = if *size > 0.0 { bytes(*size) } else { "–".to_owned() };
        vec![Cell::new(format!("{kind}, {class}")), Cell::new(count(*number as f64)), Cell::new(size)]
    });
    let rows = rows.collect();
    section.table(&["Other things", "Number", "Size"], rows);
    let rows = body.instances.iter().take(TOP).map(|instance| {
        let back = format!("{} vCPUs, {}", count(instance.vcpus), bytes(instance.memory_bytes));
        let class = format!("{} since {}", instance.class.replace('_', " "), day(&instance.since));
        vec![Cell::new(&instance.name), Cell::new(&instance.flavor), Cell::new(class), Cell::new(back)]
    });
    let rows = rows.collect();
    section.table(&["Instance", "Flavor", "Class", "Comes back"], rows);
    if let Some(unknown) = body.regions.iter().find_map(|region| region.unknown.as_deref()) {
        section.note(format!("Unknown: {unknown}."));
    }
    Ok(())
}
