//! Utilisation of compute capacity, by allocation.

use std::borrow::Cow;

use super::{Reader, Source};
use crate::analyse::capacity;
use crate::model::inventory::hypervisor::Hypervisors;
use crate::model::inventory::provider::Providers;
use crate::model::metric::Unit;
use crate::model::signal::{Basis, Direction, Query, Signal};

/// Used over usable, of any place and resource.
pub(super) static UTILIZATION: Signal = Signal {
    name: Cow::Borrowed("utilization"),
    help: Cow::Borrowed("Used over usable capacity."),
    unit: Unit::Ratio,
    min: Some(0.0),
    max: None,
    ceiling: Some(1.0),
    counter: false,
    season: None,
    direction: Direction::Up,
    query: Query {
        expression: Cow::Borrowed("stackcast_capacity_utilization_ratio"),
        scope: None,
        entity_label: Cow::Borrowed("entity"),
        resource: None,
        basis: None,
    },
};

pub(super) const SOURCE: Source = Source { collector: "placement.providers", signals: &[&UTILIZATION], read };

fn read(reader: &mut Reader<'_>) {
    let Some(providers) = reader.snapshot.table::<Providers>(reader.origin) else { return };
    let Some(cloud) = &reader.origin.cloud else { return };
    let hypervisors = reader.snapshot.table::<Hypervisors>(reader.origin);
    if !reader.sightings.tell_hosts(reader.origin, hypervisors.is_some(), reader.at) {
        return;
    }
    let found = capacity::figures(cloud, &providers, hypervisors.as_deref(), &reader.settings.capacity);
    capacity::emit(&mut reader.capacity, &found);
    for ((place, resource), figure) in &found.amounts {
        if let Some(ratio) = figure.utilization() {
            reader.read(&UTILIZATION, place, resource.as_str(), Some(Basis::Allocation), ratio);
        }
    }
}
