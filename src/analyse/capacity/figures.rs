//! Adds up provider trees by hypervisor, zone, aggregate and cloud.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::resource::Resource;
use super::settings::Settings;
use crate::model::id::Id;
use crate::model::inventory::hypervisor::{Hypervisor, Hypervisors};
use crate::model::inventory::provider::{Provider, Providers};
use crate::model::signal::Scope;

/// A provider whose inventory all hosts of its Placement aggregates may use, e.g. a shared disk.
pub(in crate::analyse) const SHARING: &str = "MISC_SHARES_VIA_AGGREGATE";

/// Usable and used amount of a resource, in its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figure {
    /// (total - reserved) x allocation ratio, less buffer and failure reserve.
    pub usable: f64,
    /// Allocated.
    pub used: f64,
}

impl Figure {
    /// What may still be given away; 0 where more is used than usable.
    pub fn free(self) -> f64 {
        (self.usable - self.used).max(0.0)
    }

    /// Used over usable; none where nothing is usable.
    pub fn utilization(self) -> Option<f64> {
        (self.usable > 0.0).then(|| self.used / self.usable)
    }
}

/// Hypervisors of a place, by whether the scheduler may use them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostCounts {
    /// Up and enabled.
    pub available: u32,
    /// Up, but disabled.
    pub disabled: u32,
    /// Down.
    pub down: u32,
}

/// Whom figures are about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Kind.
    pub scope: Scope,
    /// Name.
    pub entity: Arc<str>,
}

/// All figures of a region, by allocation.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// By place and resource. Hosts that are disabled or down are usable with 0, and in no other place's figures.
    pub amounts: BTreeMap<(Place, Resource), Figure>,
    /// Hosts by place.
    pub hosts: BTreeMap<Place, HostCounts>,
}

/// Amounts of a provider tree.
type Tree = BTreeMap<Resource, Figure>;

/// Figures from Placement's providers and, where they can be read, Nova's hypervisors. Without the latter (in
/// a region that has none) every root provider counts as an available host of no zone.
pub fn figures(
    cloud: &Arc<str>,
    providers: &Providers,
    hypervisors: Option<&Hypervisors>,
    settings: &Settings,
) -> Figures {
    let by_name: Option<HashMap<&str, &Hypervisor>> =
        hypervisors.map(|table| table.0.iter().map(|host| (&*host.name, host)).collect());
    let whole = Place { scope: Scope::Cloud, entity: Arc::clone(cloud) };
    let mut sum = Sum { settings, figures: Figures::default(), largest: HashMap::new() };
    for (root, tree) in trees(providers, settings) {
        let Some(provider) = providers.0.get(&root) else { continue };
        if provider.traits.contains(SHARING) {
            sum.add(&whole, &tree);
            continue;
        }
        let host = match &by_name {
            None => None,
            Some(known) => match known.get(&*provider.name) {
                Some(host) => Some(*host),
                // What no hypervisor stands for is nothing that an instance could be put on.
                None => continue,
            },
        };
        sum.host(&whole, provider, host, &tree);
    }
    sum.finish()
}

/// Amounts by root provider.
fn trees(providers: &Providers, settings: &Settings) -> BTreeMap<Id, Tree> {
    let keep = 1.0 - settings.buffer_ratio.clamp(0.0, 1.0);
    let mut trees: BTreeMap<Id, Tree> = BTreeMap::new();
    for provider in providers.0.values() {
        let tree = trees.entry(provider.root.clone()).or_default();
        for (class, inventory) in &provider.inventories {
            let (resource, unit) = Resource::of_class(class);
            let figure = tree.entry(resource).or_default();
            let installed = inventory.total.saturating_sub(inventory.reserved) as f64;
            figure.usable += installed * inventory.allocation_ratio * keep * unit;
            figure.used += provider.usages.get(class).copied().unwrap_or(0) as f64 * unit;
        }
    }
    trees
}

struct Sum<'a> {
    settings: &'a Settings,
    figures: Figures,
    /// Usable amounts of each place's hosts, for the failure reserve.
    largest: HashMap<(Place, Resource), Vec<f64>>,
}

