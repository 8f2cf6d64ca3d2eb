//! Hypervisors with zone and aggregates.
//!
//! Never asked above 2.87: from 2.88 on Nova calls every compute host for its uptime (one that hangs makes the
//! whole list hang or fail) and gives no capacity. Where only that is to be had, capacity comes from Placement.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::hypervisor_capacity::{from_nova, from_placement};
use crate::collect::decode::{list, null_as_default, table_soon, text_or_number};
use crate::collect::{Collect, Collecting, Cx};
use crate::model::inventory::aggregate::{Aggregate, Aggregates, HostPlace};
use crate::model::inventory::hypervisor::{Hypervisor, Hypervisors};
use crate::model::inventory::interner::Interner;
use crate::model::inventory::provider::Providers;
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// Tasks in progress on a hypervisor: builds, migrations, snapshots.
    CURRENT_WORKLOAD = gauge "openstack_nova_current_workload" [hostname availability_zone aggregates], Count, "GET /os-hypervisors/detail, GET /os-aggregates";
    /// Physical CPU threads of a hypervisor (what its CPU topology gives; else its vCPUs).
    VCPUS_AVAILABLE = gauge "openstack_nova_vcpus_available" [hostname availability_zone aggregates], Count, "GET /os-hypervisors/detail, GET /os-aggregates";
    /// Allocated vCPUs of a hypervisor.
    VCPUS_USED = gauge "openstack_nova_vcpus_used" [hostname availability_zone aggregates], Count, "GET /os-hypervisors/detail, GET /os-aggregates";
    /// Memory of a hypervisor, allocated or not.
    MEMORY_AVAILABLE = gauge "openstack_nova_memory_available_bytes" [hostname availability_zone aggregates], Bytes, "GET /os-hypervisors/detail, GET /os-aggregates";
    /// Allocated memory of a hypervisor, with what is reserved for the host.
    MEMORY_USED = gauge "openstack_nova_memory_used_bytes" [hostname availability_zone aggregates], Bytes, "GET /os-hypervisors/detail, GET /os-aggregates";
    /// Local disk of a hypervisor, allocated or not.
    LOCAL_STORAGE_AVAILABLE = gauge "openstack_nova_local_storage_available_bytes" [hostname availability_zone aggregates], Bytes, "GET /os-hypervisors/detail, GET /os-aggregates";
    /// Allocated local disk of a hypervisor.
    LOCAL_STORAGE_USED = gauge "openstack_nova_local_storage_used_bytes" [hostname availability_zone aggregates], Bytes, "GET /os-hypervisors/detail, GET /os-aggregates";
    /// Local disk of a hypervisor that is not allocated.
    FREE_DISK = gauge "openstack_nova_free_disk_bytes" [hostname availability_zone aggregates], Bytes, "GET /os-hypervisors/detail, GET /os-aggregates";
    /// A hypervisor's service host, zone, state (up, down) and status (enabled, disabled), always 1; to join on.
    INFO = gauge "stackcast_hypervisor_info" [entity hostname az state status], Info, "GET /os-hypervisors/detail, GET /os-aggregates";
    /// A hypervisor's membership of an aggregate, always 1; to filter on.
    AGGREGATE_INFO = gauge "stackcast_hypervisor_aggregate_info" [entity aggregate], Info, "GET /os-hypervisors/detail, GET /os-aggregates";
}

/// The last version with capacity.
const VERSION: Microversion = Microversion::new(2, 87);

#[derive(Deserialize)]
pub(super) struct Item {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
    hypervisor_hostname: String,
    #[serde(default, deserialize_with = "null_as_default")]
    state: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default)]
    host_ip: Option<Box<str>>,
    #[serde(default, deserialize_with = "null_as_default")]
    service: ServiceRef,
    #[serde(default)]
    pub(super) cpu_info: CpuInfo,
    // Capacity, up to 2.87. Not a struct of its own that is flattened: all else of an item would be kept until the end.
    pub(super) vcpus: Option<f64>,
    pub(super) vcpus_used: Option<f64>,
    pub(super) memory_mb: Option<f64>,
    pub(super) memory_mb_used: Option<f64>,
    pub(super) local_gb: Option<f64>,
    pub(super) local_gb_used: Option<f64>,
    pub(super) free_disk_gb: Option<f64>,
    current_workload: Option<f64>,
}

