//! Closed days: their ticks become blocks of whole series, hours get mean and maximum, old days go.
//!
//! Each rewrite is one transaction, so that a reading is in one form or the other at any time. How old is too old is
//! counted in days that hold something: a clock that jumps years ahead for an hour costs one day of the past, not all.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Transaction, params};

use super::Retention;
use super::block::{Block, CHUNK};
use super::codec::Scratch;
use super::rows::{self, Found};

/// Milliseconds of a day (UTC).
pub(super) const DAY: i64 = 86_400_000;
/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;
/// Hours of a day.
const HOURS: usize = 24;
/// How hard blocks of closed days are packed; they are read far more often than written.
const LEVEL: u32 = 6;
/// Digits of a roll-up's mean that are kept: more than any reading means, fewer than a quotient has.
const MEAN_DIGITS: i32 = 6;
/// Pages given back to the file system at a time, so that no tick waits for long.
const VACUUM_PAGES: u32 = 4096;

/// Columns by series.
type Columns = BTreeMap<u32, Vec<f64>>;

/// Rewrites one day of one signal; answers the damage it met.
pub(super) fn close_day(connection: &mut Connection, signal: &str, day: i64) -> rusqlite::Result<Vec<String>> {
    let transaction = connection.transaction()?;
    let mut damage = Vec::new();
    let whole = rows::list(&transaction, rows::DAY_BLOCKS, signal, day, day)?;
    let ticks = rows::list(&transaction, rows::TICKS, signal, day * DAY, day * DAY + DAY - 1)?;
    let hours = rows::list(&transaction, rows::HOUR_BLOCKS, signal, day, day)?;
    let mut scratch = Scratch::default();
    let mut read = |table, found: &[Found]| -> Vec<Block> {
        let whole = |row| {
            let block = rows::block(&transaction, table, signal, row, &mut scratch, &mut damage)?;
            Some(block.unpack(&mut scratch))
        };
        found.iter().filter_map(whole).collect()
    };
    // Ticks come last: a later reading of the same time wins.
    let mut blocks = read(rows::DAY_BLOCKS, &whole);
    blocks.extend(read(rows::TICKS, &ticks));
    let before = read(rows::HOUR_BLOCKS, &hours);
    let (times, columns) = merge(&blocks);
    let rollup = rollup(day, &times, &columns, before);
    store(&transaction, rows::DAY_BLOCKS, signal, day, &times, columns)?;
    let hour_times: Vec<i64> = (0..).map(|hour| day * DAY + hour * HOUR).take(HOURS).collect();
    store_hours(&transaction, signal, day, &hour_times, rollup)?;
    let last = day * DAY + DAY - 1;
    transaction
        .execute("DELETE FROM tick WHERE signal = ?1 AND at BETWEEN ?2 AND ?3", params![signal, day * DAY, last])?;
    transaction.commit()?;
    Ok(damage)
}

