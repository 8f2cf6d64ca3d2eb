//! Blocks: what one row of the store holds. A block says which series and times it is about and carries a checksum, so
//! that damage is noticed, named and left out, and never read as figures.

use super::codec::{self, Columns, Scratch};

/// Form of blocks; a reader refuses any other.
const FORM: u8 = 1;
/// Series that share a block of a closed day.
pub(super) const CHUNK: u32 = 128;

/// Readings of several series, or of one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Block {
    /// Numbers of the series within their signal, rising.
    pub(super) slots: Vec<u32>,
    /// Times in milliseconds, rising.
    pub(super) times: Vec<i64>,
    /// One column for all series of a tick; one column per series of a day; mean and maximum per series of roll-ups.
    pub(super) columns: Vec<Vec<f64>>,
}

/// A block that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    /// Its bytes are not those that were written.
    #[error("its checksum is wrong")]
    Checksum,
    /// Another program wrote it.
    #[error("its form is unknown")]
    Form,
    /// It ends early or contradicts itself.
    #[error("it contradicts itself")]
    Contents,
}

impl Block {
    /// As bytes. A higher level takes longer and less space.
    pub(super) fn encode(&self, level: u32) -> Vec<u8> {
        let mut body = Vec::new();
        put_runs(&mut body, &self.slots);
        put_times(&mut body, &self.times);
        put_number(&mut body, wide(self.columns.len()));
        put_number(&mut body, wide(self.columns.first().map_or(0, Vec::len)));
        body.extend(codec::pack(&self.columns, level));
        let mut bytes = vec![FORM];
        bytes.extend(checksum(&body).to_le_bytes());
        bytes.extend(body);
        bytes
    }
}

/// A block that was read and whose columns are made when they are asked for.
#[derive(Debug)]
pub(super) struct Packed {
    /// Numbers of the series within their signal, rising.
    pub(super) slots: Vec<u32>,
    /// Times in milliseconds, rising.
    pub(super) times: Vec<i64>,
    columns: Columns,
}

impl Packed {
    /// Reads bytes back.
    pub(super) fn read(bytes: &[u8], scratch: &mut Scratch) -> Result<Self, Damage> {
        let (form, rest) = bytes.split_first().ok_or(Damage::Contents)?;
        if *form != FORM {
            return Err(Damage::Form);
        }
        let (sum, body) = rest.split_first_chunk::<4>().ok_or(Damage::Contents)?;
        if u32::from_le_bytes(*sum) != checksum(body) {
            return Err(Damage::Checksum);
        }
        Self::contents(body, scratch).ok_or(Damage::Contents)
    }

    fn contents(mut body: &[u8], scratch: &mut Scratch) -> Option<Self> {
        let slots = take_runs(&mut body)?;
        let times = take_times(&mut body)?;
        let columns = usize::try_from(take_number(&mut body)?).ok()?;
        let rows = usize::try_from(take_number(&mut body)?).ok()?;
        let fits = (columns, rows) == (1, slots.len()) && times.len() == 1
            || rows == times.len() && [1, 2].contains(&columns.checked_div(slots.len()).unwrap_or(1));
        let columns = Columns::inflate(body, columns, rows, scratch).filter(|_| fits)?;
        Some(Self { slots, times, columns })
    }

    /// Calls for each wanted series with its values, one per time, until the answer is false. Of roll-ups the means, or
    /// with `second` the peaks.
    pub(super) fn each(
        &self,
        second: bool,
        scratch: &mut Scratch,
        wanted: impl Fn(u32) -> bool,
        mut visit: impl FnMut(u32, &[f64]) -> bool,
    ) {
        if self.columns.len() == 1 && self.times.len() == 1 {
            // One column for all series.
            let values = self.columns.values(0, scratch).unwrap_or_default();
            let mut wanted = self.slots.iter().zip(values).filter(|(slot, _)| wanted(**slot));
            wanted.all(|(slot, value)| visit(*slot, std::slice::from_ref(value)));
            return;
        }
        let first = if second { self.slots.len() } else { 0 };
        let mut wanted = self.slots.iter().zip(first..).filter(|(slot, _)| wanted(**slot));
        wanted.all(|(slot, column)| self.columns.values(column, scratch).is_some_and(|values| visit(*slot, values)));
    }

