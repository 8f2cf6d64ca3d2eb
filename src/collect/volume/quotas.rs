//! Block storage quotas with their use, and the limits_* families from the same answers.
//!
//! One call per project, spread by the [rounds](crate::collect::quota_rounds).

use crate::collect::quota_rounds::Rounds;
use crate::collect::quota_set::{Answer, Quotas, table};
use crate::collect::{Collect, Collecting, Cx, quota};
use crate::model::id::Id;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Volume quota of a project in GiB; -1 is unlimited.
    LIMITS_VOLUME_MAX = gauge "openstack_cinder_limits_volume_max_gb" [tenant tenant_id], Gibibytes, "GET /os-quota-sets/{project}?usage=true", slow;
    /// GiB of a project's volumes and snapshots that count against its quota.
    LIMITS_VOLUME_USED = gauge "openstack_cinder_limits_volume_used_gb" [tenant tenant_id], Gibibytes, "GET /os-quota-sets/{project}?usage=true", slow;
    /// Backup quota of a project in GiB; -1 is unlimited.
    LIMITS_BACKUP_MAX = gauge "openstack_cinder_limits_backup_max_gb" [tenant tenant_id], Gibibytes, "GET /os-quota-sets/{project}?usage=true", slow;
    /// GiB of a project's backups.
    LIMITS_BACKUP_USED = gauge "openstack_cinder_limits_backup_used_gb" [tenant tenant_id], Gibibytes, "GET /os-quota-sets/{project}?usage=true", slow;
    /// Quota of a project for a volume type in GiB; -1 is unlimited.
    VOLUME_TYPE_QUOTA = gauge "openstack_cinder_volume_type_quota_gigabytes" [tenant tenant_id volume_type], Gibibytes, "GET /os-quota-sets/{project}?usage=true", slow;
}

/// Quotas, with the answers in hand.
#[derive(Default)]
pub(super) struct Collector {
    rounds: Rounds<Quotas>,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let ask = |id: Id| async move {
                let request = Request::new(format!("os-quota-sets/{id}")).query("usage", "true");
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
        for (name, id, quotas) in self.rounds.by_name() {
            let limits = [
                ("gigabytes", &LIMITS_VOLUME_MAX, &LIMITS_VOLUME_USED),
                ("backup_gigabytes", &LIMITS_BACKUP_MAX, &LIMITS_BACKUP_USED),
            ];
            for (resource, max, used) in limits {
                if let Some(quota) = quotas.get(resource) {
                    part.put(max, [name, &id], quota.limit as f64);
                    part.put(used, [name, &id], quota.in_use as f64);
                }
            }
            for (resource, quota) in quotas {
                if let Some(volume_type) = resource.strip_prefix("gigabytes_") {
                    part.put(&VOLUME_TYPE_QUOTA, [name, &id, volume_type], quota.limit as f64);
                }
            }
        }
        quota::emit(&mut part, table("volume", &self.rounds));
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn the_recorded_quotas() {
        let body = include_bytes!("../../../tests/recordings/cinder/quota-set-usage.json");
        let quotas = serde_json::from_slice::<Answer>(body).unwrap().quotas();
        let collector = Collector { rounds: Rounds::answered([("acme", quotas)]) };
        let part = seal(collector.emit());
        let row = |value: f64| vec![("acme|acme".to_owned(), value)];
        assert_eq!(rows(&part, &LIMITS_VOLUME_MAX), row(2000.0));
        assert_eq!(rows(&part, &LIMITS_VOLUME_USED), row(200.0));
        assert_eq!(rows(&part, &LIMITS_BACKUP_MAX), row(1000.0));
        assert_eq!(rows(&part, &LIMITS_BACKUP_USED), row(0.0));
        let types: Vec<String> = rows(&part, &VOLUME_TYPE_QUOTA).into_iter().map(|(labels, _)| labels).collect();
        assert_eq!(types, ["acme|acme|__DEFAULT__", "acme|acme|bulk", "acme|acme|fast", "acme|acme|fast-multi"]);
    }
}
