//! Where a family is cut into spans: runs of rows that whoever prints the family may keep and replace each on its own.
//!
//! Cuts are defined by content: whether one lies behind a row depends on that row's labels, not on its place. A row
//! that comes, goes or changes therefore moves no cut but those beside it, and every other span keeps its hash.
//! What is made of a span, and how long it is kept, is not known here.

use std::hash::{BuildHasher, Hasher};
use std::ops::Range;
use std::sync::LazyLock;

use hashbrown::DefaultHashBuilder;

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

/// A run of rows of a sealed family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Places of its rows.
    pub rows: Range<usize>,
    /// About as many bytes of text as its rows take when they are printed.
    pub bytes: usize,
    /// Changes with any label or value of its rows; by the process-wide seed.
    pub hash: u64,
}

/// What the cuts go by.
pub(super) struct RowDigest {
    /// Of the label values.
    pub(super) labels: u64,
    /// Of the value.
    pub(super) value: u64,
    /// Text that the row takes, about.
    pub(super) bytes: usize,
}

/// Cuts a family's rows.
pub(super) fn cut(rows: impl Iterator<Item = RowDigest>) -> Vec<Span> {
    let mut spans = Vec::new();
    let (mut start, mut bytes, mut state) = (0, 0, SEEDED.build_hasher());
    let mut end = 0;
    for row in rows {
        end += 1;
        bytes += row.bytes;
        state.write_u64(row.labels);
        state.write_u64(row.value);
        let cut = bytes >= SPAN_BYTES_MIN && row.labels % CUT_EVERY < row.bytes as u64;
        if cut || bytes >= SPAN_BYTES_MAX {
            spans.push(Span { rows: start..end, bytes, hash: state.finish() });
            (start, bytes, state) = (end, 0, SEEDED.build_hasher());
        }
    }
    if end > start {
        spans.push(Span { rows: start..end, bytes, hash: state.finish() });
    }
    spans.shrink_to_fit();
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Rows whose labels are these numbers, 200 bytes each.
    fn spans(rows: &[u64]) -> Vec<Span> {
        cut(rows.iter().map(|row| {
            let mut state = span_hasher();
            state.write_u64(*row);
            RowDigest { labels: state.finish(), value: 0, bytes: 200 }
        }))
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
        assert!(super::cut(std::iter::empty()).is_empty());
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
                assert!((1..8).contains(&new), "{new} of {} spans are new", before.len());
            }
        }
    }
}
