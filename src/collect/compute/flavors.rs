//! Flavors, public and private, with their extra specs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::collect::decode::{bool_label, list, null_as_default};
use crate::collect::health::Visibility;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::inventory::flavor::{Flavor, Flavors};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// Flavors, public and private.
    FLAVORS = gauge "openstack_nova_flavors" [], Count, "GET /flavors/detail?is_public=None";
    /// A flavor, always 1; ram is in MiB, disk (root) in GiB.
    FLAVOR = gauge "openstack_nova_flavor" [id name vcpus ram disk is_public], Info, "GET /flavors/detail?is_public=None";
    /// A flavor's id by its name, always 1; to join on.
    INFO = gauge "stackcast_flavor_info" [flavor flavor_id is_public], Info, "GET /flavors/detail?is_public=None";
}

/// Extra specs are included from 2.61 on; nothing newer is needed.
const VERSION: Microversion = Microversion::new(2, 61);

#[derive(Deserialize)]
struct Item {
    id: String,
    name: String,
    #[serde(default)]
    vcpus: u32,
    #[serde(default)]
    ram: u32,
    #[serde(default)]
    disk: u32,
    #[serde(default, rename = "OS-FLV-EXT-DATA:ephemeral")]
    ephemeral: u32,
    #[serde(default)]
    swap: Swap,
    #[serde(default = "public", rename = "os-flavor-access:is_public")]
    is_public: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    extra_specs: BTreeMap<Box<str>, Box<str>>,
}

/// No swap is written as an empty text before 2.75.
#[derive(Deserialize)]
#[serde(untagged)]
enum Swap {
    Mebibytes(u32),
    None(serde::de::IgnoredAny),
}

impl Default for Swap {
    fn default() -> Self {
        Self::Mebibytes(0)
    }
}

fn public() -> bool {
    true
}

/// Flavors.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let version = cx.client.negotiate(VERSION).await?;
            let request = Request::new("flavors/detail").query("is_public", "None").at(version);
            let mut items = Vec::new();
            list(cx, request, "flavors", |item: Item| items.push(item)).await?;
            // Without the right to see private flavors Nova leaves them out silently.
            if items.iter().all(|item| item.is_public) && !cx.is_admin().await {
                cx.report.set_visibility(Visibility::Project);
            }
            Ok(emit(items))
        })
    }
}

fn emit(items: Vec<Item>) -> PartBuilder {
    let mut part = PartBuilder::new();
    part.put(&FLAVORS, [], items.len() as f64);
    let mut table = Flavors::default();
    for item in items {
        let (vcpus, ram, disk) = (item.vcpus.to_string(), item.ram.to_string(), item.disk.to_string());
        let is_public = bool_label(item.is_public);
        part.put(&FLAVOR, [&item.id, &item.name, &vcpus, &ram, &disk, is_public], 1.0);
        part.put(&INFO, [&item.name, &item.id, is_public], 1.0);
        let name: Arc<str> = Arc::from(item.name);
        let flavor = Flavor {
            id: Arc::from(item.id),
            name: Arc::clone(&name),
            vcpus: item.vcpus,
            memory_mib: item.ram,
            disk_gib: item.disk,
            ephemeral_gib: item.ephemeral,
            swap_mib: match item.swap {
                Swap::Mebibytes(swap) => swap,
                Swap::None(_) => 0,
            },
            is_public: item.is_public,
            extra_specs: item.extra_specs,
        };
        table.0.insert(name, flavor);
    }
    part.table(Arc::new(table));
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn the_recorded_flavors_of_both_ages() {
        let new: &[u8] = include_bytes!("../../../tests/recordings/nova/flavors-detail-2.61.json");
        let old: &[u8] = include_bytes!("../../../tests/recordings/nova/flavors-detail-2.1.json");
        let [new, old] = [new, old].map(|body| {
            let items = recorded::<Item>(body, "flavors");
            seal(emit(items))
        });
        assert_eq!(only(&new, &FLAVORS), 7.0);
        assert_eq!(rows(&new, &FLAVOR), rows(&old, &FLAVOR));
        let labels = "27016e8f-9a6a-491c-a612-b5339f6be252|private.gpu|4|8192|40|false";
        assert_eq!(rows(&new, &FLAVOR)[0], (labels.to_owned(), 1.0));
        let labels = "private.gpu|27016e8f-9a6a-491c-a612-b5339f6be252|false";
        assert_eq!(rows(&new, &INFO)[0], (labels.to_owned(), 1.0));
        let table = new.tables.get::<Flavors>().unwrap();
        let gpu = &table.0["private.gpu"];
        assert_eq!((gpu.swap_mib, gpu.ephemeral_gib, gpu.is_public), (512, 10, false));
        assert_eq!(table.0["m1.tiny"].swap_mib, 0);
        assert_eq!(&*table.0["m1.large"].extra_specs["hw:cpu_policy"], "shared");
    }
}