/// Removes days beyond what is to be kept, and gives their space back.
pub(super) fn prune(connection: &Connection, retention: Retention) -> rusqlite::Result<()> {
    for (table, days) in [("day", retention.raw_days), ("hours", retention.rollup_days)] {
        let sql = format!(
            "DELETE FROM {table} WHERE day <= (SELECT day FROM (SELECT DISTINCT day FROM {table}) \
             ORDER BY day DESC LIMIT 1 OFFSET ?1)"
        );
        connection.execute(&sql, [days])?;
    }
    // Each step gives one page back.
    let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// All times and, by series, a value or a gap for each.
fn merge(blocks: &[Block]) -> (Vec<i64>, Columns) {
    let times: Vec<i64> = blocks.iter().flat_map(|b| &b.times).copied().collect::<BTreeSet<_>>().into_iter().collect();
    let mut columns = Columns::new();
    for block in blocks {
        let places: Vec<usize> = block.times.iter().filter_map(|at| times.binary_search(at).ok()).collect();
        block.each(|slot, values| {
            let column = columns.entry(slot).or_insert_with(|| vec![f64::NAN; times.len()]);
            for (place, value) in places.iter().zip(values) {
                if let Some(cell) = column.get_mut(*place).filter(|_| !value.is_nan()) {
                    *cell = *value;
                }
            }
        });
    }
    (times, columns)
}

/// Mean and maximum by series and hour; what raw readings no longer tell stays as it was.
fn rollup(day: i64, times: &[i64], columns: &Columns, before: Vec<Block>) -> BTreeMap<u32, (Vec<f64>, Vec<f64>)> {
    let mut rollup = BTreeMap::new();
    for block in before {
        let (means, peaks) = block.columns.split_at(block.slots.len().min(block.columns.len()));
        for ((slot, mean), peak) in block.slots.iter().zip(means).zip(peaks) {
            rollup.insert(*slot, (mean.clone(), peak.clone()));
        }
    }
    let hour = |at: i64| usize::try_from((at - day * DAY) / HOUR).unwrap_or_default();
    for (slot, column) in columns {
        let mut cells = [(0.0, 0u32, f64::NEG_INFINITY); HOURS];
        for (at, value) in times.iter().zip(column).filter(|(_, value)| !value.is_nan()) {
            if let Some((sum, count, peak)) = cells.get_mut(hour(*at)) {
                *sum += value;
                *count += 1;
                *peak = value.max(*peak);
            }
        }
        let (means, peaks) = rollup.entry(*slot).or_insert_with(|| (vec![f64::NAN; HOURS], vec![f64::NAN; HOURS]));
        for (((sum, count, peak), mean), highest) in cells.into_iter().zip(means).zip(peaks) {
            if count > 0 {
                *mean = significant(sum / f64::from(count));
                *highest = peak;
            }
        }
    }
    rollup
}

/// A number with as many digits as a mean deserves.
fn significant(value: f64) -> f64 {
    let exponent = value.abs().log10().floor();
    if !(-9.0..15.0).contains(&exponent) {
        return value;
    }
    // Dividing by a power of ten gives the decimal itself, which the codec keeps in few bytes.
    let places = MEAN_DIGITS - 1 - exponent as i32;
    if places >= 0 {
        let power = 10f64.powi(places);
        (value * power).round() / power
    } else {
        let power = 10f64.powi(-places);
        (value / power).round() * power
    }
}

fn store(
    transaction: &Transaction<'_>,
    table: &str,
    signal: &str,
    day: i64,
    times: &[i64],
    columns: Columns,
) -> rusqlite::Result<()> {
    transaction.execute(&format!("DELETE FROM {table} WHERE signal = ?1 AND day = ?2"), params![signal, day])?;
    let sql = format!("INSERT INTO {table} (signal, day, chunk, block) VALUES (?1, ?2, ?3, ?4)");
    let mut insert = transaction.prepare_cached(&sql)?;
    let columns: Vec<(u32, Vec<f64>)> = columns.into_iter().collect();
    for chunk in columns.chunk_by(|(a, _), (b, _)| a / CHUNK == b / CHUNK) {
        let (slots, columns): (Vec<u32>, Vec<Vec<f64>>) = chunk.iter().cloned().unzip();
        let number = slots.first().map_or(0, |slot| slot / CHUNK);
        let block = Block { slots, times: times.to_vec(), columns };
        insert.execute(params![signal, day, number, block.encode(LEVEL)])?;
    }
    Ok(())
}

fn store_hours(
    transaction: &Transaction<'_>,
    signal: &str,
    day: i64,
    times: &[i64],
    rollup: BTreeMap<u32, (Vec<f64>, Vec<f64>)>,
) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM hours WHERE signal = ?1 AND day = ?2", params![signal, day])?;
    let mut insert =
        transaction.prepare_cached("INSERT INTO hours (signal, day, chunk, block) VALUES (?1, ?2, ?3, ?4)")?;
    let rollup: Vec<_> = rollup.into_iter().collect();
    for chunk in rollup.chunk_by(|(a, _), (b, _)| a / CHUNK == b / CHUNK) {
        let slots: Vec<u32> = chunk.iter().map(|(slot, _)| *slot).collect();
        let means = chunk.iter().map(|(_, (mean, _))| mean.clone());
        let columns = means.chain(chunk.iter().map(|(_, (_, peak))| peak.clone())).collect();
        let number = slots.first().map_or(0, |slot| slot / CHUNK);
        let block = Block { slots, times: times.to_vec(), columns };
        insert.execute(params![signal, day, number, block.encode(LEVEL)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_keep_six_digits() {
        let cases = [
            (0.0, 0.0),
            (0.123_456_789, 0.123_457),
            (-2.0 / 3.0, -0.666_667),
            (123_456_789.0, 123_457_000.0),
            (1e-30, 1e-30),
            (1e300, 1e300),
        ];
        for (from, to) in cases {
            assert_eq!(significant(from), to);
        }
    }

    #[test]
    fn later_readings_win_and_old_hours_stay() {
        let earlier =
            Block { slots: vec![0, 2], times: vec![0, HOUR], columns: vec![vec![1.0, 2.0], vec![3.0, f64::NAN]] };
        let tick = Block { slots: vec![0, 1], times: vec![HOUR], columns: vec![vec![8.0, 9.0]] };
        let (times, columns) = merge(&[earlier, tick]);
        assert_eq!(times, [0, HOUR]);
        assert_eq!(columns[&0], [1.0, 8.0]);
        assert!(columns[&1][0].is_nan() && columns[&1][1] == 9.0);
        let old = Block { slots: vec![0], times: vec![], columns: vec![vec![7.0; HOURS], vec![7.5; HOURS]] };
        let rollup = rollup(0, &times, &columns, vec![old]);
        assert_eq!(rollup[&0].0[..3], [1.0, 8.0, 7.0]);
        assert_eq!(rollup[&0].1[..3], [1.0, 8.0, 7.5]);
        assert!(rollup[&1].0[0].is_nan());
    }
}
