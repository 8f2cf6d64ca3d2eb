//! Records of our own clouds: written by the tracker, read again by it and by the sender.

use rusqlite::{OptionalExtension, params};

use super::{Store, pack, unpack};
use crate::history::StoreError;
use crate::model::clock::Timestamp;
use crate::model::day::Day;
use crate::model::workload::ResourceType;

/// The newest row of a cluster and kind, without its texts.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::workload) struct Head {
    pub(in crate::workload) id: i64,
    pub(in crate::workload) day: Day,
    pub(in crate::workload) checksum: String,
    /// What the credentials could see.
    pub(in crate::workload) visibility: String,
    /// When the last change was noticed, in whichever row.
    pub(in crate::workload) last_change: Option<Timestamp>,
}

/// What is written: a row, or what a row of the same day becomes.
#[derive(Debug)]
pub(in crate::workload) struct Row<'a> {
    pub(in crate::workload) cluster: i64,
    pub(in crate::workload) kind: ResourceType,
    pub(in crate::workload) day: Day,
    pub(in crate::workload) at: Timestamp,
    pub(in crate::workload) checksum: &'a str,
    pub(in crate::workload) resources: u32,
    pub(in crate::workload) baseline: bool,
    pub(in crate::workload) visibility: &'a str,
    pub(in crate::workload) last_change: Option<Timestamp>,
    /// JSON array.
    pub(in crate::workload) current: &'a str,
    /// JSON object of all changes of the day.
    pub(in crate::workload) changes: &'a str,
}

/// A row that was not sent as it is now.
#[derive(Debug)]
pub(in crate::workload) struct Unsent {
    pub(in crate::workload) id: i64,
    /// Counts its changes: what is sent and changes meanwhile is sent again.
    pub(in crate::workload) revision: i64,
    pub(in crate::workload) cluster: i64,
    pub(in crate::workload) kind: String,
    pub(in crate::workload) created_date: String,
    pub(in crate::workload) updated_time: Timestamp,
    pub(in crate::workload) checksum: String,
    pub(in crate::workload) current: String,
    pub(in crate::workload) changes: String,
}

impl Store {
    /// The number of a region of a cloud.
    pub(in crate::workload) fn cluster(&self, cloud: &str, region: &str) -> Result<i64, StoreError> {
        let writer = self.writer();
        let failed = |error| self.failed(&error);
        let find = "SELECT id FROM cluster WHERE cloud = ?1 AND region = ?2";
        if let Some(id) = writer.query_row(find, (cloud, region), |row| row.get(0)).optional().map_err(failed)? {
            return Ok(id);
        }
        writer.execute("INSERT INTO cluster (cloud, region) VALUES (?1, ?2)", (cloud, region)).map_err(failed)?;
        Ok(writer.last_insert_rowid())
    }

