//! Where a family is cut into spans: runs of rows that whoever prints the family may keep and replace each on its own.
//!
//! Cuts are defined by content: whether one lies behind a row depends on that row's labels, not on its place. A row
//! that comes, goes or changes therefore moves no cut but those beside it, and every other span keeps its hash.
//! So parts share the spans that they have in common. What is printed of a span, and how long that is kept, is not
//! known here.

use std::hash::{BuildHasher, Hasher};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use hashbrown::DefaultHashBuilder;

use super::packed::Held;
use super::rows::Rows;

/// Text of the smallest span, in bytes; a family's last one may be smaller.
///
/// Smaller spans would be less text made anew for a changed row, and worse compression of all of it, because each is
/// compressed on its own; docs/performance.md has the figures.
pub const SPAN_BYTES_MIN: usize = 8 * 1024;
/// Text behind the minimum until a cut, on average.
const CUT_EVERY: u64 = 8 * 1024;
/// A cut is made here whatever the content.
const SPAN_BYTES_MAX: usize = 48 * 1024;

/// One seed for the whole process: hashes of different parts are compared.
static SEEDED: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// A hasher whose results may be compared within this process.
pub fn span_hasher() -> impl Hasher {
    SEEDED.build_hasher()
}

/// A run of rows of a sealed family, shared by all parts that have it.
#[derive(Clone, Debug)]
pub struct Span {
    /// Places of its rows.
    pub rows: Range<usize>,
    /// About as many bytes of text as its rows take when they are printed.
    pub bytes: usize,
    /// Changes with any label or value of its rows; by the process-wide seed.
    pub hash: u64,
    pub(super) held: Held,
}

impl Span {
    /// Whether it holds the same rows, wherever they are.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.hash == other.hash && self.bytes == other.bytes && self.rows.len() == other.rows.len()
    }
}

/// Rows that are to stand in a family.
#[derive(Debug)]
pub(super) enum Piece {
    /// Some of a span, or such as were in none yet.
    Rows(Arc<Rows>, Range<usize>),
    /// All of a span behind which lies a cut whatever follows.
    Span(Span),
}

impl Piece {
    /// All of these.
    pub(super) fn all(rows: Rows) -> Self {
        let range = 0..rows.len();
        Self::Rows(Arc::new(rows), range)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Rows(_, range) => range.len(),
            Self::Span(span) => span.rows.len(),
        }
    }

    /// The rows and which of them.
    pub(super) fn into_rows(self) -> (Arc<Rows>, Range<usize>) {
        match self {
            Self::Rows(rows, range) => (rows, range),
            Self::Span(span) => (span.held.rows(), 0..span.rows.len()),
        }
    }
}

/// Cuts rows into spans. A piece that is a span already stays one as it is, where a cut is in front of it.
pub(super) fn cut(pieces: Vec<Piece>, row_overhead: usize) -> Arc<[Span]> {
    let mut cutter =
        Cutter { row_overhead, spans: Vec::new(), open: Vec::new(), bytes: 0, state: SEEDED.build_hasher() };
    for piece in pieces {
        match piece {
            Piece::Span(span) if cutter.open.is_empty() => cutter.keep(span),
            piece => {
                let (rows, range) = piece.into_rows();
                cutter.take(rows, range);
            }
        }
    }
    cutter.close();
    cutter.spans.into()
}

/// Finds the cuts, one row after the other.
struct Cutter {
    /// Text that each line takes beside its label values, about.
    row_overhead: usize,
    spans: Vec<Span>,
    /// Rows since the last cut.
    open: Vec<(Arc<Rows>, Range<usize>)>,
    bytes: usize,
    state: <DefaultHashBuilder as BuildHasher>::Hasher,
}

impl Cutter {
    fn next_row(&self) -> usize {
        self.spans.last().map_or(0, |span| span.rows.end)
    }

    fn keep(&mut self, span: Span) {
        let start = self.next_row();
        self.spans.push(Span { rows: start..start + span.rows.len(), ..span });
    }

    fn take(&mut self, rows: Arc<Rows>, range: Range<usize>) {
        let mut start = range.start;
        for row in range.clone() {
            let labels = rows.label_digest(row);
            let (value, lines) = rows.value_digest(row);
            let bytes = (self.row_overhead + rows.label_bytes(row)) * lines;
            self.bytes += bytes;
            self.state.write_u64(labels);
            self.state.write_u64(value);
            let cut = self.bytes >= SPAN_BYTES_MIN && labels % CUT_EVERY < bytes as u64;
            if cut || self.bytes >= SPAN_BYTES_MAX {
                self.open.push((Arc::clone(&rows), start..row + 1));
                start = row + 1;
                self.close();
            }
        }
        if start < range.end {
            self.open.push((rows, start..range.end));
        }
    }

    /// Makes a span of what is open.
    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        let (bytes, state) =
            (std::mem::take(&mut self.bytes), std::mem::replace(&mut self.state, SEEDED.build_hasher()));
        let Some(held) = Rows::joined(&open) else { return };
        let start = self.next_row();
        let rows = start..start + held.len();
        self.spans.push(Span { rows, bytes, hash: state.finish(), held: Held::new(held) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Rows whose labels are these numbers, some 200 bytes each.
    fn rows(numbers: &[u64]) -> Rows {
        let mut rows = Rows::new(1, false);
        numbers.iter().for_each(|number| rows.push_number([&*format!("{number:08}")].into_iter(), 0.0));
        rows
    }

    fn spans(numbers: &[u64]) -> Arc<[Span]> {
        cut(vec![Piece::all(rows(numbers))], 192)
    }

    #[test]
    fn spans_cover_every_row_once_and_have_their_size() {
        let rows: Vec<u64> = (0..20_000).collect();
        let spans = spans(&rows);
        assert!(spans.iter().zip(spans.iter().skip(1)).all(|(a, b)| a.rows.end == b.rows.start));
        assert_eq!((spans[0].rows.start, spans[spans.len() - 1].rows.end), (0, 20_000));
        let (_, whole) = spans.split_last().unwrap();
        assert!(whole.iter().all(|span| (SPAN_BYTES_MIN..SPAN_BYTES_MAX + 200).contains(&span.bytes)));
        let mean = 20_000 * 200 / spans.len();
        assert!((SPAN_BYTES_MIN..4 * SPAN_BYTES_MIN).contains(&mean), "{mean}");
        assert!(super::cut(Vec::new(), 192).is_empty());
    }

    #[test]
    fn a_row_that_comes_or_goes_costs_its_neighbourhood_only() {
        let rows: Vec<u64> = (0..20_000).collect();
        let before: HashSet<u64> = spans(&rows).iter().map(|span| span.hash).collect();
        for at in [0, 777, 10_000, 19_999] {
            let mut fewer = rows.clone();
            fewer.remove(at);
            let mut more = rows.clone();
            more.insert(at, 1_000_000);
            for changed in [fewer, more] {
                let new = spans(&changed).iter().filter(|span| !before.contains(&span.hash)).count();
                // None when the row was a span of its own.
                assert!(new < 8, "{new} of {} spans are new", before.len());
            }
        }
    }
}
