//! The store as its users see it, on real files.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::Connection;

use super::*;
use crate::history::Stretch;
use crate::history::testing::{key, signal, tick, want};
use crate::model::clock::Timestamp;
use crate::model::signal::Signal;

const DAY: i64 = 86_400;

struct Bench {
    _directory: tempfile::TempDir,
    path: PathBuf,
    telemetry: Arc<Telemetry>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        Self { _directory: directory, path, telemetry: Arc::default() }
    }

    fn open(&self, raw_days: u32, rollup_days: u32) -> Store {
        Store::open(&self.path, Retention { raw_days, rollup_days }, &Clock::system(), &self.telemetry).unwrap()
    }

    fn writer(&self) -> Writer {
        let retention = Retention { raw_days: 9, rollup_days: 9 };
        let connection = schema::writer(&self.path).unwrap();
        let telemetry = Arc::clone(&self.telemetry);
        Writer::new(connection, self.path.clone(), retention, Clock::system(), telemetry, Shared::default())
    }

    /// Waits until so many ticks are on disk.
    fn written(&self, ticks: u64) {
        while self.telemetry.written.load(Ordering::Relaxed) < ticks {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    fn damaged(&self) -> u64 {
        self.telemetry.damaged.load(Ordering::Relaxed)
    }
}

fn read(store: &Store, want: &Want) -> Answer {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(store.read(want)).unwrap()
}

fn values(answer: &Answer) -> Vec<(&str, Vec<f64>)> {
    answer.stretches.iter().map(|s: &Stretch| (&*s.key.entity, s.values.clone())).collect()
}

#[test]
fn readings_come_back_before_and_after_their_day_is_closed_and_after_a_restart() {
    let bench = Bench::new();
    let store = bench.open(30, 400);
    for hour in 0..30 {
        let at = hour * 3600;
        store.append_waiting(tick(at, &[("a", hour as f64 / 10.0), ("b", f64::NAN)])).unwrap();
    }
    bench.written(30);
    let half = want("load", 0, 30 * 3600, 1800);
    let expected: Vec<f64> = (0..60).map(|i| if i % 2 == 0 { f64::from(i / 2) / 10.0 } else { f64::NAN }).collect();
    let check = |store: &Store| {
        let answer = read(store, &half);
        assert_eq!(answer.stretches.len(), 1, "b has no number");
        assert!(answer.warnings.is_empty());
        let same = |(a, b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan();
        assert!(answer.stretches[0].values.iter().zip(&expected).all(same), "{answer:?}");
        assert_eq!(answer.stretches[0].values.len(), expected.len());
    };
    check(&store);
    store.settle().unwrap();
    let rows = |table: &str| -> i64 {
        let count = format!("SELECT count(*) FROM {table}");
        schema::reader(&bench.path).unwrap().query_row(&count, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((rows("day"), rows("hours"), rows("tick")), (1, 1, 6));
    check(&store);
    drop(store);
    check(&bench.open(30, 400));
    let mut one = half.clone();
    one.only = Some([key("load", "a")].into());
    assert_eq!(read(&bench.open(30, 400), &one).stretches.len(), 1);
    one.only = Some([key("load", "nobody")].into());
    assert!(read(&bench.open(30, 400), &one).stretches.is_empty());
}

#[test]
fn a_repeated_time_adds_to_the_first_and_a_clock_set_back_joins_its_day() {
    let bench = Bench::new();
    let store = bench.open(30, 400);
    store.append_waiting(tick(0, &[("a", 1.0), ("b", 2.0)])).unwrap();
    store.append_waiting(tick(0, &[("b", 3.0), ("c", 4.0)])).unwrap();
    store.append_waiting(tick(DAY, &[("a", 5.0)])).unwrap();
    store.settle().unwrap();
    // The clock goes back by a day, and forth again.
    store.append_waiting(tick(600, &[("a", 6.0)])).unwrap();
    bench.written(4);
    let day = want("load", 0, 2 * DAY, 600);
    let check = |store: &Store| {
        let answer = read(store, &day);
        let told = values(&answer);
        assert_eq!(told.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!((told[0].1[0], told[0].1[1], told[0].1[144]), (1.0, 6.0, 5.0));
        assert_eq!((told[1].1[0], told[2].1[0]), (3.0, 4.0));
    };
    check(&store);
    store.append_waiting(tick(DAY + 600, &[("a", 7.0)])).unwrap();
    store.settle().unwrap();
    check(&store);
}

#[test]
fn old_days_go_by_what_is_there_so_that_a_wild_clock_costs_one_day_only() {
    let bench = Bench::new();
    let store = bench.open(3, 5);
    for day in 0..8 {
        for quarter in 0..4 {
            store.append_waiting(tick(day * DAY + quarter * 900, &[("a", (day * 4 + quarter) as f64)])).unwrap();
        }
    }
    store.append_waiting(tick(5000 * DAY, &[("a", 0.0)])).unwrap();
    store.append_waiting(tick(8 * DAY, &[("a", 99.0)])).unwrap();
    store.settle().unwrap();
    let fine = read(&store, &want("load", 0, 9 * DAY, 900));
    let of = |answer: &Answer, day: i64, step: i64| {
        let stretch = &answer.stretches[0];
        let first = (day * DAY - stretch.start.millis() / 1000) / step;
        usize::try_from(first).map(|first| stretch.values[first..first + 4].to_vec()).unwrap_or_default()
    };
    assert_eq!(of(&fine, 7, 900), [28.0, 29.0, 30.0, 31.0], "raw");
    assert_eq!(of(&fine, 5, 900)[0], 21.5, "only the mean of the hour is left");
    assert_eq!(fine.stretches[0].start, Timestamp::from_seconds(4 * DAY), "before, nothing");
    let hourly = read(&store, &want("load", 0, 9 * DAY, 3600));
    assert_eq!((of(&hourly, 7, 3600)[0], of(&hourly, 5, 3600)[0]), (29.5, 21.5));
    let mut counter = want("load", 0, 9 * DAY, 3600);
    counter.signal = Arc::new(Signal { counter: true, ..signal("load") });
    assert_eq!(of(&read(&store, &counter), 5, 3600)[0], 23.0, "of a counter, the last");
}

#[test]
fn a_damaged_block_is_named_and_counted_and_the_rest_is_read() {
    let bench = Bench::new();
    let store = bench.open(30, 400);
    for at in [0, 600, DAY, DAY + 600, 2 * DAY, 2 * DAY + 600] {
        store.append_waiting(tick(at, &[("a", 1.0)])).unwrap();
    }
    store.settle().unwrap();
    let other = Connection::open(&bench.path).unwrap();
    other
        .execute("UPDATE day SET block = substr(block, 1, 8) || x'ff' || substr(block, 10) WHERE day = 0", [])
        .unwrap();
    other.execute("UPDATE tick SET block = x'' WHERE at = ?1", [2 * DAY * 1000]).unwrap();
    let answer = read(&store, &want("load", 0, 3 * DAY, 600));
    assert_eq!(answer.stretches[0].start, Timestamp::from_seconds(DAY));
    assert_eq!(answer.stretches[0].values.iter().filter(|v| !v.is_nan()).count(), 3);
    assert_eq!(answer.warnings.len(), 2);
    assert!(answer.warnings[0].contains("`load`") && answer.warnings[0].contains("1970-01-01"), "{answer:?}");
    assert_eq!(bench.damaged(), 2);
    // The day is rewritten without what was damaged.
    store.append_waiting(tick(3 * DAY, &[("a", 1.0)])).unwrap();
    store.settle().unwrap();
    assert_eq!(bench.damaged(), 3);
    assert_eq!(
        read(&store, &want("load", 2 * DAY, 3 * DAY, 600)).stretches[0].start,
        Timestamp::from_seconds(2 * DAY + 600)
    );
}

#[test]
fn a_full_disk_is_said_with_the_remedy_and_over_when_there_is_space() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    let many: Vec<(String, f64)> = (0..4000).map(|i| (format!("host-{i}"), f64::from(i).sqrt())).collect();
    let many: Vec<(&str, f64)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    writer.keep(&tick(0, &many));
    let pages: i64 = writer.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    writer.connection.pragma_update(None, "max_page_count", pages).unwrap();
    writer.keep(&tick(300, &many));
    writer.keep(&tick(600, &many));
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    assert_eq!((count(&bench.telemetry.written), count(&bench.telemetry.failed)), (1, 2));
    writer.connection.pragma_update(None, "max_page_count", pages * 10).unwrap();
    writer.keep(&tick(900, &many));
    assert_eq!(count(&bench.telemetry.written), 2);
    drop(writer);
    let answer = read(&bench.open(30, 400), &want("load", 0, 1200, 300));
    assert_eq!(answer.stretches.len(), 4000);
    assert!(answer.stretches.iter().all(|s| s.values.len() == 4 && s.values[1].is_nan() && s.values[3] == s.values[0]));
    let error = StoreError::new(&bench.path, Trouble::Full, "database or disk is full");
    assert!(error.to_string().contains("data.retention_days"), "{error}");
}

#[test]
fn a_full_queue_is_said_and_counted_and_nothing_is_lost_on_closing() {
    let bench = Bench::new();
    let store = bench.open(30, 400);
    // Another writer holds the file, so that the queue fills.
    let other = Connection::open(&bench.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut taken = 0;
    let refused = loop {
        match store.append(tick(taken * 300, &[("a", taken as f64)])) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, HistoryError::Busy(waiting) if waiting >= QUEUE_MAX), "{refused}");
    assert_eq!(bench.telemetry.refused.load(Ordering::Relaxed), 1);
    other.execute_batch("COMMIT").unwrap();
    drop(store);
    let answer = read(&bench.open(30, 400), &want("load", 0, taken * 300, 300));
    assert_eq!(answer.stretches[0].values.len(), usize::try_from(taken).unwrap());
    assert_eq!(bench.telemetry.queue.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn states_survive_and_are_replaced_as_a_whole() {
    let bench = Bench::new();
    let store = bench.open(30, 400);
    let entry = |key: &str, byte: u8| (key.to_owned(), vec![byte; 3]);
    store.put_state("anomaly", vec![entry("a", 1), entry("b", 2)]).await.unwrap();
    store.put_state("anomaly", vec![entry("b", 3)]).await.unwrap();
    store.put_state("forecast", vec![entry("a", 9)]).await.unwrap();
    assert_eq!(store.state("anomaly").await.unwrap(), [entry("a", 1), entry("b", 3)]);
    store.replace_state("anomaly", vec![entry("c", 4)]).await.unwrap();
    drop(store);
    let store = bench.open(30, 400);
    assert_eq!(store.state("anomaly").await.unwrap(), [entry("c", 4)]);
    assert_eq!(store.state("forecast").await.unwrap(), [entry("a", 9)]);
    assert!(store.state("nothing").await.unwrap().is_empty());
}

#[test]
fn a_copy_and_an_export_are_taken_while_the_store_is_written() {
    let bench = Bench::new();
    let store = bench.open(30, 400);
    for at in [0, 600, DAY] {
        store.append_waiting(tick(at, &[("a", 0.25), ("b", at as f64)])).unwrap();
    }
    store.settle().unwrap();
    let copy = bench.path.with_file_name("copy.db");
    backup(&bench.path, &copy).unwrap();
    let again = backup(&bench.path, &copy).unwrap_err();
    assert!(again.to_string().contains("not overwritten"), "{again}");
    let lines = |path: &Path, selection: &Selection| {
        let mut lines = Vec::new();
        let damage = export(path, selection, &mut |r| {
            lines.push(format!("{} {} {}", r.at.millis() / 1000, r.key.entity, r.value));
            true
        });
        assert_eq!(damage.unwrap(), [""; 0]);
        lines
    };
    let mut selection = Selection { to: Timestamp::from_seconds(DAY + 1), ..Selection::default() };
    let all = ["0 a 0.25", "600 a 0.25", "0 b 0", "600 b 600", "86400 a 0.25", "86400 b 86400"];
    assert_eq!(lines(&copy, &selection), all);
    selection.entities = vec!["b".to_owned()];
    selection.from = Timestamp::from_seconds(1);
    assert_eq!(lines(&bench.path, &selection), ["600 b 600", "86400 b 86400"]);
    selection.signals = vec!["nothing".to_owned()];
    assert!(lines(&bench.path, &selection).is_empty());
}
