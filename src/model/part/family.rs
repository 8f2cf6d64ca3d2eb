//! A family: all samples of one metric in one part, in one text arena.

use std::borrow::Cow;
use std::hash::Hasher;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashTable;

use super::span::{RowDigest, Span, cut, span_hasher};
use crate::model::histogram::HistogramValue;
use crate::model::metric::Descriptor;

/// Longest label value kept, in bytes; longer ones are cut at a character.
pub const LABEL_VALUE_BYTES_MAX: usize = 1024;
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
    pub(super) row: Row,
    pub(super) text: String,
    pub(super) ends: Vec<u32>,
    pub(super) values: Values,
    /// Of each row's labels, if the rows ascend by them and none was cut off; good while there is one for each row.
    /// Made by sealing.
    pub(super) digests: Vec<u64>,
    /// Made by sealing.
    spans: Vec<Span>,
}

#[derive(Clone, Debug)]
pub(super) enum Values {
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
    pub(super) fn new(row: Row, histogram: bool) -> Self {
        let values = if histogram { Values::Histograms(Vec::new()) } else { Values::Numbers(Vec::new()) };
        Self { row, text: String::new(), ends: Vec::new(), values, digests: Vec::new(), spans: Vec::new() }
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
        self.samples_at(0..self.len())
    }

