//! What one instance of a flavor asks of Placement: Nova's translation of sizes and extra specs, and which demands are
//! decided later, where Placement's figures do not show (NUMA, huge pages, PCI devices): those make headroom an upper bound.

use std::collections::{BTreeMap, BTreeSet};

use super::cpus::{Cpus, Threads};
use super::ground::Ground;
use crate::model::inventory::flavor::Flavor;

const MIB_PER_GIB: u32 = 1024;
/// Scope of extra specs that ask for metadata of aggregates.
const AGGREGATE_SCOPE: &str = "aggregate_instance_extra_specs";
/// CPUs whose cores have two threads.
const HYPERTHREADING: &str = "HW_CPU_HYPERTHREADING";

/// What one group of a request asks for: of one provider, if it has a suffix; of any of the tree, if it has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wish {
    /// Amounts by class, none of them 0.
    pub(super) amounts: Vec<(usize, u64)>,
    pub(super) required: Vec<usize>,
    pub(super) forbidden: Vec<usize>,
}

/// What one instance asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Demand {
    pub(super) plain: Wish,
    pub(super) granular: Vec<Wish>,
    /// No two granular groups of the same provider.
    pub(super) isolate: bool,
    /// Metadata that the host's aggregates must have.
    pub(super) metadata: Vec<(Box<str>, Box<str>)>,
    /// Traits that its root group requires, by name: what isolated aggregates look at.
    pub(super) required: BTreeSet<Box<str>>,
    /// What else decides.
    pub(super) caveats: BTreeSet<&'static str>,
}

impl Demand {
    /// Whether it asks for nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.plain.amounts.is_empty() && self.granular.iter().all(|wish| wish.amounts.is_empty())
    }

    /// Amounts by class, of all groups together.
    pub(super) fn totals(&self) -> BTreeMap<usize, u64> {
        let mut totals = BTreeMap::new();
        let all = self.granular.iter().chain([&self.plain]).flat_map(|wish| &wish.amounts);
        for (class, amount) in all {
            *totals.entry(*class).or_default() += amount;
        }
        totals
    }

    /// Only sizes, as servers remember them whose flavor has gone.
    pub(super) fn of_sizes(sizes: [(&str, u64); 3], ground: &mut Ground) -> Self {
        let amounts = sizes.into_iter().filter(|(_, amount)| *amount > 0);
        let amounts = amounts.map(|(class, amount)| (ground.classes.number(class), amount)).collect();
        Self { plain: Wish { amounts, ..Wish::default() }, ..Self::default() }
    }

    /// A flavor's; the root disk of a volume-backed instance takes nothing of the host.
    pub(super) fn of(flavor: &Flavor, volume_backed: bool, ground: &mut Ground) -> Self {
        let mut reading = Reading::default();
        for (key, value) in &flavor.extra_specs {
            reading.spec(key, value, ground);
        }
        reading.cpus(flavor);
        reading.sizes(flavor, volume_backed);
        reading.finish(ground)
    }
}

/// Groups under construction, by suffix (empty for the one without), with names.
#[derive(Default)]
struct Reading {
    groups: BTreeMap<Box<str>, Group>,
    /// `group_policy`, where it is given.
    policy: Option<Box<str>>,
    metadata: Vec<(Box<str>, Box<str>)>,
    caveats: BTreeSet<&'static str>,
}

#[derive(Default)]
struct Group {
    amounts: BTreeMap<Box<str>, u64>,
    required: BTreeSet<Box<str>>,
    forbidden: BTreeSet<Box<str>>,
}

impl Reading {
    fn plain(&mut self) -> &mut Group {
        self.groups.entry(Box::default()).or_default()
    }

    fn note(&mut self, caveat: &'static str) {
        self.caveats.insert(caveat);
    }

    fn require(&mut self, name: &str) {
        self.plain().required.insert(Box::from(name));
    }

    /// One extra spec.
    fn spec(&mut self, key: &str, value: &str, ground: &Ground) {
        let Some((scope, name)) = key.split_once(':') else {
            match key {
                "group_policy" => self.policy = Some(Box::from(value)),
                // Without a scope it is a capability of hosts or metadata of aggregates, as filters are configured.
                _ if ground.keys.contains(key) => self.metadata.push((Box::from(key), Box::from(value))),
                _ => self.note("compute_capabilities"),
            }
            return;
        };
        if let Some(suffix) = scope.strip_prefix("resources") {
            if let Ok(amount) = value.trim().parse() {
                self.groups.entry(Box::from(suffix)).or_default().amounts.insert(Box::from(name), amount);
            }
            return;
        }
        if let Some(suffix) = scope.strip_prefix("trait") {
            let group = self.groups.entry(Box::from(suffix)).or_default();
            match value {
                "required" => group.required.extend([Box::from(name)]),
                "forbidden" => group.forbidden.extend([Box::from(name)]),
                _ => {}
            }
            return;
        }
        match (scope, name) {
            (AGGREGATE_SCOPE, _) => self.metadata.push((Box::from(name), Box::from(value))),
            ("capabilities", _) => self.note("compute_capabilities"),
            ("pci_passthrough", "alias") => self.note("pci_alias"),
            ("accel", "device_profile") => self.note("accelerator"),
            ("hw", _) => self.hardware(name, value),
            _ => {}
        }
    }

