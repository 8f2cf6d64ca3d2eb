//! Reading for people: rows of all installations in order, and the changes of ours.

use rusqlite::{Connection, params};

use super::{Store, unpack};
use crate::history::StoreError;
use crate::model::day::Day;
use crate::model::workload::{Change, ChangeNoticed, ChangesFound, ChangesWanted, Days, RecordsError, ResourceType};
use crate::workload::diff::{Changes, Event};

/// A row of any installation.
#[derive(Debug)]
pub(in crate::workload) struct Kept {
    pub(in crate::workload) master_node_uid: String,
    pub(in crate::workload) cluster: i64,
    pub(in crate::workload) day: Day,
    pub(in crate::workload) stackcast_version: Option<String>,
    /// JSON array.
    pub(in crate::workload) current: String,
    /// JSON object.
    pub(in crate::workload) changes: String,
    /// The last day on which it is known to hold.
    pub(in crate::workload) last_seen: Day,
}

/// A cluster of any installation.
#[derive(Debug)]
pub(in crate::workload) struct Cluster {
    pub(in crate::workload) master_node_uid: String,
    pub(in crate::workload) cluster: i64,
    pub(in crate::workload) first_date: String,
    pub(in crate::workload) last_date: String,
    pub(in crate::workload) last_seen: String,
    /// Resources of each kind in the newest row up to the last day that is asked for.
    pub(in crate::workload) resources: [Option<u32>; 6],
}

/// Rows of both tables under the same names: ?1 is this installation, ?2 this program's version.
const ROWS: &str = "
    SELECT ?1 AS uid, own.cluster_id, own.resource_type, created_date, ?2 AS version, resources, current, changes,
        coalesce(sighting.last_seen, created_date) AS last_seen
    FROM own LEFT JOIN sighting USING (cluster_id, resource_type)
    UNION ALL
    SELECT master_node_uid, cluster_id, resource_type, created_date, stackcast_version, resources, current, changes, last_seen
    FROM received JOIN installation USING (master_node_uid)";