impl Sum<'_> {
    fn host(&mut self, whole: &Place, provider: &Provider, host: Option<&Hypervisor>, tree: &Tree) {
        let own = Place { scope: Scope::Hypervisor, entity: Arc::clone(&provider.name) };
        let mut places = vec![whole.clone()];
        if let Some(host) = host {
            if !host.zone.is_empty() {
                places.push(Place { scope: Scope::Az, entity: Arc::clone(&host.zone) });
            }
            let aggregates = host.aggregates.iter();
            places.extend(aggregates.map(|name| Place { scope: Scope::Aggregate, entity: Arc::clone(name) }));
        }
        let down = host.is_some_and(|host| &*host.state != "up");
        let disabled = host.is_some_and(|host| &*host.status != "enabled");
        for place in &places {
            let counts = self.figures.hosts.entry(place.clone()).or_default();
            match (down, disabled) {
                (true, _) => counts.down += 1,
                (false, true) => counts.disabled += 1,
                (false, false) => counts.available += 1,
            }
        }
        if down || disabled {
            let unusable = tree.iter().map(|(r, figure)| (r.clone(), Figure { usable: 0.0, used: figure.used }));
            self.add(&own, &unusable.collect());
            return;
        }
        self.add(&own, tree);
        for place in places {
            self.add(&place, tree);
            if self.settings.failure_reserve_hosts > 0 {
                for (resource, figure) in tree {
                    let key = (place.clone(), resource.clone());
                    self.largest.entry(key).or_default().push(figure.usable);
                }
            }
        }
    }

    fn add(&mut self, place: &Place, tree: &Tree) {
        for (resource, figure) in tree {
            let sum = self.figures.amounts.entry((place.clone(), resource.clone())).or_default();
            sum.usable += figure.usable;
            sum.used += figure.used;
        }
    }

    /// Takes the failure reserve off.
    fn finish(mut self) -> Figures {
        let spare = usize::try_from(self.settings.failure_reserve_hosts).unwrap_or(usize::MAX);
        for (key, mut hosts) in self.largest {
            hosts.sort_unstable_by(|a, b| b.total_cmp(a));
            let reserve: f64 = hosts.iter().take(spare).sum();
            if let Some(figure) = self.figures.amounts.get_mut(&key) {
                figure.usable = (figure.usable - reserve).max(0.0);
            }
        }
        self.figures
    }
}

#[cfg(test)]
pub(in crate::analyse) mod tests {
    use super::*;
    use crate::model::inventory::provider::Inventory;

    pub(crate) fn provider(name: &str, root: &str, rows: &[(&str, u64, u64, f64, u64)]) -> (Id, Arc<Provider>) {
        let inventory = |total, reserved, allocation_ratio| Inventory {
            total,
            reserved,
            allocation_ratio,
            min_unit: 1,
            max_unit: total,
            step_size: 1,
        };
        let provider = Provider {
            name: Arc::from(name),
            generation: 1,
            parent: (name != root).then(|| Id::new(root)),
            root: Id::new(root),
            inventories: rows.iter().map(|r| (Arc::from(r.0), inventory(r.1, r.2, r.3))).collect(),
            usages: rows.iter().map(|r| (Arc::from(r.0), r.4)).collect(),
            traits: Default::default(),
            aggregates: Default::default(),
            allocations: Vec::new(),
        };
        (Id::new(name), Arc::new(provider))
    }

    pub(crate) fn hypervisor(name: &str, zone: &str, aggregates: &[&str], state: &str, status: &str) -> Hypervisor {
        Hypervisor {
            name: Arc::from(name),
            uuid: None,
            service_host: Arc::from(name),
            zone: Arc::from(zone),
            aggregates: aggregates.iter().map(|name| Arc::from(*name)).collect(),
            state: Arc::from(state),
            status: Arc::from(status),
            host_ip: None,
            cpu_model: None,
        }
    }

    fn cloud() -> (Providers, Hypervisors) {
        let providers = [
            provider("a", "a", &[("VCPU", 18, 2, 4.0, 10), ("MEMORY_MB", 1024, 0, 1.0, 256)]),
            provider("a_gpu", "a", &[("VGPU", 4, 0, 1.0, 1), ("CUSTOM_FPGA", 2, 0, 1.0, 0)]),
            provider("b", "b", &[("VCPU", 8, 0, 4.0, 20)]),
            provider("off", "off", &[("VCPU", 100, 0, 1.0, 7)]),
            provider("dead", "dead", &[("VCPU", 100, 0, 1.0, 7)]),
            provider("orphan", "orphan", &[("VCPU", 100, 0, 1.0, 7)]),
        ];
        let hypervisors = vec![
            hypervisor("a", "az1", &["ssd", "gpu"], "up", "enabled"),
            hypervisor("b", "az1", &["ssd"], "up", "enabled"),
            hypervisor("off", "az1", &[], "up", "disabled"),
            hypervisor("dead", "az1", &[], "down", "disabled"),
        ];
        (Providers(providers.into()), Hypervisors(hypervisors))
    }

