//! A family: all samples of one metric in one part, in spans that parts share.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::rows::{Rows, Value};
use super::span::{Piece, Span};
use crate::model::metric::Descriptor;

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

/// All samples of one metric in one part. A copy of it costs nothing.
#[derive(Clone, Debug)]
pub struct Family {
    pub(super) row: Row,
    pub(super) spans: Arc<[Span]>,
    /// Whether each label set is behind the one before it, and none was cut off.
    pub(super) in_order: bool,
}

/// One sample, with the rows of its span.
#[derive(Clone, Debug)]
pub struct Sample {
    rows: Arc<Rows>,
    row: usize,
}

impl Sample {
    /// Label values, in the order of the row's labels.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rows.labels(self.row)
    }

    /// The value.
    pub fn value(&self) -> Value<'_> {
        self.rows.value(self.row)
    }

    /// The value of a gauge, counter or untyped sample; NaN for a histogram.
    pub fn number(&self) -> f64 {
        match self.value() {
            Value::Number(number) => number,
            Value::Histogram(_) => f64::NAN,
        }
    }
}

impl Family {
    /// The row of the metric table.
    pub fn descriptor(&self) -> &Descriptor {
        &self.row
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.spans.last().map_or(0, |span| span.rows.end)
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples in the order in which they were put.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Sample> {
        self.samples_at(0..self.len())
    }

    /// The samples at these places.
    pub fn samples_at(&self, rows: Range<usize>) -> impl ExactSizeIterator<Item = Sample> {
        let end = rows.end.min(self.len());
        let start = rows.start.min(end);
        let mut spans = self.spans.get(self.span_of(start)..).unwrap_or(&[]).iter();
        let current = spans.next().map(|span| (span.held.rows(), start - span.rows.start..span.rows.len()));
        Samples { spans, current, left: end - start }
    }

    /// All rows, cut into spans.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The first label's value in its first and in its last row, where rows are sorted by their labels.
    pub fn first_labels(&self) -> Option<(&str, &str)> {
        let (first, last) = (self.spans.first()?, self.spans.last()?);
        (self.in_order && !self.row.labels.is_empty()).then(|| (first.held.keys().0, last.held.keys().1))
    }

    /// Whether it prints as another one does.
    pub fn is_like(&self, other: &Self) -> bool {
        let rows = std::ptr::eq(self.descriptor(), other.descriptor()) || *self.row == *other.row;
        let same = |(a, b): (&Span, &Span)| a.is_like(b);
        rows && self.spans.len() == other.spans.len() && self.spans.iter().zip(&*other.spans).all(same)
    }

    /// Bytes held, shared or not, for memory accounting.
    pub fn bytes(&self) -> usize {
        self.spans.iter().map(|span| size_of::<Span>() + span.held.bytes()).sum()
    }

    /// Lets go of spans that an earlier one of the row has as well, and holds that one's.
    pub(super) fn share(&mut self, earlier: &Self) {
        if Arc::ptr_eq(&self.spans, &earlier.spans) {
            return;
        }
        if self.is_like(earlier) {
            self.spans = Arc::clone(&earlier.spans);
            return;
        }
        let known: hashbrown::HashMap<u64, &Span> = earlier.spans.iter().map(|span| (span.hash, span)).collect();
        let shared = self.spans.iter().map(|span| match known.get(&span.hash) {
            Some(known) if known.is_like(span) => Span { held: known.held.clone(), ..span.clone() },
            _ => span.clone(),
        });
        self.spans = shared.collect();
    }

    /// Its rows, to be gone through from the first to the last.
    pub(super) fn cursor(&self) -> Cursor<'_> {
        Cursor { family: self, unpacked: None }
    }

    /// The place of the span that has a row.
    fn span_of(&self, row: usize) -> usize {
        self.spans.partition_point(|span| span.rows.end <= row)
    }
}

/// Goes through the rows of a family, and unpacks each span once that is looked into.
pub(super) struct Cursor<'f> {
    family: &'f Family,
    /// The span looked into last, and its place.
    unpacked: Option<(usize, Arc<Rows>)>,
}

impl Cursor<'_> {
    fn unpack(&mut self, at: usize, span: &Span) -> Arc<Rows> {
        match &self.unpacked {
            Some((place, rows)) if *place == at => Arc::clone(rows),
            _ => {
                let rows = span.held.rows();
                self.unpacked = Some((at, Arc::clone(&rows)));
                rows
            }
        }
    }

    /// The rows at these places. A span's end is a cut whatever follows, but that of the last one.
    pub(super) fn pieces(&mut self, rows: Range<usize>) -> Vec<Piece> {
        let (first, last) = (self.family.span_of(rows.start), self.family.len());
        let spans = self.family.spans.iter().enumerate().skip(first);
        let inside = spans.take_while(|(_, span)| span.rows.start < rows.end);
        let piece = |(at, span): (usize, &Span)| {
            let range = span.rows.start.max(rows.start)..span.rows.end.min(rows.end);
            if range == span.rows && span.rows.end < last {
                return Piece::Span(span.clone());
            }
            Piece::Rows(self.unpack(at, span), range.start - span.rows.start..range.end - span.rows.start)
        };
        inside.map(piece).collect()
    }

    /// The first row from `start` on whose first label passes; those that do not are in front of all that do.
    pub(super) fn first_where(&mut self, start: usize, passes: impl Fn(&str) -> bool) -> usize {
        let spans = &self.family.spans;
        let at = spans.partition_point(|span| !passes(span.held.keys().1));
        let Some(span) = spans.get(at) else { return self.family.len() };
        if passes(span.held.keys().0) {
            return start.max(span.rows.start);
        }
        let (rows, mut low, mut high) = (self.unpack(at, span), 0, span.rows.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if passes(rows.key(middle)) { high = middle } else { low = middle + 1 }
        }
        start.max(span.rows.start + low)
    }
}

/// Samples of a family, span by span.
struct Samples<'a> {
    spans: std::slice::Iter<'a, Span>,
    current: Option<(Arc<Rows>, Range<usize>)>,
    left: usize,
}

impl Iterator for Samples<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        self.left = self.left.checked_sub(1)?;
        loop {
            let (rows, range) = self.current.as_mut()?;
            if let Some(row) = range.next() {
                return Some(Sample { rows: Arc::clone(rows), row });
            }
            self.current = self.spans.next().map(|span| (span.held.rows(), 0..span.rows.len()));
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Samples<'_> {}

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
