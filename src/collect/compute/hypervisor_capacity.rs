//! Capacity of a hypervisor, from Nova's own figures or from Placement's.

use std::collections::HashMap;

use super::hypervisors::Item;
use crate::model::id::Id;
use crate::model::inventory::provider::Providers;

const MIB: f64 = 1024.0 * 1024.0;
const GIB: f64 = 1024.0 * MIB;

/// Capacity; what is not known is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Capacity {
    pub(super) vcpus: Option<f64>,
    pub(super) vcpus_used: Option<f64>,
    pub(super) memory_bytes: Option<f64>,
    pub(super) memory_used_bytes: Option<f64>,
    pub(super) disk_bytes: Option<f64>,
    pub(super) disk_used_bytes: Option<f64>,
    pub(super) disk_free_bytes: Option<f64>,
}

/// As Nova tells it up to 2.87.
pub(super) fn from_nova(item: &Item) -> Capacity {
    let times = |value: Option<f64>, unit: f64| value.map(|value| value * unit);
    Capacity {
        vcpus: item.cpu_info.threads.or(item.vcpus),
        vcpus_used: item.vcpus_used,
        memory_bytes: times(item.memory_mb, MIB),
        memory_used_bytes: times(item.memory_mb_used, MIB),
        disk_bytes: times(item.local_gb, GIB),
        disk_used_bytes: times(item.local_gb_used, GIB),
        disk_free_bytes: times(item.free_disk_gb, GIB),
    }
}

#[derive(Clone, Copy, Default)]
struct Sum {
    total: f64,
    used: f64,
}

#[derive(Default)]
struct Tree {
    cpus: Option<Sum>,
    memory_mib: Option<Sum>,
    disk_gib: Option<Sum>,
}

/// By hypervisor name, summed over each provider tree (a NUMA node or a disk may be a provider of its own).
///
/// As in Nova's own figures, what is reserved for the host counts as used.
pub(super) fn from_placement(providers: &Providers) -> HashMap<&str, Capacity> {
    let mut trees: HashMap<&Id, Tree> = HashMap::new();
    for provider in providers.0.values() {
        let tree = trees.entry(&provider.root).or_default();
        for (class, inventory) in &provider.inventories {
            let sum = match &**class {
                "VCPU" | "PCPU" => &mut tree.cpus,
                "MEMORY_MB" => &mut tree.memory_mib,
                "DISK_GB" => &mut tree.disk_gib,
                _ => continue,
            };
            let sum = sum.get_or_insert_default();
            sum.total += inventory.total as f64;
            sum.used += (provider.usages.get(class).copied().unwrap_or(0) + inventory.reserved) as f64;
        }
    }
    let roots = providers.0.iter().filter(|(id, provider)| **id == provider.root);
    roots.filter_map(|(id, provider)| Some((&*provider.name, capacity(trees.get(id)?)))).collect()
}

fn capacity(tree: &Tree) -> Capacity {
    let total = |sum: Option<Sum>, unit: f64| sum.map(|sum| sum.total * unit);
    let used = |sum: Option<Sum>, unit: f64| sum.map(|sum| sum.used * unit);
    Capacity {
        vcpus: total(tree.cpus, 1.0),
        vcpus_used: used(tree.cpus, 1.0),
        memory_bytes: total(tree.memory_mib, MIB),
        memory_used_bytes: used(tree.memory_mib, MIB),
        disk_bytes: total(tree.disk_gib, GIB),
        disk_used_bytes: used(tree.disk_gib, GIB),
        disk_free_bytes: tree.disk_gib.map(|sum| (sum.total - sum.used).max(0.0) * GIB),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::inventory::provider::{Inventory, Provider};

    fn provider(name: &str, root: &str, resources: &[(&str, u64, u64, u64)]) -> (Id, Arc<Provider>) {
        let inventory = |total, reserved| Inventory {
            total,
            reserved,
            allocation_ratio: 1.0,
            min_unit: 1,
            max_unit: total,
            step_size: 1,
        };
        let provider = Provider {
            name: Arc::from(name),
            generation: 1,
            parent: None,
            root: Id::new(root),
            inventories: resources.iter().map(|r| (Arc::from(r.0), inventory(r.1, r.2))).collect(),
            usages: resources.iter().map(|r| (Arc::from(r.0), r.3)).collect(),
            traits: Default::default(),
            aggregates: Default::default(),
            allocations: Vec::new(),
        };
        (Id::new(name), Arc::new(provider))
    }

    #[test]
    fn a_tree_is_summed_and_reserved_counts_as_used() {
        let providers = Providers(
            [
                provider("a", "a", &[("DISK_GB", 100, 10, 20), ("VGPU", 4, 0, 1)]),
                provider("a_numa0", "a", &[("VCPU", 16, 0, 3), ("MEMORY_MB", 1024, 512, 256)]),
                provider("a_numa1", "a", &[("PCPU", 8, 0, 8), ("MEMORY_MB", 1024, 0, 0)]),
                provider("b", "b", &[("VCPU", 4, 0, 0)]),
            ]
            .into(),
        );
        let found = from_placement(&providers);
        assert_eq!(found.len(), 2);
        let a = found["a"];
        assert_eq!((a.vcpus, a.vcpus_used), (Some(24.0), Some(11.0)));
        assert_eq!((a.memory_bytes, a.memory_used_bytes), (Some(2048.0 * MIB), Some(768.0 * MIB)));
        assert_eq!((a.disk_free_bytes, found["b"].disk_bytes), (Some(70.0 * GIB), None));
    }
}