    /// The whole of it.
    pub(super) fn unpack(self, scratch: &mut Scratch) -> Block {
        let columns = (0..self.columns.len()).filter_map(|column| Some(self.columns.values(column, scratch)?.to_vec()));
        Block { columns: columns.collect(), slots: self.slots, times: self.times }
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Seven bits a byte, the lowest first.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_number(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Rising numbers as gaps and lengths of runs.
fn put_runs(out: &mut Vec<u8>, numbers: &[u32]) {
    let runs: Vec<&[u32]> = numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b)).collect();
    put_number(out, wide(runs.len()));
    let mut end = 0;
    for run in runs {
        let (first, last) = (run.first().copied().unwrap_or_default(), run.last().copied().unwrap_or_default());
        put_number(out, u64::from(first.saturating_sub(end)));
        put_number(out, wide(run.len()));
        end = last;
    }
}

fn take_runs(from: &mut &[u8]) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    let mut end = 0u32;
    for _ in 0..take_number(from)? {
        let first = end.checked_add(u32::try_from(take_number(from)?).ok()?)?;
        let length = u32::try_from(take_number(from)?).ok()?;
        let behind = first.checked_add(length)?;
        if numbers.len() + usize::try_from(length).ok()? > codec::VALUES_MAX {
            return None;
        }
        numbers.extend(first..behind);
        end = behind.checked_sub(1)?;
    }
    Some(numbers)
}

/// The first time, then distances and how often each repeats.
fn put_times(out: &mut Vec<u8>, times: &[i64]) {
    put_number(out, wide(times.len()));
    put_number(out, times.first().copied().unwrap_or_default().cast_unsigned());
    let distances: Vec<i64> =
        times.windows(2).map(|pair| pair.iter().rev().copied().reduce(|b, a| b - a).unwrap_or(0)).collect();
    for run in distances.chunk_by(|a, b| a == b) {
        put_number(out, run.first().copied().unwrap_or_default().cast_unsigned());
        put_number(out, wide(run.len()));
    }
}

fn take_times(from: &mut &[u8]) -> Option<Vec<i64>> {
    let count = usize::try_from(take_number(from)?).ok().filter(|count| *count <= codec::VALUES_MAX)?;
    let mut time = take_number(from)?.cast_signed();
    let mut times = Vec::new();
    if count > 0 {
        times.push(time);
    }
    while times.len() < count {
        let distance = take_number(from)?.cast_signed();
        let repeats = usize::try_from(take_number(from)?).ok().filter(|n| (1..=count - times.len()).contains(n))?;
        for _ in 0..repeats {
            time = time.checked_add(distance)?;
            times.push(time);
        }
    }
    Some(times)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8]) -> Result<Block, Damage> {
        let mut scratch = Scratch::default();
        Packed::read(bytes, &mut scratch).map(|packed| packed.unpack(&mut scratch))
    }

    fn day() -> Block {
        let times: Vec<i64> = (0..288).map(|i| 1_700_000_000_000 + i * 300_000 + i64::from(i > 100)).collect();
        let slots = vec![0, 1, 2, 7, 9, 10];
        let columns = slots.iter().map(|slot| times.iter().map(|at| (at % 1000 + i64::from(*slot)) as f64).collect());
        Block { columns: columns.collect(), slots, times }
    }

    #[test]
    fn blocks_come_back_and_any_flipped_bit_is_noticed() {
        let bytes = day().encode(6);
        assert_eq!(decode(&bytes), Ok(day()));
        let tick = Block { slots: (0..1000).collect(), times: vec![5], columns: vec![vec![0.5; 1000]] };
        assert_eq!(decode(&tick.encode(1)), Ok(tick));
        assert_eq!(decode(&Block::default().encode(1)), Ok(Block::default()));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(decode(&damaged).is_err(), "byte {at}");
        }
        assert_eq!(decode(&[2, 0, 0, 0, 0]), Err(Damage::Form));
    }

    proptest! {
        #[test]
        fn numbers_of_any_kind_come_back(slots in proptest::collection::btree_set(any::<u32>(), 0..40), times in proptest::collection::btree_set(0i64..4_000_000_000_000, 1..40)) {
            let block = Block {
                columns: slots.iter().map(|slot| vec![f64::from(*slot); times.len()]).collect(),
                slots: slots.into_iter().collect(),
                times: times.into_iter().collect(),
            };
            let back = decode(&block.encode(1));
            if block.slots.is_empty() {
                prop_assert!(back.is_ok() || back == Err(Damage::Contents));
            } else {
                prop_assert_eq!(back, Ok(block));
            }
        }

        #[test]
        fn contents_of_any_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Packed::contents(&bytes, &mut Scratch::default());
        }
    }
}
