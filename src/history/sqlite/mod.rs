//! The embedded store: one SQLite file in the data directory, fit for a thousand hypervisors without another program.
//!
//! | table | a row is | kept |
//! |---|---|---|
//! | `series` | a series and its number within its signal | for ever |
//! | `tick` | all readings of a signal at one time | until its day is closed |
//! | `day` | 128 series of a signal over a closed day | `data.retention_days` |
//! | `hours` | mean and maximum by hour of the same | `history.rollup_days` |
//! | `state` | what a model remembers | until replaced |
//!
//! A day is closed when ticks come for another one; then its ticks are rewritten series by series in the background. A tick
//! for a closed day (a clock set back) is kept and read all the same and joins its day at the next rewrite; a second tick of
//! the same time adds to the first, series by series, the later value winning.
//!
//! One thread writes ([`writer`]) and takes ticks from a bounded queue; readers have connections of their own.

mod block;
mod codec;
mod dictionary;
mod error;
pub(crate) mod file;
mod reader;
mod rewrite;
mod rows;
mod schema;
mod take_out;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, channel, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::{Semaphore, oneshot};

use super::telemetry::Telemetry;
use super::{Answer, History, HistoryError, Pending, Want};
use crate::model::clock::Clock;
use crate::model::signal::Tick;
use dictionary::Shared;
pub use error::{StoreError, Trouble};
pub use take_out::{Reading, Selection, backup, export, kept_state};
use writer::{Entries, Order, Writer};

/// Name of the file in the data directory.
pub const FILE_NAME: &str = "history.db";
/// Ticks that may wait for the disk.
const QUEUE_MAX: usize = 64;
/// Questions answered side by side; each may take the memory of a full answer.
const READERS_MAX: usize = 2;

/// How many days with readings are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Of raw readings.
    pub raw_days: u32,
    /// Of hourly roll-ups.
    pub rollup_days: u32,
}

/// The embedded store. Dropping it waits for what was handed over to be on disk.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    orders: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
    telemetry: Arc<Telemetry>,
    readers: Arc<Semaphore>,
    dictionary: Shared,
    _lock: File,
}

impl Store {
    /// Opens the file, or makes it, and starts the thread that writes.
    pub fn open(
        path: &Path,
        retention: Retention,
        clock: &Clock,
        telemetry: &Arc<Telemetry>,
    ) -> Result<Self, StoreError> {
        let opened = file::lock(path).and_then(|lock| Ok((lock, schema::writer(path)?)));
        let (lock, connection) = opened.inspect_err(|error| telemetry.error(error.trouble))?;
        telemetry.measure(path);
        let dictionary = Shared::default();
        let writer = Writer::new(
            connection,
            path.to_owned(),
            retention,
            clock.clone(),
            Arc::clone(telemetry),
            dictionary.clone(),
        );
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new().name("history".to_owned());
        let thread = thread.spawn(move || writer.run(&receiver)).map_err(|error| StoreError::io(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            orders: Some(sender),
            thread: Some(thread),
            telemetry: Arc::clone(telemetry),
            readers: Arc::new(Semaphore::new(READERS_MAX)),
            dictionary,
            _lock: lock,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands over a tick and waits for a place in the queue: for filling the store, from a thread that may wait.
    pub fn append_waiting(&self, tick: Tick) -> Result<(), HistoryError> {
        self.telemetry.queue.fetch_add(1, Ordering::Relaxed);
        self.send(Order::Tick(tick)).inspect_err(|_| {
            self.telemetry.queue.fetch_sub(1, Ordering::Relaxed);
        })
    }

    /// Waits until what was handed over is on disk and every closed day is rewritten, from a thread that may wait.
    pub fn settle(&self) -> Result<(), HistoryError> {
        let (reply, done) = channel();
        self.send(Order::Settle(reply))?;
        done.recv().map_err(|_| HistoryError::Closed)
    }

    /// Keeps entries of a name space, all of them or none; others of it stay.
    pub fn put_state(&self, namespace: &str, entries: Entries) -> Pending<'static, ()> {
        self.state_order(namespace, entries, false)
    }

    /// Keeps entries of a name space, all of them or none, in place of what it held.
    pub fn replace_state(&self, namespace: &str, entries: Entries) -> Pending<'static, ()> {
        self.state_order(namespace, entries, true)
    }

    /// All entries of a name space, by key.
    pub fn state(&self, namespace: &str) -> Pending<'static, Entries> {
        let (path, namespace) = (self.path.clone(), namespace.to_owned());
        self.blocking(move || Ok(kept_state(&path, &namespace)?))
    }

    fn state_order(&self, namespace: &str, entries: Entries, whole: bool) -> Pending<'static, ()> {
        let (reply, done) = oneshot::channel();
        let order = Order::State { namespace: namespace.to_owned(), entries, whole, reply };
        let orders = self.orders.clone();
        Box::pin(async move {
            // The queue may be full for as long as a day is rewritten.
            let send = move || orders.and_then(|orders| orders.send(order).ok());
            tokio::task::spawn_blocking(send).await.ok().flatten().ok_or(HistoryError::Closed)?;
            Ok(done.await.map_err(|_| HistoryError::Closed)??)
        })
    }

    fn send(&self, order: Order) -> Result<(), HistoryError> {
        let orders = self.orders.as_ref().ok_or(HistoryError::Closed)?;
        orders.send(order).map_err(|_| HistoryError::Closed)
    }

    /// Runs a question beside the runtime, a few at a time.
    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HistoryError> + Send + 'static,
    ) -> Pending<'static, T> {
        let (readers, telemetry) = (Arc::clone(&self.readers), Arc::clone(&self.telemetry));
        Box::pin(async move {
            let _permit = readers.acquire_owned().await.map_err(|_| HistoryError::Closed)?;
            let outcome = tokio::task::spawn_blocking(work).await.map_err(|_| HistoryError::Closed)?;
            if let Err(HistoryError::Store(error)) = &outcome {
                telemetry.error(error.trouble);
            }
            outcome
        })
    }
}

impl History for Store {
    fn append(&self, tick: Tick) -> Result<(), HistoryError> {
        let orders = self.orders.as_ref().ok_or(HistoryError::Closed)?;
        let waiting = self.telemetry.queue.fetch_add(1, Ordering::Relaxed);
        orders.try_send(Order::Tick(tick)).map_err(|error| {
            self.telemetry.queue.fetch_sub(1, Ordering::Relaxed);
            self.telemetry.refused.fetch_add(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => HistoryError::Busy(usize::try_from(waiting).unwrap_or(usize::MAX)),
                TrySendError::Disconnected(_) => HistoryError::Closed,
            }
        })
    }

    fn read<'a>(&'a self, want: &'a Want) -> Pending<'a, Answer> {
        let (path, want, telemetry) = (self.path.clone(), want.clone(), Arc::clone(&self.telemetry));
        let dictionary = self.dictionary.clone();
        self.blocking(move || {
            let answer = reader::answer(&path, &dictionary, &want)?;
            telemetry.damaged.fetch_add(answer.warnings.len() as u64, Ordering::Relaxed);
            Ok(answer)
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // A thread that failed has said so.
            let _ = thread.join();
        }
    }
}
