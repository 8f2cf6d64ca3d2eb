//! What the embedded store takes in space and time: `cargo bench --bench history`.
//! Bars: 1,000 nodes x 8 signals x 30 days at 5 minutes in <= 300 MB (+ <= 400 MB for 400 days of roll-ups), a tick in
//! <= 10 ms, one series of 30 days in <= 200 ms, all of them in <= 10 s. Beside them, from the same run: rows in SQLite.
//!
//! Readings: a daily and a weekly wave by node, autoregressive noise, rounded to 4 decimals (6 signals; a percentage in 5
//! digits), a count that changes now and then (1) and a quotient of full precision that changes now and then (1).
//! `STACKCAST_BENCH_DAYS` shortens it; roll-ups are scaled to 400 days.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, reason = "a bench")]

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use stackcast::history::{FILE_NAME, History, Retention, Store, Telemetry, Want};
use stackcast::model::clock::{Clock, Timestamp};
use stackcast::model::metric::Unit;
use stackcast::model::part::Origin;
use stackcast::model::signal::{Direction, Query, Scope, SeriesKey, Signal, Tick};

const NODES: usize = 1000;
const SIGNALS: usize = 8;
const STEP: i64 = 300;
const START: i64 = 1_760_054_400;

/// Readings of every series, one tick after another.
struct Load {
    keys: Vec<Arc<SeriesKey>>,
    noise: Vec<f64>,
    steady: Vec<f64>,
    random: fastrand::Rng,
}

impl Load {
    fn new() -> Self {
        let key = |i: usize| SeriesKey {
            signal: format!("signal_{}", i / NODES).into(),
            origin: Origin::new("production", "RegionOne"),
            scope: Scope::Hypervisor,
            entity: format!("compute-{:04}.example.org", i % NODES).into(),
            resource: "vcpu".into(),
            basis: None,
        };
        let keys = (0..NODES * SIGNALS).map(|i| Arc::new(key(i))).collect();
        let zero = vec![0.0; NODES * SIGNALS];
        Self { keys, noise: zero.clone(), steady: zero, random: fastrand::Rng::with_seed(7) }
    }

    fn tick(&mut self, at: i64) -> Tick {
        let day = (at % 86_400) as f64 / 86_400.0 * std::f64::consts::TAU;
        let week = (at % 604_800) as f64 / 604_800.0 * std::f64::consts::TAU;
        let mut readings = Vec::with_capacity(self.keys.len());
        for (i, key) in self.keys.iter().enumerate() {
            let jolt: f64 = (0..3).map(|_| self.random.f64() - 0.5).sum();
            self.noise[i] = 0.7 * self.noise[i] + 0.03 * jolt;
            let phase = (i % 97) as f64 / 30.0;
            let wave = 0.45 + 0.2 * (day + phase).sin() + 0.05 * (week + phase).sin() + self.noise[i];
            if self.random.usize(..24) == 0 || at == START {
                self.steady[i] = self.random.u32(..96).into();
            }
            let value = match i / NODES {
                6 => self.steady[i],
                7 => self.steady[i] / 96.0,
                _ => (wave * 1e4).round() / 1e4,
            };
            readings.push((Arc::clone(key), value));
        }
        Tick { at: Timestamp::from_seconds(at), readings }
    }
}

fn want(signal: usize, days: i64, step: i64, only: Option<BTreeSet<Arc<SeriesKey>>>) -> Want {
    let query = Query {
        expression: Cow::Borrowed(""),
        scope: None,
        entity_label: Cow::Borrowed("entity"),
        resource: None,
        basis: None,
    };
    let signal = Signal {
        name: format!("signal_{signal}").into(),
        help: Cow::Borrowed("A load."),
        unit: Unit::Ratio,
        min: None,
        max: None,
        ceiling: None,
        counter: false,
        season: None,
        direction: Direction::Up,
        query,
    };
    let (from, to) = (Timestamp::from_seconds(START), Timestamp::from_seconds(START + days * 86_400));
    Want { signal: Arc::new(signal), only, from, to, step: Duration::from_secs(step.unsigned_abs()) }
}

/// Bytes a sample of the usual layout, a row each, over a few hours.
fn rows(load: &mut Load, directory: &std::path::Path) -> f64 {
    let path = directory.join("rows.db");
    let mut rows = Connection::open(&path).unwrap();
    rows.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE r (at INTEGER, series INTEGER, value REAL, PRIMARY KEY (at, series)) WITHOUT ROWID").unwrap();
    let ticks = 48;
    for at in 0..ticks {
        let tick = load.tick(START + at * STEP);
        let transaction = rows.transaction().unwrap();
        for (series, (_, value)) in tick.readings.iter().enumerate() {
            let mut insert = transaction.prepare_cached("INSERT INTO r VALUES (?1, ?2, ?3)").unwrap();
            insert.execute((tick.at.millis(), series as i64, value)).unwrap();
        }
        transaction.commit().unwrap();
    }
    rows.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    std::fs::metadata(path).unwrap().len() as f64 / (ticks as f64 * (NODES * SIGNALS) as f64)
}