    fn of(figures: &Figures, scope: Scope, entity: &str, class: &str) -> Option<Figure> {
        let key = (Place { scope, entity: Arc::from(entity) }, Resource::of_class(class).0);
        figures.amounts.get(&key).copied()
    }

    #[test]
    fn trees_are_added_up_by_place_without_unusable_hosts() {
        let (providers, hypervisors) = cloud();
        let found = figures(&Arc::from("c"), &providers, Some(&hypervisors), &Settings::default());
        let vcpu = |scope, entity| of(&found, scope, entity, "VCPU");
        assert_eq!(vcpu(Scope::Hypervisor, "a"), Some(Figure { usable: 64.0, used: 10.0 }));
        for (scope, entity) in [(Scope::Cloud, "c"), (Scope::Az, "az1"), (Scope::Aggregate, "ssd")] {
            assert_eq!(vcpu(scope, entity), Some(Figure { usable: 96.0, used: 30.0 }), "{entity}");
        }
        assert_eq!(vcpu(Scope::Aggregate, "gpu"), Some(Figure { usable: 64.0, used: 10.0 }));
        assert_eq!(vcpu(Scope::Hypervisor, "off"), Some(Figure { usable: 0.0, used: 7.0 }));
        assert_eq!(vcpu(Scope::Hypervisor, "off").unwrap().utilization(), None);
        assert_eq!(vcpu(Scope::Hypervisor, "orphan"), None);
        let memory = of(&found, Scope::Hypervisor, "a", "MEMORY_MB").unwrap();
        assert_eq!((memory.usable, memory.free()), (1024.0 * 1_048_576.0, 768.0 * 1_048_576.0));
        assert_eq!(of(&found, Scope::Cloud, "c", "VGPU"), Some(Figure { usable: 4.0, used: 1.0 }));
        assert_eq!(of(&found, Scope::Cloud, "c", "CUSTOM_FPGA"), Some(Figure { usable: 2.0, used: 0.0 }));
        let place = Place { scope: Scope::Az, entity: Arc::from("az1") };
        assert_eq!(found.hosts[&place], HostCounts { available: 2, disabled: 1, down: 1 });
    }

    #[test]
    fn reserve_and_buffer_are_not_usable() {
        let (providers, hypervisors) = cloud();
        let settings = Settings { failure_reserve_hosts: 1, buffer_ratio: 0.5 };
        let found = figures(&Arc::from("c"), &providers, Some(&hypervisors), &settings);
        // Half of 64 and of 32, less the larger of the two.
        assert_eq!(of(&found, Scope::Cloud, "c", "VCPU"), Some(Figure { usable: 16.0, used: 30.0 }));
        // A single host has no reserve of its own.
        assert_eq!(of(&found, Scope::Hypervisor, "a", "VCPU"), Some(Figure { usable: 32.0, used: 10.0 }));
        let few = Settings { failure_reserve_hosts: 9, buffer_ratio: 0.0 };
        let found = figures(&Arc::from("c"), &providers, Some(&hypervisors), &few);
        let all = of(&found, Scope::Cloud, "c", "VCPU").unwrap();
        assert_eq!((all.usable, all.free(), all.utilization()), (0.0, 0.0, None));
    }

    #[test]
    fn without_nova_every_root_is_a_host_and_a_shared_disk_belongs_to_the_cloud() {
        let (mut providers, _) = cloud();
        let (id, shared) = provider("nfs", "nfs", &[("DISK_GB", 10, 0, 1.0, 4)]);
        let mut shared = Provider::clone(&shared);
        shared.traits.insert(Arc::from(SHARING));
        providers.0.insert(id, Arc::new(shared));
        let found = figures(&Arc::from("c"), &providers, None, &Settings::default());
        assert_eq!(of(&found, Scope::Cloud, "c", "VCPU").unwrap().used, 51.0);
        assert_eq!(of(&found, Scope::Cloud, "c", "DISK_GB").unwrap().free(), 6.0 * 1_073_741_824.0);
        assert_eq!(of(&found, Scope::Hypervisor, "nfs", "DISK_GB"), None);
        assert_eq!(of(&found, Scope::Az, "az1", "VCPU"), None);
    }
}
