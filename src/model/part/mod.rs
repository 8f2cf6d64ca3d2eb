//! A part: what one run of one collector found, sealed and immutable.
//!
//! Samples lie in text arenas (label values and their ends), one per span of some hundred rows, packed while nobody
//! reads them; parts share the spans that they have in common, so that a family of 50,000 instances costs what has
//! changed in it. Sealing drops repeated
//! label sets and caps a family's size; both are counted, never fatal.

mod amend;
mod builder;
mod draft;
mod family;
mod packed;
mod rows;
mod span;

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

pub use builder::PartBuilder;
use draft::Draft;
pub use family::{Dropped, Family, Row, Sample};
use rows::Rejected;
pub use rows::{LABEL_VALUE_BYTES_MAX, Value};
pub use span::{SPAN_BYTES_MIN, Span, span_hasher};

use super::clock::Timestamp;

/// Whose facts a part holds: a region of a cloud, or (both `None`) this process and its host.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Origin {
    /// Name of the cloud, as in clouds.yaml.
    pub cloud: Option<Arc<str>>,
    /// Region within the cloud.
    pub region: Option<Arc<str>>,
}

impl Origin {
    /// This process and its host.
    pub const LOCAL: Self = Self { cloud: None, region: None };

    /// A region of a cloud.
    pub fn new(cloud: &str, region: &str) -> Self {
        Self { cloud: Some(Arc::from(cloud)), region: Some(Arc::from(region)) }
    }
}

/// Which slot of the snapshot a part fills.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartKey {
    /// Exposition group (the collector, e.g. `compute.servers`): what is rendered and compressed together.
    /// A family lives in one group.
    pub group: &'static str,
    /// Whose facts.
    pub origin: Origin,
    /// Collector or analysis, e.g. `compute.servers`.
    pub source: Cow<'static, str>,
}
/// Typed tables by kind; see [`super::inventory`].
#[derive(Clone, Default)]
pub struct Tables(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Tables {
    /// Stores a table, replacing one of the same kind.
    pub fn insert<T: Any + Send + Sync>(&mut self, table: Arc<T>) {
        self.0.insert(TypeId::of::<T>(), table);
    }

    /// The table of a kind.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>()).and_then(|table| Arc::clone(table).downcast().ok())
    }
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tables({})", self.0.len())
    }
}

/// What one run of one collector found.
#[derive(Clone, Debug)]
pub struct Part {
    /// Which slot of the snapshot it fills.
    pub key: PartKey,
    /// When the run ended.
    pub collected_at: Timestamp,
    /// Samples by family.
    pub families: Vec<Family>,
    /// Typed tables for analysis and for other collectors.
    pub tables: Tables,
}

