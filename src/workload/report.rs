//! A report on the wire: records in the form of Fuel's `oswl_stats`, with our attributes. The sender writes it, the
//! collector reads it, strictly: an attribute that is not on the white list is refused as one of the wrong type is.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::diff::{Changes, Event};
use super::listing;
use super::record::{Flavor, Image, KeystoneUser, Resource, Tenant, Vm, Volume, attributes};
use super::store::{Report, Unsent};
use crate::model::clock::Timestamp;
use crate::model::day::Day;
use crate::model::workload::{Change, Outcome, ResourceType};

/// Records of one report.
pub(super) const RECORDS_MAX: usize = 1000;
/// Bytes of a short text.
const TEXT_BYTES_MAX: usize = 128;

/// A report, its records not yet looked at: a bad one must not cost the others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) oswl_stats: Vec<&'a RawValue>,
}

/// A record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<D> {
    /// Which installation.
    master_node_uid: String,
    /// The record's number there.
    id: i64,
    /// The cluster's number there.
    cluster_id: i64,
    /// The day, YYYY-MM-DD.
    created_date: String,
    /// When it changed last: RFC 3339, or the time of the day.
    updated_time: String,
    resource_type: String,
    resource_checksum: String,
    resource_data: D,
    #[serde(default)]
    version_info: Option<VersionInfo>,
}

/// What made the record. Other members are not kept.
#[derive(Debug, Default, Serialize, Deserialize)]
struct VersionInfo {
    #[serde(default)]
    stackcast_version: Option<String>,
}

/// The resources of one kind and what happened to them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data<R> {
    added: Vec<Event>,
    current: Vec<R>,
    modified: Vec<Event>,
    removed: Vec<Event>,
}

/// The names that a record gives itself, as far as they can be read.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Names {
    #[serde(default)]
    pub(super) master_node_uid: Value,
    #[serde(default)]
    pub(super) id: Value,
    #[serde(default)]
    resource_type: Value,
}

/// Where a text departs from its schema: the member, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) path: String,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// Reads a text; the fault names the member.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Fault> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Fault::new(error.path().to_string(), error.inner().to_string()))?;
    reader.end().map_err(|error| Fault::new(".", error.to_string()))?;
    Ok(value)
}

/// Reads and checks a record, and brings it into canonical form.
pub(super) fn read(record: &RawValue) -> Result<Report, Fault> {
    let names: Names = parse(record.get().as_bytes())?;
    let known = || ResourceType::ALL.map(ResourceType::as_str).join(", ");
    let kind = match &names.resource_type {
        Value::Null => return Err(Fault::new("resource_type", format!("is missing; one of {}", known()))),
        name => name.as_str().and_then(ResourceType::parse),
    };
    match kind.ok_or_else(|| Fault::new("resource_type", format!("is not one of {}", known())))? {
        kind @ ResourceType::Vm => read_as::<Vm>(kind, record),
        kind @ ResourceType::Flavor => read_as::<Flavor>(kind, record),
        kind @ ResourceType::Volume => read_as::<Volume>(kind, record),
        kind @ ResourceType::Image => read_as::<Image>(kind, record),
        kind @ ResourceType::Tenant => read_as::<Tenant>(kind, record),
        kind @ ResourceType::KeystoneUser => read_as::<KeystoneUser>(kind, record),
    }
}

