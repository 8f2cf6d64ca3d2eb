//! Network quotas with their use.
//!
//! One call per project, spread by the [rounds](crate::collect::quota_rounds).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::collect::quota_rounds::Rounds;
use crate::collect::{Collect, Collecting, Cx, quota};
use crate::model::id::Id;
use crate::model::inventory::quota::{ProjectQuotas, Quota, ServiceQuotas};
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Network quota of a project (type used, reserved, limit; limit -1 is unlimited).
    NETWORK = gauge "openstack_neutron_quota_network" [type tenant tenant_id], Count, "GET /v2.0/quotas/{project}/details.json", slow;
    /// Subnet quota of a project (type used, reserved, limit; limit -1 is unlimited).
    SUBNET = gauge "openstack_neutron_quota_subnet" [type tenant tenant_id], Count, "GET /v2.0/quotas/{project}/details.json", slow;
    /// Subnet pool quota of a project (type used, reserved, limit; limit -1 is unlimited).
    SUBNETPOOL = gauge "openstack_neutron_quota_subnetpool" [type tenant tenant_id], Count, "GET /v2.0/quotas/{project}/details.json", slow;
    /// Port quota of a project (type used, reserved, limit; limit -1 is unlimited).
    PORT = gauge "openstack_neutron_quota_port" [type tenant tenant_id], Count, "GET /v2.0/quotas/{project}/details.json", slow;
    /// Router quota of a project (type used, reserved, limit; limit -1 is unlimited).
    ROUTER = gauge "openstack_neutron_quota_router" [type tenant tenant_id], Count, "GET /v2.0/quotas/{project}/details.json", slow;
    /// Floating IP quota of a project (type used, reserved, limit; limit -1 is unlimited).
    FLOATINGIP = gauge "openstack_neutron_quota_floatingip" [type tenant tenant_id], Count, "GET /v2.0/quotas/{project}/details.json", slow;
    /// Security group quota of a project (type used, reserved, limit; limit -1 is unlimited).
    SECURITY_GROUP = gauge "openstack_neutron_quota_security_group" [type tenant tenant_id], Count, "GET /v2.0/quotas/{project}/details.json", slow;
    /// Security group rule quota of a project (type used, reserved, limit; limit -1 is unlimited).
    SECURITY_GROUP_RULE = gauge "openstack_neutron_quota_security_group_rule" [type tenant tenant_id], Count, "GET /v2.0/quotas/{project}/details.json", slow;
    /// RBAC policy quota of a project (type used, reserved, limit; limit -1 is unlimited).
    RBAC_POLICY = gauge "openstack_neutron_quota_rbac_policy" [type tenant tenant_id], Count, "GET /v2.0/quotas/{project}/details.json", slow;
}

/// Resources that have a family of their own; all others are in the families of [`quota`] only.
static FAMILIES: [(&str, &Metric<3>); 9] = [
    ("network", &NETWORK),
    ("subnet", &SUBNET),
    ("subnetpool", &SUBNETPOOL),
    ("port", &PORT),
    ("router", &ROUTER),
    ("floatingip", &FLOATINGIP),
    ("security_group", &SECURITY_GROUP),
    ("security_group_rule", &SECURITY_GROUP_RULE),
    ("rbac_policy", &RBAC_POLICY),
];

/// What a quota says, by the value of the label `type`.
const KINDS: [(&str, quota::Figure); 3] =
    [("limit", |quota| quota.limit), ("reserved", |quota| quota.reserved), ("used", |quota| quota.in_use)];

/// One project's answer.
type Quotas = Vec<(Cow<'static, str>, Quota)>;

#[derive(Deserialize)]
struct Answer {
    quota: BTreeMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
struct Detail {
    limit: i64,
    used: i64,
    #[serde(default)]
    reserved: i64,
}

impl Answer {
    fn quotas(self) -> Quotas {
        let quotas = self.quota.into_iter().filter_map(|(resource, value)| {
            // `tenant_id` and the like are among them.
            let detail: Detail = serde_json::from_str(value.get()).ok()?;
            let known = FAMILIES.iter().find(|(name, _)| *name == resource);
            let resource = known.map_or(Cow::Owned(resource), |(name, _)| Cow::Borrowed(*name));
            Some((resource, Quota { limit: detail.limit, in_use: detail.used, reserved: detail.reserved }))
        });
        quotas.collect()
    }
}

/// Quotas, with the answers in hand.
#[derive(Default)]
pub(super) struct Collector {
    rounds: Rounds<Quotas>,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            if METRICS.iter().chain(quota::METRICS).any(|row| cx.keep.wants(row)) {
                let ask = |id: Id| async move {
                    let request = Request::new(format!("quotas/{id}/details.json"));
                    Ok(cx.client.get_json::<Answer>(request).await?.quotas())
                };
                self.rounds.run(cx, ask).await?;
            }
            Ok(self.emit())
        })
    }
}

impl Collector {
    fn emit(&self) -> PartBuilder {
        let mut part = PartBuilder::new();
        let by_name = self.rounds.by_name();
        for (resource, metric) in &FAMILIES {
            for (kind, of) in KINDS {
                for (name, id, quotas) in &by_name {
                    let Some((_, quota)) = quotas.iter().find(|(known, _)| known == resource) else { continue };
                    part.put(metric, [kind, name, id], of(quota) as f64);
                }
            }
        }
        let projects = self.rounds.known().map(|(id, name, quotas)| {
            (id.clone(), ProjectQuotas { name: Arc::clone(name), resources: quotas.clone() })
        });
        quota::emit(&mut part, ServiceQuotas { service: "network", projects: projects.collect() });
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn the_recorded_quotas() {
        let body = include_bytes!("../../../tests/recordings/neutron/quotas-details.json");
        let quotas = serde_json::from_slice::<Answer>(body).unwrap().quotas();
        let part = seal(Collector { rounds: Rounds::answered([("p", quotas)]) }.emit());
        let row = |labels: &str, value: f64| (labels.to_owned(), value);
        assert_eq!(rows(&part, &PORT), [row("limit|p|p", 60.0), row("reserved|p|p", 0.0), row("used|p|p", 16.0)]);
        assert_eq!(rows(&part, &SUBNETPOOL)[0], row("limit|p|p", -1.0));
        let unified = rows(&part, &quota::LIMIT);
        assert!(unified.contains(&row("network|trunk|p|p", -1.0)), "also what openstack-exporter leaves out");
        assert_eq!(unified.len(), 11);
        let table = part.tables.get::<ServiceQuotas>().unwrap();
        assert_eq!(table.projects[&Id::new("p")].resources.len(), 11);
    }

    #[test]
    fn members_that_are_no_quotas_are_passed_over() {
        let body = br#"{"quota": {"tenant_id": "p", "port": {"limit": 5, "used": 1}, "odd": null}}"#;
        let quotas = serde_json::from_slice::<Answer>(body).unwrap().quotas();
        assert_eq!(quotas, [(Cow::Borrowed("port"), Quota { limit: 5, in_use: 1, reserved: 0 })]);
    }
}
