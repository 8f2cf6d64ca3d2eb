//! Columns of numbers to bytes and back, without loss.
//!
//! A column whose values are decimals (0.4371, 17) becomes differences of whole numbers, any other the XOR of neighbours;
//! then bytes of like rank stand together, since those of high rank are mostly zero, and everything is deflated.

use std::io::Write;
use std::ops::Range;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};

/// Values of one block; more is damage, not data.
pub(super) const VALUES_MAX: usize = 1 << 24;

/// Decimal places that are tried.
const PLACES_MAX: u8 = 15;
/// Form of a column without any value.
const ABSENT: u8 = 0;
/// The last form of decimals; 1 to 16 have one place fewer.
const FORM_MAX: u8 = PLACES_MAX + 1;
/// Form of a column kept as bits.
const BITS: u8 = 32;
/// Flag of a column with gaps.
const GAPS: u8 = 64;
/// Whole numbers that a double holds exactly.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Packs columns of equal length; NaN is a gap.
pub(super) fn pack(columns: &[Vec<f64>], level: u32) -> Vec<u8> {
    let mut forms = Vec::with_capacity(columns.len());
    let mut gaps = Vec::new();
    let mut words = Vec::with_capacity(columns.iter().map(Vec::len).sum());
    for column in columns {
        forms.push(column_words(column, &mut gaps, &mut words));
    }
    let used = words.iter().fold(0, |all, word| all | word);
    let mut raw = forms;
    raw.extend(gaps);
    for rank in ranks(used) {
        raw.push(rank);
        raw.extend(words.iter().map(|word| byte(*word, rank)));
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    // Writing to memory does not fail.
    let _ = encoder.write_all(&raw);
    encoder.finish().unwrap_or_default()
}

/// What taking blocks apart needs, kept from one block to the next: a block's inflated bytes are many times its own, and
/// asking for fresh memory each time takes longer than the work.
#[derive(Debug)]
pub(super) struct Scratch {
    inflate: Decompress,
    raw: Vec<u8>,
    words: Vec<u64>,
    values: Vec<f64>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { inflate: Decompress::new(false), raw: Vec::new(), words: Vec::new(), values: Vec::new() }
    }
}

impl Scratch {
    /// Inflates what comes to no more than a limit.
    fn inflate(&mut self, bytes: &[u8], limit: usize) -> Option<()> {
        self.inflate.reset(false);
        self.raw.clear();
        loop {
            if self.raw.len() > limit {
                return None;
            }
            if self.raw.len() == self.raw.capacity() {
                self.raw.reserve(self.raw.len().clamp(4096, 1 << 20));
            }
            let rest = bytes.get(usize::try_from(self.inflate.total_in()).ok()?..)?;
            match self.inflate.decompress_vec(rest, &mut self.raw, FlushDecompress::Finish).ok()? {
                Status::StreamEnd => return (self.raw.len() <= limit).then_some(()),
                // Neither end nor want of room: bytes are lacking.
                _ if self.raw.len() < self.raw.capacity() => return None,
                _ => {}
            }
        }
    }
}

/// Packed columns, checked and inflated; each is made when it is asked for.
#[derive(Debug)]
pub(super) struct Columns {
    rows: usize,
    columns: Vec<Column>,
    /// Rank of a byte and where its plane begins.
    planes: Vec<(u8, usize)>,
}

/// Where the parts of a column are.
#[derive(Debug)]
struct Column {
    form: u8,
    gaps: Option<Range<usize>>,
    /// Its words in every plane.
    words: Range<usize>,
}