/// Time on cores of all threads that live.
fn cpu() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("schedstat")).unwrap();
    let nanos = |text: String| -> u64 { text.split(' ').next().unwrap().parse().unwrap() };
    Duration::from_nanos(threads.map(|thread| nanos(of(thread.unwrap()))).sum())
}

fn main() {
    let days: i64 = std::env::var("STACKCAST_BENCH_DAYS").ok().and_then(|days| days.parse().ok()).unwrap_or(30);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let retention = Retention { raw_days: 3650, rollup_days: 3650 };
    let store = Store::open(&path, retention, &Clock::system(), &Arc::new(Telemetry::default())).unwrap();
    let mut load = Load::new();
    let (mut ticks, mut slowest, mut closing) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut busy = Duration::ZERO;
    // One tick more than the days have closes the last of them.
    let last = days * 86_400 / STEP;
    for i in 0..=last {
        let tick = load.tick(START + i * STEP);
        let (started, cpu_started) = (Instant::now(), cpu());
        store.append_waiting(tick).unwrap();
        store.settle().unwrap();
        let (took, worked) = (started.elapsed(), cpu().saturating_sub(cpu_started));
        if i > 0 && i * STEP % 86_400 == 0 {
            closing += took;
        } else {
            ticks += took;
            busy += worked;
            slowest = slowest.max(took);
        }
    }
    let reader = Connection::open(&path).unwrap();
    let bytes = |table: &str| -> f64 {
        let sql = format!("SELECT sum(pgsize) FROM dbstat WHERE name IN ('{table}', 'sqlite_autoindex_{table}_1')");
        let blocks = format!("SELECT sum(length(block) + 100) FROM {table}");
        reader
            .query_row(&sql, [], |row| row.get(0))
            .or_else(|_| reader.query_row(&blocks, [], |row| row.get(0)))
            .unwrap()
    };
    let (raw, hours) = (bytes("day"), bytes("hours"));
    let samples = (days * 86_400 / STEP) as f64 * (NODES * SIGNALS) as f64;
    let plain = rows(&mut Load::new(), directory.path());
    println!("{days} days, {NODES} nodes x {SIGNALS} signals, {:.1} M readings", samples / 1e6);
    println!(
        "raw        {:>8.1} MB, {:.2} B a reading; rows of SQLite {plain:.2} B: {:.1} times as much",
        raw / 1e6,
        raw / samples,
        plain * samples / raw
    );
    println!("roll-ups   {:>8.1} MB for 400 days", hours / 1e6 / days as f64 * 400.0);
    println!("file       {:>8.1} MB", std::fs::metadata(&path).unwrap().len() as f64 / 1e6);
    println!(
        "tick       {:>8.2} ms CPU, {:.2} ms mean, {:.2} ms slowest",
        busy.as_secs_f64() * 1e3 / (last + 1 - days) as f64,
        ticks.as_secs_f64() * 1e3 / (last + 1 - days) as f64,
        slowest.as_secs_f64() * 1e3
    );
    println!("close day  {:>8.2} s for all signals, in the background", closing.as_secs_f64() / days as f64);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let timed = |name: &str, wants: Vec<Want>| {
        let (started, cpu_started) = (Instant::now(), cpu());
        let mut values = 0;
        for want in &wants {
            let answer = runtime.block_on(store.read(want)).unwrap();
            values += answer.stretches.iter().map(|stretch| stretch.values.len()).sum::<usize>();
        }
        let worked = cpu().saturating_sub(cpu_started).as_secs_f64() * 1e3;
        println!("{name:<10} {:>8.1} ms, {worked:.1} ms CPU, {values} values", started.elapsed().as_secs_f64() * 1e3);
    };
    timed("one", vec![want(3, days, STEP, Some([Arc::clone(&load.keys[3 * NODES + 500])].into()))]);
    timed("one hourly", vec![want(3, days, 3600, Some([Arc::clone(&load.keys[3 * NODES + 500])].into()))]);
    timed("all", (0..SIGNALS).map(|signal| want(signal, days, STEP, None)).collect());
    timed("all hourly", (0..SIGNALS).map(|signal| want(signal, days, 3600, None)).collect());
}