fn read_as<R: Resource>(kind: ResourceType, record: &RawValue) -> Result<Report, Fault> {
    let record: Record<Data<R>> = parse(record.get().as_bytes())?;
    let version = record.version_info.and_then(|info| info.stackcast_version);
    let texts = [
        ("master_node_uid", Some(&record.master_node_uid)),
        ("resource_checksum", Some(&record.resource_checksum)),
        ("version_info.stackcast_version", version.as_ref()),
    ];
    for (path, text) in texts {
        if text.is_some_and(|text| text.is_empty() || text.len() > TEXT_BYTES_MAX) {
            return Err(Fault::new(path, format!("has to be 1 to {TEXT_BYTES_MAX} bytes long")));
        }
    }
    let day = Day::parse(&record.created_date)
        .ok_or_else(|| Fault::new("created_date", "is no day; expected a form like 2026-11-22"))?;
    let time = Timestamp::parse(&record.updated_time)
        .or_else(|| Timestamp::parse(&format!("{day}T{}", record.updated_time)))
        .ok_or_else(|| {
            Fault::new("updated_time", "is no time; expected a form like 2026-11-22T06:30:00Z or 06:30:00")
        })?;
    let data = record.resource_data;
    let current = listing::canonical(data.current.into_iter());
    let changes = Changes { added: data.added, modified: data.modified, removed: data.removed };
    for change in Change::ALL {
        check::<R>(kind, change, changes.of(change))?;
    }
    Ok(Report {
        master_node_uid: record.master_node_uid,
        id: record.id,
        cluster: record.cluster_id,
        kind,
        day,
        updated_time: time.to_string(),
        checksum: record.resource_checksum,
        resources: u32::try_from(current.len()).unwrap_or(u32::MAX),
        stackcast_version: version,
        current: listing::array(&current),
        changes: serde_json::to_string(&changes).unwrap_or_default(),
    })
}

/// Events hold attributes of the white list only, of the right types.
fn check<R: Resource>(kind: ResourceType, change: Change, events: &[Event]) -> Result<(), Fault> {
    for (at, event) in events.iter().enumerate() {
        let mut resource: Map<String, Value> = event.before.clone();
        resource.insert("id".to_owned(), event.id.as_str().into());
        let fault = |path: &str, message: String| {
            let path = if path == "." { String::new() } else { format!(".{path}") };
            Fault::new(format!("resource_data.{}[{at}]{path}", change.as_str()), message)
        };
        if let Some(unknown) = event.before.keys().find(|name| !attributes(kind).contains(&name.as_str())) {
            return Err(fault(unknown, "is no attribute that is kept".to_owned()));
        }
        // What was not there before an attribute came is told as null.
        resource.retain(|_, value| !value.is_null());
        if let Err(error) = serde_path_to_error::deserialize::<_, R>(Value::Object(resource)) {
            return Err(fault(&error.path().to_string(), error.inner().to_string()));
        }
        if Timestamp::parse(&event.time).is_none() && Timestamp::parse(&format!("1970-01-01T{}", event.time)).is_none()
        {
            return Err(fault("time", "is no time".to_owned()));
        }
    }
    Ok(())
}

/// Writes rows as a report.
pub(super) fn write(master_node_uid: &str, rows: Vec<Unsent>) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    struct Written {
        oswl_stats: Vec<Record<Box<RawValue>>>,
    }
    let mut oswl_stats = Vec::with_capacity(rows.len());
    for row in rows {
        // Both are kept as they are sent; together they make the one object.
        let rest = row.changes.strip_prefix('{').unwrap_or_default();
        let data = format!("{{\"current\":{},{rest}", row.current);
        oswl_stats.push(Record {
            master_node_uid: master_node_uid.to_owned(),
            id: row.id,
            cluster_id: row.cluster,
            created_date: row.created_date,
            updated_time: row.updated_time.to_string(),
            resource_type: row.kind,
            resource_checksum: row.checksum,
            resource_data: RawValue::from_string(data)?,
            version_info: Some(VersionInfo { stackcast_version: Some(env!("CARGO_PKG_VERSION").to_owned()) }),
        });
    }
    serde_json::to_vec(&Written { oswl_stats })
}

/// What a collector answers, whatever its status.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) oswl_stats: Vec<Answered>,
}

/// What became of a record.
#[derive(Debug, Deserialize)]
pub(super) struct Answered {
    #[serde(default)]
    pub(super) id: Option<i64>,
    pub(super) status: String,
}

impl Names {
    /// As they are answered.
    pub(super) fn outcome(self, fate: crate::model::workload::Fate) -> Outcome {
        let uid = self.master_node_uid.as_str().map(str::to_owned);
        Outcome { master_node_uid: uid, id: self.id.as_i64(), fate }
    }
}