impl Columns {
    /// Inflates what [`pack`] made of so many columns and rows; none if it is damaged.
    pub(super) fn inflate(bytes: &[u8], columns: usize, rows: usize, scratch: &mut Scratch) -> Option<Self> {
        let values = columns.checked_mul(rows).filter(|values| columns.max(*values) <= VALUES_MAX)?;
        // Forms, gaps, eight ranks: what more there is, is not ours.
        scratch.inflate(bytes, columns + values / 8 + columns + 8 * (values + 1))?;
        let raw = &scratch.raw;
        // As many as there are bytes for, whatever number was told.
        let forms = raw.get(..columns)?;
        let (mut at, mut words) = (columns, 0);
        let mut found = Vec::with_capacity(columns);
        for form in forms {
            let gaps = (form & GAPS != 0).then(|| at..at + rows.div_ceil(8));
            at = gaps.as_ref().map_or(at, |gaps| gaps.end);
            let length = if *form == ABSENT { 0 } else { rows };
            if !matches!(form & !GAPS, ABSENT..=FORM_MAX | BITS) || form & !GAPS == ABSENT && gaps.is_some() {
                return None;
            }
            found.push(Column { form: form & !GAPS, gaps, words: words..words + length });
            words += length;
        }
        let mut planes = Vec::with_capacity(8);
        while at < raw.len() {
            planes.push((*raw.get(at).filter(|rank| **rank < 8)?, at + 1));
            at = at + 1 + words;
        }
        (at == raw.len()).then_some(Self { rows, columns: found, planes })
    }

    /// Number of columns.
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// The values of a column; none where there is no such column. `scratch` is the one that it was inflated with, untouched.
    pub(super) fn values<'a>(&self, column: usize, scratch: &'a mut Scratch) -> Option<&'a [f64]> {
        let column = self.columns.get(column)?;
        let Scratch { raw, words, values, .. } = scratch;
        values.clear();
        if column.form == ABSENT {
            values.resize(self.rows, f64::NAN);
            return Some(values);
        }
        words.clear();
        words.resize(column.words.len(), 0);
        for (rank, plane) in &self.planes {
            let bytes = raw.get(plane + column.words.start..plane + column.words.end)?;
            let shift = u32::from(*rank) * 8;
            words.iter_mut().zip(bytes).for_each(|(word, byte)| *word |= u64::from(*byte) << shift);
        }
        column_values(column.form, words, values)?;
        if let Some(gaps) = &column.gaps {
            let gaps = raw.get(gaps.clone())?;
            for (values, gaps) in values.chunks_mut(8).zip(gaps) {
                let missing = values.iter_mut().enumerate().filter(|(at, _)| gaps >> at & 1 == 1);
                missing.for_each(|(_, value)| *value = f64::NAN);
            }
        }
        Some(values)
    }
}

/// Appends a column's words and gaps; answers its form.
fn column_words(column: &[f64], gaps: &mut Vec<u8>, words: &mut Vec<u64>) -> u8 {
    let missing = column.iter().filter(|value| value.is_nan()).count();
    if missing == column.len() {
        return ABSENT;
    }
    if missing > 0 {
        let eight = |values: &[f64]| {
            values.iter().enumerate().fold(0, |bits, (at, value)| bits | (u8::from(value.is_nan()) << at))
        };
        gaps.extend(column.chunks(8).map(eight));
    }
    let flag = if missing > 0 { GAPS } else { 0 };
    match places(column) {
        Some(places) => {
            let mut previous = 0;
            words.extend(column.iter().map(|value| {
                let whole = whole(*value, places).unwrap_or(previous);
                let difference = whole - std::mem::replace(&mut previous, whole);
                ((difference << 1) ^ (difference >> 63)).cast_unsigned()
            }));
            flag | (places + 1)
        }
        None => {
            let mut previous = 0;
            words.extend(column.iter().map(|value| {
                let bits = if value.is_nan() { previous } else { value.to_bits() };
                bits ^ std::mem::replace(&mut previous, bits)
            }));
            flag | BITS
        }
    }
}

fn column_values(form: u8, words: &[u64], values: &mut Vec<f64>) -> Option<()> {
    if form == BITS {
        let mut bits = 0;
        let undo = |word: &u64| {
            bits ^= word;
            f64::from_bits(bits)
        };
        values.extend(words.iter().map(undo));
    } else {
        let power = POWERS.get(usize::from(form.checked_sub(1)?))?;
        let mut whole = 0i64;
        let undo = |word: &u64| {
            whole = whole.wrapping_add((word >> 1).cast_signed() ^ -(word & 1).cast_signed());
            whole as f64 / power
        };
        values.extend(words.iter().map(undo));
    }
    Some(())
}

