//! What runs where: the instances of every host as demands, alike ones counted together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::demand::Demand;
use super::ground::Ground;
use crate::model::inventory::flavor::Flavors;
use crate::model::inventory::server::{Server, ServerFlavor, Servers};

/// Instances of one kind.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    /// Name of their flavor.
    pub(super) flavor: Arc<str>,
    pub(super) demand: Demand,
    /// In the region.
    pub(super) count: u32,
}

/// All instances that are on a host.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    pub(super) kinds: Vec<Kind>,
    /// By host, in the order of [`Ground::hosts`]: kinds with their counts.
    pub(super) hosts: Vec<Vec<(usize, u32)>>,
}

impl Load {
    /// Flavors that have gone are known by the sizes that servers remember.
    pub(super) fn new(servers: &Servers, flavors: &Flavors, ground: &mut Ground) -> Self {
        let places: HashMap<Arc<str>, usize> =
            ground.hosts.iter().enumerate().map(|(place, host)| (Arc::clone(&host.name), place)).collect();
        let mut counts: Vec<HashMap<usize, u32>> = vec![HashMap::new(); places.len()];
        let placed = || servers.0.values().filter_map(|server| Some((server, *places.get(&server.hypervisor)?)));
        // In an order of their own: that of the table differs from one process to the next, and figures must not.
        let alike: HashSet<(&Arc<ServerFlavor>, bool)> = placed().map(|(server, _)| key(server)).collect();
        let mut alike: Vec<_> = alike.into_iter().collect();
        alike.sort_unstable();
        let mut kinds: Vec<Kind> = Vec::with_capacity(alike.len());
        for (flavor, volume_backed) in &alike {
            let demand = match flavors.0.get(&flavor.name) {
                Some(known) => Demand::of(known, *volume_backed, ground),
                None => remembered(flavor, *volume_backed, ground),
            };
            kinds.push(Kind { flavor: Arc::clone(&flavor.name), demand, count: 0 });
        }
        let numbers: HashMap<_, usize> = alike.into_iter().zip(0..).collect();
        for (server, place) in placed() {
            let Some(kind) = numbers.get(&key(server)) else { continue };
            if let Some(counts) = counts.get_mut(place) {
                *counts.entry(*kind).or_default() += 1;
            }
            if let Some(kind) = kinds.get_mut(*kind) {
                kind.count += 1;
            }
        }
        let hosts = counts.into_iter().map(|counts| {
            let mut counts: Vec<(usize, u32)> = counts.into_iter().collect();
            counts.sort_unstable();
            counts
        });
        Self { hosts: hosts.collect(), kinds }
    }
}

/// What alike instances have in common: their flavor, and whether they boot from a volume.
fn key(server: &Server) -> (&Arc<ServerFlavor>, bool) {
    (&server.flavor, server.image.is_none())
}

fn remembered(flavor: &ServerFlavor, volume_backed: bool, ground: &mut Ground) -> Demand {
    let root = if volume_backed { 0 } else { flavor.disk_gib };
    let disk = u64::from(root) + u64::from(flavor.ephemeral_gib);
    let sizes = [("VCPU", flavor.vcpus.into()), ("MEMORY_MB", flavor.memory_mib.into()), ("DISK_GB", disk)];
    Demand::of_sizes(sizes, ground)
}
