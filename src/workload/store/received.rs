//! Records of other installations, as they reported them.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Store, pack};
use crate::history::StoreError;
use crate::model::clock::Timestamp;
use crate::model::day::Day;
use crate::model::workload::{Fate, ResourceType};

/// Installations that are kept apart; reports of further ones are refused.
const INSTALLATIONS_MAX: u32 = 10_000;

/// One record of a report.
#[derive(Debug)]
pub(in crate::workload) struct Report {
    pub(in crate::workload) master_node_uid: String,
    pub(in crate::workload) id: i64,
    pub(in crate::workload) cluster: i64,
    pub(in crate::workload) kind: ResourceType,
    pub(in crate::workload) day: Day,
    pub(in crate::workload) updated_time: String,
    pub(in crate::workload) checksum: String,
    pub(in crate::workload) resources: u32,
    pub(in crate::workload) stackcast_version: Option<String>,
    /// JSON array.
    pub(in crate::workload) current: String,
    /// JSON object.
    pub(in crate::workload) changes: String,
}

impl Store {
    /// Keeps records, all of them or none; those of this installation and of one too many fail. `sender` is heard of
    /// even without a record.
    pub(in crate::workload) fn receive(
        &self,
        reports: &[Report],
        sender: Option<&str>,
        at: Timestamp,
    ) -> Result<Vec<Fate>, StoreError> {
        let packed: Vec<(Vec<u8>, Vec<u8>)> =
            reports.iter().map(|report| (pack(&report.current), pack(&report.changes))).collect();
        let mut writer = self.writer();
        let mut keep = || -> rusqlite::Result<Vec<Fate>> {
            let transaction = writer.transaction()?;
            if let Some(sender) = sender {
                self.heard(&transaction, sender, at)?;
            }
            let mut fates = Vec::with_capacity(reports.len());
            for (report, texts) in reports.iter().zip(&packed) {
                fates.push(match self.heard(&transaction, &report.master_node_uid, at)? {
                    true => upsert(&transaction, report, texts, at)?,
                    false => Fate::Failed,
                });
            }
            transaction.commit()?;
            Ok(fates)
        };
        keep().map_err(|error| self.failed(&error))
    }

    /// Notes that an installation was heard of, and whether its records are taken.
    fn heard(&self, transaction: &Transaction<'_>, uid: &str, at: Timestamp) -> rusqlite::Result<bool> {
        if uid == self.master_node_uid {
            return Ok(false);
        }
        let today = Day::of(at).to_string();
        let sql = "UPDATE installation SET last_seen = max(last_seen, ?2) WHERE master_node_uid = ?1";
        if transaction.execute(sql, (uid, &today))? > 0 {
            return Ok(true);
        }
        let known: u32 = transaction.query_row("SELECT count(*) FROM installation", [], |row| row.get(0))?;
        if known > INSTALLATIONS_MAX {
            return Ok(false);
        }
        transaction.execute("INSERT INTO installation VALUES (?1, 0, ?2, ?2)", (uid, &today))?;
        Ok(true)
    }

    /// Removes reports of before a day; the newest of each cluster and kind stays.
    pub(in crate::workload) fn expire_received(&self, before: Day) -> Result<usize, StoreError> {
        let sql = "DELETE FROM received WHERE created_date < ?1 AND EXISTS (SELECT * FROM received later
            WHERE later.resource_type = received.resource_type AND later.master_node_uid = received.master_node_uid
                AND later.cluster_id = received.cluster_id AND later.created_date > received.created_date)";
        self.writer().execute(sql, [before.to_string()]).map_err(|error| self.failed(&error))
    }
}

fn upsert(
    transaction: &Transaction<'_>,
    report: &Report,
    (current, changes): &(Vec<u8>, Vec<u8>),
    at: Timestamp,
) -> rusqlite::Result<Fate> {
    let find = "SELECT 1 FROM received WHERE master_node_uid = ?1 AND id = ?2 AND resource_type = ?3";
    let key = (&report.master_node_uid, report.id, report.kind.as_str());
    let known: Option<i64> = transaction.query_row(find, key, |row| row.get(0)).optional()?;
    let sql = "INSERT OR REPLACE INTO received VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    transaction.execute(
        sql,
        params![
            report.master_node_uid,
            report.id,
            report.kind.as_str(),
            report.cluster,
            report.day.to_string(),
            report.updated_time,
            report.checksum,
            report.resources,
            report.stackcast_version,
            at.millis(),
            current,
            changes,
        ],
    )?;
    Ok(if known.is_some() { Fate::Updated } else { Fate::Added })
}