    /// The samples at these places.
    pub fn samples_at(&self, rows: Range<usize>) -> impl ExactSizeIterator<Item = Sample<'_>> {
        let end = rows.end.min(self.len());
        (rows.start.min(end)..end).map(|index| Sample { family: self, index })
    }

    /// All rows of a sealed family, cut into spans.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Bytes held, for memory accounting.
    pub fn bytes(&self) -> usize {
        let text = self.text.capacity() + self.ends.capacity() * 4;
        text + (self.len() + self.digests.capacity()) * 8 + self.spans.capacity() * size_of::<Span>()
    }

    pub(super) fn label(&self, label: usize) -> &str {
        let start = self.start(label);
        let end = self.ends.get(label).map_or(start, |end| *end as usize);
        self.text.get(start..end).unwrap_or("")
    }

    /// Where a label value begins in the text.
    pub(super) fn start(&self, label: usize) -> usize {
        match label.checked_sub(1) {
            Some(before) => self.ends.get(before).map_or(0, |end| *end as usize),
            None => 0,
        }
    }

    /// Appends the label values; false (nothing appended) when the arena is full at 4 GiB.
    pub(super) fn push_labels<'v>(&mut self, labels: impl Iterator<Item = &'v str>) -> bool {
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
    pub(super) fn extend(&mut self, other: &Self) {
        for sample in other.samples() {
            let pushed = self.row.labels.len() == other.row.labels.len() && self.push_labels(sample.labels());
            match (&mut self.values, sample.value()) {
                (Values::Numbers(values), Value::Number(number)) if pushed => values.push(number),
                (Values::Histograms(values), Value::Histogram(value)) if pushed => values.push(value.clone()),
                _ => {}
            }
        }
    }

    /// The family with those of its labels only for which `kept` says so.
    pub(super) fn with_labels(&self, kept: &[bool]) -> Self {
        let labels = self.row.labels.iter().zip(kept).filter(|(_, kept)| **kept).map(|(label, _)| label.clone());
        let row = Descriptor { labels: labels.collect(), ..Descriptor::clone(&self.row) };
        let mut family = Self::new(Row::Shared(Arc::new(row)), false);
        family.values = self.values.clone();
        for sample in self.samples() {
            // The text only shrinks, so it fits.
            family.push_labels(sample.labels().zip(kept).filter(|(_, kept)| **kept).map(|(value, _)| value));
        }
        family
    }

    /// Removes repeated label sets (the first stays) and everything behind `cap`; counts both. Cuts into spans.
    pub(super) fn seal(mut self, cap: usize, rejected: &mut Rejected) -> Self {
        let known = self.digests.len() == self.len();
        let mut digests = std::mem::take(&mut self.digests);
        if !known {
            digests = (0..self.len()).map(|index| self.label_digest(index)).collect();
        }
        let ascends = known || self.ascends();
        let whole = self.len() <= cap;
        if !whole || !ascends {
            let keep = self.distinct(&digests, cap, rejected);
            if keep.len() < self.len() {
                digests = keep.iter().filter_map(|index| digests.get(*index).copied()).collect();
                self = self.only(keep);
            }
        }
        self.shrink();
        let names = self.row.name.len() + self.row.labels.iter().map(|name| name.len() + 4).sum::<usize>();
        let rows = self.samples().zip(&digests).map(|(sample, labels)| {
            let (value, lines) = value_digest(sample.value());
            RowDigest { labels: *labels, value, bytes: (names + self.label_bytes(sample.index)) * lines }
        });
        self.spans = cut(rows);
        // A family that was cut must not be amended: what was cut off would stay away when there is room again.
        if ascends && whole {
            digests.shrink_to_fit();
            self.digests = digests;
        }
        self
    }

    fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        if let Values::Numbers(values) = &mut self.values {
            values.shrink_to_fit();
        }
    }

    fn only(&self, keep: Vec<usize>) -> Self {
        let mut sealed = Self::new(self.row.clone(), matches!(self.values, Values::Histograms(_)));
        for index in keep {
            let sample = Sample { family: self, index };
            sealed.push_labels(sample.labels());
            match (&mut sealed.values, sample.value()) {
                (Values::Numbers(values), Value::Number(number)) => values.push(number),
                (Values::Histograms(values), Value::Histogram(value)) => values.push(value.clone()),
                _ => {}
            }
        }
        sealed
    }

    /// Whether every label set is behind the one before it, so that none can be there twice. Most collectors emit in
    /// order, and looking is a tenth of the work of searching.
    pub(super) fn ascends(&self) -> bool {
        let mut pairs = self.samples().zip(self.samples().skip(1));
        pairs.all(|(a, b)| a.labels().lt(b.labels()))
    }

    pub(super) fn label_digest(&self, index: usize) -> u64 {
        let width = self.row.labels.len();
        let first = index * width;
        let start = self.start(first);
        let ends = self.ends.get(first..first + width).unwrap_or(&[]);
        let end = ends.last().map_or(start, |end| *end as usize);
        let mut state = span_hasher();
        // All values in one piece, and where each ends in it: the same as one by one, and quicker.
        state.write(self.text.as_bytes().get(start..end).unwrap_or(&[]));
        ends.iter().for_each(|end| state.write_usize(*end as usize - start));
        state.finish()
    }

    /// Length of a row's label values.
    fn label_bytes(&self, index: usize) -> usize {
        let width = self.row.labels.len();
        self.start((index + 1) * width) - self.start(index * width)
    }

    fn distinct(&self, digests: &[u64], cap: usize, rejected: &mut Rejected) -> Vec<usize> {
        let same = |a: usize, b: usize| {
            (Sample { family: self, index: a }).labels().eq((Sample { family: self, index: b }).labels())
        };
        let mut seen: HashTable<(u64, usize)> = HashTable::with_capacity(digests.len().min(cap));
        let mut keep = Vec::with_capacity(digests.len().min(cap));
        for (index, hash) in digests.iter().enumerate() {
            if seen.find(*hash, |(of, other)| of == hash && same(*other, index)).is_some() {
                rejected.duplicates += 1;
            } else if keep.len() >= cap {
                rejected.over_cap += 1;
            } else {
                seen.insert_unique(*hash, (*hash, index), |(hash, _)| *hash);
                keep.push(index);
            }
        }
        keep
    }
}

/// A value's hash, and the lines it takes in print.
fn value_digest(value: Value<'_>) -> (u64, usize) {
    match value {
        Value::Number(number) => (number.to_bits(), 1),
        Value::Histogram(value) => {
            let mut state = span_hasher();
            value.bounds.iter().for_each(|bound| state.write_u64(bound.to_bits()));
            value.counts.iter().for_each(|count| state.write_u64(*count));
            state.write_u64(value.sum.to_bits());
            (state.finish(), value.counts.len() + 2)
        }
    }
}

fn clip(label: &str) -> &str {
    if label.len() <= LABEL_VALUE_BYTES_MAX {
        return label;
    }
    label.get(..label.floor_char_boundary(LABEL_VALUE_BYTES_MAX)).unwrap_or("")
}

#[derive(Default)]
pub(super) struct Rejected {
    pub(super) duplicates: u64,
    pub(super) over_cap: u64,
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
