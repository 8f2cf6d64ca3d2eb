//! A family in the making: what was put so far, and how it is sealed.

use std::sync::Arc;

use super::family::{Family, Row};
use super::rows::{Rejected, Rows};
use super::span::{Piece, cut};
use crate::model::histogram::HistogramValue;
use crate::model::metric::Descriptor;

/// Label text of a chunk. A hundred thousand rows in one text would be copied each time that it has to grow, and stand
/// beside all their spans until the last one is cut; chunks go as their spans come.
const CHUNK_BYTES: usize = 128 * 1024;

/// A family that samples are put in.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) row: Row,
    /// Chunks that are full, of what was put since it was made, or since it was amended.
    full: Vec<Rows>,
    /// What was put behind them.
    fresh: Rows,
    /// What stands in front of that.
    pub(super) amended: Option<Amended>,
}

/// Rows of an earlier family with new ones among them.
#[derive(Debug)]
pub(super) struct Amended {
    pub(super) pieces: Vec<Piece>,
    /// Whether each label set is behind the one before it.
    pub(super) in_order: bool,
}

impl Draft {
    pub(super) fn new(row: Row, histograms: bool) -> Self {
        let fresh = Rows::new(row.labels.len(), histograms);
        Self { row, full: Vec::new(), fresh, amended: None }
    }

    pub(super) fn len(&self) -> usize {
        let amended = self.amended.iter().flat_map(|amended| &amended.pieces);
        amended.map(Piece::len).sum::<usize>() + self.put_rows()
    }

    fn put_rows(&self) -> usize {
        self.full.iter().map(Rows::len).sum::<usize>() + self.fresh.len()
    }

    /// Where the next row goes.
    fn room(&mut self) -> &mut Rows {
        if self.fresh.text_bytes() >= CHUNK_BYTES {
            let next = self.fresh.like();
            self.full.push(std::mem::replace(&mut self.fresh, next));
        }
        &mut self.fresh
    }

    /// Takes out what was put, chunk by chunk.
    fn take_chunks(&mut self) -> Vec<Rows> {
        let next = self.fresh.like();
        let mut chunks = std::mem::take(&mut self.full);
        chunks.push(std::mem::replace(&mut self.fresh, next));
        chunks
    }

    /// The same in one.
    pub(super) fn take_put(&mut self) -> Rows {
        let mut chunks = self.take_chunks().into_iter();
        let mut all = chunks.next().unwrap_or_else(|| self.fresh.like());
        chunks.for_each(|chunk| all.append(&chunk, 0..chunk.len()));
        all
    }

    pub(super) fn put<'v>(&mut self, labels: impl Iterator<Item = &'v str>, value: f64) {
        self.room().push_number(labels, value);
    }

    pub(super) fn put_histogram<'v>(&mut self, labels: impl Iterator<Item = &'v str>, value: HistogramValue) {
        self.room().push_histogram(labels, value);
    }

    /// Appends the samples of a family of the same row.
    pub(super) fn extend(&mut self, other: &Family) {
        if self.row.labels.len() == other.descriptor().labels.len() {
            // Rows of another kind are left out.
            other.spans().iter().for_each(|span| self.room().append(&span.held.rows(), 0..span.rows.len()));
        }
    }

    /// The draft with those of its labels only for which `kept` says so.
    pub(super) fn with_labels(self, kept: &[bool]) -> Self {
        let labels = self.row.labels.iter().zip(kept).filter(|(_, kept)| **kept).map(|(label, _)| label.clone());
        let row = Descriptor { labels: labels.collect(), ..Descriptor::clone(&self.row) };
        let rows = self.into_rows();
        let mut draft = Self::new(Row::Shared(Arc::new(row)), rows.are_histograms());
        for row in 0..rows.len() {
            let labels = rows.labels(row).zip(kept).filter(|(_, kept)| **kept).map(|(value, _)| value);
            draft.room().push_from(labels, rows.value(row));
        }
        draft
    }

    /// Removes repeated label sets (the first stays) and everything behind `cap`; counts both. Cuts into spans.
    pub(super) fn seal(mut self, cap: usize, rejected: &mut Rejected) -> Family {
        let names = self.row.name.len() + self.row.labels.iter().map(|name| name.len() + 4).sum::<usize>();
        let (whole, nothing_put) = (self.len() <= cap, self.put_rows() == 0);
        if let Some(amended) = self.amended.take_if(|amended| whole && amended.in_order && nothing_put) {
            return Family { row: self.row, spans: cut(amended.pieces, names), in_order: true };
        }
        let row = self.row.clone();
        if self.amended.is_none() && whole && ascend(&self.full, &self.fresh) {
            let pieces = self.take_chunks().into_iter().map(Piece::all).collect();
            return Family { row, spans: cut(pieces, names), in_order: true };
        }
        let rows = self.into_rows();
        // A family that was cut off must not be amended: what is missing would stay away when there is room again.
        let in_order = rows.ascends() && whole;
        let rows = if in_order { rows } else { rows.distinct(cap, rejected) };
        Family { row, spans: cut(vec![Piece::all(rows)], names), in_order }
    }

    /// All rows in one.
    fn into_rows(mut self) -> Rows {
        let put = self.take_put();
        let Some(amended) = self.amended else { return put };
        let mut rows = put.like();
        amended.pieces.into_iter().map(Piece::into_rows).for_each(|(from, range)| rows.append(&from, range));
        rows.append(&put, 0..put.len());
        rows
    }
}

/// Whether every label set is behind the one before it, in the chunks and from one to the next.
fn ascend(full: &[Rows], last: &Rows) -> bool {
    let mut before: Option<&Rows> = None;
    full.iter().chain(std::iter::once(last)).filter(|chunk| chunk.len() > 0).all(|chunk| {
        let follows = before.is_none_or(|before| before.labels(before.len() - 1).lt(chunk.labels(0)));
        before = Some(chunk);
        follows && chunk.ascends()
    })
}

impl From<&Family> for Draft {
    /// A draft that goes on from a sealed family.
    fn from(family: &Family) -> Self {
        let histograms = family.spans().first().is_some_and(|span| span.held.are_histograms());
        let pieces = family.cursor().pieces(0..family.len());
        let amended = Some(Amended { pieces, in_order: family.in_order });
        Self { amended, ..Self::new(family.row.clone(), histograms) }
    }
}