    /// The newest row of a cluster and kind.
    pub(in crate::workload) fn head(&self, cluster: i64, kind: ResourceType) -> Result<Option<Head>, StoreError> {
        let sql = "SELECT id, created_date, resource_checksum, visibility,
                (SELECT max(last_change) FROM own WHERE cluster_id = ?1 AND resource_type = ?2)
            FROM own WHERE cluster_id = ?1 AND resource_type = ?2 ORDER BY created_date DESC LIMIT 1";
        let head = |row: &rusqlite::Row<'_>| {
            Ok(Head {
                id: row.get(0)?,
                day: Day::parse(&row.get::<_, String>(1)?).unwrap_or_else(|| Day::of(Timestamp::default())),
                checksum: row.get(2)?,
                visibility: row.get(3)?,
                last_change: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis),
            })
        };
        self.writer().query_row(sql, (cluster, kind.as_str()), head).optional().map_err(|error| self.failed(&error))
    }

    /// The texts of a row: current, changes.
    pub(in crate::workload) fn texts(&self, id: i64) -> Result<(String, String), StoreError> {
        let sql = "SELECT current, changes FROM own WHERE id = ?1";
        let blobs = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?));
        let (current, changes) = self.writer().query_row(sql, [id], blobs).map_err(|error| self.failed(&error))?;
        let text = |blob: &[u8]| unpack(blob).map_err(|error| self.damaged(error));
        Ok((text(&current)?, text(&changes)?))
    }

    /// Notes that a kind of resource was read, changed or not.
    pub(in crate::workload) fn sighted(&self, cluster: i64, kind: ResourceType, day: Day) -> Result<(), StoreError> {
        let sql = "INSERT INTO sighting VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET last_seen = excluded.last_seen
            WHERE last_seen < excluded.last_seen";
        let noted = self.writer().execute(sql, (cluster, kind.as_str(), day.to_string()));
        noted.map(drop).map_err(|error| self.failed(&error))
    }

    /// Writes a row; one of the same day becomes it, and is to be sent again.
    pub(in crate::workload) fn put(&self, row: &Row<'_>) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO own (cluster_id, resource_type, created_date, updated_time, resource_checksum, resources,
                baseline, visibility, last_change, revision, is_sent, current, changes)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, 0, ?10, ?11)
            ON CONFLICT (cluster_id, resource_type, created_date) DO UPDATE SET updated_time = excluded.updated_time,
                resource_checksum = excluded.resource_checksum, resources = excluded.resources,
                baseline = max(baseline, excluded.baseline), visibility = excluded.visibility,
                last_change = coalesce(excluded.last_change, last_change), revision = revision + 1, is_sent = 0,
                current = excluded.current, changes = excluded.changes";
        let written = self.writer().execute(
            sql,
            params![
                row.cluster,
                row.kind.as_str(),
                row.day.to_string(),
                row.at.millis(),
                row.checksum,
                row.resources,
                row.baseline,
                row.visibility,
                row.last_change.map(Timestamp::millis),
                pack(row.current),
                pack(row.changes),
            ],
        );
        written.map(drop).map_err(|error| self.failed(&error))
    }

    /// Removes rows of before a day; the newest of each cluster and kind stays.
    pub(in crate::workload) fn expire(&self, before: Day) -> Result<usize, StoreError> {
        let sql = "DELETE FROM own WHERE created_date < ?1 AND EXISTS (SELECT * FROM own later
            WHERE later.cluster_id = own.cluster_id AND later.resource_type = own.resource_type
                AND later.created_date > own.created_date)";
        let writer = self.writer();
        let gone = writer.execute(sql, [before.to_string()]).map_err(|error| self.failed(&error))?;
        if gone > 0 {
            writer.execute_batch("PRAGMA incremental_vacuum").map_err(|error| self.failed(&error))?;
        }
        Ok(gone)
    }

    /// The next rows to send, in order of their numbers, up to a day: at most so many, and after the first of so many
    /// bytes no further one.
    pub(in crate::workload) fn unsent(
        &self,
        after: i64,
        to: Day,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Unsent>, StoreError> {
        let failed = |error| self.failed(&error);
        let reader = self.reader()?;
        let sql =
            "SELECT id, revision, cluster_id, resource_type, created_date, updated_time, resource_checksum, current,
                changes FROM own WHERE is_sent = 0 AND id > ?1 AND created_date <= ?2 ORDER BY id LIMIT ?3";
        let mut statement = reader.prepare(sql).map_err(failed)?;
        let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let mut found = statement.query((after, to.to_string(), limit)).map_err(failed)?;
        let (mut unsent, mut bytes) = (Vec::new(), 0);
        while let Some(row) = found.next().map_err(failed)? {
            let get = |at: usize| row.get::<_, Vec<u8>>(at).map_err(failed);
            let text = |blob: Vec<u8>| unpack(&blob).map_err(|error| self.damaged(error));
            let next = Unsent {
                id: row.get(0).map_err(failed)?,
                revision: row.get(1).map_err(failed)?,
                cluster: row.get(2).map_err(failed)?,
                kind: row.get(3).map_err(failed)?,
                created_date: row.get(4).map_err(failed)?,
                updated_time: Timestamp::from_millis(row.get(5).map_err(failed)?),
                checksum: row.get(6).map_err(failed)?,
                current: text(get(7)?)?,
                changes: text(get(8)?)?,
            };
            bytes += next.current.len() + next.changes.len();
            if bytes > bytes_max && !unsent.is_empty() {
                break;
            }
            unsent.push(next);
        }
        Ok(unsent)
    }

    /// Notes rows as sent, unless they have changed since.
    pub(in crate::workload) fn sent(&self, rows: &[(i64, i64)]) -> Result<(), StoreError> {
        let mut writer = self.writer();
        let mut mark = || -> rusqlite::Result<()> {
            let transaction = writer.transaction()?;
            for (id, revision) in rows {
                transaction.execute("UPDATE own SET is_sent = 1 WHERE id = ?1 AND revision = ?2", (id, revision))?;
            }
            transaction.commit()
        };
        mark().map_err(|error| self.failed(&error))
    }
}
