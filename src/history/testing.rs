//! What the tests of this stage share: keys, questions, ticks.

use std::sync::Arc;
use std::time::Duration;

use super::Want;
use crate::model::clock::Timestamp;
use crate::model::metric::Unit;
use crate::model::part::Origin;
use crate::model::signal::{Basis, Direction, Query, Scope, SeriesKey, Signal, Tick};

pub(super) fn signal(name: &str) -> Signal {
    Signal {
        name: name.to_owned().into(),
        help: "A test.".into(),
        unit: Unit::Ratio,
        min: None,
        max: None,
        ceiling: None,
        counter: false,
        season: None,
        direction: Direction::Up,
        query: Query {
            expression: name.to_owned().into(),
            scope: Some(Scope::Hypervisor),
            entity_label: "entity".into(),
            resource: None,
            basis: None,
        },
    }
}

pub(super) fn key(signal: &str, entity: &str) -> Arc<SeriesKey> {
    Arc::new(SeriesKey {
        signal: signal.into(),
        origin: Origin::new("c", "r"),
        scope: Scope::Hypervisor,
        entity: entity.into(),
        resource: "vcpu".into(),
        basis: Some(Basis::Demand),
    })
}

/// A question about a signal; seconds.
pub(super) fn want(name: &str, from: i64, to: i64, step: u64) -> Want {
    Want {
        signal: Arc::new(signal(name)),
        only: None,
        from: Timestamp::from_seconds(from),
        to: Timestamp::from_seconds(to),
        step: Duration::from_secs(step),
    }
}

/// A tick of the signal `load`.
pub(super) fn tick(seconds: i64, readings: &[(&str, f64)]) -> Tick {
    let readings = readings.iter().map(|(entity, value)| (key("load", entity), *value)).collect();
    Tick { at: Timestamp::from_seconds(seconds), readings }
}
