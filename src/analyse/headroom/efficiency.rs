//! Efficiency: measured demand over what was allocated, of hypervisors whose demand is measured. Of others there is none.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::emit::EFFICIENCY;
use crate::analyse::capacity::Resource;
use crate::model::inventory::provider::Providers;
use crate::model::part::{Origin, PartBuilder};
use crate::model::signal::{Basis, Scope, SeriesKey};

/// Puts the ratio of every measured hypervisor: demand is a share of what is installed, allocation an amount.
pub(super) fn emit(part: &mut PartBuilder, origin: &Origin, providers: &Providers, readings: &[(Arc<SeriesKey>, f64)]) {
    let measured = readings
        .iter()
        .filter(|(key, _)| key.origin == *origin && key.scope == Scope::Hypervisor && key.basis == Some(Basis::Demand));
    for (key, demand) in measured {
        let (installed, allocated) = amounts(providers, &key.entity).remove(&*key.resource).unwrap_or_default();
        if allocated > 0.0 {
            part.put(&EFFICIENCY, [key.scope.as_str(), &key.entity, &key.resource], demand * installed / allocated);
        }
    }
}

/// Installed and allocated amounts of a host's tree, by resource. CPUs are one resource here: a measured CPU does not
/// tell whose it was.
fn amounts(providers: &Providers, host: &str) -> BTreeMap<String, (f64, f64)> {
    let root = providers.0.iter().find(|(id, provider)| **id == provider.root && *provider.name == *host);
    let tree = providers.0.values().filter(|provider| root.is_some_and(|(id, _)| provider.root == *id));
    let mut amounts: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for provider in tree {
        for (class, inventory) in &provider.inventories {
            let name = match Resource::of_class(class).0 {
                Resource::Pcpu => Resource::Vcpu.as_str().to_owned(),
                other => other.as_str().to_owned(),
            };
            let sum = amounts.entry(name).or_default();
            sum.0 += inventory.total as f64;
            sum.1 += provider.usages.get(class).copied().unwrap_or(0) as f64;
        }
    }
    amounts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::capacity::tests::provider;
    use crate::model::clock::Timestamp;
    use crate::model::part::PartKey;

    #[test]
    fn demand_is_compared_with_what_was_allocated() {
        let rows = [("VCPU", 16, 0, 4.0, 32), ("PCPU", 16, 0, 1.0, 8), ("MEMORY_MB", 1000, 0, 1.0, 0)];
        let providers = Providers([provider("a", "a", &rows)].into());
        let origin = Origin::new("c", "r");
        let reading = |resource: &str, basis| {
            let key = SeriesKey {
                signal: Arc::from("utilization"),
                origin: origin.clone(),
                scope: Scope::Hypervisor,
                entity: Arc::from("a"),
                resource: Arc::from(resource),
                basis: Some(basis),
            };
            (Arc::new(key), 0.25)
        };
        let readings =
            [reading("vcpu", Basis::Demand), reading("vcpu", Basis::Allocation), reading("memory", Basis::Demand)];
        let mut part = PartBuilder::new();
        emit(&mut part, &origin, &providers, &readings);
        let key = PartKey { group: "test", origin, source: "test".into() };
        let (part, _) = part.seal(key, Timestamp::default(), 10);
        let values: Vec<f64> = part.families[0].samples().map(|sample| sample.number()).collect();
        assert_eq!(values, [0.2], "8 of 40 CPUs; of memory nothing is allocated");
    }
}
