//! Collects what a run finds, and seals it.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;

use super::draft::Draft;
use super::rows::Rejected;
use super::{Dropped, Part, PartKey, Row, Tables};
use crate::model::clock::Timestamp;
use crate::model::histogram::HistogramValue;
use crate::model::metric::{Descriptor, Metric};

/// Collects samples and tables; sealed into a [`Part`] by whoever runs the collector.
#[derive(Debug, Default)]
pub struct PartBuilder {
    families: Vec<Draft>,
    /// Asked for each sample, so its hash is a quick one.
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
        self.family(Row::Static(&metric.descriptor), false).put(labels.into_iter(), value);
    }

    /// Adds a sample of a histogram.
    pub fn put_histogram<const N: usize>(
        &mut self,
        metric: &'static Metric<N>,
        labels: [&str; N],
        value: HistogramValue,
    ) {
        self.family(Row::Static(&metric.descriptor), true).put_histogram(labels.into_iter(), value);
    }

    /// Adds a sample of a row made at run time; ignored unless there is one value per label.
    pub fn put_shared(&mut self, row: &Arc<Descriptor>, labels: &[&str], value: f64) {
        if labels.len() != row.labels.len() {
            debug_assert!(false, "{} labels for {}", labels.len(), row.name);
            return;
        }
        self.family(Row::Shared(Arc::clone(row)), false).put(labels.iter().copied(), value);
    }

    /// Adds the samples of an earlier part, for collectors that read some of their figures less often than they report.
    pub fn extend(&mut self, part: &Part) {
        for family in &part.families {
            match self.by_name.get(&family.row.name).and_then(|at| self.families.get_mut(*at)) {
                Some(present) => present.extend(family),
                None => {
                    self.by_name.insert(family.row.name.clone(), self.families.len());
                    self.families.push(Draft::from(family));
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
        self.index();
    }

    /// Takes families out into a builder of their own; tables stay.
    pub fn split_off(&mut self, wanted: impl Fn(&Descriptor) -> bool) -> Self {
        let (taken, kept) = std::mem::take(&mut self.families).into_iter().partition(|family| wanted(&family.row));
        self.families = kept;
        self.index();
        let mut taken = Self { families: taken, ..Self::default() };
        taken.index();
        taken
    }

    fn index(&mut self) {
        self.by_name = self.families.iter().enumerate().map(|(at, family)| (family.row.name.clone(), at)).collect();
    }

    /// Drops labels. Samples that become the same by it are told from each other no more: sealing keeps the first.
    pub fn drop_labels(&mut self, drops: impl Fn(&Descriptor, &str) -> bool) {
        for family in &mut self.families {
            let kept: Vec<bool> = family.row.labels.iter().map(|label| !drops(&family.row, label)).collect();
            if kept.contains(&false) {
                let whole = std::mem::replace(family, Draft::new(family.row.clone(), false));
                *family = whole.with_labels(&kept);
            }
        }
    }

    /// Samples so far.
    pub fn samples(&self) -> usize {
        self.families.iter().map(Draft::len).sum()
    }

    pub(super) fn family(&mut self, row: Row, histogram: bool) -> &mut Draft {
        let next = self.families.len();
        let at = match self.by_name.get(&row.name) {
            Some(at) => *at,
            None => {
                self.by_name.insert(row.name.clone(), next);
                self.families.push(Draft::new(row, histogram));
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