impl Store {
    /// Hands out rows of a kind, ordered by installation, cluster and day: those of the days, and of each cluster the one
    /// before, which holds until its next one.
    pub(in crate::workload) fn visit(
        &self,
        kind: ResourceType,
        days: Days,
        take: &mut dyn FnMut(Kept) -> Result<(), RecordsError>,
    ) -> Result<(), RecordsError> {
        let failed = |error: rusqlite::Error| RecordsError::Store(self.failed(&error).to_string());
        let reader = self.reader().map_err(|error| RecordsError::Store(error.to_string()))?;
        let sql = format!(
            "WITH rows AS ({ROWS}) SELECT uid, cluster_id, created_date, version, current, changes, last_seen FROM rows
             WHERE resource_type = ?3 AND created_date <= ?5 AND created_date >= coalesce((SELECT max(created_date)
                FROM rows earlier WHERE earlier.resource_type = ?3 AND earlier.uid = rows.uid
                    AND earlier.cluster_id = rows.cluster_id AND earlier.created_date <= ?4), ?4)
             ORDER BY uid, cluster_id, created_date"
        );
        let mut statement = reader.prepare(&sql).map_err(failed)?;
        let version = env!("CARGO_PKG_VERSION");
        let (from, to) = (days.from.to_string(), days.to.to_string());
        let bound = params![self.master_node_uid, version, kind.as_str(), from, to];
        let mut rows = statement.query(bound).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let text = |at: usize| -> Result<String, RecordsError> {
                let blob: Vec<u8> = row.get(at).map_err(failed)?;
                unpack(&blob).map_err(|error| RecordsError::Store(self.damaged(error).to_string()))
            };
            let day = |at: usize| -> Result<Day, RecordsError> {
                Ok(Day::parse(&row.get::<_, String>(at).map_err(failed)?).unwrap_or(days.to))
            };
            take(Kept {
                master_node_uid: row.get(0).map_err(failed)?,
                cluster: row.get(1).map_err(failed)?,
                day: day(2)?,
                stackcast_version: row.get(3).map_err(failed)?,
                current: text(4)?,
                changes: text(5)?,
                last_seen: day(6)?,
            })?;
        }
        Ok(())
    }

    /// Clusters that have a row on one of the days or before, in order.
    pub(in crate::workload) fn clusters(&self, days: Days) -> Result<Vec<Cluster>, StoreError> {
        let failed = |error| self.failed(&error);
        let reader = self.reader()?;
        let sql = format!(
            "WITH rows AS ({ROWS}) SELECT uid, cluster_id, resource_type, min(created_date), max(created_date),
                (SELECT resources FROM rows last WHERE last.resource_type = rows.resource_type AND last.uid = rows.uid
                    AND last.cluster_id = rows.cluster_id AND last.created_date <= ?4
                    ORDER BY last.created_date DESC LIMIT 1), max(last_seen)
             FROM rows WHERE created_date <= ?4 AND last_seen >= ?3
             GROUP BY uid, cluster_id, resource_type ORDER BY uid, cluster_id"
        );
        let mut statement = reader.prepare(&sql).map_err(failed)?;
        let bound =
            params![self.master_node_uid, env!("CARGO_PKG_VERSION"), days.from.to_string(), days.to.to_string()];
        let mut rows = statement.query(bound).map_err(failed)?;
        let mut clusters: Vec<Cluster> = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let mut next = Cluster {
                master_node_uid: row.get(0).map_err(failed)?,
                cluster: row.get(1).map_err(failed)?,
                first_date: row.get(3).map_err(failed)?,
                last_date: row.get(4).map_err(failed)?,
                last_seen: row.get(6).map_err(failed)?,
                resources: [None; 6],
            };
            let kind: String = row.get(2).map_err(failed)?;
            let count: u32 = row.get(5).map_err(failed)?;
            let same =
                |last: &mut Cluster| (&last.master_node_uid, last.cluster) == (&next.master_node_uid, next.cluster);
            if let Some(last) = clusters.pop_if(same) {
                next.first_date = next.first_date.min(last.first_date);
                next.last_date = next.last_date.max(last.last_date);
                next.last_seen = next.last_seen.max(last.last_seen);
                next.resources = last.resources;
            }
            let place = ResourceType::ALL.iter().position(|known| known.as_str() == kind);
            if let Some(place) = place.and_then(|at| next.resources.get_mut(at)) {
                *place = Some(count);
            }
            clusters.push(next);
        }
        Ok(clusters)
    }

    /// Changes of our own clouds, the latest first.
    pub(in crate::workload) fn changes(&self, wanted: &ChangesWanted) -> Result<ChangesFound, StoreError> {
        let reader = self.reader()?;
        let mut found = ChangesFound::default();
        let mut of_day = Vec::new();
        let mut day = String::new();
        self.each_day(&reader, wanted, &mut |date, change| {
            if date != day {
                take_page(&mut found, &mut of_day, wanted);
                date.clone_into(&mut day);
            }
            of_day.push(change);
        })?;
        take_page(&mut found, &mut of_day, wanted);
        Ok(found)
    }

    /// Hands out what happened, the latest day first.
    fn each_day(
        &self,
        reader: &Connection,
        wanted: &ChangesWanted,
        take: &mut dyn FnMut(&str, ChangeNoticed),
    ) -> Result<(), StoreError> {
        let failed = |error| self.failed(&error);
        let sql = "SELECT cloud, region, resource_type, created_date, changes
            FROM own JOIN cluster ON cluster.id = own.cluster_id
            WHERE created_date BETWEEN ?1 AND ?2 AND (?3 IS NULL OR cloud = ?3) AND (?4 IS NULL OR region = ?4)
                AND (?5 IS NULL OR resource_type = ?5) ORDER BY created_date DESC, own.id";
        let mut statement = reader.prepare(sql).map_err(failed)?;
        let kind = wanted.kind.map(ResourceType::as_str);
        let (from, to) = (wanted.days.from.to_string(), wanted.days.to.to_string());
        let mut rows = statement.query(params![from, to, wanted.cloud, wanted.region, kind]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let text = |at: usize| row.get::<_, String>(at).map_err(failed);
            let (cloud, region, date) = (text(0)?, text(1)?, text(3)?);
            let Some(kind) = ResourceType::parse(&text(2)?) else { continue };
            let blob: Vec<u8> = row.get(4).map_err(failed)?;
            let json = unpack(&blob).map_err(|error| self.damaged(error))?;
            let mut changes: Changes = serde_json::from_str(&json).map_err(|error| self.damaged(error))?;
            for change in Change::ALL {
                let events = match change {
                    Change::Added => std::mem::take(&mut changes.added),
                    Change::Modified => std::mem::take(&mut changes.modified),
                    Change::Removed => std::mem::take(&mut changes.removed),
                };
                for Event { id, time, before } in events {
                    let (cloud, region) = (cloud.clone(), region.clone());
                    take(&date, ChangeNoticed { cloud, region, kind, change, id, time, before });
                }
            }
        }
        Ok(())
    }
}

/// Of the changes of one day, the latest first, those that lie on the page.
fn take_page(found: &mut ChangesFound, of_day: &mut Vec<ChangeNoticed>, wanted: &ChangesWanted) {
    of_day.sort_by(|a, b| b.time.cmp(&a.time));
    for change in of_day.drain(..) {
        if found.total >= wanted.offset && found.changes.len() < wanted.limit {
            found.changes.push(change);
        }
        found.total += 1;
    }
}