    fn hardware(&mut self, name: &str, value: &str) {
        match name {
            "mem_page_size" if value != "small" => self.note("huge_pages"),
            "mem_page_size" | "numa_nodes" | "pci_numa_affinity_policy" => self.note("numa"),
            "mem_encryption" if is_true(value) => {
                self.plain().amounts.insert(Box::from("MEM_ENCRYPTION_CONTEXT"), 1);
            }
            "pmem" => {
                for label in value.split(',').map(str::trim).filter(|label| !label.is_empty()) {
                    let class = format!("CUSTOM_PMEM_NAMESPACE_{label}");
                    *self.plain().amounts.entry(Box::from(class)).or_default() += 1;
                }
            }
            "tpm_version" => match value {
                "1.2" => self.require("COMPUTE_SECURITY_TPM_1_2"),
                _ => self.require("COMPUTE_SECURITY_TPM_2_0"),
            },
            "virtio_packed_ring" if is_true(value) => self.require("COMPUTE_NET_VIRTIO_PACKED"),
            "ephemeral_encryption" if is_true(value) => self.require("COMPUTE_EPHEMERAL_ENCRYPTION"),
            _ if name.starts_with("numa_") => self.note("numa"),
            _ => {}
        }
    }

    /// CPUs of their own, where the flavor asks for any.
    fn cpus(&mut self, flavor: &Flavor) {
        let Some(cpus) = Cpus::of(flavor) else { return };
        // Whole cores are taken of one NUMA node, which Placement does not know.
        self.caveats.insert("cpu_pinning");
        let plain = self.plain();
        plain.amounts.entry(Box::from("PCPU")).or_insert(cpus.dedicated);
        plain.amounts.entry(Box::from("VCPU")).or_insert(cpus.shared);
        match cpus.threads {
            Threads::Isolate => plain.forbidden.extend([Box::from(HYPERTHREADING)]),
            Threads::Require => plain.required.extend([Box::from(HYPERTHREADING)]),
            Threads::Any => {}
        }
    }

    /// The flavor's own sizes, for classes that no extra spec speaks of.
    fn sizes(&mut self, flavor: &Flavor, volume_backed: bool) {
        let root = if volume_backed { 0 } else { flavor.disk_gib };
        let disk = u64::from(root) + u64::from(flavor.ephemeral_gib) + u64::from(flavor.swap_mib.div_ceil(MIB_PER_GIB));
        let sizes = [("VCPU", flavor.vcpus.into()), ("MEMORY_MB", flavor.memory_mib.into()), ("DISK_GB", disk)];
        for (class, amount) in sizes {
            if !self.groups.values().any(|group| group.amounts.contains_key(class)) {
                self.plain().amounts.insert(Box::from(class), amount);
            }
        }
    }

    fn finish(self, ground: &mut Ground) -> Demand {
        let mut demand = Demand {
            isolate: self.policy.as_deref() == Some("isolate"),
            metadata: self.metadata,
            caveats: self.caveats,
            ..Demand::default()
        };
        for (suffix, group) in self.groups {
            let amounts = group.amounts.iter().filter(|(_, amount)| **amount > 0);
            let wish = Wish {
                amounts: amounts.map(|(class, amount)| (ground.classes.number(class), *amount)).collect(),
                required: group.required.iter().map(|name| ground.traits.number(name)).collect(),
                forbidden: group.forbidden.iter().map(|name| ground.traits.number(name)).collect(),
            };
            if suffix.is_empty() {
                demand.required = group.required;
                demand.plain = wish;
            } else if !wish.amounts.is_empty() {
                demand.granular.push(wish);
            } else if !wish.required.is_empty() {
                // Placement looks for a provider that has the traits and gives nothing; rare, and told so.
                demand.caveats.insert("traits_without_resources");
            }
        }
        if demand.granular.len() > 1 && self.policy.is_none() {
            // Placement refuses such a request.
            demand.caveats.insert("group_policy_missing");
        }
        demand
    }
}

