//! The resources of a region in canonical form: sorted by id, as JSON without blanks whose members are sorted. The same
//! resources give the same bytes, in whatever order an API told them.

use std::sync::Arc;

use aws_lc_rs::digest;

use super::record::{Attachment, Flavor, Image, KeystoneUser, Resource, Tenant, Vm, Volume};
use crate::model::clock::Timestamp;
use crate::model::inventory::flavor::Flavors;
use crate::model::inventory::image::Images;
use crate::model::inventory::project::Projects;
use crate::model::inventory::server::{Server, Servers};
use crate::model::inventory::user::Users;
use crate::model::inventory::volume::{self, Volumes};
use crate::model::part::Origin;
use crate::model::snapshot::Snapshot;
use crate::model::workload::ResourceType;

/// A resource in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) id: Box<str>,
    /// Canonical JSON.
    pub(super) json: Box<str>,
}

/// The resources of a kind as the snapshot has them now, sorted by id; none while a table that is needed is missing.
pub(super) fn listing(kind: ResourceType, snapshot: &Snapshot, origin: &Origin) -> Option<Vec<Item>> {
    match kind {
        ResourceType::Vm => servers(snapshot, origin),
        ResourceType::Flavor => snapshot.table::<Flavors>(origin).map(|table| canonical(flavors(&table))),
        ResourceType::Volume => snapshot.table::<Volumes>(origin).map(|table| canonical(volumes(&table))),
        ResourceType::Image => snapshot.table::<Images>(origin).map(|table| canonical(images(&table))),
        ResourceType::Tenant => {
            let table = snapshot.table::<Projects>(origin)?;
            let rows = table.0.iter().map(|(id, row)| Tenant { enabled: Some(row.enabled), id: id.to_string() });
            Some(canonical(rows))
        }
        ResourceType::KeystoneUser => {
            let table = snapshot.table::<Users>(origin)?;
            let rows = table.0.iter().map(|(id, row)| KeystoneUser {
                enabled: Some(row.enabled),
                id: id.to_string(),
                tenant_id: row.default_project.as_ref().map(ToString::to_string),
            });
            Some(canonical(rows))
        }
    }
}

/// Sorts resources by id; of several with one id the last stays.
pub(super) fn canonical<R: Resource>(resources: impl Iterator<Item = R>) -> Vec<Item> {
    let item = |resource: R| {
        // A struct of texts and numbers can always be written.
        let json = serde_json::to_string(&resource).unwrap_or_default();
        Item { id: Box::from(resource.id()), json: json.into_boxed_str() }
    };
    let mut items: Vec<Item> = resources.map(item).collect();
    items.sort_by(|a, b| a.id.cmp(&b.id));
    items.dedup_by(|later, earlier| {
        let same = later.id == earlier.id;
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    items
}

/// All resources as a JSON array.
pub(super) fn array(items: &[Item]) -> String {
    let mut text = String::with_capacity(items.iter().map(|item| item.json.len() + 1).sum::<usize>() + 1);
    text.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&item.json);
    }
    text.push(']');
    text
}

