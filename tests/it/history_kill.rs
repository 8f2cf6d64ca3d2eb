//! kill -9 at any moment: whatever the store said it had is there afterwards, and nothing else but, at most, the tick
//! that was being written.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use stackcast::history::{FILE_NAME, Retention, Selection, Store, Telemetry, export};
use stackcast::model::clock::{Clock, Timestamp};
use stackcast::model::part::Origin;
use stackcast::model::signal::{Scope, SeriesKey, Tick};

const KILLS: usize = 100;
const SERIES: i64 = 20;
/// Seconds between ticks: a day has 16, so that days are closed often.
const STEP: i64 = 5400;
/// Names the file to the child.
const VARIABLE: &str = "STACKCAST_TEST_HISTORY_FILE";

fn value(number: i64, series: i64) -> f64 {
    ((number * 7919 + series * 104_729) % 10_000) as f64 / 10_000.0
}

fn tick(number: i64) -> Tick {
    let key = |series: i64| SeriesKey {
        signal: "load".into(),
        origin: Origin::new("c", "r"),
        scope: Scope::Hypervisor,
        entity: series.to_string().into(),
        resource: "".into(),
        basis: None,
    };
    let readings = (0..SERIES).map(|series| (Arc::new(key(series)), value(number, series))).collect();
    Tick { at: Timestamp::from_seconds(number * STEP), readings }
}

fn open(path: &Path) -> Store {
    let retention = Retention { raw_days: 3650, rollup_days: 3650 };
    Store::open(path, retention, &Clock::system(), &Arc::new(Telemetry::default())).unwrap()
}

/// Number of ticks in the file; each must be whole, right, and follow the one before.
fn ticks(path: &Path) -> i64 {
    let mut seen = std::collections::BTreeMap::<i64, i64>::new();
    let selection = Selection { to: Timestamp::from_seconds(i64::MAX / 1000), ..Selection::default() };
    let damage = export(path, &selection, &mut |reading| {
        let number = reading.at.millis() / 1000 / STEP;
        assert_eq!(reading.value, value(number, reading.key.entity.parse().unwrap()), "tick {number}");
        *seen.entry(number).or_default() += 1;
        true
    });
    assert_eq!(damage.unwrap(), [""; 0]);
    assert!(seen.iter().enumerate().all(|(at, (number, count))| (at as i64, SERIES) == (*number, *count)), "{seen:?}");
    seen.len() as i64
}

/// Not a test: the process that is killed. It says each tick that is on disk.
#[test]
#[ignore = "started by the test below"]
fn child_that_writes() {
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let first: i64 = std::env::var("FIRST").unwrap().parse().unwrap();
    let store = open(Path::new(&path));
    let mut out = std::io::stdout();
    for number in first.. {
        store.append_waiting(tick(number)).unwrap();
        store.settle().unwrap();
        writeln!(out, "\nwritten {number}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn kill_9_loses_at_most_the_tick_being_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let mut random = fastrand::Rng::with_seed(11);
    let mut count = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "history_kill::child_that_writes"])
            .env(VARIABLE, &path)
            .env("FIRST", count.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let wanted = random.usize(1..12);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut said = lines.filter_map(|line| line.strip_prefix("written ")?.parse::<i64>().ok());
        let mut last = said.by_ref().nth(wanted - 1).unwrap();
        // Somewhere in the ticks that follow.
        std::thread::sleep(Duration::from_micros(random.u64(..3000)));
        child.kill().unwrap();
        child.wait().unwrap();
        last = said.last().unwrap_or(last);
        let found = ticks(&path);
        assert!((last + 1..=last + 2).contains(&found), "kill {kill}: {found} ticks, and {last} was the last said");
        count = found;
    }
    drop(open(&path));
    let file = rusqlite::Connection::open(&path).unwrap();
    let check: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let closed: i64 = file.query_row("SELECT count(DISTINCT day) FROM day", [], |row| row.get(0)).unwrap();
    assert!(closed > 10, "{closed} days were rewritten in {count} ticks");
}