#[derive(Default, Deserialize)]
struct ServiceRef {
    #[serde(default, deserialize_with = "null_as_default")]
    host: String,
}

#[derive(Deserialize)]
struct AggregateItem {
    name: String,
    #[serde(default)]
    uuid: Option<Box<str>>,
    #[serde(default, deserialize_with = "null_as_default")]
    hosts: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    metadata: BTreeMap<Box<str>, Box<str>>,
    #[serde(default)]
    availability_zone: Option<String>,
}

/// Hypervisors.
#[derive(Default)]
pub(super) struct Collector {
    ran: bool,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let version = cx.client.negotiate(VERSION).await?;
            let mut aggregates = Vec::new();
            let request = Request::new("os-aggregates").at(version);
            list(cx, request, "aggregates", |item: AggregateItem| aggregates.push(item)).await?;
            let mut items = Vec::new();
            let request = Request::new("os-hypervisors/detail").at(version);
            list(cx, request, "hypervisors", |item: Item| items.push(item)).await?;
            let providers = if items.iter().all(|item| item.vcpus.is_some()) {
                None
            } else if self.ran {
                cx.table::<Providers>()
            } else {
                table_soon::<Providers>(cx).await
            };
            self.ran = true;
            Ok(emit(items, aggregates, providers.as_deref()))
        })
    }
}

fn emit(mut items: Vec<Item>, aggregates: Vec<AggregateItem>, providers: Option<&Providers>) -> PartBuilder {
    let mut part = PartBuilder::new();
    let mut interner = Interner::default();
    let aggregates = Aggregates(aggregates.into_iter().map(|item| aggregate(item, &mut interner)).collect());
    let places = aggregates.places();
    let nowhere = HostPlace::default();
    let by_name = providers.map(from_placement).unwrap_or_default();
    items.sort_by(|a, b| a.hypervisor_hostname.cmp(&b.hypervisor_hostname));
    let mut table = Hypervisors::default();
    for item in items {
        let place = places.get(&*item.service.host).unwrap_or(&nowhere);
        let row = row(&item, place, &mut interner);
        let capacity = match item.vcpus {
            Some(_) => from_nova(&item),
            None => by_name.get(&*item.hypervisor_hostname).copied().unwrap_or_default(),
        };
        let joined = place.aggregates.join(",");
        let labels = [&*row.name, &*row.zone, &*joined];
        let mut put = |metric: &'static Metric<3>, value: Option<f64>| {
            if let Some(value) = value {
                part.put(metric, labels, value);
            }
        };
        put(&CURRENT_WORKLOAD, item.current_workload);
        put(&VCPUS_AVAILABLE, capacity.vcpus);
        put(&VCPUS_USED, capacity.vcpus_used);
        put(&MEMORY_AVAILABLE, capacity.memory_bytes);
        put(&MEMORY_USED, capacity.memory_used_bytes);
        put(&LOCAL_STORAGE_AVAILABLE, capacity.disk_bytes);
        put(&LOCAL_STORAGE_USED, capacity.disk_used_bytes);
        put(&FREE_DISK, capacity.disk_free_bytes);
        part.put(&INFO, [&row.name, &row.service_host, &row.zone, &row.state, &row.status], 1.0);
        for aggregate in &row.aggregates {
            part.put(&AGGREGATE_INFO, [&row.name, aggregate], 1.0);
        }
        table.0.push(row);
    }
    part.table(Arc::new(table));
    part.table(Arc::new(aggregates));
    part
}

