//! Placement's resource providers with their inventories and usages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::id::Id;

/// An inventory of one resource class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inventory {
    /// Total, in the class's unit.
    pub total: u64,
    /// Reserved for the host.
    pub reserved: u64,
    /// Overcommit factor.
    pub allocation_ratio: f64,
    /// Least amount of one allocation.
    pub min_unit: u64,
    /// Greatest amount of one allocation.
    pub max_unit: u64,
    /// Amounts are multiples of this.
    pub step_size: u64,
}

/// A resource provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Name: a hypervisor's host name for the root of its tree.
    pub name: Arc<str>,
    /// Counts up with every change of inventories, traits, aggregates or allocations.
    pub generation: u64,
    /// Parent in its tree.
    pub parent: Option<Id>,
    /// Root of its tree (itself for a root).
    pub root: Id,
    /// By resource class.
    pub inventories: BTreeMap<Arc<str>, Inventory>,
    /// Used amount by resource class.
    pub usages: BTreeMap<Arc<str>, u64>,
    /// Traits.
    pub traits: BTreeSet<Arc<str>>,
    /// Placement aggregates.
    pub aggregates: BTreeSet<Id>,
    /// Amounts by consumer and resource class.
    pub allocations: Vec<Allocation>,
}

/// What a consumer (mostly an instance) holds of a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// Consumer, an instance's id.
    pub consumer: Id,
    /// Resource class.
    pub class: Arc<str>,
    /// Amount.
    pub amount: u64,
}

/// All providers by UUID.
#[derive(Clone, Debug, Default)]
pub struct Providers(pub BTreeMap<Id, Arc<Provider>>);
