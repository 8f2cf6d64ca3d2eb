//! Designate: zones, record sets, and its services' state.
//!
//! Record sets of all zones come from one listing, where openstack-exporter makes a call per zone. A listing of all
//! projects takes a right of its own; without it the token's project is shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::decode::{list, null_as_default, table_soon};
use super::health::Visibility;
use super::sight::Sight;
use super::{Cadence, Collect, Collecting, CollectorSpec, Cx, Service};
use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::zone::{Zone, Zones};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};

crate::metrics! {
    /// Zones of all projects.
    ZONES = gauge "openstack_designate_zones" [], Count, "GET /v2/zones (X-Auth-All-Projects)";
    /// Status of a zone as a number: 0 pending, 1 active, 2 deleted, 3 error, -1 any other.
    ZONE_STATUS = gauge "openstack_designate_zone_status" [id name status tenant_id type], State, "GET /v2/zones (X-Auth-All-Projects)";
    /// Record sets of a zone.
    RECORDSETS = gauge "openstack_designate_recordsets" [zone_id zone_name tenant_id], Count, "GET /v2/recordsets (X-Auth-All-Projects)";
    /// Status of a record set as a number: 0 pending, 1 active, 2 deleted, 3 error, -1 any other.
    RECORDSETS_STATUS = gauge "openstack_designate_recordsets_status" [id name status zone_id zone_name type], State, "GET /v2/recordsets (X-Auth-All-Projects)";
    /// State of one of Designate's services: 1 up, 0 any other; the label says which.
    AGENT_STATE = gauge "openstack_designate_agent_state" [id hostname service status], State, "GET /v2/service_statuses";
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_designate_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "dns",
    catalog_types: &["dns"],
    tables: &[METRICS],
    up: &UP,
    collectors: &[
        CollectorSpec { name: "dns.zones", cadence: Cadence::Fast, make: || Box::new(ZoneList) },
        CollectorSpec { name: "dns.agents", cadence: Cadence::Fast, make: || Box::new(Agents) },
        CollectorSpec { name: "dns.recordsets", cadence: Cadence::Medium, make: || Box::new(RecordSets::default()) },
    ],
};

/// openstack-exporter's numbers of statuses: places in this list, in any case.
const STATUSES: [&str; 4] = ["PENDING", "ACTIVE", "DELETED", "ERROR"];

fn status_number(status: &str) -> f64 {
    STATUSES.iter().position(|known| known.eq_ignore_ascii_case(status)).map_or(-1.0, |at| at as f64)
}

#[derive(Deserialize)]
struct ZoneItem {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(rename = "type", default, deserialize_with = "null_as_default")]
    kind: String,
}

#[derive(Deserialize)]
struct RecordSet {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    zone_id: Id,
    #[serde(default, deserialize_with = "null_as_default")]
    zone_name: String,
    #[serde(rename = "type", default, deserialize_with = "null_as_default")]
    kind: String,
}

#[derive(Deserialize)]
struct Agent {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    hostname: String,
    #[serde(default, deserialize_with = "null_as_default")]
    service_name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
}

/// A list of all projects, or where that is not permitted, of the token's own.
async fn read<T: DeserializeOwned + Send>(cx: &Cx, path: &'static str) -> Result<Vec<T>, Error> {
    let mut items = Vec::new();
    let all = Request::new(path).header("x-auth-all-projects", "True");
    match list(cx, all, path, |item: T| items.push(item)).await {
        Err(error) if error.kind == ErrorKind::Forbidden => {
            cx.report.set_visibility(Visibility::Project);
            items.clear();
            list(cx, Request::new(path), path, |item: T| items.push(item)).await?;
        }
        result => drop(result?),
    }
    Ok(items)
}

/// Zones.
struct ZoneList;

impl Collect for ZoneList {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut zones: Vec<ZoneItem> = read(cx, "zones").await?;
            zones.retain(|zone| cx.settings.holds_project(&zone.project_id));
            Ok(emit_zones(&zones, &Sight::of(cx).await))
        })
    }
}

fn emit_zones(zones: &[ZoneItem], sight: &Sight) -> PartBuilder {
    let mut part = PartBuilder::new();
    let (mut table, mut interner) = (Zones::default(), Interner::default());
    sight.count(&mut part, &ZONES, zones.len());
    for zone in zones {
        let labels = [&zone.id, &zone.name, &zone.status, &zone.project_id, &zone.kind];
        part.put(&ZONE_STATUS, labels.map(String::as_str), status_number(&zone.status));
        let row = Zone { name: Arc::from(&*zone.name), project: interner.intern(&zone.project_id) };
        table.0.insert(Id::new(&zone.id), row);
    }
    part.table(Arc::new(table));
    part
}

/// Record sets.
#[derive(Default)]
struct RecordSets {
    ran: bool,
}

