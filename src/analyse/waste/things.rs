//! Wasted volumes, snapshots, floating IPs and load balancers: each in the first class that fits.

use super::facts::Facts;
use super::instances::DAY;
use super::settings::Settings;
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::load_balancer::LoadBalancer;
use crate::model::inventory::project::Projects;
use crate::model::inventory::volume::Volume;
use crate::model::waste::{Kind, WastedThing};

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Classes of each kind, by rank.
pub(super) const CLASSES: [(Kind, &[&str]); 4] = [
    (Kind::Volume, &[ORPHANED, ERROR, UNATTACHED]),
    (Kind::Snapshot, &[ORPHANED, OLD]),
    (Kind::FloatingIp, &[ORPHANED, UNASSOCIATED]),
    (Kind::LoadBalancer, &[ORPHANED, ERROR, EMPTY]),
];
pub(super) const ORPHANED: &str = "orphaned_project";
const ERROR: &str = "error";
const UNATTACHED: &str = "unattached";
const OLD: &str = "old_snapshot";
const UNASSOCIATED: &str = "unassociated";
const EMPTY: &str = "empty";

/// All of these, and the kinds that are known.
pub(super) fn things(facts: &Facts, settings: &Settings, at: Timestamp) -> (Vec<WastedThing>, Vec<Kind>) {
    let projects = facts.projects.as_deref();
    let (mut wasted, mut known) = (Vec::new(), Vec::new());
    if let Some(volumes) = &facts.volumes {
        known.push(Kind::Volume);
        wasted.extend(volumes.0.iter().filter_map(|(id, volume)| {
            let class = of_volume(volume, projects, settings, at)?;
            let bytes = volume.size_gib as f64 * GIB;
            let (project, since) = (volume.project.clone(), Some(volume.updated));
            Some(WastedThing { kind: Kind::Volume, id: id.clone(), project, class, bytes, since })
        }));
    }
    if let Some(snapshots) = &facts.snapshots {
        known.push(Kind::Snapshot);
        wasted.extend(snapshots.0.iter().filter_map(|(id, snapshot)| {
            let old = at.since(snapshot.created) >= DAY * settings.old_snapshot_days;
            let class = orphaned(&snapshot.project, projects).or(old.then_some(OLD))?;
            let bytes = snapshot.size_gib as f64 * GIB;
            let (project, since) = (snapshot.project.clone(), Some(snapshot.created));
            Some(WastedThing { kind: Kind::Snapshot, id: id.clone(), project, class, bytes, since })
        }));
    }
    if let Some(addresses) = &facts.floating_ips {
        known.push(Kind::FloatingIp);
        wasted.extend(addresses.0.iter().filter_map(|(id, address)| {
            let class = orphaned(&address.project, projects).or(address.port.is_none().then_some(UNASSOCIATED))?;
            Some(without_size(Kind::FloatingIp, id, &address.project, class))
        }));
    }
    if let Some(balancers) = &facts.load_balancers {
        known.push(Kind::LoadBalancer);
        wasted.extend(balancers.0.iter().filter_map(|(id, balancer)| {
            let class = of_balancer(balancer, projects)?;
            Some(without_size(Kind::LoadBalancer, id, &balancer.project, class))
        }));
    }
    (wasted, known)
}

fn of_volume(volume: &Volume, projects: Option<&Projects>, settings: &Settings, at: Timestamp) -> Option<&'static str> {
    let unchanged_for = |days: u32| at.since(volume.updated) >= DAY * days;
    let broken = volume.status.starts_with("error") && unchanged_for(settings.error_days);
    let free = &*volume.status == "available" && volume.servers.is_empty() && unchanged_for(settings.unattached_days);
    orphaned(&volume.project, projects).or(broken.then_some(ERROR)).or(free.then_some(UNATTACHED))
}

fn of_balancer(balancer: &LoadBalancer, projects: Option<&Projects>) -> Option<&'static str> {
    let broken = &*balancer.provisioning_status == "ERROR";
    let empty = balancer.listeners == 0 && balancer.pools == 0;
    orphaned(&balancer.project, projects).or(broken.then_some(ERROR)).or(empty.then_some(EMPTY))
}

/// Whether the project has gone; where not every project is known, that cannot be told.
fn orphaned(project: &Id, projects: Option<&Projects>) -> Option<&'static str> {
    let gone = projects.is_some_and(|known| !project.is_empty() && !known.0.contains_key(project));
    gone.then_some(ORPHANED)
}

fn without_size(kind: Kind, id: &Id, project: &Id, class: &'static str) -> WastedThing {
    WastedThing { kind, id: id.clone(), project: project.clone(), class, bytes: 0.0, since: None }
}