/// oslo.utils' idea of yes.
fn is_true(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "1" | "t" | "true" | "on" | "y" | "yes")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A flavor of 4 vCPUs, 8 GiB, a disk of 40 GiB, with swap and an ephemeral disk.
    fn flavor(specs: &[(&str, &str)]) -> Flavor {
        Flavor {
            id: Arc::from("1"),
            name: Arc::from("f"),
            vcpus: 4,
            memory_mib: 8192,
            disk_gib: 40,
            ephemeral_gib: 10,
            swap_mib: 512,
            is_public: true,
            extra_specs: specs.iter().map(|(key, value)| (Box::from(*key), Box::from(*value))).collect(),
        }
    }

    /// Each group as text: amounts, required and forbidden traits.
    fn told(specs: &[(&str, &str)], volume_backed: bool) -> (Vec<String>, Demand) {
        let mut ground = Ground::default();
        ground.keys.insert(Box::from("ssd"));
        let demand = Demand::of(&flavor(specs), volume_backed, &mut ground);
        let text = |wish: &Wish| {
            let mut words: Vec<String> =
                wish.amounts.iter().map(|(class, n)| format!("{}:{n}", ground.classes.name(*class))).collect();
            words.extend(wish.required.iter().map(|name| ground.traits.name(*name).to_string()));
            words.extend(wish.forbidden.iter().map(|name| format!("!{}", ground.traits.name(*name))));
            words.join(" ")
        };
        ([&demand.plain].into_iter().chain(&demand.granular).map(text).collect(), demand)
    }

    #[test]
    fn sizes_and_extra_specs_become_groups() {
        let plain = |specs: &[(&str, &str)]| told(specs, false).0.remove(0);
        assert_eq!(plain(&[]), "DISK_GB:51 MEMORY_MB:8192 VCPU:4");
        assert_eq!(told(&[], true).0, ["DISK_GB:11 MEMORY_MB:8192 VCPU:4"]);
        assert_eq!(
            plain(&[("resources:VCPU", "0"), ("resources:CUSTOM_X", "1")]),
            "CUSTOM_X:1 DISK_GB:51 MEMORY_MB:8192"
        );
        assert_eq!(
            plain(&[("trait:HW_A", "required"), ("trait:HW_B", "forbidden"), ("trait:HW_C", "maybe")]),
            "DISK_GB:51 MEMORY_MB:8192 VCPU:4 HW_A !HW_B"
        );
        assert_eq!(plain(&[("resources:VGPU", "x"), ("quota:cpu_shares", "5")]), "DISK_GB:51 MEMORY_MB:8192 VCPU:4");
        let specs = [
            ("resources1:VGPU", "1"),
            ("trait1:CUSTOM_RED", "required"),
            ("resources_B:VGPU", "2"),
            ("resources_C:DISK_GB", "0"),
            ("group_policy", "isolate"),
        ];
        let (groups, demand) = told(&specs, false);
        assert_eq!(groups, ["MEMORY_MB:8192 VCPU:4", "VGPU:1 CUSTOM_RED", "VGPU:2"], "any mention replaces a size");
        assert!(demand.isolate && demand.caveats.is_empty());
    }

    #[test]
    fn cpus_of_ones_own_are_another_class_and_an_upper_bound() {
        let (groups, demand) = told(&[("hw:cpu_policy", "dedicated"), ("hw:cpu_thread_policy", "isolate")], false);
        assert_eq!(groups, ["DISK_GB:51 MEMORY_MB:8192 PCPU:4 !HW_CPU_HYPERTHREADING"]);
        assert_eq!(demand.caveats, ["cpu_pinning"].into());
        let isolated = [("hw:cpu_policy", "dedicated"), ("hw:emulator_threads_policy", "isolate")];
        assert!(told(&isolated, false).0[0].contains("PCPU:5"));
        let mixed = [("hw:cpu_policy", "mixed"), ("hw:cpu_dedicated_mask", "2-3")];
        assert!(told(&mixed, false).0[0].ends_with("PCPU:2 VCPU:2"));
        assert_eq!(told(&[("hw:cpu_policy", "shared")], false).1.caveats, BTreeSet::new());
    }

    #[test]
    fn what_placement_does_not_count_is_said() {
        for (key, value, caveat) in [
            ("hw:mem_page_size", "large", "huge_pages"),
            ("hw:mem_page_size", "small", "numa"),
            ("hw:numa_nodes", "2", "numa"),
            ("hw:numa_cpus.0", "0,1", "numa"),
            ("pci_passthrough:alias", "a100:1", "pci_alias"),
            ("accel:device_profile", "fpga", "accelerator"),
            ("capabilities:vendor", "x", "compute_capabilities"),
            ("unscoped", "x", "compute_capabilities"),
            ("trait_Z:HW_A", "required", "traits_without_resources"),
        ] {
            assert_eq!(told(&[(key, value)], false).1.caveats, [caveat].into(), "{key}");
        }
        let asked = told(&[("ssd", "true"), ("aggregate_instance_extra_specs:rack", "b")], false).1.metadata;
        assert_eq!(asked, [("rack".into(), "b".into()), ("ssd".into(), "true".into())]);
    }
}
