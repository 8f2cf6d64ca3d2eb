//! The hosts of a region as Placement's scheduler sees them: provider trees with what is free, shared pools, places.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::aggregates::Metadata;
use super::names::{Names, Set};
use crate::analyse::capacity::SHARING;
use crate::model::id::Id;
use crate::model::inventory::aggregate::{Aggregate, Aggregates};
use crate::model::inventory::hypervisor::{Hypervisor, Hypervisors};
use crate::model::inventory::provider::{Inventory, Provider, Providers};

/// What Nova puts on the provider of a host whose service is disabled.
const DISABLED: &str = "COMPUTE_STATUS_DISABLED";

/// What a provider has of one resource class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lot {
    pub(super) class: usize,
    /// (total - reserved) x allocation ratio, whole units.
    pub(super) usable: u64,
    /// Usable and not allocated.
    pub(super) free: u64,
    min_unit: u64,
    max_unit: u64,
    step_size: u64,
}

impl Lot {
    pub(super) fn of(class: usize, inventory: &Inventory, used: u64) -> Self {
        let installed = inventory.total.saturating_sub(inventory.reserved) as f64;
        // Placement cuts the fraction off, too.
        let usable = (installed * inventory.allocation_ratio) as u64;
        Self {
            class,
            usable,
            free: usable.saturating_sub(used),
            min_unit: inventory.min_unit,
            max_unit: inventory.max_unit,
            step_size: inventory.step_size.max(1),
        }
    }

    /// Whether an allocation may have this size at all.
    pub(super) fn admits(&self, amount: u64) -> bool {
        (self.min_unit..=self.max_unit).contains(&amount) && amount.is_multiple_of(self.step_size)
    }

    /// Whether it has room for what several parts of one instance take together.
    pub(super) fn gives(&self, amount: u64) -> bool {
        amount <= self.free.min(self.max_unit)
    }

    /// How many allocations of this size still fit.
    pub(super) fn fits(&self, amount: u64) -> u64 {
        if amount > 0 && self.admits(amount) { self.free / amount } else { 0 }
    }
}

/// A resource provider.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node {
    pub(super) lots: Vec<Lot>,
    pub(super) traits: Set,
}

impl Node {
    pub(super) fn lot(&self, class: usize) -> Option<&Lot> {
        self.lots.iter().find(|lot| lot.class == class)
    }

    /// Takes an amount away.
    pub(super) fn take(&mut self, class: usize, amount: u64) {
        if let Some(lot) = self.lots.iter_mut().find(|lot| lot.class == class) {
            lot.free = lot.free.saturating_sub(amount);
        }
    }
}

/// A hypervisor.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) name: Arc<str>,
    pub(super) zone: Arc<str>,
    pub(super) aggregates: Vec<Arc<str>>,
    /// Up and enabled.
    pub(super) available: bool,
    /// The providers of its tree, the root first.
    pub(super) nodes: Vec<Node>,
    /// Pools that it may use, by their place in [`Ground::pools`].
    pub(super) shared: Vec<usize>,
    /// What its aggregates say.
    pub(super) metadata: Arc<Metadata>,
}

/// All hosts of a region, and the pools that several of them share.
#[derive(Clone, Debug, Default)]
pub(super) struct Ground {
    pub(super) classes: Names,
    pub(super) traits: Names,
    pub(super) hosts: Vec<Host>,
    pub(super) pools: Vec<Node>,
    /// Keys of metadata that any aggregate has.
    pub(super) keys: BTreeSet<Box<str>>,
}

impl Ground {
    /// Hosts without a provider are left out: nothing can be put on them.
    pub(super) fn new(providers: &Providers, hypervisors: &Hypervisors, aggregates: Option<&Aggregates>) -> Self {
        let mut ground = Self::default();
        let mut roots: HashMap<&str, &Id> = HashMap::new();
        let mut trees: HashMap<&Id, Vec<&Provider>> = HashMap::new();
        let mut sharing: Vec<BTreeSet<&Id>> = Vec::new();
        for (id, provider) in &providers.0 {
            if provider.traits.contains(SHARING) {
                let pool = ground.node(provider);
                ground.pools.push(pool);
                sharing.push(provider.aggregates.iter().collect());
                continue;
            }
            let tree = trees.entry(&provider.root).or_default();
            if *id == provider.root {
                roots.insert(&provider.name, id);
                tree.insert(0, provider);
            } else {
                tree.push(provider);
            }
        }
        let mut told = ByHost::new(aggregates);
        ground.keys = told.keys();
        for hypervisor in &hypervisors.0 {
            let Some(tree) = roots.get(&*hypervisor.name).and_then(|root| trees.get(*root)) else { continue };
            let member_of: BTreeSet<&Id> = tree.iter().flat_map(|provider| &provider.aggregates).collect();
            let shared = sharing.iter().enumerate().filter(|(_, of)| !of.is_disjoint(&member_of));
            let host = Host {
                name: Arc::clone(&hypervisor.name),
                zone: Arc::clone(&hypervisor.zone),
                aggregates: hypervisor.aggregates.clone(),
                available: available(hypervisor) && !tree.iter().take(1).any(|root| root.traits.contains(DISABLED)),
                shared: shared.map(|(place, _)| place).collect(),
                nodes: tree.iter().map(|provider| ground.node(provider)).collect(),
                metadata: told.metadata(&hypervisor.service_host),
            };
            ground.hosts.push(host);
        }
        ground
    }

    fn node(&mut self, provider: &Provider) -> Node {
        let mut node = Node::default();
        for (class, inventory) in &provider.inventories {
            let used = provider.usages.get(class).copied().unwrap_or(0);
            node.lots.push(Lot::of(self.classes.number(class), inventory, used));
        }
        for name in &provider.traits {
            node.traits.insert(self.traits.number(name));
        }
        node
    }
}

/// Whether Nova says that it is up and enabled.
pub(super) fn available(hypervisor: &Hypervisor) -> bool {
    &*hypervisor.state == "up" && &*hypervisor.status == "enabled"
}

/// Metadata of aggregates by service host; made once for all hosts of the same aggregates.
struct ByHost<'a> {
    aggregates: HashMap<&'a str, Vec<usize>>,
    all: &'a [Aggregate],
    made: BTreeMap<Vec<usize>, Arc<Metadata>>,
}

impl<'a> ByHost<'a> {
    fn new(aggregates: Option<&'a Aggregates>) -> Self {
        let all: &[Aggregate] = aggregates.map(|table| &*table.0).unwrap_or_default();
        let mut by_host: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, aggregate) in all.iter().enumerate() {
            for host in &aggregate.hosts {
                by_host.entry(host).or_default().push(place);
            }
        }
        Self { aggregates: by_host, all, made: BTreeMap::new() }
    }

    fn keys(&self) -> BTreeSet<Box<str>> {
        self.all.iter().flat_map(|aggregate| aggregate.metadata.keys().cloned()).collect()
    }

    fn metadata(&mut self, service_host: &str) -> Arc<Metadata> {
        let places = self.aggregates.get(service_host).cloned().unwrap_or_default();
        let all = self.all;
        let make = |places: &Vec<usize>| {
            let of_host = places.iter().filter_map(|place| all.get(*place));
            Arc::new(Metadata::of(of_host.map(|aggregate| &aggregate.metadata)))
        };
        let made = make(&places);
        Arc::clone(self.made.entry(places).or_insert(made))
    }
}