fn aggregate(item: AggregateItem, interner: &mut Interner) -> Aggregate {
    // Before 2.41 and in some releases only the metadata names the zone.
    let zone = item.availability_zone.as_deref().or_else(|| item.metadata.get("availability_zone").map(|zone| &**zone));
    Aggregate {
        name: interner.intern(&item.name),
        uuid: item.uuid,
        zone: zone.map(|zone| interner.intern(zone)),
        hosts: item.hosts.iter().map(|host| interner.intern(host)).collect(),
        metadata: item.metadata,
    }
}

fn row(item: &Item, place: &HostPlace, interner: &mut Interner) -> Hypervisor {
    Hypervisor {
        name: interner.intern(&item.hypervisor_hostname),
        uuid: (item.id.len() == 36).then(|| Box::from(&*item.id)),
        service_host: interner.intern(&item.service.host),
        zone: Arc::clone(&place.zone),
        aggregates: place.aggregates.clone(),
        state: interner.intern(&item.state),
        status: interner.intern(&item.status),
        host_ip: item.host_ip.clone(),
        cpu_model: item.cpu_info.model.as_deref().map(|model| interner.intern(model)),
    }
}

/// What is used of `cpu_info`: an object from 2.28 on, before that JSON in a text; null or empty for Ironic, lists of texts
/// for VMware. The names of all the CPU's features, most of it by far, are passed over.
#[derive(Debug, Default, PartialEq)]
pub(super) struct CpuInfo {
    model: Option<String>,
    /// CPU threads of the whole host; none when the topology is not told.
    pub(super) threads: Option<f64>,
}

impl<'de> Deserialize<'de> for CpuInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CpuInfoVisitor)
    }
}

struct CpuInfoVisitor;

