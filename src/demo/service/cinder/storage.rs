//! `types`, `os-services`, `scheduler-stats/get_pools`: what volumes are placed on.

use super::{Cinder, Result};
use crate::demo::call::Answer;
use crate::demo::json::{Json, Micros, Null, Uuid};
use crate::demo::world::seconds;
use crate::demo::world::storage::{POOLS, VOLUME_TYPES};

impl Cinder<'_> {
    pub(super) fn types(&self) -> Answer {
        Answer::object(|j| {
            j.key("volume_types").array(|j| {
                for (at, kind) in VOLUME_TYPES.iter().enumerate() {
                    j.object(|j| {
                        j.put("id", Uuid(self.type_id(at))).put("name", kind.name).put("is_public", true);
                        j.put("description", Null);
                        j.key("extra_specs").object(|j| {
                            j.put("volume_backend_name", kind.backend);
                        });
                        j.put("qos_specs_id", Null).put("os-volume-type-access:is_public", true);
                    });
                }
            });
        })
    }

    /// A scheduler, a backup service, and a volume service for each backend; the archive is in maintenance.
    pub(super) fn services(&self) -> Result<Answer> {
        self.admin_only("volume_extension:services:index")?;
        Ok(Answer::object(|j| {
            j.key("services").array(|j| {
                self.service(j, "cinder-scheduler", "controller-01", None);
                self.service(j, "cinder-backup", "controller-01", None);
                for (host, reason) in
                    [("storage-01@ssd", None), ("storage-02@hdd", None), ("storage-03@archive", Some("tape change"))]
                {
                    self.service(j, "cinder-volume", host, reason);
                }
            });
        }))
    }

    fn service(&self, j: &mut Json, binary: &str, host: &str, reason: Option<&str>) {
        let backend = binary == "cinder-volume";
        j.object(|j| {
            j.put("binary", binary).put("host", host).put("zone", "nova");
            j.put("status", if reason.is_some() { "disabled" } else { "enabled" }).put("state", "up");
            j.put("updated_at", Micros(seconds(self.call.now) / 10 * 10));
            if self.version >= 49 && backend {
                j.put("backend_state", "up");
            }
            if self.version >= 7 {
                j.put("cluster", Null);
            }
            j.put("disabled_reason", reason);
            if backend {
                j.put("replication_status", "disabled").put("active_backend_id", Null).put("frozen", false);
            }
        });
    }

    pub(super) fn pools(&self) -> Result<Answer> {
        self.admin_only("scheduler_extension:scheduler_stats:get_pools")?;
        let detail = self.call.param("detail").is_some_and(|text| matches!(&*text, "1" | "true" | "True"));
        let mut sizes = [0u64; POOLS.len()];
        for volume in self.call.world.volumes() {
            if let Some(size) = sizes.get_mut(volume.pool) {
                *size += volume.size;
            }
        }
        Ok(Answer::object(|j| {
            j.key("pools").array(|j| {
                for (pool, size) in POOLS.iter().zip(sizes) {
                    j.object(|j| {
                        j.put("name", pool.0);
                        if detail {
                            self.capabilities(j.key("capabilities"), *pool, size);
                        }
                    });
                }
            });
        }))
    }

    fn capabilities(&self, j: &mut Json, (name, thin, full): (&str, bool, u64), provisioned: u64) {
        let (place, pool) = name.split_once('#').unwrap_or((name, ""));
        let backend = place.split_once('@').map_or("", |(_, backend)| backend);
        // Thin pools hold half of what is promised; the rest follows from how full they are.
        let written = if thin { provisioned / 2 } else { provisioned };
        let total = (written * 100 / full.max(1)).max(1024);
        j.object(|j| {
            j.put("pool_name", pool).put("total_capacity_gb", total).put("free_capacity_gb", total - written);
            j.put("provisioned_capacity_gb", provisioned).put("allocated_capacity_gb", provisioned);
            j.put("max_over_subscription_ratio", "4.0").put("reserved_percentage", 5u32);
            j.put("thin_provisioning_support", thin).put("thick_provisioning_support", !thin);
            j.put("multiattach", true).put("QoS_support", false).put("cacheable", true);
            j.put("volume_backend_name", backend).put("storage_protocol", "iSCSI").put("vendor_name", "demo");
            j.put("driver_version", "1.0").put("timestamp", Micros(seconds(self.call.now)));
            j.put("filter_function", Null).put("goodness_function", Null);
        });
    }
}
