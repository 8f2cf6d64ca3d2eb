//! What runs where: the instances of every host as demands, alike ones counted together.

use std::collections::HashMap;
use std::sync::Arc;

use super::demand::Demand;
use super::ground::Ground;
use crate::model::inventory::flavor::Flavors;
use crate::model::inventory::server::{ServerFlavor, Servers};

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
        let mut numbers: HashMap<(Arc<ServerFlavor>, bool), usize> = HashMap::new();
        let places: HashMap<Arc<str>, usize> =
            ground.hosts.iter().enumerate().map(|(place, host)| (Arc::clone(&host.name), place)).collect();
        let mut counts: Vec<HashMap<usize, u32>> = vec![HashMap::new(); places.len()];
        let mut kinds: Vec<Kind> = Vec::new();
        for server in servers.0.values() {
            let Some(counts) = places.get(&server.hypervisor).and_then(|place| counts.get_mut(*place)) else {
                continue;
            };
            let key = (Arc::clone(&server.flavor), server.image.is_none());
            let kind = *numbers.entry(key).or_insert_with_key(|(flavor, volume_backed)| {
                let demand = match flavors.0.get(&flavor.name) {
                    Some(known) => Demand::of(known, *volume_backed, ground),
                    None => remembered(flavor, *volume_backed, ground),
                };
                kinds.push(Kind { flavor: Arc::clone(&flavor.name), demand, count: 0 });
                kinds.len() - 1
            });
            *counts.entry(kind).or_default() += 1;
            if let Some(kind) = kinds.get_mut(kind) {
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

fn remembered(flavor: &ServerFlavor, volume_backed: bool, ground: &mut Ground) -> Demand {
    let root = if volume_backed { 0 } else { flavor.disk_gib };
    let disk = u64::from(root) + u64::from(flavor.ephemeral_gib);
    let sizes = [("VCPU", flavor.vcpus.into()), ("MEMORY_MB", flavor.memory_mib.into()), ("DISK_GB", disk)];
    Demand::of_sizes(sizes, ground)
}