/// The fewest decimal places with which every value of a column is told exactly.
fn places(column: &[f64]) -> Option<u8> {
    let mut places = 0;
    'all: for value in column.iter().filter(|value| !value.is_nan()) {
        while places <= PLACES_MAX {
            if whole(*value, places).is_some() {
                continue 'all;
            }
            places += 1;
        }
        return None;
    }
    // More places can make an earlier, larger value too large.
    column.iter().all(|value| value.is_nan() || whole(*value, places).is_some()).then_some(places)
}

/// The whole number that a decimal is, with so many places; none if it is not exactly that.
fn whole(value: f64, places: u8) -> Option<i64> {
    let power = POWERS.get(usize::from(places))?;
    let scaled = (value * power).round();
    // By way of the whole number, which knows no negative zero.
    let whole = scaled as i64;
    let same = scaled.abs() < WHOLE_MAX && (whole as f64 / power).to_bits() == value.to_bits();
    same.then_some(whole)
}

/// Ranks of bytes that any word uses.
fn ranks(used: u64) -> impl Iterator<Item = u8> {
    (0..8).filter(move |rank| byte(used, *rank) != 0)
}

fn byte(word: u64, rank: u8) -> u8 {
    (word >> (u32::from(rank) * 8)) as u8
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;

    fn unpack(bytes: &[u8], columns: usize, rows: usize) -> Option<Vec<Vec<f64>>> {
        // One for all calls of a thread, as readers have it.
        thread_local!(static SCRATCH: RefCell<Scratch> = RefCell::default());
        SCRATCH.with_borrow_mut(|scratch| {
            let packed = Columns::inflate(bytes, columns, rows, scratch)?;
            (0..packed.len()).map(|column| packed.values(column, scratch).map(<[f64]>::to_vec)).collect()
        })
    }

    fn same(a: &[Vec<f64>], b: &[Vec<f64>]) -> bool {
        let bits = |columns: &[Vec<f64>]| -> Vec<Vec<u64>> {
            let one = |v: &f64| if v.is_nan() { u64::MAX } else { v.to_bits() };
            columns.iter().map(|column| column.iter().map(one).collect()).collect()
        };
        bits(a) == bits(b)
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => (0..100_000i64).prop_map(|n| n as f64 / 1e5),
            2 => (-1000i64..1_000_000_000_000).prop_map(|n| n as f64),
            1 => any::<f64>(),
            1 => Just(f64::NAN),
            1 => prop_oneof![Just(-0.0), Just(0.0), Just(f64::MAX), Just(f64::MIN_POSITIVE), Just(1e300)],
        ]
    }

    proptest! {
        #[test]
        fn every_column_comes_back_bit_by_bit(rows in 1usize..40, seed in proptest::collection::vec(value(), 0..200)) {
            let columns: Vec<Vec<f64>> = seed.chunks_exact(rows).map(<[f64]>::to_vec).collect();
            let packed = pack(&columns, 1);
            let back = unpack(&packed, columns.len(), rows).unwrap();
            prop_assert!(same(&columns, &back), "{columns:?} {back:?}");
        }

        #[test]
        fn damage_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), columns in 0usize..9, rows in 0usize..99) {
            let _ = unpack(&bytes, columns, rows);
        }
    }

    #[test]
    fn decimals_take_little() {
        let column: Vec<f64> = (0..288).map(|i| f64::from(4000 + (i * i * 7) % 61) / 10_000.0).collect();
        let packed = pack(&[column], 6);
        assert!(packed.len() < 420, "{} bytes for 288 values", packed.len());
    }

    #[test]
    fn an_answer_that_blows_up_is_refused() {
        let columns = vec![vec![0.0; 100]; 10];
        assert!(unpack(&pack(&columns, 1), 10, 100).is_some());
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(9));
        encoder.write_all(&vec![1; 1 << 20]).unwrap();
        assert!(unpack(&encoder.finish().unwrap(), 10, 100).is_none());
        assert!(unpack(&[], usize::MAX, 2).is_none());
        let nothing = pack(&[], 1);
        assert!(unpack(&nothing, 0, 0).is_some());
        assert!([1, VALUES_MAX, usize::MAX].iter().all(|columns| unpack(&nothing, *columns, 0).is_none()));
    }
}
