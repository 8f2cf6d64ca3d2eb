//! What runs where: the instances of every host as demands, alike ones counted together.

use std::sync::Arc;

use hashbrown::HashMap;

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
        let mut tally = Tally::new(ground);
        servers.0.values().for_each(|server| tally.count(server));
        // In an order of their own: that of the table differs from one process to the next, and figures must not.
        let mut order: Vec<usize> = (0..tally.alike.len()).collect();
        order.sort_unstable_by_key(|at| tally.alike.get(*at));
        let mut numbers = vec![0; order.len()];
        let mut kinds: Vec<Kind> = Vec::with_capacity(order.len());
        for (number, at) in order.into_iter().enumerate() {
            let Some((flavor, volume_backed)) = tally.alike.get(at) else { continue };
            if let Some(slot) = numbers.get_mut(at) {
                *slot = number;
            }
            let demand = match flavors.0.get(&flavor.name) {
                Some(known) => Demand::of(known, *volume_backed, ground),
                None => remembered(flavor, *volume_backed, ground),
            };
            kinds.push(Kind { flavor: Arc::clone(&flavor.name), demand, count: 0 });
        }
        let hosts = tally.hosts.into_iter().map(|counts| {
            let numbered = counts.into_iter().filter_map(|(at, count)| Some((*numbers.get(at)?, count)));
            let mut counts: Vec<(usize, u32)> = numbered.collect();
            counts.sort_unstable();
            for (kind, count) in &counts {
                if let Some(kind) = kinds.get_mut(*kind) {
                    kind.count += count;
                }
            }
            counts
        });
        let hosts = hosts.collect();
        Self { kinds, hosts }
    }
}

/// Counts alike instances by host. There are 50,000 of them and a few names, which they share: a name is looked up once
/// for each place in memory where it is.
struct Tally<'a> {
    places: HashMap<Arc<str>, usize>,
    known_places: HashMap<*const str, Option<usize>>,
    numbers: HashMap<(&'a Arc<ServerFlavor>, bool), usize>,
    known_numbers: HashMap<(*const ServerFlavor, bool), usize>,
    /// By number.
    alike: Vec<(&'a Arc<ServerFlavor>, bool)>,
    /// By host: numbers with their counts. A host has few of them, so a list is quicker than a table.
    hosts: Vec<Vec<(usize, u32)>>,
}

impl<'a> Tally<'a> {
    fn new(ground: &Ground) -> Self {
        let places = ground.hosts.iter().enumerate().map(|(place, host)| (Arc::clone(&host.name), place));
        Self {
            places: places.collect(),
            known_places: HashMap::new(),
            numbers: HashMap::new(),
            known_numbers: HashMap::new(),
            alike: Vec::new(),
            hosts: vec![Vec::new(); ground.hosts.len()],
        }
    }

    /// Instances that are on no host of ours are left out.
    fn count(&mut self, server: &'a Server) {
        let known = self.known_places.entry(Arc::as_ptr(&server.hypervisor));
        let Some(place) = *known.or_insert_with(|| self.places.get(&server.hypervisor).copied()) else { return };
        let key = key(server);
        let number = *self.known_numbers.entry((Arc::as_ptr(key.0), key.1)).or_insert_with(|| {
            *self.numbers.entry(key).or_insert_with(|| {
                self.alike.push(key);
                self.alike.len() - 1
            })
        });
        let Some(counts) = self.hosts.get_mut(place) else { return };
        match counts.iter_mut().find(|(known, _)| *known == number) {
            Some((_, count)) => *count += 1,
            None => counts.push((number, 1)),
        }
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
