//! Placement's answers about one provider.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::provider::{Allocation, Inventory, Provider};

/// An item of the list of providers.
#[derive(Clone, Deserialize)]
pub(super) struct Listing {
    pub(super) uuid: Id,
    pub(super) name: String,
    pub(super) generation: u64,
    /// From 1.14 on.
    #[serde(default, rename = "parent_provider_uuid")]
    parent: Option<Id>,
    /// From 1.14 on; before, there are no trees.
    #[serde(default, rename = "root_provider_uuid")]
    root: Option<Id>,
}

#[derive(Deserialize)]
pub(super) struct Inventories {
    inventories: BTreeMap<String, InventoryItem>,
}

#[derive(Deserialize)]
struct InventoryItem {
    total: u64,
    #[serde(default)]
    reserved: u64,
    #[serde(default = "one")]
    allocation_ratio: f64,
    #[serde(default = "one_unit")]
    min_unit: u64,
    #[serde(default)]
    max_unit: u64,
    #[serde(default = "one_unit")]
    step_size: u64,
}

fn one() -> f64 {
    1.0
}

fn one_unit() -> u64 {
    1
}

#[derive(Default, Deserialize)]
pub(super) struct Traits {
    traits: Vec<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Aggregates {
    aggregates: BTreeSet<Id>,
}

/// What a provider lends, and at which of its generations.
#[derive(Deserialize)]
pub(super) struct Allocations {
    allocations: BTreeMap<Id, Resources>,
    /// None would be a Placement older than any in use; then the list's holds.
    resource_provider_generation: Option<u64>,
}

#[derive(Deserialize)]
struct Resources {
    resources: BTreeMap<String, u64>,
}

/// What one provider has and is.
pub(super) struct Properties {
    pub(super) inventories: Inventories,
    pub(super) traits: Traits,
    pub(super) aggregates: Aggregates,
}

impl Allocations {
    /// Whether the new and changed allocations alone account for the generations since the row was read, so that the
    /// provider's properties are those of the row. Placement counts one generation for each consumer that is given
    /// something anew (two that come in one request count once, which only makes the answer a cautious no), and none
    /// for one that is deleted.
    pub(super) fn explain(&self, listed: u64, row: &Provider) -> bool {
        let mut held: BTreeMap<&Id, BTreeMap<&str, u64>> = BTreeMap::new();
        for allocation in &row.allocations {
            held.entry(&allocation.consumer).or_default().insert(&allocation.class, allocation.amount);
        }
        let news = self.allocations.iter().filter(|(consumer, now)| {
            held.get(consumer).is_none_or(|held| {
                held.len() != now.resources.len()
                    || held.iter().any(|(class, amount)| now.resources.get(*class) != Some(amount))
            })
        });
        self.generation(listed).checked_sub(row.generation) == Some(news.count() as u64)
    }

    fn generation(&self, listed: u64) -> u64 {
        self.resource_provider_generation.unwrap_or(listed)
    }
}

impl Listing {
    /// A provider's row. Without news of its properties those `before` stay.
    pub(super) fn provider(
        &self,
        properties: Option<Properties>,
        held: &Allocations,
        before: Option<&Provider>,
        interner: &mut Interner,
    ) -> Provider {
        let (inventories, traits, aggregates) = match (properties, before) {
            (Some(properties), _) => properties.rows(interner),
            (None, Some(before)) => (before.inventories.clone(), before.traits.clone(), before.aggregates.clone()),
            (None, None) => Default::default(),
        };
        // What GET /usages would say: a sum for each class that there is an inventory of.
        let mut usages: BTreeMap<Arc<str>, u64> = inventories.keys().map(|class| (Arc::clone(class), 0)).collect();
        let mut allocations = Vec::new();
        for (consumer, resources) in &held.allocations {
            for (class, amount) in &resources.resources {
                let class = interner.intern(class);
                *usages.entry(Arc::clone(&class)).or_default() += amount;
                allocations.push(Allocation { consumer: consumer.clone(), class, amount: *amount });
            }
        }
        Provider {
            name: interner.intern(&self.name),
            generation: held.generation(self.generation),
            parent: self.parent.clone(),
            root: self.root.clone().unwrap_or_else(|| self.uuid.clone()),
            inventories,
            usages,
            traits,
            aggregates,
            allocations,
        }
    }

    /// What the list says otherwise than the row.
    pub(super) fn differs(&self, row: &Provider) -> Option<Difference> {
        if self.name != *row.name || self.parent != row.parent || self.root.as_ref().unwrap_or(&self.uuid) != &row.root
        {
            Some(Difference::Place)
        } else if self.generation != row.generation {
            Some(Difference::Generation)
        } else {
            None
        }
    }
}

/// How a provider in the list differs from its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Its name or its place in a tree.
    Place,
    /// Only its generation: something that it has or lends.
    Generation,
}

type PropertyRows = (BTreeMap<Arc<str>, Inventory>, BTreeSet<Arc<str>>, BTreeSet<Id>);

impl Properties {
    fn rows(self, interner: &mut Interner) -> PropertyRows {
        let inventories = self.inventories.inventories.iter().map(|(class, item)| {
            let inventory = Inventory {
                total: item.total,
                reserved: item.reserved,
                allocation_ratio: item.allocation_ratio,
                min_unit: item.min_unit,
                max_unit: item.max_unit,
                step_size: item.step_size,
            };
            (interner.intern(class), inventory)
        });
        let inventories = inventories.collect();
        let traits = self.traits.traits.iter().map(|name| interner.intern(name)).collect();
        (inventories, traits, self.aggregates.aggregates)
    }
}

#[cfg(test)]
impl Listing {
    pub(super) fn with_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }
}

#[cfg(test)]
impl Allocations {
    pub(super) fn at(&mut self, generation: u64) {
        self.resource_provider_generation = Some(generation);
    }
}
