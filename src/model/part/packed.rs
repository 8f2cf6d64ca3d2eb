//! Rows as a span keeps them: packed, because rows are read far less often than they are held.
//!
//! Label values repeat from row to row (projects, zones, the ids of an instance in all its families), so that LZ4
//! leaves a fraction of them. What the search for a row needs, the first label of the first and the last one, stands
//! beside the block.

use std::sync::Arc;

use lz4_flex::block::{compress, decompress};

use super::rows::Rows;

/// Rows with less text than this stay as they are.
const PACKED_BYTES_MIN: usize = 2 * 1024;

/// Rows of a span, shared by all parts that have it.
#[derive(Clone, Debug)]
pub(super) enum Held {
    /// Few rows, and histograms.
    Plain(Arc<Rows>),
    /// All others.
    Packed(Arc<Packed>),
}

/// Rows with numbers, compressed.
#[derive(Debug)]
pub(super) struct Packed {
    width: usize,
    rows: usize,
    /// Length of the block when it is unpacked.
    bytes: usize,
    block: Box<[u8]>,
    first_key: Box<str>,
    last_key: Box<str>,
}

impl Held {
    pub(super) fn new(rows: Rows) -> Self {
        match rows.numbers() {
            Some(_) if rows.text_bytes() < PACKED_BYTES_MIN => Self::Plain(Arc::new(rows)),
            Some(numbers) => Self::Packed(Arc::new(Packed::new(&rows, numbers))),
            None => Self::Plain(Arc::new(rows)),
        }
    }

    /// The rows, unpacked for whoever asks.
    pub(super) fn rows(&self) -> Arc<Rows> {
        match self {
            Self::Plain(rows) => Arc::clone(rows),
            Self::Packed(packed) => Arc::new(packed.unpack()),
        }
    }

    /// The first label value of the first row and of the last one.
    pub(super) fn keys(&self) -> (&str, &str) {
        match self {
            Self::Plain(rows) => (rows.key(0), rows.key(rows.len().saturating_sub(1))),
            Self::Packed(packed) => (&packed.first_key, &packed.last_key),
        }
    }

    pub(super) fn are_histograms(&self) -> bool {
        matches!(self, Self::Plain(rows) if rows.are_histograms())
    }

    /// Bytes held, for memory accounting.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Plain(rows) => rows.bytes(),
            Self::Packed(packed) => {
                size_of::<Packed>() + packed.block.len() + packed.first_key.len() + packed.last_key.len()
            }
        }
    }

    /// Whether it is the very same memory.
    #[cfg(test)]
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(a), Self::Plain(b)) => Arc::ptr_eq(a, b),
            (Self::Packed(a), Self::Packed(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Packed {
    /// The text of all label values, their lengths and the values behind each other, little-endian. The text is in front, so
    /// that it can stay where it is unpacked.
    fn new(rows: &Rows, numbers: &[f64]) -> Self {
        let mut block = Vec::with_capacity(rows.bytes());
        block.extend_from_slice(rows.text().as_bytes());
        rows.lengths().for_each(|length| block.extend_from_slice(&length.to_le_bytes()));
        numbers.iter().for_each(|number| block.extend_from_slice(&number.to_le_bytes()));
        Self {
            width: rows.width(),
            rows: rows.len(),
            bytes: block.len(),
            block: compress(&block).into(),
            first_key: rows.key(0).into(),
            last_key: rows.key(rows.len().saturating_sub(1)).into(),
        }
    }

    fn unpack(&self) -> Rows {
        // Only of what `new` has made: there is nothing that it could not be read from.
        let mut block = decompress(&self.block, self.bytes).unwrap_or_default();
        let numbers_bytes = self.rows * size_of::<f64>();
        let lengths_bytes = self.rows * self.width * size_of::<u16>();
        let text_bytes = self.bytes.saturating_sub(lengths_bytes + numbers_bytes);
        let rest = block.get(text_bytes..).unwrap_or_default();
        let (lengths, numbers) = rest.split_at_checked(lengths_bytes).unwrap_or_default();
        let lengths: Vec<u16> = lengths.as_chunks().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect();
        let numbers = numbers.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        block.truncate(text_bytes);
        let text = String::from_utf8(block).unwrap_or_default();
        Rows::of_numbers(self.width, numbers, lengths.into_iter(), text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_back_as_they_were(
            rows in proptest::collection::vec(("[a-cä]{0,40}", "\\PC{0,60}", proptest::num::f64::ANY), 1..200),
        ) {
            let mut made = Rows::new(2, false);
            rows.iter().for_each(|(a, b, number)| made.push_number([a.as_str(), b].into_iter(), *number));
            let (first, last) = (rows[0].0.clone(), rows[rows.len() - 1].0.clone());
            let packs = made.text_bytes() >= PACKED_BYTES_MIN;
            let held = Held::new(made.clone());
            prop_assert_eq!(matches!(held, Held::Packed(_)), packs);
            prop_assert_eq!(held.keys(), (first.as_str(), last.as_str()));
            let back = held.rows();
            prop_assert_eq!(back.len(), made.len());
            for row in 0..made.len() {
                prop_assert!(back.labels(row).eq(made.labels(row)));
                prop_assert_eq!(back.label_digest(row), made.label_digest(row));
                prop_assert_eq!(back.value_digest(row), made.value_digest(row));
            }
        }
    }

    #[test]
    fn what_repeats_takes_a_fraction() {
        let mut rows = Rows::new(3, false);
        for instance in 0..100 {
            let id = format!("6d1a1e6c-6c1f-4a77-9a4e-{instance:012}");
            rows.push_number([&id, "some-project-of-many", "nova"].into_iter(), 1.0);
        }
        let plain = rows.bytes();
        let held = Held::new(rows);
        assert!(held.bytes() * 4 < plain, "{} of {plain}", held.bytes());
    }
}
