//! Records as CSV, row by row: one line for each resource and day.
//!
//! A record holds until its cluster's next one, for days without a change have none. Those days are filled with copies,
//! as far as the cluster was still heard of; a copy says so in the column `is_filled`, and no resource of it is added,
//! modified or removed.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Map, Value};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::diff::Changes;
use super::record::attributes;
use super::store::{Kept, Store};
use crate::model::day::Day;
use crate::model::workload::{Days, Export, RecordsError, ResourceType};

/// Columns ahead of a resource's own.
const HEAD: [&str; 6] =
    ["master_node_uid", "cluster_id", "stats_on_date", "resource_type", "version_info.stackcast_version", "is_filled"];

/// Writes what is asked for.
pub(super) fn export(store: &Store, what: Export, days: Days, out: &mut dyn Write) -> Result<(), RecordsError> {
    match what {
        Export::Records(kind) => records(store, kind, days, out),
        Export::Clusters => clusters(store, days, out),
        Export::All => archive(store, days, out),
    }
}

/// All of them in an archive that is written as it is sent.
fn archive(store: &Store, days: Days, out: &mut dyn Write) -> Result<(), RecordsError> {
    let failed = |error: zip::result::ZipError| RecordsError::Write(io::Error::other(error));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
    let mut archive = ZipWriter::new_stream(out);
    archive.start_file("clusters.csv", options).map_err(failed)?;
    clusters(store, days, &mut archive)?;
    for kind in ResourceType::ALL {
        archive.start_file(format!("{}.csv", kind.as_str()), options).map_err(failed)?;
        records(store, kind, days, &mut archive)?;
    }
    archive.finish().map_err(failed)?;
    Ok(())
}

fn clusters(store: &Store, days: Days, out: &mut dyn Write) -> Result<(), RecordsError> {
    let kinds = ResourceType::ALL.map(ResourceType::as_str);
    let head = ["master_node_uid", "cluster_id", "first_date", "last_date", "last_seen"];
    line(out, head.iter().chain(&kinds).copied())?;
    let found = store.clusters(days).map_err(|error| RecordsError::Store(error.to_string()))?;
    for row in found {
        let counts = row.resources.map(|count| count.map(|count| count.to_string()).unwrap_or_default());
        let number = row.cluster.to_string();
        let head = [&*row.master_node_uid, &*number, &*row.first_date, &*row.last_date, &*row.last_seen];
        line(out, head.into_iter().chain(counts.iter().map(String::as_str)))?;
    }
    Ok(())
}

fn records(store: &Store, kind: ResourceType, days: Days, out: &mut dyn Write) -> Result<(), RecordsError> {
    let name = kind.as_str();
    let mut own: Vec<&str> = attributes(kind).to_vec();
    own.push("id");
    own.sort_unstable();
    let columns: Vec<String> =
        own.iter().chain(&["is_added", "is_modified", "is_removed"]).map(|column| format!("{name}.{column}")).collect();
    line(out, HEAD.into_iter().chain(columns.iter().map(String::as_str)))?;
    let mut last: Option<Lines> = None;
    store.visit(kind, days, &mut |row| {
        let next = Lines::of(kind, &own, row)?;
        if let Some(last) = last.take() {
            last.write(out, days, Some(&next))?;
        }
        last = Some(next);
        Ok(())
    })?;
    last.map_or(Ok(()), |last| last.write(out, days, None))
}

/// The lines of one record, but for their days.
struct Lines {
    row: Kept,
    kind: ResourceType,
    /// What is there: values, and whether each was added and modified.
    there: Vec<(Vec<String>, bool, bool)>,
    /// What went and did not come back.
    gone: Vec<Vec<String>>,
}

impl Lines {
    fn of(kind: ResourceType, columns: &[&str], mut row: Kept) -> Result<Self, RecordsError> {
        let failed = |error: serde_json::Error| RecordsError::Store(format!("a record cannot be read: {error}"));
        let current: Vec<Map<String, Value>> = serde_json::from_str(&row.current).map_err(failed)?;
        let changes: Changes = serde_json::from_str(&row.changes).map_err(failed)?;
        // Both are spelt out below; half of the memory is theirs.
        (row.current, row.changes) = Default::default();
        let ids = |events: &[super::diff::Event]| events.iter().map(|event| event.id.clone()).collect::<BTreeSet<_>>();
        let (added, modified) = (ids(&changes.added), ids(&changes.modified));
        let values = |resource: &Map<String, Value>| columns.iter().map(|name| cell(resource.get(*name))).collect();
        let id = |resource: &Map<String, Value>| resource.get("id").and_then(Value::as_str).unwrap_or("").to_owned();
        let mut present = BTreeSet::new();
        let mut there = Vec::with_capacity(current.len());
        for resource in &current {
            let id = id(resource);
            there.push((values(resource), added.contains(&id), modified.contains(&id)));
            present.insert(id);
        }
        let mut gone = Vec::new();
        // Of something that went twice, what it was last.
        for event in changes.removed.iter().rev() {
            if present.insert(event.id.clone()) {
                let mut resource = event.before.clone();
                resource.insert("id".to_owned(), event.id.as_str().into());
                gone.push(values(&resource));
            }
        }
        gone.reverse();
        Ok(Self { row, kind, there, gone })
    }

    /// Writes the record's own day, and the days up to the cluster's next record.
    fn write(&self, out: &mut dyn Write, days: Days, next: Option<&Self>) -> Result<(), RecordsError> {
        let same = |next: &&Self| {
            (&next.row.master_node_uid, next.row.cluster) == (&self.row.master_node_uid, self.row.cluster)
        };
        let next = next.filter(same).map(|next| next.row.day);
        let last = self.row.last_seen.max(self.row.day).min(days.to);
        let holds = |day: &Day| *day <= last && next.is_none_or(|next| *day < next);
        let mut day = self.row.day.max(days.from);
        while holds(&day) {
            self.write_day(out, day)?;
            let following = day.next();
            if following == day {
                break;
            }
            day = following;
        }
        Ok(())
    }

    fn write_day(&self, out: &mut dyn Write, day: Day) -> Result<(), RecordsError> {
        let filled = day != self.row.day;
        let (cluster, date) = (self.row.cluster.to_string(), day.to_string());
        let version = self.row.stackcast_version.as_deref().unwrap_or("");
        let head = [&*self.row.master_node_uid, &*cluster, &*date, self.kind.as_str(), version, flag(filled)];
        let mut row = |values: &[String], flags: [bool; 3]| {
            let flags = flags.map(|set| flag(set && !filled));
            line(out, head.into_iter().chain(values.iter().map(String::as_str)).chain(flags))
        };
        for (values, added, modified) in &self.there {
            row(values, [*added, *modified, false])?;
        }
        for values in self.gone.iter().filter(|_| !filled) {
            row(values, [false, false, true])?;
        }
        Ok(())
    }
}

const fn flag(set: bool) -> &'static str {
    if set { "true" } else { "false" }
}

/// A value in a cell; lists are counted.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list.len().to_string(),
        Some(other) => other.to_string(),
    }
}

/// A line of RFC 4180.
fn line<'a>(out: &mut dyn Write, cells: impl Iterator<Item = &'a str>) -> Result<(), RecordsError> {
    let mut text = String::new();
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            text.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push_str("\r\n");
    Ok(out.write_all(text.as_bytes())?)
}
