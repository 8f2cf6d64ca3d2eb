//! A part: what one run of one collector found, sealed and immutable.
//!
//! Samples lie in one text arena per family (label values and their ends), so that a family of
//! 50,000 instances costs a handful of allocations. Sealing drops repeated label sets and caps a
//! family's size; both are counted, never fatal.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use hashbrown::HashTable;

use super::clock::Timestamp;
use super::histogram::HistogramValue;
use super::metric::{Descriptor, Metric};

/// Longest label value kept, in bytes; longer ones are cut at a character.
pub const LABEL_VALUE_BYTES_MAX: usize = 1024;

/// Whose facts a part holds: a region of a cloud, or (both `None`) this process and its host.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Exposition group (the service, e.g. `compute`): what is rendered and compressed together.
    pub group: &'static str,
    /// Whose facts.
    pub origin: Origin,
    /// Collector or analysis, e.g. `compute.servers`.
    pub source: Cow<'static, str>,
}

/// A row of the metric table, static or made at run time (text files, extra labels).
#[derive(Clone, Debug)]
pub enum Row {
    /// A row written with [`metrics!`](crate::metrics).
    Static(&'static Descriptor),
    /// A row made at run time.
    Shared(Arc<Descriptor>),
}

impl std::ops::Deref for Row {
    type Target = Descriptor;
    fn deref(&self) -> &Descriptor {
        match self {
            Self::Static(descriptor) => descriptor,
            Self::Shared(descriptor) => descriptor,
        }
    }
}

/// All samples of one metric in one part.
#[derive(Clone, Debug)]
pub struct Family {
    row: Row,
    text: String,
    ends: Vec<u32>,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    Numbers(Vec<f64>),
    Histograms(Vec<HistogramValue>),
}

/// A value of a sample.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Gauges, counters, untyped.
    Number(f64),
    /// Histograms.
    Histogram(&'a HistogramValue),
}

/// One sample, borrowed from its family.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    family: &'a Family,
    index: usize,
}

impl<'a> Sample<'a> {
    /// Label values, in the order of the row's labels.
    pub fn labels(self) -> impl ExactSizeIterator<Item = &'a str> {
        let family = self.family;
        let width = family.row.labels.len();
        let first = self.index * width;
        (first..first + width).map(move |label| family.label(label))
    }

    /// The value.
    pub fn value(self) -> Value<'a> {
        match &self.family.values {
            Values::Numbers(values) => Value::Number(values.get(self.index).copied().unwrap_or(f64::NAN)),
            Values::Histograms(values) => match values.get(self.index) {
                Some(value) => Value::Histogram(value),
                None => Value::Number(f64::NAN),
            },
        }
    }

    /// The value of a gauge, counter or untyped sample; NaN for a histogram.
    pub fn number(self) -> f64 {
        match self.value() {
            Value::Number(number) => number,
            Value::Histogram(_) => f64::NAN,
        }
    }
}

impl Family {
    fn new(row: Row, histogram: bool) -> Self {
        let values = if histogram { Values::Histograms(Vec::new()) } else { Values::Numbers(Vec::new()) };
        Self { row, text: String::new(), ends: Vec::new(), values }
    }

