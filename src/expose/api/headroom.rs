//! `/api/v1/headroom`: how many more instances of each flavor fit, where, and what stops the next.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Page, write};
use super::asked::{Asked, CLOUD, LIMIT, OFFSET, Parameter, REGION};
use super::problem::Problem;
use super::surveyed::{Surveyed, Whence, known, wants};
use super::{Now, Route, Work};
use crate::model::headroom::{FlavorRoom, Headroom, Room, Stop};
use crate::model::part::Origin;

const FLAVOR: Parameter = Parameter::text("flavor", "Only the flavor of this name.");
const AZ: Parameter = Parameter::text("az", "Only this availability zone.");
const HOST: Parameter =
    Parameter::choice("host", || vec!["0", "1"], "1 tells every host by itself instead of zones.").or("0");
const VOLUME_BACKED: Parameter =
    Parameter::choice("volume_backed", || vec!["0", "1"], "1 counts instances whose root disk is a volume.").or("0");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/headroom",
    summary: "How many more instances of each flavor fit in each zone or on each host, and what stops the next.",
    parameters: &[CLOUD, REGION, FLAVOR, AZ, HOST, VOLUME_BACKED, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Page<Row<'static>>>>(),
    work: Work::Memory(answer),
};

/// How many more instances of a flavor fit.
#[derive(Debug, Serialize, JsonSchema)]
struct Row<'a> {
    #[serde(flatten)]
    whence: Whence<'a>,
    /// Name of the flavor.
    flavor: &'a str,
    flavor_id: &'a str,
    /// Whether every project may use the flavor.
    is_public: bool,
    /// Availability zone; empty for hosts of none.
    az: &'a str,
    /// Hypervisor; null in rows of zones.
    host: Option<&'a str>,
    /// Instances that fit by Placement's rules.
    instances: u32,
    /// What stops the next: a resource, `trait`, `aggregate` or `host` (none is available).
    limited_by: &'a str,
    /// The same in words.
    reason: String,
    /// False where filters that Placement does not know may let fewer in.
    exact: bool,
    /// What those look at: numa, cpu_pinning, huge_pages, pci_alias, tenant_aggregate, ...
    caveats: &'a [&'static str],
}

/// A row before it is worded.
struct Found<'a> {
    origin: &'a Origin,
    stops: &'a [Stop],
    flavor: &'a FlavorRoom,
    az: &'a str,
    host: Option<&'a str>,
    room: Room,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let surveyed = Surveyed::<Headroom>::of(now, asked)?;
    let tables = || surveyed.iter().map(|(_, table)| table);
    known(asked, &FLAVOR, tables().flat_map(|table| &table.flavors).map(|flavor| &*flavor.name))?;
    known(asked, &AZ, tables().flat_map(|table| &table.zones).map(|zone| &**zone))?;
    let mut found = Vec::new();
    for (origin, table) in surveyed.iter() {
        collect(&mut found, origin, table, asked);
    }
    let page = Page::of(found.iter().map(row), asked);
    write(now, surveyed.oldest, surveyed.ready(now), page)
}

fn collect<'a>(found: &mut Vec<Found<'a>>, origin: &'a Origin, table: &'a Headroom, asked: &Asked) {
    let wanted = |name: &str, parameter: &Parameter| wants(asked, parameter, name);
    let by_host = asked.text(&HOST) == Some("1");
    let volume_backed = asked.text(&VOLUME_BACKED) == Some("1");
    for flavor in table.flavors.iter().filter(|flavor| wanted(&flavor.name, &FLAVOR)) {
        let rooms = flavor.rooms(volume_backed);
        let new = |az, host, room: &Room| Found { origin, stops: &table.stops, flavor, az, host, room: *room };
        if by_host {
            let hosts = table.hosts.iter().zip(&rooms.hosts).filter(|(host, _)| wanted(&host.zone, &AZ));
            found.extend(hosts.map(|(host, room)| new(&*host.zone, Some(&*host.name), room)));
        } else {
            let zones = table.zones.iter().zip(&rooms.zones).filter(|(zone, _)| wanted(zone, &AZ));
            found.extend(zones.map(|(zone, room)| new(&**zone, None, room)));
        }
    }
}

fn row<'a>(found: &Found<'a>) -> Row<'a> {
    let stop = found.stops.get(usize::from(found.room.stop));
    Row {
        whence: found.origin.into(),
        flavor: &found.flavor.name,
        flavor_id: &found.flavor.id,
        is_public: found.flavor.is_public,
        az: found.az,
        host: found.host,
        instances: found.room.instances,
        limited_by: stop.map_or("", Stop::resource),
        reason: stop.map(Stop::reason).unwrap_or_default(),
        exact: !found.room.upper_bound,
        caveats: &found.flavor.caveats,
    }
}