impl<'de> Visitor<'de> for CpuInfoVisitor {
    type Value = CpuInfo;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or text")
    }

    fn visit_unit<E>(self) -> Result<CpuInfo, E> {
        Ok(CpuInfo::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<CpuInfo, E> {
        Ok(CpuInfo::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<CpuInfo, E> {
        Ok(CpuInfo::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<CpuInfo, E> {
        Ok(CpuInfo::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<CpuInfo, E> {
        Ok(CpuInfo::default())
    }

    fn visit_str<E>(self, text: &str) -> Result<CpuInfo, E> {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let field = |name: &str| value.get(name).unwrap_or(&Value::Null);
        Ok(fields(field("model"), field("topology")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<CpuInfo, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(CpuInfo::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<CpuInfo, A::Error> {
        let (mut model, mut topology) = (Value::Null, Value::Null);
        while let Some(name) = entries.next_key::<Cow<'_, str>>()? {
            match &*name {
                "model" => model = entries.next_value()?,
                "topology" => topology = entries.next_value()?,
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields(&model, &topology))
    }
}

fn fields(model: &Value, topology: &Value) -> CpuInfo {
    let model = match model {
        Value::Array(models) => models.first().and_then(Value::as_str),
        model => model.as_str(),
    };
    let count = |name: &str| topology.get(name).and_then(Value::as_f64);
    let threads = count("sockets").zip(count("cores")).zip(count("threads"));
    let threads = threads.map(|((sockets, cores), threads)| sockets * cores * threads);
    CpuInfo {
        model: model.map(str::to_owned),
        threads: threads
            .map(|threads| threads * count("cells").unwrap_or(1.0).max(1.0))
            .filter(|threads| *threads > 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};
    use crate::model::part::Part;
    use serde_json::json;

    const NEW: &[u8] = include_bytes!("../../../tests/recordings/nova/hypervisors-detail-2.87.json");
    const OLD: &[u8] = include_bytes!("../../../tests/recordings/nova/hypervisors-detail-2.1.json");
    const BARE: &[u8] = include_bytes!("../../../tests/recordings/nova/hypervisors-detail-2.88.json");

    fn part(body: &[u8], providers: Option<&Providers>) -> Part {
        let items = recorded::<Item>(body, "hypervisors");
        let aggregates = include_bytes!("../../../tests/recordings/nova/aggregates.json");
        seal(emit(items, recorded(aggregates, "aggregates"), providers))
    }

    #[test]
    fn the_recorded_hypervisors_of_both_ages() {
        let (new, old) = (part(NEW, None), part(OLD, None));
        for metric in [&VCPUS_AVAILABLE, &VCPUS_USED, &MEMORY_USED, &FREE_DISK, &CURRENT_WORKLOAD] {
            assert_eq!(rows(&new, metric), rows(&old, metric));
            assert_eq!(rows(&new, metric).len(), 4);
        }
        assert_eq!(rows(&new, &VCPUS_AVAILABLE)[0], ("compute-01|az-a|ssd".to_owned(), 4.0));
        assert_eq!(rows(&new, &VCPUS_USED)[1], ("compute-02|az-a|".to_owned(), 22.0));
        assert_eq!(rows(&new, &MEMORY_AVAILABLE)[1].1, 1_048_576.0 * 1024.0 * 1024.0);
        assert_eq!(rows(&new, &FREE_DISK)[1].1, 19_617.0 * 1024.0 * 1024.0 * 1024.0);
        assert_eq!(rows(&new, &INFO)[3].0, "compute-04|compute-04|az-b|up|disabled");
        assert_eq!(rows(&new, &AGGREGATE_INFO), [("compute-01|ssd".to_owned(), 1.0)]);
        let table = new.tables.get::<Hypervisors>().unwrap();
        assert_eq!(table.0[0].cpu_model.as_deref(), Some("Nehalem"));
        assert_eq!(table.0[0].uuid.as_deref(), Some("94d2d7ee-cd1e-5ba7-b08a-d93eccd8bcaa"));
        assert!(old.tables.get::<Hypervisors>().unwrap().0[0].uuid.is_none());
        assert_eq!(new.tables.get::<Aggregates>().unwrap().0.len(), 3);
    }

    #[test]
    fn without_capacity_nothing_is_made_up() {
        let part = part(BARE, None);
        assert!(rows(&part, &VCPUS_AVAILABLE).is_empty() && rows(&part, &CURRENT_WORKLOAD).is_empty());
        assert_eq!(rows(&part, &INFO).len(), 4);
    }

    #[test]
    fn odd_cpu_infos() {
        let cpu_info = |value: &Value| serde_json::from_str::<CpuInfo>(&value.to_string()).unwrap();
        for odd in
            [json!(null), json!(""), json!("no json"), json!([1]), json!({"topology": null}), json!(-1.5), json!(true)]
        {
            assert_eq!(cpu_info(&odd), CpuInfo::default());
        }
        let quoted = json!(json!({"model": "Xeon", "features": ["a"]}).to_string());
        assert_eq!(cpu_info(&quoted), CpuInfo { model: Some("Xeon".into()), threads: None });
        let vmware = json!({"model": ["Xeon", "Xeon"], "topology": {"cores": 8, "threads": 16}});
        assert_eq!(cpu_info(&vmware), CpuInfo { model: Some("Xeon".into()), threads: None });
        let cells = json!({"topology": {"cells": 2, "sockets": 1, "cores": 8, "threads": 2}});
        assert_eq!(cpu_info(&cells).threads, Some(32.0));
        let zero = json!({"topology": {"cells": 2, "sockets": 0, "cores": 0, "threads": 0}});
        assert_eq!(cpu_info(&zero).threads, None);
    }

    #[test]
    fn equal_names_of_two_cells_are_not_fatal() {
        let mut items = recorded::<Item>(NEW, "hypervisors");
        items.extend(recorded::<Item>(OLD, "hypervisors"));
        assert_eq!(rows(&seal(emit(items, Vec::new(), None)), &VCPUS_USED).len(), 4);
    }
}