    /// The row of the metric table.
    pub fn descriptor(&self) -> &Descriptor {
        &self.row
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Numbers(values) => values.len(),
            Values::Histograms(values) => values.len(),
        }
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples in the order in which they were put.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Sample<'_>> {
        (0..self.len()).map(|index| Sample { family: self, index })
    }

    /// Bytes held, for memory accounting.
    pub fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 4 + self.len() * 8
    }

    fn label(&self, label: usize) -> &str {
        let start = match label.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
            None => 0,
        };
        let end = self.ends.get(label).copied().unwrap_or(start);
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    /// Appends the label values; false (nothing appended) when the arena is full at 4 GiB.
    fn push_labels<'v>(&mut self, labels: impl Iterator<Item = &'v str>) -> bool {
        let (text_before, ends_before) = (self.text.len(), self.ends.len());
        for label in labels {
            self.text.push_str(clip(label));
            match u32::try_from(self.text.len()) {
                Ok(end) => self.ends.push(end),
                Err(_) => {
                    self.text.truncate(text_before);
                    self.ends.truncate(ends_before);
                    return false;
                }
            }
        }
        true
    }

    /// Appends the samples of a family of the same row.
    fn extend(&mut self, other: &Self) {
        for sample in other.samples() {
            let pushed = self.row.labels.len() == other.row.labels.len() && self.push_labels(sample.labels());
            match (&mut self.values, sample.value()) {
                (Values::Numbers(values), Value::Number(number)) if pushed => values.push(number),
                (Values::Histograms(values), Value::Histogram(value)) if pushed => values.push(value.clone()),
                _ => {}
            }
        }
    }

    /// Removes repeated label sets (the first stays) and everything behind `cap`; counts both.
    fn seal(mut self, cap: usize, rejected: &mut Rejected) -> Self {
        let keep = self.distinct(cap, rejected);
        if keep.len() < self.len() {
            let mut sealed = Self::new(self.row.clone(), matches!(self.values, Values::Histograms(_)));
            for index in keep {
                let sample = Sample { family: &self, index };
                sealed.push_labels(sample.labels());
                match (&mut sealed.values, sample.value()) {
                    (Values::Numbers(values), Value::Number(number)) => values.push(number),
                    (Values::Histograms(values), Value::Histogram(value)) => values.push(value.clone()),
                    _ => {}
                }
            }
            self = sealed;
        }
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        if let Values::Numbers(values) = &mut self.values {
            values.shrink_to_fit();
        }
        self
    }

    fn distinct(&self, cap: usize, rejected: &mut Rejected) -> Vec<usize> {
        let hasher = hashbrown::DefaultHashBuilder::default();
        let hash = |index: usize| {
            let mut state = hasher.build_hasher();
            for label in (Sample { family: self, index }).labels() {
                label.hash(&mut state);
            }
            std::hash::Hasher::finish(&state)
        };
        let same = |a: usize, b: usize| {
            (Sample { family: self, index: a }).labels().eq((Sample { family: self, index: b }).labels())
        };
        let mut seen: HashTable<usize> = HashTable::with_capacity(self.len());
        let mut keep = Vec::with_capacity(self.len());
        for index in 0..self.len() {
            let key = hash(index);
            if seen.find(key, |other| same(*other, index)).is_some() {
                rejected.duplicates += 1;
            } else if keep.len() >= cap {
                rejected.over_cap += 1;
            } else {
                seen.insert_unique(key, index, |other| hash(*other));
                keep.push(index);
            }
        }
        keep
    }
}

fn clip(label: &str) -> &str {
    if label.len() <= LABEL_VALUE_BYTES_MAX {
        return label;
    }
    label.get(..label.floor_char_boundary(LABEL_VALUE_BYTES_MAX)).unwrap_or("")
}

#[derive(Default)]
struct Rejected {
    duplicates: u64,
    over_cap: u64,
}

/// Samples that sealing left out of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The family.
    pub family: Cow<'static, str>,
    /// `duplicate` or `limit`.
    pub reason: &'static str,
    /// How many.
    pub samples: u64,
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

/// Collects samples and tables; sealed into a [`Part`] by whoever runs the collector.
#[derive(Debug, Default)]
pub struct PartBuilder {
    families: Vec<Family>,
    by_name: HashMap<Cow<'static, str>, usize>,
    tables: Tables,
}

