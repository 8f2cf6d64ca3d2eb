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

#[derive(Deserialize)]
pub(super) struct Usages {
    usages: BTreeMap<String, u64>,
}

#[derive(Default, Deserialize)]
pub(super) struct Traits {
    traits: Vec<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Aggregates {
    aggregates: BTreeSet<Id>,
}

#[derive(Deserialize)]
pub(super) struct Allocations {
    allocations: BTreeMap<String, Resources>,
}

#[derive(Deserialize)]
struct Resources {
    resources: BTreeMap<String, u64>,
}

/// What one provider holds and lends.
pub(super) struct Holdings {
    pub(super) usages: Usages,
    pub(super) allocations: Allocations,
}

/// What one provider has and is.
pub(super) struct Properties {
    pub(super) inventories: Inventories,
    pub(super) traits: Traits,
    pub(super) aggregates: Aggregates,
}

impl Listing {
    /// A provider's row. Without news of its properties those `before` stay.
    pub(super) fn provider(
        &self,
        properties: Option<Properties>,
        holdings: Holdings,
        before: Option<&Provider>,
        interner: &mut Interner,
    ) -> Provider {
        let (inventories, traits, aggregates) = match (properties, before) {
            (Some(properties), _) => properties.rows(interner),
            (None, Some(before)) => (before.inventories.clone(), before.traits.clone(), before.aggregates.clone()),
            (None, None) => Default::default(),
        };
        let mut allocations = Vec::new();
        for (consumer, resources) in &holdings.allocations.allocations {
            let consumer = Id::new(consumer);
            allocations.extend(resources.resources.iter().map(|(class, amount)| Allocation {
                consumer: consumer.clone(),
                class: interner.intern(class),
                amount: *amount,
            }));
        }
        Provider {
            name: interner.intern(&self.name),
            generation: self.generation,
            parent: self.parent.clone(),
            root: self.root.clone().unwrap_or_else(|| self.uuid.clone()),
            inventories,
            usages: holdings.usages.usages.iter().map(|(class, used)| (interner.intern(class), *used)).collect(),
            traits,
            aggregates,
            allocations,
        }
    }

    /// Whether the list says of it what the row says.
    pub(super) fn agrees(&self, row: &Provider) -> bool {
        self.generation == row.generation
            && self.name == *row.name
            && self.parent == row.parent
            && self.root.as_ref().unwrap_or(&self.uuid) == &row.root
    }
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
