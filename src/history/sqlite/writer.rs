//! The one thread that writes: ticks and states as they come, closed days while nothing waits.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};

use rusqlite::{Connection, OptionalExtension, params};

use super::block::Block;
use super::codec::Scratch;
use super::dictionary::Shared;
use super::error::StoreError;
use super::rewrite::{self, DAY};
use super::{Retention, rows};
use crate::history::telemetry::Telemetry;
use crate::model::clock::Clock;
use crate::model::signal::Tick;

/// How hard a tick is packed: it is on disk for a day only.
const TICK_LEVEL: u32 = 1;
/// Ticks after which a day that could not be rewritten is tried again.
const RETRY_TICKS: u32 = 12;

/// Entries of a state: key and bytes.
pub(super) type Entries = Vec<(String, Vec<u8>)>;

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Keep a tick.
    Tick(Tick),
    /// Keep entries of a name space; with `whole`, others of it go.
    State {
        namespace: String,
        entries: Entries,
        whole: bool,
        reply: tokio::sync::oneshot::Sender<Result<(), StoreError>>,
    },
    /// Say when everything ahead is done, closed days included.
    Settle(std::sync::mpsc::Sender<()>),
}

/// The thread's belongings.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    path: PathBuf,
    retention: Retention,
    clock: Clock,
    telemetry: Arc<Telemetry>,
    dictionary: Shared,
    /// The day that ticks come for; every other is closed.
    today: Option<i64>,
    /// Closed days that are still in ticks.
    backlog: VecDeque<(String, i64)>,
    /// Ticks until days that failed are tried again.
    retry: u32,
    failing: bool,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        path: PathBuf,
        retention: Retention,
        clock: Clock,
        telemetry: Arc<Telemetry>,
        dictionary: Shared,
    ) -> Self {
        let (today, backlog) = (None, VecDeque::new());
        Self { connection, path, retention, clock, telemetry, dictionary, today, backlog, retry: 0, failing: false }
    }

    /// Works until every sender is gone. Days that are left over wait for the next start.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let order = if self.backlog.is_empty() {
                let Ok(order) = orders.recv() else { return };
                order
            } else {
                match orders.try_recv() {
                    Ok(order) => order,
                    Err(TryRecvError::Empty) => {
                        self.close_next_day();
                        continue;
                    }
                    Err(TryRecvError::Disconnected) => return,
                }
            };
            self.obey(order);
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Tick(tick) => {
                self.telemetry.queue.fetch_sub(1, Ordering::Relaxed);
                self.keep(&tick);
            }
            Order::State { namespace, entries, whole, reply } => {
                let outcome = self.put(&namespace, &entries, whole).map_err(|error| self.fault(&error));
                // Whoever asked may have gone.
                let _ = reply.send(outcome);
            }
            Order::Settle(reply) => {
                while !self.backlog.is_empty() {
                    self.close_next_day();
                }
                let _ = reply.send(());
            }
        }
    }

    /// Writes a tick and notes days that it closes. A tick that the disk does not take is lost, and counted.
    pub(super) fn keep(&mut self, tick: &Tick) {
        match self.write(tick) {
            Ok(()) => {
                self.telemetry.wrote(self.clock.now());
                if std::mem::take(&mut self.failing) {
                    tracing::info!(path = %self.path.display(), "the history store works again");
                }
                self.note_days(tick);
            }
            Err(error) => {
                self.telemetry.failed.fetch_add(1, Ordering::Relaxed);
                self.dictionary.forget();
                self.fault(&error);
            }
        }
        self.telemetry.measure(&self.path);
    }

    fn write(&mut self, tick: &Tick) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        let mut signals: BTreeMap<&str, BTreeMap<u32, f64>> = BTreeMap::new();
        let series = self.dictionary.with(&transaction, |dictionary| {
            for (key, value) in tick.readings.iter().filter(|(_, value)| value.is_finite()) {
                let slot = dictionary.slot(&transaction, key)?;
                signals.entry(&key.signal).or_default().insert(slot, *value);
            }
            Ok(dictionary.len())
        })?;
        let at = tick.at.millis();
        for (signal, readings) in signals {
            let readings = merge_earlier(&transaction, signal, at, readings)?;
            let (slots, values) = readings.into_iter().unzip();
            let block = Block { slots, times: vec![at], columns: vec![values] };
            let sql = "INSERT INTO tick (signal, at, block) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (signal, at) DO UPDATE SET block = excluded.block";
            transaction.prepare_cached(sql)?.execute(params![signal, at, block.encode(TICK_LEVEL)])?;
        }
        transaction.commit()?;
        self.telemetry.series.store(series as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Another day than the one before closes that one; ticks of a closed day open it for one more rewrite.
    fn note_days(&mut self, tick: &Tick) {
        let day = tick.at.millis().div_euclid(DAY);
        self.retry = self.retry.saturating_sub(1);
        if self.today == Some(day) && self.retry != 1 {
            return;
        }
        self.today = Some(day);
        match self.closed_days(day) {
            Ok(days) => self.backlog = days,
            Err(error) => drop(self.fault(&error)),
        }
    }

    fn closed_days(&self, today: i64) -> rusqlite::Result<VecDeque<(String, i64)>> {
        let sql = "SELECT DISTINCT signal, at / ?1 - (at < 0) FROM tick WHERE at < ?2 OR at >= ?3 ORDER BY 2, 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let days = statement.query_map([DAY, today * DAY, today * DAY + DAY], |row| Ok((row.get(0)?, row.get(1)?)))?;
        days.collect()
    }

    fn close_next_day(&mut self) {
        let Some((signal, day)) = self.backlog.pop_front() else { return };
        let started = self.clock.instant();
        let outcome = rewrite::close_day(&mut self.connection, &signal, day).and_then(|damage| {
            self.telemetry.damaged.fetch_add(damage.len() as u64, Ordering::Relaxed);
            for damage in damage {
                tracing::warn!(path = %self.path.display(), "{damage}");
            }
            if self.backlog.is_empty() { rewrite::prune(&self.connection, self.retention) } else { Ok(()) }
        });
        self.telemetry.rolled_up(started.elapsed());
        if let Err(error) = outcome {
            self.fault(&error);
            self.backlog.clear();
            self.retry = RETRY_TICKS;
        }
        self.telemetry.measure(&self.path);
    }

    fn put(&mut self, namespace: &str, entries: &Entries, whole: bool) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        if whole {
            transaction.execute("DELETE FROM state WHERE namespace = ?1", [namespace])?;
        }
        let sql = "INSERT INTO state (namespace, key, value) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value";
        for (key, value) in entries {
            transaction.prepare_cached(sql)?.execute(params![namespace, key, value])?;
        }
        transaction.commit()
    }

    /// Counts a fault, and says it once until things work again.
    fn fault(&mut self, error: &rusqlite::Error) -> StoreError {
        let error = StoreError::sqlite(&self.path, error);
        self.telemetry.error(error.trouble);
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!("{error}");
        }
        error
    }
}

/// A tick of a time that is there already (a restart within a step): the later value of a series wins, others stay.
fn merge_earlier(
    connection: &Connection,
    signal: &str,
    at: i64,
    readings: BTreeMap<u32, f64>,
) -> rusqlite::Result<BTreeMap<u32, f64>> {
    let sql = "SELECT id FROM tick WHERE signal = ?1 AND at = ?2";
    let id = connection.prepare_cached(sql)?.query_row(params![signal, at], |row| row.get(0)).optional()?;
    let Some(id) = id else { return Ok(readings) };
    let (mut merged, mut scratch) = (BTreeMap::new(), Scratch::default());
    let row = rows::Found { id, at, chunk: 0 };
    // A damaged one is replaced as a whole.
    if let Some(earlier) = rows::block(connection, rows::TICKS, signal, &row, &mut scratch, &mut Vec::new()) {
        let keep = |slot, values: &[f64]| {
            merged.extend(values.first().map(|value| (slot, *value)));
            true
        };
        earlier.each(false, &mut scratch, |_| true, keep);
    }
    merged.extend(readings);
    Ok(merged)
}
