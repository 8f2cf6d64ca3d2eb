//! Rows of one family: label values in one text arena, and a value each.
//!
//! Only stores and reads them; what may stand in a family, and how it is cut, is seen to elsewhere.

use std::hash::Hasher;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashTable;

use super::span::span_hasher;
use crate::model::histogram::HistogramValue;

/// Longest label value kept, in bytes; longer ones are cut at a character.
pub const LABEL_VALUE_BYTES_MAX: usize = 1024;

/// Rows with as many labels each.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    width: usize,
    text: String,
    /// Where each label value ends in the text.
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

impl Rows {
    pub(super) fn new(width: usize, histograms: bool) -> Self {
        let values = if histograms { Values::Histograms(Vec::new()) } else { Values::Numbers(Vec::new()) };
        Self { width, text: String::new(), ends: Vec::new(), values }
    }

    /// No rows, of the same kind.
    pub(super) fn like(&self) -> Self {
        Self::new(self.width, self.are_histograms())
    }

    /// Rows with numbers, of which is known how long each label value is.
    pub(super) fn of_numbers(
        width: usize,
        numbers: Vec<f64>,
        lengths: impl ExactSizeIterator<Item = u16>,
        text: String,
    ) -> Self {
        let mut end = 0;
        let ends = lengths.map(|length| {
            end += u32::from(length);
            end
        });
        Self { width, text, ends: ends.collect(), values: Values::Numbers(numbers) }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The values, if they are numbers.
    pub(super) fn numbers(&self) -> Option<&[f64]> {
        match &self.values {
            Values::Numbers(numbers) => Some(numbers),
            Values::Histograms(_) => None,
        }
    }

    /// All label values behind each other.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How long each of them is: at most [`LABEL_VALUE_BYTES_MAX`].
    pub(super) fn lengths(&self) -> impl Iterator<Item = u16> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let length = end - start;
            start = *end;
            length as u16
        })
    }

    /// Length of all label values.
    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Runs of rows of one kind behind each other, and no room left over; none where there is no run.
    pub(super) fn joined(runs: &[(Arc<Self>, Range<usize>)]) -> Option<Self> {
        let (first, _) = runs.first()?;
        let mut joined = Self::new(first.width, first.are_histograms());
        let rows: usize = runs.iter().map(|(_, range)| range.len()).sum();
        joined.text.reserve_exact(runs.iter().map(|(rows, range)| rows.text_of(range).len()).sum());
        joined.ends.reserve_exact(rows * first.width);
        match &mut joined.values {
            Values::Numbers(values) => values.reserve_exact(rows),
            Values::Histograms(values) => values.reserve_exact(rows),
        }
        runs.iter().for_each(|(rows, range)| joined.append(rows, range.clone()));
        Some(joined)
    }

    pub(super) fn are_histograms(&self) -> bool {
        matches!(self.values, Values::Histograms(_))
    }

    pub(super) fn len(&self) -> usize {
        match &self.values {
            Values::Numbers(values) => values.len(),
            Values::Histograms(values) => values.len(),
        }
    }

    /// Bytes held, for memory accounting.
    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Numbers(values) => values.capacity() * size_of::<f64>(),
            Values::Histograms(values) => values.capacity() * size_of::<HistogramValue>(),
        };
        size_of::<Self>() + self.text.capacity() + self.ends.capacity() * size_of::<u32>() + values
    }

    /// Label values of a row.
    pub(super) fn labels(&self, row: usize) -> impl ExactSizeIterator<Item = &str> {
        (row * self.width..(row + 1) * self.width).map(move |label| self.label(label))
    }

    /// A row's first label value: what sorted rows are found by.
    pub(super) fn key(&self, row: usize) -> &str {
        self.label(row * self.width)
    }

    pub(super) fn value(&self, row: usize) -> Value<'_> {
        match &self.values {
            Values::Numbers(values) => Value::Number(values.get(row).copied().unwrap_or(f64::NAN)),
            Values::Histograms(values) => match values.get(row) {
                Some(value) => Value::Histogram(value),
                None => Value::Number(f64::NAN),
            },
        }
    }

    /// Length of a row's label values.
    pub(super) fn label_bytes(&self, row: usize) -> usize {
        self.start((row + 1) * self.width) - self.start(row * self.width)
    }

    /// Appends a row; not when the arena is full at 4 GiB, or holds histograms.
    pub(super) fn push_number<'v>(&mut self, labels: impl Iterator<Item = &'v str>, value: f64) {
        if !self.are_histograms()
            && self.push_labels(labels)
            && let Values::Numbers(values) = &mut self.values
        {
            values.push(value);
        }
    }

    /// The same for a row with a histogram.
    pub(super) fn push_histogram<'v>(&mut self, labels: impl Iterator<Item = &'v str>, value: HistogramValue) {
        if self.are_histograms()
            && self.push_labels(labels)
            && let Values::Histograms(values) = &mut self.values
        {
            values.push(value);
        }
    }

    /// Appends a row with some of another one's labels.
    pub(super) fn push_from<'v>(&mut self, labels: impl Iterator<Item = &'v str>, value: Value<'_>) {
        match value {
            Value::Number(number) => self.push_number(labels, number),
            Value::Histogram(value) => self.push_histogram(labels, value.clone()),
        }
    }

    /// Appends rows; none of another kind, and none when the text would outgrow its 4 GiB.
    pub(super) fn append(&mut self, from: &Self, rows: Range<usize>) {
        let labels = rows.start * self.width..rows.end * self.width;
        let (text, start, base) = (from.text_of(&rows), from.start(labels.start), self.text.len());
        let Some(ends) = from.ends.get(labels).filter(|_| u32::try_from(base + text.len()).is_ok()) else { return };
        match (&mut self.values, &from.values) {
            (Values::Numbers(values), Values::Numbers(more)) => {
                values.extend_from_slice(more.get(rows).unwrap_or(&[]));
            }
            (Values::Histograms(values), Values::Histograms(more)) => {
                values.extend_from_slice(more.get(rows).unwrap_or(&[]));
            }
            _ => return,
        }
        self.text.push_str(text);
        // Both fit, as their sum does.
        self.ends.extend(ends.iter().map(|end| (*end as usize - start + base) as u32));
    }

    /// Whether every label set is behind the one before it, so that none can be there twice. Most collectors emit in
    /// order, and looking is a tenth of the work of searching.
    pub(super) fn ascends(&self) -> bool {
        (1..self.len()).all(|row| self.labels(row - 1).lt(self.labels(row)))
    }

    /// Hash of a row's label values.
    pub(super) fn label_digest(&self, row: usize) -> u64 {
        let first = row * self.width;
        let start = self.start(first);
        let mut state = span_hasher();
        // All values in one piece, and where each ends in it: the same as one by one, and quicker.
        state.write(self.text_of(&(row..row + 1)).as_bytes());
        let ends = self.ends.get(first..first + self.width).unwrap_or(&[]);
        ends.iter().for_each(|end| state.write_usize(*end as usize - start));
        state.finish()
    }

    /// Hash of a row's value, and the lines it takes in print.
    pub(super) fn value_digest(&self, row: usize) -> (u64, usize) {
        match self.value(row) {
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

    /// The rows without repeated label sets (the first stays) and without what is behind `cap`; both are counted.
    pub(super) fn distinct(self, cap: usize, rejected: &mut Rejected) -> Self {
        let mut seen: HashTable<(u64, usize)> = HashTable::with_capacity(self.len().min(cap));
        let mut keep = Vec::with_capacity(self.len().min(cap));
        for row in 0..self.len() {
            let hash = self.label_digest(row);
            let same = |(of, other): &(u64, usize)| *of == hash && self.labels(*other).eq(self.labels(row));
            if seen.find(hash, same).is_some() {
                rejected.duplicates += 1;
            } else if keep.len() >= cap {
                rejected.over_cap += 1;
            } else {
                seen.insert_unique(hash, (hash, row), |(hash, _)| *hash);
                keep.push(row);
            }
        }
        if keep.len() == self.len() {
            return self;
        }
        let mut kept = Self::new(self.width, self.are_histograms());
        keep.into_iter().for_each(|row| kept.append(&self, row..row + 1));
        kept
    }

    /// Appends the label values; false (nothing appended) when the arena is full.
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

    fn label(&self, label: usize) -> &str {
        let start = self.start(label);
        let end = self.ends.get(label).map_or(start, |end| *end as usize);
        self.text.get(start..end).unwrap_or("")
    }

    /// The label values of some rows behind each other.
    fn text_of(&self, rows: &Range<usize>) -> &str {
        let (start, end) = (self.start(rows.start * self.width), self.start(rows.end * self.width));
        self.text.get(start..end).unwrap_or("")
    }

    /// Where a label value begins in the text.
    fn start(&self, label: usize) -> usize {
        match label.checked_sub(1) {
            Some(before) => self.ends.get(before).map_or(0, |end| *end as usize),
            None => 0,
        }
    }
}

fn clip(label: &str) -> &str {
    if label.len() <= LABEL_VALUE_BYTES_MAX {
        return label;
    }
    label.get(..label.floor_char_boundary(LABEL_VALUE_BYTES_MAX)).unwrap_or("")
}

/// What is left out of a family, counted.
#[derive(Default)]
pub(super) struct Rejected {
    pub(super) duplicates: u64,
    pub(super) over_cap: u64,
}