impl PartBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sample of a gauge, counter or untyped metric.
    pub fn put<const N: usize>(&mut self, metric: &'static Metric<N>, labels: [&str; N], value: f64) {
        let family = self.family(Row::Static(&metric.descriptor), false);
        if let Values::Numbers(_) = family.values
            && family.push_labels(labels.into_iter())
            && let Values::Numbers(values) = &mut family.values
        {
            values.push(value);
        }
    }

    /// Adds a sample of a histogram.
    pub fn put_histogram<const N: usize>(
        &mut self,
        metric: &'static Metric<N>,
        labels: [&str; N],
        value: HistogramValue,
    ) {
        let family = self.family(Row::Static(&metric.descriptor), true);
        if let Values::Histograms(_) = family.values
            && family.push_labels(labels.into_iter())
            && let Values::Histograms(values) = &mut family.values
        {
            values.push(value);
        }
    }

    /// Adds a sample of a row made at run time; ignored unless there is one value per label.
    pub fn put_shared(&mut self, row: &Arc<Descriptor>, labels: &[&str], value: f64) {
        if labels.len() != row.labels.len() {
            debug_assert!(false, "{} labels for {}", labels.len(), row.name);
            return;
        }
        let family = self.family(Row::Shared(Arc::clone(row)), false);
        if family.push_labels(labels.iter().copied())
            && let Values::Numbers(values) = &mut family.values
        {
            values.push(value);
        }
    }

    /// Adds the samples of an earlier part, for collectors that read some of their figures less often than they report.
    pub fn extend(&mut self, part: &Part) {
        for family in &part.families {
            match self.by_name.get(&family.row.name).and_then(|at| self.families.get_mut(*at)) {
                Some(present) => present.extend(family),
                None => {
                    self.by_name.insert(family.row.name.clone(), self.families.len());
                    self.families.push(family.clone());
                }
            }
        }
    }

    /// Adds a typed table.
    pub fn table<T: Any + Send + Sync>(&mut self, table: Arc<T>) {
        self.tables.insert(table);
    }

    /// Drops whole families.
    pub fn retain(&mut self, keep: impl Fn(&Descriptor) -> bool) {
        self.families.retain(|family| keep(&family.row));
        self.by_name = self.families.iter().enumerate().map(|(at, family)| (family.row.name.clone(), at)).collect();
    }

    /// Samples so far.
    pub fn samples(&self) -> usize {
        self.families.iter().map(Family::len).sum()
    }

    fn family(&mut self, row: Row, histogram: bool) -> &mut Family {
        let next = self.families.len();
        let at = match self.by_name.get(&row.name) {
            Some(at) => *at,
            None => {
                self.by_name.insert(row.name.clone(), next);
                self.families.push(Family::new(row, histogram));
                next
            }
        };
        #[expect(clippy::indexing_slicing, reason = "`by_name` holds positions of `families` only")]
        &mut self.families[at]
    }

    /// Seals: repeated label sets and samples behind `family_cap` are dropped and reported.
    pub fn seal(self, key: PartKey, collected_at: Timestamp, family_cap: usize) -> (Part, Vec<Dropped>) {
        let mut dropped = Vec::new();
        let families = self
            .families
            .into_iter()
            .map(|family| {
                let mut rejected = Rejected::default();
                let family = family.seal(family_cap, &mut rejected);
                for (reason, samples) in [("duplicate", rejected.duplicates), ("limit", rejected.over_cap)] {
                    if samples > 0 {
                        dropped.push(Dropped { family: family.row.name.clone(), reason, samples });
                    }
                }
                family
            })
            .collect();
        (Part { key, collected_at, families, tables: self.tables }, dropped)
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

    /// Cuts the part down to `budget` samples, from its last family backwards; reports what went.
    pub fn truncate(&mut self, budget: usize) -> Vec<Dropped> {
        let mut left = budget;
        let mut dropped = Vec::new();
        for family in &mut self.families {
            let excess = family.len().saturating_sub(left);
            if excess > 0 {
                let cap = family.len() - excess;
                let cut = family.clone().seal(cap, &mut Rejected::default());
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

    crate::metrics! {
        /// Hosts.
        HOSTS = gauge "openstack_nova_test_hosts" [host zone], Count, "GET /hosts";
        /// Waits.
        WAITS = histogram "stackcast_test_wait_seconds" [kind], Seconds, "timer";
    }

    fn key() -> PartKey {
        PartKey { group: "test", origin: Origin::LOCAL, source: "test".into() }
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
        let rows: Vec<(Vec<&str>, f64)> = family.samples().map(|s| (s.labels().collect(), s.number())).collect();
        assert_eq!(rows, vec![(vec!["a", "bc"], 1.0), (vec!["ab", "c"], 2.0)]);
        let reasons: Vec<_> = dropped.iter().map(|d| (d.reason, d.samples)).collect();
        assert_eq!(reasons, vec![("duplicate", 1), ("limit", 1)]);
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
        let rows: Vec<(Vec<&str>, f64)> =
            part.families[0].samples().map(|s| (s.labels().collect(), s.number())).collect();
        assert_eq!(rows, vec![(vec!["a", "x"], 1.0), (vec!["b", "y"], 2.0)]);
        assert_eq!(dropped[0].samples, 1, "the same label set twice is dropped as ever");
    }

    #[test]
    fn long_labels_are_cut_at_a_character() {
        let long = "ä".repeat(LABEL_VALUE_BYTES_MAX);
        let mut builder = PartBuilder::new();
        builder.put(&HOSTS, [&long, "z"], 1.0);
        let (part, _) = builder.seal(key(), Timestamp::default(), 10);
        let labels: Vec<_> = part.families[0].samples().next().unwrap().labels().collect();
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
