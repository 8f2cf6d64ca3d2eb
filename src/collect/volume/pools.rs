//! Pools: capacity, what is promised of it, and what may still be promised.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::collect::decode::{bool_label, list, null_as_default};
use crate::collect::{Collect, Collecting, Cx};
use crate::model::inventory::pool::{Pool, Pools};
use crate::model::metric::{GIB, Metric};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Free capacity of a pool in GiB; infinite where its driver has no bounds.
    CAPACITY_FREE = gauge "openstack_cinder_pool_capacity_free_gb" [name volume_backend_name vendor_name], Gibibytes, "GET /scheduler-stats/get_pools?detail=true";
    /// Capacity of a pool in GiB; infinite where its driver has no bounds.
    CAPACITY_TOTAL = gauge "openstack_cinder_pool_capacity_total_gb" [name volume_backend_name vendor_name], Gibibytes, "GET /scheduler-stats/get_pools?detail=true";
    /// A pool's backend, driver and protocol, always 1; to join on.
    INFO = gauge "openstack_cinder_pool_info" [name volume_backend_name vendor_name driver_version storage_protocol thin_provisioning], Info, "GET /scheduler-stats/get_pools?detail=true";
    /// Size of the volumes that Cinder has placed in a pool.
    ALLOCATED = gauge "openstack_cinder_pool_allocated_bytes" [name], Bytes, "GET /scheduler-stats/get_pools?detail=true";
    /// Size of all volumes in a pool, also of those that Cinder did not make.
    PROVISIONED = gauge "openstack_cinder_pool_provisioned_bytes" [name], Bytes, "GET /scheduler-stats/get_pools?detail=true";
    /// What may be provisioned in a pool in all: its capacity without the reserve, times the over-subscription where it is thin.
    PROVISIONABLE = gauge "openstack_cinder_pool_provisionable_bytes" [name], Bytes, "GET /scheduler-stats/get_pools?detail=true";
    /// What may still be provisioned in a pool, as Cinder's scheduler reckons; below 0 when it is over-committed.
    VIRTUAL_FREE = gauge "openstack_cinder_pool_virtual_free_bytes" [name], Bytes, "GET /scheduler-stats/get_pools?detail=true";
    /// How many times a thin pool's capacity may be provisioned.
    OVER_SUBSCRIPTION = gauge "openstack_cinder_pool_max_over_subscription_ratio" [name], Ratio, "GET /scheduler-stats/get_pools?detail=true";
    /// Part of a pool's capacity that the scheduler leaves alone.
    RESERVED = gauge "openstack_cinder_pool_reserved_ratio" [name], Ratio, "GET /scheduler-stats/get_pools?detail=true";
}

#[derive(Deserialize)]
struct Item {
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    capabilities: Capabilities,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Capabilities {
    #[serde(deserialize_with = "null_as_default")]
    volume_backend_name: String,
    #[serde(deserialize_with = "null_as_default")]
    vendor_name: String,
    #[serde(deserialize_with = "null_as_default")]
    driver_version: String,
    #[serde(deserialize_with = "null_as_default")]
    storage_protocol: Protocol,
    #[serde(deserialize_with = "amount")]
    total_capacity_gb: Option<f64>,
    #[serde(deserialize_with = "amount")]
    free_capacity_gb: Option<f64>,
    #[serde(deserialize_with = "amount")]
    allocated_capacity_gb: Option<f64>,
    #[serde(deserialize_with = "amount")]
    provisioned_capacity_gb: Option<f64>,
    #[serde(deserialize_with = "amount")]
    max_over_subscription_ratio: Option<f64>,
    #[serde(deserialize_with = "amount")]
    reserved_percentage: Option<f64>,
    #[serde(deserialize_with = "null_as_default")]
    thin_provisioning_support: bool,
}

/// One, or all variants of its name (from Yoga on).
#[derive(Deserialize)]
#[serde(untagged)]
enum Protocol {
    One(String),
    Several(Vec<String>),
}

impl Default for Protocol {
    fn default() -> Self {
        Self::One(String::new())
    }
}

impl Protocol {
    fn name(&self) -> &str {
        match self {
            Self::One(name) => name,
            Self::Several(names) => names.first().map_or("", String::as_str),
        }
    }
}

/// Drivers tell amounts as numbers, as numbers in quotes, as `infinite`, or as `unknown`, which is none.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Number(f64),
        Text(String),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Form::deserialize(deserializer)? {
        Form::Number(number) => Some(number),
        Form::Text(text) if text == "infinite" => Some(f64::INFINITY),
        Form::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        Form::Other(_) => None,
    })
}

/// Pools.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            let request = Request::new("scheduler-stats/get_pools").query("detail", "true");
            list(cx, request, "pools", |item: Item| items.push(item)).await?;
            Ok(emit(items, cx.settings.compat))
        })
    }
}

