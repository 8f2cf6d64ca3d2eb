//! Trees of resource providers and their traits.
//!
//! A compute node has some hundred traits, mostly those of its CPU and driver, and its fellows have the same: they are
//! counted by trait. Only what tells providers apart by decision (custom traits, and `COMPUTE_STATUS_DISABLED`, by which
//! the scheduler passes a host over) has a series per provider.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::inventory::provider::{Provider, Providers};
use crate::model::metric::Descriptor;
use crate::model::part::{Family, Part, PartBuilder};

crate::metrics! {
    /// A resource provider with the names of its parent (empty for a root) and of the root of its tree, always 1.
    PROVIDER_INFO = gauge "openstack_placement_resource_provider_info" [hostname parent root], Info, "GET /resource_providers at 1.14";
    /// A custom trait, or COMPUTE_STATUS_DISABLED, of a resource provider, always 1.
    TRAIT_INFO = gauge "openstack_placement_resource_provider_trait_info" [hostname trait], Info, "GET /resource_providers/{uuid}/traits";
    /// Resource providers that have a trait.
    TRAIT_PROVIDERS = gauge "openstack_placement_trait_resource_providers" [trait], Count, "GET /resource_providers/{uuid}/traits";
}

fn tells_apart(name: &str) -> bool {
    name.starts_with("CUSTOM_") || name == "COMPUTE_STATUS_DISABLED"
}

/// Whether a provider's samples are the same.
pub(super) fn are_alike(before: &Provider, now: &Provider) -> bool {
    let all = |row: &Provider| (row.name.clone(), row.parent.clone(), row.root.clone());
    all(before) == all(now) && before.traits == now.traits
}

/// The families of a part, if they are whole. Few clouds have traits that tell providers apart.
fn all_in_order(part: &Part) -> Option<Vec<&Family>> {
    let is_there = |row: &Descriptor| part.families.iter().any(|family| family.descriptor().name == row.name);
    let rows = METRICS.iter().filter(|row| row.name != TRAIT_INFO.descriptor.name || is_there(row));
    rows.map(|row| part.in_order(row)).collect()
}

/// Puts the samples of these providers, or, where nothing has changed since, those of the `earlier` part.
pub(super) fn emit(rows: &[&Provider], providers: &Providers, earlier: Option<&Part>, part: &mut PartBuilder) {
    if let Some(families) = earlier.and_then(all_in_order) {
        return families.into_iter().for_each(|family| part.amend(family, &BTreeSet::new()));
    }
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for provider in rows {
        // A provider that these credentials are not shown has no name here.
        let name = |id| providers.0.get(id).map_or("", |provider| &*provider.name);
        let parent = provider.parent.as_ref().map_or("", name);
        part.put(&PROVIDER_INFO, [&provider.name, parent, name(&provider.root)], 1.0);
        for held in &provider.traits {
            *counts.entry(held).or_default() += 1;
            if tells_apart(held) {
                part.put(&TRAIT_INFO, [&provider.name, held], 1.0);
            }
        }
    }
    for (name, count) in counts {
        part.put(&TRAIT_PROVIDERS, [name], f64::from(count));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::collect::sealed::{rows, seal};
    use crate::model::id::Id;

    fn provider(name: &str, parent: Option<&str>, traits: &[&str]) -> (Id, Arc<Provider>) {
        let row = Provider {
            name: Arc::from(name),
            generation: 1,
            parent: parent.map(Id::new),
            root: Id::new(parent.unwrap_or(name)),
            inventories: Default::default(),
            usages: Default::default(),
            traits: traits.iter().map(|name| Arc::from(*name)).collect(),
            aggregates: Default::default(),
            allocations: Vec::new(),
        };
        (Id::new(name), Arc::new(row))
    }

    #[test]
    fn children_name_their_parents_and_shared_traits_are_counted() {
        let providers = Providers(
            [
                provider("h1", None, &["COMPUTE_NODE", "CUSTOM_SSD", "COMPUTE_STATUS_DISABLED"]),
                provider("h1_gpu", Some("h1"), &["CUSTOM_GPU"]),
                provider("h2", None, &["COMPUTE_NODE"]),
            ]
            .into(),
        );
        let mut part = PartBuilder::new();
        let all: Vec<&Provider> = providers.0.values().map(|row| &**row).collect();
        emit(&all, &providers, None, &mut part);
        let part = seal(part);
        let names = |metric| rows(&part, metric).into_iter().map(|(labels, _)| labels).collect::<Vec<_>>();
        assert_eq!(names(&PROVIDER_INFO), ["h1||h1", "h1_gpu|h1|h1", "h2||h2"]);
        let labels: Vec<String> = rows(&part, &TRAIT_INFO).into_iter().map(|(labels, _)| labels).collect();
        assert_eq!(labels, ["h1|COMPUTE_STATUS_DISABLED", "h1|CUSTOM_SSD", "h1_gpu|CUSTOM_GPU"]);
        assert!(rows(&part, &TRAIT_PROVIDERS).contains(&("COMPUTE_NODE".to_owned(), 2.0)));
    }
}
