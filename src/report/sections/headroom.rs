//! What still fits, what stops the next, and what hosts may fail.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::ask::{AskError, Page, get};
use super::super::document::{Cell, Section, Tone};
use super::super::figures::{Place, count};
use super::{Desk, things};

pub(super) const TITLE: &str = "Headroom";
pub(super) const PATH: &str = "/api/v1/headroom";

const FLAVORS_MAX: usize = 10;
const ZONES_MAX: usize = 4;
const PLACES_MAX: usize = 8;

#[derive(Debug, Deserialize)]
struct Row {
    cloud: Option<String>,
    region: Option<String>,
    flavor: String,
    is_public: bool,
    az: String,
    instances: u32,
    reason: String,
    exact: bool,
}

/// A flavor over all zones of its region.
#[derive(Debug, Default)]
struct Flavor {
    instances: u64,
    zones: Vec<(String, u32)>,
    /// Why there is no place for the next, where there is most room.
    reason: String,
    most: u32,
    exact: bool,
}

#[derive(Debug, Deserialize)]
struct Survival {
    #[serde(flatten)]
    place: Place,
    hosts: u32,
    evacuation_hosts: u32,
    stopped_by: Option<String>,
}

pub(super) async fn fill(section: &mut Section, desk: &Desk<'_>) -> Result<(), AskError> {
    let rows = get::<Page<Row>>(desk.answers, &format!("{PATH}?limit=10000")).await?;
    if rows.body.items.is_empty() {
        section.note("Not known yet: Placement's facts or the flavors are missing.");
        return Ok(());
    }
    let mut flavors: BTreeMap<(Option<String>, Option<String>, String), Flavor> = BTreeMap::new();
    for row in rows.body.items.into_iter().filter(|row| row.is_public) {
        let flavor = flavors.entry((row.cloud, row.region, row.flavor)).or_default();
        flavor.instances += u64::from(row.instances);
        if flavor.zones.is_empty() || row.instances > flavor.most {
            (flavor.reason, flavor.most, flavor.exact) = (row.reason, row.instances, row.exact);
        }
        flavor.zones.push((row.az, row.instances));
    }
    let full = flavors.values().filter(|flavor| flavor.instances == 0).count();
    let all = things(flavors.len(), "flavor", "flavors");
    if full > 0 {
        section.fact("Headroom", format!("{full} of {all} fit nowhere"), Tone::Warning);
    } else {
        section.fact("Headroom", format!("each of {all} fits at least once"), Tone::Good);
    }
    let mut ordered: Vec<_> = flavors.into_iter().collect();
    // Stable: those of one number stay in the order of names.
    ordered.sort_by_key(|(_, flavor)| flavor.instances);
    let table = ordered.iter().take(FLAVORS_MAX).map(|((cloud, region, name), flavor)| row(cloud, region, name, flavor, desk));
    let table = table.collect();
    section.table(&["Flavor", "Fit", "Where", "What stops the next"], table);
    if ordered.len() > FLAVORS_MAX {
        section.note(format!("The scarcest {FLAVORS_MAX} of {all} that every project may use are shown."));
    }
    resilience(section, desk).await
}

fn row(cloud: &Option<String>, region: &Option<String>, name: &str, flavor: &Flavor, desk: &Desk<'_>) -> Vec<Cell> {
    let at = [cloud, region].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/");
    let name = if desk.several { format!("{name} ({at})") } else { name.to_owned() };
    let mut zones: Vec<String> =
        flavor.zones.iter().take(ZONES_MAX).map(|(zone, fit)| format!("{zone} {}", count(f64::from(*fit)))).collect();
    if flavor.zones.len() > ZONES_MAX {
        zones.push(format!("{} more", flavor.zones.len() - ZONES_MAX));
    }
    let most = if flavor.exact { "" } else { "at most " };
    let tone = if flavor.instances == 0 { Tone::Critical } else { Tone::Plain };
    let fit = format!("{most}{}", count(flavor.instances as f64));
    vec![Cell::new(name), Cell::toned(fit, tone), Cell::new(zones.join(", ")), Cell::new(&flavor.reason)]
}

async fn resilience(section: &mut Section, desk: &Desk<'_>) -> Result<(), AskError> {
    let rows = get::<Page<Survival>>(desk.answers, "/api/v1/resilience?limit=1000").await?.body.items;
    let table = rows.iter().filter(|row| row.hosts > 0).take(PLACES_MAX).map(|row| {
        let tone = if row.evacuation_hosts == 0 { Tone::Warning } else { Tone::Plain };
        let may = format!("{} of {}", row.evacuation_hosts, row.hosts);
        let stopped = row.stopped_by.as_deref().map_or("nothing", |flavor| flavor);
        vec![Cell::new(row.place.name(desk.several)), Cell::toned(may, tone), Cell::new(stopped)]
    });
    let table = table.collect();
    section.table(&["Place", "Hosts that may fail", "Flavor that finds no place then"], table);
    Ok(())
}
