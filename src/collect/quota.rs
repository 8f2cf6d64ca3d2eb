//! Quotas of all services in one form: `openstack_quota_limit`, `_used`, `_reserved`.
//!
//! Several collectors fill these rows, so the runner publishes them as an exposition group of their own. What a
//! service's quotas are, and how they are asked for, stays with the service.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::inventory::quota::{Quota, ServiceQuotas};
use crate::model::metric::Descriptor;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Quota of a project for a resource of a service, as the service names and counts it; -1 is unlimited.
    LIMIT = gauge "openstack_quota_limit" [service resource project_id project], Count, "the quota calls of each service", slow;
    /// What a project uses of a resource of a service, in the service's unit.
    USED = gauge "openstack_quota_used" [service resource project_id project], Count, "the quota calls of each service", slow;
    /// What work in progress has reserved for a project, in the service's unit.
    RESERVED = gauge "openstack_quota_reserved" [service resource project_id project], Count, "the quota calls of each service", slow;
}

/// Exposition group of the rows above.
pub(super) const GROUP: &str = "quota";

/// Takes one figure of a quota.
pub(super) type Figure = fn(&Quota) -> i64;

/// Whether a row belongs to that group.
pub(super) fn is_shared(row: &Descriptor) -> bool {
    METRICS.iter().any(|own| own.name == row.name)
}

/// Adds a service's quotas, as rows sorted by their labels (a thousand projects have 50,000) and as the typed table.
pub(super) fn emit(part: &mut PartBuilder, table: ServiceQuotas) {
    let projects: Vec<_> = table.projects.iter().map(|(id, project)| (id.to_string(), project)).collect();
    let resources: BTreeSet<&str> =
        table.projects.values().flat_map(|project| &project.resources).map(|(name, _)| &**name).collect();
    for resource in resources {
        for (id, project) in &projects {
            let known = project.resources.iter().find(|(name, _)| name == resource);
            let Some((_, Quota { limit, in_use, reserved })) = known else { continue };
            let labels = [table.service, resource, id, &project.name];
            part.put(&LIMIT, labels, *limit as f64);
            part.put(&USED, labels, *in_use as f64);
            part.put(&RESERVED, labels, *reserved as f64);
        }
    }
    part.table(Arc::new(table));
}

/// Adds what is known of a quota of a service that has no such table, under the labels of the families.
pub(super) fn emit_known(part: &mut PartBuilder, labels: [&str; 4], limit: Option<i64>, in_use: Option<u64>) {
    if let Some(limit) = limit {
        part.put(&LIMIT, labels, limit as f64);
    }
    if let Some(in_use) = in_use {
        part.put(&USED, labels, in_use as f64);
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::collect::sealed::{rows, seal};
    use crate::model::id::Id;
    use crate::model::inventory::quota::ProjectQuotas;

    #[test]
    fn a_row_per_service_resource_and_project() {
        let quota = Quota { limit: -1, in_use: 3, reserved: 1 };
        let project = ProjectQuotas { name: Arc::from("p"), resources: vec![(Cow::Borrowed("port"), quota)] };
        let mut part = PartBuilder::new();
        emit(&mut part, ServiceQuotas { service: "network", projects: [(Id::new("a"), project)].into() });
        let part = seal(part);
        let values = [&LIMIT, &USED, &RESERVED].map(|metric| rows(&part, metric));
        let row = |value| vec![("network|port|a|p".to_owned(), value)];
        assert_eq!(values, [row(-1.0), row(3.0), row(1.0)]);
        assert!(part.families.iter().all(|family| is_shared(family.descriptor())));
    }
}