impl Part {
    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.families.iter().map(Family::len).sum()
    }

    /// The samples alone, for those who keep them and must not keep tables that are replaced meanwhile.
    pub fn without_tables(&self) -> Self {
        Self { key: self.key.clone(), families: self.families.clone(), tables: Tables::default(), ..*self }
    }

    /// Whether it prints as another one does; tables may differ.
    pub fn prints_like(&self, other: &Self) -> bool {
        let families = self.families.iter().zip(&other.families);
        self.key == other.key
            && self.families.len() == other.families.len()
            && families.into_iter().all(|(a, b)| a.is_like(b))
    }

    /// Holds rows in common with the part that it replaces, where that one has the same.
    pub fn share(&mut self, earlier: &Self) {
        for family in &mut self.families {
            let name = &family.descriptor().name;
            if let Some(earlier) = earlier.families.iter().find(|earlier| earlier.descriptor().name == *name) {
                family.share(earlier);
            }
        }
    }

    /// Cuts the part down to `budget` samples, from its last family backwards; reports what went.
    pub fn truncate(&mut self, budget: usize) -> Vec<Dropped> {
        let mut left = budget;
        let mut dropped = Vec::new();
        for family in &mut self.families {
            let excess = family.len().saturating_sub(left);
            if excess > 0 {
                let cap = family.len() - excess;
                let cut = Draft::from(&*family).seal(cap, &mut Rejected::default());
                *family = cut;
                dropped.push(Dropped { family: family.row.name.clone(), reason: "limit", samples: excess as u64 });
            }
            left -= family.len();
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::histogram::HistogramValue;

    crate::metrics! {
        /// Hosts.
        HOSTS = gauge "openstack_nova_test_hosts" [host zone], Count, "GET /hosts";
        /// Waits.
        WAITS = histogram "stackcast_test_wait_seconds" [kind], Seconds, "timer";
    }

    fn key() -> PartKey {
        PartKey { group: "test", origin: Origin::LOCAL, source: "test".into() }
    }

    /// Label values and value of each sample.
    fn shown(family: &Family) -> Vec<String> {
        let line = |sample: Sample| {
            let labels: Vec<_> = sample.labels().collect();
            format!("{} {}", labels.join(" "), sample.number())
        };
        family.samples().map(line).collect()
    }

    #[test]
    fn repeated_label_sets_and_overflow_are_dropped_and_counted() {
        assert_eq!(METRICS.len(), 2);
        let mut builder = PartBuilder::new();
        builder.put(&HOSTS, ["a", "bc"], 1.0);
        builder.put(&HOSTS, ["ab", "c"], 2.0);
        builder.put(&HOSTS, ["a", "bc"], 3.0);
        builder.put(&HOSTS, ["d", ""], 4.0);
        let (part, dropped) = builder.seal(key(), Timestamp::default(), 2);
        let family = &part.families[0];
        let rows = shown(family);
        assert_eq!(rows, ["a bc 1", "ab c 2"]);
        let reasons: Vec<_> = dropped.iter().map(|d| (d.reason, d.samples)).collect();
        assert_eq!(reasons, vec![("duplicate", 1), ("limit", 1)]);
    }

    #[test]
    fn families_that_are_split_off_leave_a_builder_that_goes_on() {
        let mut builder = PartBuilder::new();
        builder.put(&HOSTS, ["a", "z"], 1.0);
        let taken = builder.split_off(|row| row.name == HOSTS.descriptor.name);
        builder.put(&HOSTS, ["b", "z"], 2.0);
        builder.put(&HOSTS, ["c", "z"], 3.0);
        assert_eq!((taken.samples(), builder.samples()), (1, 2));
        assert_eq!(builder.split_off(|_| false).samples(), 0);
    }

    #[test]
    fn an_earlier_part_is_added_whole() {
        let mut earlier = PartBuilder::new();
        earlier.put(&HOSTS, ["a", "x"], 1.0);
        let (earlier, _) = earlier.seal(key(), Timestamp::default(), 10);
        let mut builder = PartBuilder::new();
        builder.extend(&earlier);
        builder.put(&HOSTS, ["b", "y"], 2.0);
        builder.extend(&earlier);
        let (part, dropped) = builder.seal(key(), Timestamp::default(), 10);
        let rows = shown(&part.families[0]);
        assert_eq!(rows, ["a x 1", "b y 2"]);
        assert_eq!(dropped[0].samples, 1, "the same label set twice is dropped as ever");
    }

    #[test]
    fn samples_that_a_dropped_label_told_apart_are_dropped_and_counted() {
        let mut builder = PartBuilder::new();
        for (host, zone, value) in [("a", "x", 1.0), ("b", "x", 2.0), ("c", "y", 3.0)] {
            builder.put(&HOSTS, [host, zone], value);
        }
        builder.drop_labels(|row, label| row.name == HOSTS.descriptor.name && label == "host");
        let (part, dropped) = builder.seal(key(), Timestamp::default(), 10);
        let family = &part.families[0];
        assert_eq!(family.descriptor().labels.as_ref(), ["zone"]);
        let rows = shown(family);
        assert_eq!(rows, ["x 1", "y 3"]);
        assert_eq!(dropped, [Dropped { family: HOSTS.descriptor.name.clone(), reason: "duplicate", samples: 1 }]);
    }

    #[test]
    fn long_labels_are_cut_at_a_character() {
        let long = "ä".repeat(LABEL_VALUE_BYTES_MAX);
        let mut builder = PartBuilder::new();
        builder.put(&HOSTS, [&long, "z"], 1.0);
        let (part, _) = builder.seal(key(), Timestamp::default(), 10);
        let sample = part.families[0].samples().next().unwrap();
        let labels: Vec<_> = sample.labels().collect();
        assert_eq!(labels[0].len(), LABEL_VALUE_BYTES_MAX);
        assert_eq!(labels[1], "z");
    }

    #[test]
    fn histograms_and_tables_come_back() {
        let mut builder = PartBuilder::new();
        let value = HistogramValue { bounds: &[1.0], counts: vec![2, 1], sum: 4.0 };
        builder.put_histogram(&WAITS, ["login"], value.clone());
        builder.table(Arc::new(vec![7u8]));
        let (mut part, _) = builder.seal(key(), Timestamp::default(), 10);
        assert_eq!(*part.tables.get::<Vec<u8>>().unwrap(), vec![7]);
        let sample = part.families[0].samples().next().unwrap();
        assert!(matches!(sample.value(), Value::Histogram(found) if *found == value));
        assert_eq!(part.truncate(0).len(), 1);
        assert_eq!(part.samples(), 0);
    }
}
