//! What a part shows, for the collectors' unit tests.

use crate::model::clock::Timestamp;
use crate::model::metric::Metric;
use crate::model::part::{Origin, Part, PartBuilder, PartKey};

/// Seals a builder as the runner does.
pub(super) fn seal(builder: PartBuilder) -> Part {
    let key = PartKey { group: "test", origin: Origin::LOCAL, source: "test".into() };
    builder.seal(key, Timestamp::default(), 1_000_000).0
}

/// Label values (joined by `|`) and values of a family, in order; empty when the family is not there.
pub(super) fn rows<const N: usize>(part: &Part, metric: &Metric<N>) -> Vec<(String, f64)> {
    let family = part.families.iter().find(|family| family.descriptor().name == metric.descriptor.name);
    let samples = family.into_iter().flat_map(|family| family.samples());
    samples.map(|sample| (sample.labels().collect::<Vec<_>>().join("|"), sample.number())).collect()
}

/// The value of a family's only sample.
pub(super) fn only<const N: usize>(part: &Part, metric: &Metric<N>) -> f64 {
    let rows = rows(part, metric);
    assert_eq!(rows.len(), 1, "{}", metric.descriptor.name);
    rows[0].1
}