fn emit(mut items: Vec<Item>, compat: bool) -> PartBuilder {
    items.sort_by(|a, b| a.name.cmp(&b.name));
    let mut part = PartBuilder::new();
    let mut table = Pools::default();
    for Item { name, capabilities } in items {
        let backend = &*capabilities.volume_backend_name;
        let labels = [&*name, backend, &capabilities.vendor_name];
        let families =
            [(&CAPACITY_FREE, capabilities.free_capacity_gb), (&CAPACITY_TOTAL, capabilities.total_capacity_gb)];
        for (metric, value) in families {
            // openstack-exporter takes an unknown capacity for none at all.
            if let Some(value) = value.or_else(|| compat.then_some(0.0)) {
                part.put(metric, labels, value);
            }
        }
        let thin = bool_label(capabilities.thin_provisioning_support);
        let protocol = capabilities.storage_protocol.name();
        part.put(&INFO, [&name, backend, &capabilities.vendor_name, &capabilities.driver_version, protocol, thin], 1.0);
        let pool = row(&name, &capabilities);
        emit_promises(&pool, &mut part);
        table.0.push(pool);
    }
    part.table(Arc::new(table));
    part
}

fn row(name: &str, capabilities: &Capabilities) -> Pool {
    Pool {
        name: Arc::from(name),
        backend: Arc::from(&*capabilities.volume_backend_name),
        total_gib: capabilities.total_capacity_gb,
        free_gib: capabilities.free_capacity_gb,
        allocated_gib: capabilities.allocated_capacity_gb,
        provisioned_gib: capabilities.provisioned_capacity_gb,
        max_over_subscription_ratio: capabilities.max_over_subscription_ratio,
        reserved_percentage: capabilities.reserved_percentage.unwrap_or(0.0),
        thin: capabilities.thin_provisioning_support,
    }
}

fn emit_promises(pool: &Pool, part: &mut PartBuilder) {
    let bytes = |gib: Option<f64>| gib.map(|gib| gib * GIB);
    let families: [(&'static Metric<1>, Option<f64>); 6] = [
        (&ALLOCATED, bytes(pool.allocated_gib)),
        (&PROVISIONED, bytes(pool.provisioned_gib)),
        (&PROVISIONABLE, bytes(pool.provisionable_gib())),
        (&VIRTUAL_FREE, bytes(pool.virtual_free_gib())),
        (&OVER_SUBSCRIPTION, pool.max_over_subscription_ratio.filter(|_| pool.thin)),
        (&RESERVED, Some(pool.reserved_percentage / 100.0)),
    ];
    for (metric, value) in families {
        if let Some(value) = value {
            part.put(metric, [&pool.name], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};
    use crate::model::part::Part;

    fn part(body: &[u8], compat: bool) -> Part {
        seal(emit(recorded::<Item>(body, "pools"), compat))
    }

    #[test]
    fn the_recorded_pools() {
        let part = part(include_bytes!("../../../tests/recordings/cinder/pools-detail.json"), false);
        let total = rows(&part, &CAPACITY_TOTAL);
        assert_eq!(total[0], ("volhost@bulk#hdd|bulk|ros".to_owned(), 65_536.0));
        assert_eq!(rows(&part, &VIRTUAL_FREE)[1], ("volhost@fast#ssd-a".to_owned(), 4096.0 * 20.0 * GIB));
        assert_eq!(rows(&part, &OVER_SUBSCRIPTION)[0].1, 20.0);
        assert_eq!(rows(&part, &INFO)[2].0, "volhost@fast#ssd-b|fast|ros|1.0|iSCSI|true");
        assert_eq!(part.tables.get::<Pools>().unwrap().0.len(), 3);
    }

    #[test]
    fn what_drivers_do_not_tell_has_no_sample_unless_openstack_exporter_is_to_be_matched() {
        let body = br#"{"pools": [
            {"name": "h@a#a", "capabilities": {"total_capacity_gb": "infinite", "free_capacity_gb": "unknown",
                "storage_protocol": ["ceph", "rbd"], "volume_backend_name": null}},
            {"name": "h@b#b", "capabilities": {"total_capacity_gb": "12.5", "free_capacity_gb": null}}]}"#;
        let ours = part(body, false);
        let total = [("h@a#a||".to_owned(), f64::INFINITY), ("h@b#b||".to_owned(), 12.5)];
        assert_eq!(rows(&ours, &CAPACITY_TOTAL), total);
        assert!(rows(&ours, &CAPACITY_FREE).is_empty() && rows(&ours, &VIRTUAL_FREE).is_empty());
        assert_eq!(rows(&ours, &INFO)[0].0, "h@a#a||||ceph|false");
        let theirs = part(body, true);
        assert_eq!(rows(&theirs, &CAPACITY_FREE), [("h@a#a||".to_owned(), 0.0), ("h@b#b||".to_owned(), 0.0)]);
    }
}
