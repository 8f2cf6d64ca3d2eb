//! Where records are kept: `workload.db` in the data directory, a file of its own beside the history. It is there without
//! any analysis (a collector has none), its rows are few and large where the history's are many and small, and it can be
//! copied, looked into or thrown away without the other.
//!
//! | table | a row is | kept |
//! |---|---|---|
//! | `installation` | an installation and when it was heard of first and last; the first one is this one | for ever |
//! | `cluster` | the number of a region of a cloud of ours: what is sent names neither | for ever |
//! | `sighting` | the last day on which a kind of resource of a cluster of ours was read | for ever |
//! | `own` | a day on which a kind of resource of a cluster of ours changed | `workload.retention_days` |
//! | `received` | the same, as other installations reported it | `workload.collector.retention_days` |
//!
//! The newest row of a cluster and kind is kept whatever its age: the next listing is compared with it.

mod own;
mod read;
mod received;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rusqlite::Connection;

use crate::history::file::{self, Layout};
use crate::history::{StoreError, Trouble};
pub(super) use own::{Head, Row, Unsent};
pub(super) use read::Kept;
pub(super) use received::Report;

/// Name of the file in the data directory.
pub const FILE_NAME: &str = "workload.db";

const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE installation (master_node_uid TEXT PRIMARY KEY, own INTEGER NOT NULL, first_seen TEXT NOT NULL,
        last_seen TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE cluster (id INTEGER PRIMARY KEY, cloud TEXT NOT NULL, region TEXT NOT NULL, UNIQUE (cloud, region));
    CREATE TABLE sighting (cluster_id INTEGER NOT NULL, resource_type TEXT NOT NULL, last_seen TEXT NOT NULL,
        PRIMARY KEY (cluster_id, resource_type)) WITHOUT ROWID;
    CREATE TABLE own (id INTEGER PRIMARY KEY AUTOINCREMENT, cluster_id INTEGER NOT NULL, resource_type TEXT NOT NULL,
        created_date TEXT NOT NULL, updated_time INTEGER NOT NULL, resource_checksum TEXT NOT NULL,
        resources INTEGER NOT NULL, baseline INTEGER NOT NULL, visibility TEXT NOT NULL, last_change INTEGER,
        revision INTEGER NOT NULL, is_sent INTEGER NOT NULL, current BLOB NOT NULL, changes BLOB NOT NULL,
        UNIQUE (cluster_id, resource_type, created_date));
    CREATE INDEX own_unsent ON own (id) WHERE is_sent = 0;
    CREATE TABLE received (master_node_uid TEXT NOT NULL, id INTEGER NOT NULL, resource_type TEXT NOT NULL,
        cluster_id INTEGER NOT NULL, created_date TEXT NOT NULL, updated_time TEXT NOT NULL,
        resource_checksum TEXT NOT NULL, resources INTEGER NOT NULL, stackcast_version TEXT, received_at INTEGER NOT NULL,
        current BLOB NOT NULL, changes BLOB NOT NULL, UNIQUE (master_node_uid, id, resource_type));
    CREATE INDEX received_days ON received (resource_type, master_node_uid, cluster_id, created_date);
"];

/// Marks the file as ours: "STKW".
const LAYOUT: Layout = Layout { application: 0x5354_4b57, migrations: &MIGRATIONS };

/// The store. One connection writes; readers open their own.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// This installation, as reports name it: drawn by chance, so that it tells nothing.
    master_node_uid: String,
    writer: Mutex<Connection>,
    _lock: File,
}

impl Store {
    /// Opens the file in a directory (made and checked by `config::Data`), or makes it.
    pub fn open(directory: &Path, today: crate::model::day::Day) -> Result<Self, StoreError> {
        let path = directory.join(FILE_NAME);
        let lock = file::lock(&path)?;
        let connection = file::writer(&path, &LAYOUT)?;
        let failed = |error: rusqlite::Error| StoreError::sqlite(&path, &error);
        let sql =
            "INSERT INTO installation SELECT ?1, 1, ?2, ?2 WHERE NOT EXISTS (SELECT * FROM installation WHERE own)";
        connection.execute(sql, (uid(), today.to_string())).map_err(failed)?;
        let sql = "SELECT master_node_uid FROM installation WHERE own";
        let master_node_uid = connection.query_row(sql, [], |row| row.get(0)).map_err(failed)?;
        Ok(Self { path, master_node_uid, writer: Mutex::new(connection), _lock: lock })
    }

    /// This installation, as reports name it.
    pub fn master_node_uid(&self) -> &str {
        &self.master_node_uid
    }

    /// Bytes on disk, the write-ahead log included.
    pub(super) fn bytes(&self) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |data| data.len());
        size(&self.path) + size(&self.path.with_extension("db-wal"))
    }

    /// A connection that reads, with the file as it is at its first question.
    fn reader(&self) -> Result<Connection, StoreError> {
        file::reader(&self.path, &LAYOUT)
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.path, error)
    }

    fn damaged(&self, detail: impl std::fmt::Display) -> StoreError {
        StoreError::new(&self.path, Trouble::Damaged, format!("a record cannot be read: {detail}"))
    }

    /// A row whose text is not what was written.
    pub(super) fn damaged_row(&self, id: i64, detail: &dyn std::fmt::Display) -> StoreError {
        self.damaged(format_args!("row {id}: {detail}"))
    }

    /// A holder that panicked has lost its transaction, and SQLite has rolled it back: poison is no reason to stop.
    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies the store of a data directory to a new file, whole and as of one moment, while others read and write it.
pub fn backup(directory: &Path, to: &Path) -> Result<(), StoreError> {
    file::copy(&file::reader(&directory.join(FILE_NAME), &LAYOUT)?, to)
}

/// 128 bits by chance, in the form of a UUID.
fn uid() -> String {
    let bits = u128::from(fastrand::u64(..)) << 64 | u128::from(fastrand::u64(..));
    crate::model::id::Id::Dashed(bits.into()).to_string()
}

/// JSON as it is kept.
fn pack(json: &str) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(json.len() / 4), Compression::default());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(json.as_bytes());
    encoder.finish().unwrap_or_default()
}

/// And back.
fn unpack(blob: &[u8]) -> std::io::Result<String> {
    let mut json = String::new();
    DeflateDecoder::new(blob).read_to_string(&mut json)?;
    Ok(json)
}