/// SHA-256 of the JSON array, in hexadecimal digits.
pub(super) fn checksum(array: &str) -> String {
    let digest = digest::digest(&digest::SHA256, array.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Nova tells a flavor's name; its id is in the table of flavors.
fn servers(snapshot: &Snapshot, origin: &Origin) -> Option<Vec<Item>> {
    let table = snapshot.table::<Servers>(origin)?;
    let flavors = snapshot.table::<Flavors>(origin);
    if flavors.is_none() && table.0.values().any(|server| server.flavor.id.is_none()) {
        return None;
    }
    let flavor_id = |server: &Server| {
        let named = || flavors.as_ref()?.0.get(&server.flavor.name).map(|flavor| Arc::clone(&flavor.id));
        server.flavor.id.clone().or_else(named)
    };
    let rows = table.0.iter().map(|(id, server)| Vm {
        created_at: told(server.created),
        flavor_id: flavor_id(server),
        host_id: (!server.host_id.is_empty()).then(|| server.host_id.to_string()),
        id: id.to_string(),
        image_id: server.image.as_ref().map(ToString::to_string),
        power_state: Some(server.power_state.into()),
        status: Some(Arc::clone(&server.status)),
        tenant_id: Some(server.project.to_string()),
    });
    Some(canonical(rows))
}

fn flavors(table: &Flavors) -> impl Iterator<Item = Flavor> {
    table.0.values().map(|flavor| Flavor {
        disk: Some(flavor.disk_gib.into()),
        ephemeral: Some(flavor.ephemeral_gib.into()),
        id: flavor.id.to_string(),
        ram: Some(flavor.memory_mib.into()),
        swap: Some(flavor.swap_mib.into()),
        vcpus: Some(flavor.vcpus.into()),
    })
}

fn images(table: &Images) -> impl Iterator<Item = Image> {
    table.0.iter().map(|(id, image)| Image {
        created: told(image.created),
        id: id.to_string(),
        min_disk: Some(image.min_disk_gib),
        min_ram: Some(image.min_ram_mib),
        size: image.size_bytes,
        updated: told(image.updated),
    })
}

fn volumes(table: &Volumes) -> impl Iterator<Item = Volume> {
    table.0.iter().map(|(id, volume)| {
        let attachment = |attachment: &volume::Attachment| Attachment {
            device: filled(&attachment.device),
            id: attachment.id.to_string(),
            server_id: attachment.server.as_ref().map(ToString::to_string),
        };
        let mut attachments: Vec<Attachment> = volume.attachments.iter().map(attachment).collect();
        attachments.sort_by(|a, b| (&a.id, &a.server_id).cmp(&(&b.id, &b.server_id)));
        Volume {
            attachments,
            availability_zone: filled(&volume.zone),
            bootable: Some(volume.bootable),
            encrypted: Some(volume.encrypted),
            id: id.to_string(),
            size: Some(volume.size_gib),
            snapshot_id: volume.snapshot.as_ref().map(ToString::to_string),
            status: Some(Arc::clone(&volume.status)),
            tenant_id: Some(volume.project.to_string()),
            volume_type: filled(&volume.volume_type),
        }
    })
}

fn filled(text: &Arc<str>) -> Option<Arc<str>> {
    (!text.is_empty()).then(|| Arc::clone(text))
}

/// 1970 stands for a time that could not be read.
fn told(at: Timestamp) -> Option<String> {
    (at != Timestamp::default()).then(|| at.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn a_checksum_is_of_the_canonical_text() {
        let one = Tenant { enabled: Some(true), id: "b".to_owned() };
        let two = Tenant { enabled: None, id: "a".to_owned() };
        let text = array(&canonical([one, two].into_iter()));
        assert_eq!(text, r#"[{"enabled":null,"id":"a"},{"enabled":true,"id":"b"}]"#);
        // Of Python's hashlib.
        assert_eq!(checksum("[]"), "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945");
    }

    proptest! {
        #[test]
        fn another_order_is_the_same(ids in prop::collection::btree_map("[a-f0-9]{1,4}", any::<bool>(), 0..20), seed: u64) {
            let rows: Vec<Tenant> = ids.into_iter().map(|(id, on)| Tenant { enabled: Some(on), id }).collect();
            let mut mixed = rows.clone();
            fastrand::Rng::with_seed(seed).shuffle(&mut mixed);
            let (rows, mixed) = (array(&canonical(rows.into_iter())), array(&canonical(mixed.into_iter())));
            prop_assert_eq!(checksum(&rows), checksum(&mixed));
            let back: Vec<Map<String, Value>> = serde_json::from_str(&rows).unwrap();
            prop_assert_eq!(serde_json::to_string(&back).unwrap(), rows, "reading and writing keeps the form");
        }
    }
}
