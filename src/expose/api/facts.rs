//! Looks up samples by family name, for facts that have no typed table.

use crate::model::part::{Family, Origin, Part, Sample};

/// A sample with its origin and its family.
#[derive(Clone)]
pub(super) struct Fact<'a> {
    pub(super) origin: &'a Origin,
    family: &'a Family,
    sample: Sample,
}

impl Fact<'_> {
    /// The value of a label; empty where the family has no such label.
    pub(super) fn label(&self, name: &str) -> &str {
        let place = self.family.descriptor().labels.iter().position(|label| label == name);
        place.and_then(|place| self.sample.labels().nth(place)).unwrap_or_default()
    }

    pub(super) fn number(&self) -> f64 {
        self.sample.number()
    }
}

/// All samples of a family in these parts.
pub(super) fn facts<'a>(parts: impl Iterator<Item = &'a Part>, name: &str) -> impl Iterator<Item = Fact<'a>> {
    let of_part = move |part: &'a Part| {
        let family = part.families.iter().find(|family| family.descriptor().name == name);
        let samples = family.into_iter().flat_map(|family| family.samples().map(move |sample| (family, sample)));
        samples.map(|(family, sample)| Fact { origin: &part.key.origin, family, sample })
    };
    parts.flat_map(of_part)
}

/// The value of the only sample of a family without labels.
pub(super) fn single<'a>(parts: impl Iterator<Item = &'a Part>, name: &str) -> Option<f64> {
    facts(parts, name).next().map(|fact| fact.number()).filter(|value| value.is_finite())
}
