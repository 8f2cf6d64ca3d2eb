//! Commitments: what projects were promised by their quotas and do not use yet, against what there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::analyse::capacity::{Figure, Figures, Place, Resource};
use crate::model::headroom::{Commitment, Commitments, Promised};
use crate::model::inventory::project::Projects;
use crate::model::inventory::quota::{ComputeQuota, ComputeQuotas, Quota};
use crate::model::signal::Scope;

const MIB: f64 = 1024.0 * 1024.0;

/// A resource that quotas limit: with the quota that does, and bytes or pieces in one of its units.
type Limited = (Resource, &'static str, f64, fn(&ComputeQuota) -> Option<Quota>);

const LIMITED: [Limited; 2] =
    [(Resource::Vcpu, "vcpu", 1.0, |quota| quota.cores), (Resource::Memory, "memory", MIB, |quota| quota.memory_mib)];

/// Every project's promises, no more of each than is free.
pub(super) fn commitments(
    cloud: &Arc<str>,
    quotas: &ComputeQuotas,
    projects: Option<&Projects>,
    figures: &Figures,
) -> Commitments {
    let whole = Place { scope: Scope::Cloud, entity: Arc::clone(cloud) };
    let mut totals: BTreeMap<&str, Promised> = BTreeMap::new();
    let mut rows = Vec::new();
    for (project, quota) in &quotas.0 {
        for (resource, name, unit, of) in LIMITED {
            let Some(quota) = of(quota) else { continue };
            let figure = figures.amounts.get(&(whole.clone(), resource)).copied().unwrap_or_default();
            let total = totals.entry(name).or_insert_with(|| empty(name, figure));
            let used = (quota.in_use.max(0) + quota.reserved.max(0)) as f64 * unit;
            // A negative limit is none.
            let limit = (quota.limit >= 0).then_some(quota.limit as f64 * unit);
            let unused = limit.map(|limit| (limit - used).max(0.0));
            match limit {
                Some(limit) => total.limit += limit,
                None => total.unlimited += 1,
            }
            total.unused += unused.unwrap_or(0.0);
            rows.push(Commitment {
                project: project.clone(),
                name: projects.and_then(|table| table.0.get(project)).map(|project| Arc::clone(&project.name)),
                resource: name,
                limit,
                used,
                unused: unused.map_or(figure.free(), |unused| unused.min(figure.free())),
            });
        }
    }
    Commitments { rows, totals: totals.into_values().collect() }
}

fn empty(resource: &'static str, figure: Figure) -> Promised {
    Promised { resource, limit: 0.0, unlimited: 0, unused: 0.0, usable: figure.usable, free: figure.free() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Id;

    #[test]
    fn promises_are_capped_by_what_is_free() {
        let cloud: Arc<str> = Arc::from("c");
        let mut figures = Figures::default();
        let place = Place { scope: Scope::Cloud, entity: Arc::clone(&cloud) };
        figures.amounts.insert((place, Resource::Vcpu), Figure { usable: 100.0, used: 70.0 });
        let quota =
            |limit, in_use| ComputeQuota { cores: Some(Quota { limit, in_use, reserved: 1 }), ..Default::default() };
        let quotas = [("a", quota(50, 9)), ("b", quota(20, 15)), ("c", quota(-1, 3)), ("d", quota(5, 45))];
        let quotas = ComputeQuotas(quotas.map(|(id, quota)| (Id::new(id), quota)).into());
        let found = commitments(&cloud, &quotas, None, &figures);
        let unused: Vec<f64> = found.rows.iter().map(|row| row.unused).collect();
        assert_eq!(unused, [30.0, 4.0, 30.0, 0.0], "capped, not, no limit, over its quota");
        let total = Promised { resource: "vcpu", limit: 75.0, unlimited: 1, unused: 44.0, usable: 100.0, free: 30.0 };
        assert_eq!(found.totals, [total]);
    }
}