impl Collect for RecordSets {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            if ![&RECORDSETS.descriptor, &RECORDSETS_STATUS.descriptor].into_iter().any(|row| cx.keep.wants(row)) {
                return Ok(PartBuilder::new());
            }
            let mut sets: Vec<RecordSet> = read(cx, "recordsets").await?;
            sets.retain(|set| cx.settings.holds_project(&set.project_id));
            let zones = if self.ran { cx.table::<Zones>() } else { table_soon::<Zones>(cx).await };
            self.ran = true;
            Ok(emit_sets(&sets, zones.as_deref()))
        })
    }
}

/// Zones without any record set count too, so the zones' own list comes first.
fn emit_sets(sets: &[RecordSet], zones: Option<&Zones>) -> PartBuilder {
    let mut part = PartBuilder::new();
    let mut counts: BTreeMap<&Id, (&str, &str, u32)> = BTreeMap::new();
    for (id, zone) in zones.into_iter().flat_map(|zones| &zones.0) {
        counts.insert(id, (&zone.name, &zone.project, 0));
    }
    for set in sets {
        counts.entry(&set.zone_id).or_insert((&set.zone_name, &set.project_id, 0)).2 += 1;
        let zone = set.zone_id.to_string();
        let labels = [&*set.id, &set.name, &set.status, &zone, &set.zone_name, &set.kind];
        part.put(&RECORDSETS_STATUS, labels, status_number(&set.status));
    }
    for (id, (name, project, count)) in counts {
        part.put(&RECORDSETS, [&id.to_string(), name, project], f64::from(count));
    }
    part
}

/// Designate's own services.
struct Agents;

impl Collect for Agents {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut part = PartBuilder::new();
            let request = Request::new("service_statuses");
            list(cx, request, "service_statuses", |agent: Agent| emit_agent(&agent, &mut part)).await?;
            Ok(part)
        })
    }
}

fn emit_agent(agent: &Agent, part: &mut PartBuilder) {
    let labels = [&agent.id, &agent.hostname, &agent.service_name, &agent.status];
    part.put(&AGENT_STATE, labels.map(String::as_str), f64::from(u8::from(agent.status == "UP")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    const ORG: &str = "a86dba58-0043-4cc6-a1bb-69d5e86f3ca3";
    const COM: &str = "2150b1bf-dee2-4221-9d85-11f7886fb15f";

    #[test]
    fn zones_and_record_sets() {
        let zones = seal(emit_zones(
            &recorded(include_bytes!("../../tests/recordings/designate/zones.json"), "zones"),
            &Sight::test(None),
        ));
        assert_eq!(only(&zones, &ZONES), 3.0);
        let statuses = rows(&zones, &ZONE_STATUS);
        let project = "4335d1f0-f793-11e2-b778-0800200c9a66";
        assert_eq!(statuses[0], (format!("{ORG}|example.org.|ACTIVE|{project}|PRIMARY"), 1.0));
        assert_eq!(statuses.iter().map(|row| row.1).collect::<Vec<_>>(), [1.0, 0.0, 3.0]);
        let table = zones.tables.get::<Zones>().unwrap();
        assert_eq!(&*table.0[&Id::new(COM)].name, "example.com.");

        let sets = recorded(include_bytes!("../../tests/recordings/designate/recordsets.json"), "recordsets");
        let part = seal(emit_sets(&sets, Some(&table)));
        let statuses = rows(&part, &RECORDSETS_STATUS);
        let first = format!("f7b10e9b-0cae-4a91-b162-562bc6096648|example.org.|PENDING|{COM}|example.com.|A");
        assert_eq!(statuses[0], (first, 0.0));
        assert_eq!(statuses.len(), 3);
        let mut counts = rows(&part, &RECORDSETS);
        counts.sort_by(|a, b| a.0.cmp(&b.0));
        let values: Vec<f64> = counts.iter().map(|row| row.1).collect();
        assert_eq!(values, [2.0, 0.0, 1.0], "{counts:?}");
        assert_eq!(counts[0].0, format!("{COM}|example.com.|{project}"));
        assert!(counts[1].0.contains("|pending.example."), "a zone without record sets is 0, not absent");
    }

    #[test]
    fn without_the_zones_list_the_record_sets_say_their_zones() {
        let sets = recorded(include_bytes!("../../tests/recordings/designate/recordsets.json"), "recordsets");
        assert_eq!(rows(&seal(emit_sets(&sets, None)), &RECORDSETS).len(), 2);
    }

    #[test]
    fn statuses_in_any_case() {
        assert_eq!(["pending", "Active", "DELETED", "error", "SUCCESS"].map(status_number), [0.0, 1.0, 2.0, 3.0, -1.0]);
    }

    #[test]
    fn service_statuses() {
        let mut part = PartBuilder::new();
        let body = include_bytes!("../../tests/recordings/designate/service_statuses.json");
        recorded::<Agent>(body, "service_statuses").iter().for_each(|agent| emit_agent(agent, &mut part));
        let expected = [
            ("af91edb5-ede8-453f-af13-feabdd088f9c|dns-2.example.com.|api|UP".to_owned(), 1.0),
            ("0cf1cd72-a9f9-4d05-8bcb-d9f9d7a9a0fd|dns-1.example.com.|worker|WARNING".to_owned(), 0.0),
        ];
        assert_eq!(rows(&seal(part), &AGENT_STATE), expected);
    }
}
