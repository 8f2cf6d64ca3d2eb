//! Compute quotas with their use, and the limits_* families from the same answers.
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
use crate::model::inventory::quota::{ComputeQuota, ComputeQuotas, ProjectQuotas, Quota, ServiceQuotas};
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// vCPU limit of a project; -1 is unlimited.
    LIMITS_VCPUS_MAX = gauge "openstack_nova_limits_vcpus_max" [tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// vCPUs that a project's instances hold.
    LIMITS_VCPUS_USED = gauge "openstack_nova_limits_vcpus_used" [tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// Memory limit of a project in MiB; -1 is unlimited.
    LIMITS_MEMORY_MAX = gauge "openstack_nova_limits_memory_max" [tenant tenant_id], Mebibytes, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// Memory that a project's instances hold, in MiB.
    LIMITS_MEMORY_USED = gauge "openstack_nova_limits_memory_used" [tenant tenant_id], Mebibytes, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// Instances of a project.
    LIMITS_INSTANCES_USED = gauge "openstack_nova_limits_instances_used" [tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// Instance limit of a project; -1 is unlimited.
    LIMITS_INSTANCES_MAX = gauge "openstack_nova_limits_instances_max" [tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// vCPU quota of a project (type in_use, reserved, limit; limit -1 is unlimited).
    CORES = gauge "openstack_nova_quota_cores" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Instance quota of a project (type in_use, reserved, limit; limit -1 is unlimited).
    INSTANCES = gauge "openstack_nova_quota_instances" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Key pair quota of a project's users (type in_use, reserved, limit; limit -1 is unlimited).
    KEY_PAIRS = gauge "openstack_nova_quota_key_pairs" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of metadata items per instance (type in_use, reserved, limit; limit -1 is unlimited).
    METADATA_ITEMS = gauge "openstack_nova_quota_metadata_items" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Memory quota of a project in MiB (type in_use, reserved, limit; limit -1 is unlimited).
    RAM = gauge "openstack_nova_quota_ram" [type tenant tenant_id], Mebibytes, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Server group quota of a project (type in_use, reserved, limit; limit -1 is unlimited).
    SERVER_GROUPS = gauge "openstack_nova_quota_server_groups" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of members per server group (type in_use, reserved, limit; limit -1 is unlimited).
    SERVER_GROUP_MEMBERS = gauge "openstack_nova_quota_server_group_members" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Fixed IP quota of a project, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    FIXED_IPS = gauge "openstack_nova_quota_fixed_ips" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Floating IP quota of a project, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    FLOATING_IPS = gauge "openstack_nova_quota_floating_ips" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of rules per security group, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    SECURITY_GROUP_RULES = gauge "openstack_nova_quota_security_group_rules" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Security group quota of a project, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    SECURITY_GROUPS = gauge "openstack_nova_quota_security_groups" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of bytes per injected file, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    INJECTED_FILE_CONTENT_BYTES = gauge "openstack_nova_quota_injected_file_content_bytes" [type tenant tenant_id], Bytes, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of bytes per path of an injected file, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    INJECTED_FILE_PATH_BYTES = gauge "openstack_nova_quota_injected_file_path_bytes" [type tenant tenant_id], Bytes, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of injected files, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    INJECTED_FILES = gauge "openstack_nova_quota_injected_files" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
}

/// Network quotas leave at 2.36, file quotas at 2.57.
const VERSION: Microversion = Microversion::new(2, 35);

/// Members of the answer and their families.
static FIELDS: [(&str, &Metric<3>); 14] = [
    ("cores", &CORES),
    ("instances", &INSTANCES),
    ("key_pairs", &KEY_PAIRS),
    ("metadata_items", &METADATA_ITEMS),
    ("ram", &RAM),
    ("server_groups", &SERVER_GROUPS),
    ("server_group_members", &SERVER_GROUP_MEMBERS),
    ("fixed_ips", &FIXED_IPS),
    ("floating_ips", &FLOATING_IPS),
    ("security_group_rules", &SECURITY_GROUP_RULES),
    ("security_groups", &SECURITY_GROUPS),
    ("injected_file_content_bytes", &INJECTED_FILE_CONTENT_BYTES),
    ("injected_file_path_bytes", &INJECTED_FILE_PATH_BYTES),
    ("injected_files", &INJECTED_FILES),
];

/// What a quota says, by the value of the label `type`.
const KINDS: [(&str, quota::Figure); 3] =
    [("in_use", |quota| quota.in_use), ("limit", |quota| quota.limit), ("reserved", |quota| quota.reserved)];

/// One project's answer, in the order of [`FIELDS`].
type Quotas = [Option<Quota>; FIELDS.len()];

#[derive(Deserialize)]
struct Answer {
    quota_set: BTreeMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
struct Detail {
    limit: i64,
    in_use: i64,
    #[serde(default)]
    reserved: i64,
}

impl Answer {
    fn quotas(&self) -> Quotas {
        FIELDS.map(|(name, _)| {
            let detail: Detail = serde_json::from_str(self.quota_set.get(name)?.get()).ok()?;
            Some(Quota { limit: detail.limit, in_use: detail.in_use, reserved: detail.reserved })
        })
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
            let version = cx.client.negotiate(VERSION).await?;
            let ask = |id: Id| async move {
                let request = Request::new(format!("os-quota-sets/{id}/detail")).at(version);
                Ok(cx.client.get_json::<Answer>(request).await?.quotas())
            };
            self.rounds.run(cx, ask).await?;
            Ok(self.emit())
        })
    }
}

impl Collector {
    fn emit(&self) -> PartBuilder {
        let mut part = PartBuilder::new();
        let mut table = ComputeQuotas::default();
        let by_name = self.rounds.by_name();
        for (name, id, quotas) in &by_name {
            emit_limits(&mut part, [name, id], quotas);
        }
        for (at, (_, metric)) in FIELDS.iter().enumerate() {
            for (kind, of) in KINDS {
                for (name, id, quotas) in &by_name {
                    if let Some(Some(quota)) = quotas.get(at) {
                        part.put(metric, [kind, name, id], of(quota) as f64);
                    }
                }
            }
        }
        for (id, _, quotas) in self.rounds.known() {
            let [cores, instances, _, _, ram, ..] = *quotas;
            table.0.insert(id.clone(), ComputeQuota { instances, cores, memory_mib: ram });
        }
        part.table(Arc::new(table));
        quota::emit(&mut part, self.table());
        part
    }

    fn table(&self) -> ServiceQuotas {
        let projects = self.rounds.known().map(|(id, name, quotas)| {
            let resources = FIELDS.iter().zip(quotas);
            let resources = resources.filter_map(|((name, _), quota)| Some((Cow::Borrowed(*name), (*quota)?)));
            (id.clone(), ProjectQuotas { name: Arc::clone(name), resources: resources.collect() })
        });
        ServiceQuotas { service: "compute", projects: projects.collect() }
    }
}

fn emit_limits(part: &mut PartBuilder, labels: [&str; 2], quotas: &Quotas) {
    let [cores, instances, _, _, ram, ..] = quotas;
    let families = [
        (cores, &LIMITS_VCPUS_MAX, &LIMITS_VCPUS_USED),
        (ram, &LIMITS_MEMORY_MAX, &LIMITS_MEMORY_USED),
        (instances, &LIMITS_INSTANCES_MAX, &LIMITS_INSTANCES_USED),
    ];
    for (quota, max, used) in families {
        if let Some(quota) = quota {
            part.put(max, labels, quota.limit as f64);
            part.put(used, labels, quota.in_use as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{rows, seal};

    fn answer(body: &[u8]) -> Quotas {
        serde_json::from_slice::<Answer>(body).unwrap().quotas()
    }

    fn old() -> Quotas {
        answer(include_bytes!("../../../tests/recordings/nova/quota-set-detail-2.1.json"))
    }

    #[test]
    fn the_recorded_quotas() {
        let collector = Collector { rounds: Rounds::answered([("000", old())]) };
        let part = seal(collector.emit());
        let row = |labels: &str, value: f64| (labels.to_owned(), value);
        assert_eq!(
            rows(&part, &CORES),
            [row("in_use|000|000", 289.0), row("limit|000|000", 4000.0), row("reserved|000|000", 0.0)]
        );
        assert_eq!(rows(&part, &LIMITS_VCPUS_MAX), [row("000|000", 4000.0)]);
        assert_eq!(rows(&part, &LIMITS_MEMORY_USED), [row("000|000", 4_257_280.0)]);
        assert_eq!(rows(&part, &FLOATING_IPS)[1], row("limit|000|000", -1.0));
        assert_eq!(part.tables.get::<ComputeQuotas>().unwrap().0[&Id::new("000")].instances.unwrap().limit, 20);
    }

    #[test]
    fn what_an_answer_lacks_has_no_sample() {
        let new = answer(include_bytes!("../../../tests/recordings/nova/quota-set-detail-2.57.json"));
        let collector = Collector { rounds: Rounds::answered([("000", new)]) };
        let part = seal(collector.emit());
        assert!(rows(&part, &FLOATING_IPS).is_empty() && rows(&part, &INJECTED_FILES).is_empty());
        assert_eq!(rows(&part, &CORES).len(), 3);
    }
}
