//! Volumes: each of them, and counted by project, type and status.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::status::{STATUSES, status_number};
use crate::collect::decode::{bool_label, list, null_as_default};
use crate::collect::scope::Scope;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::volume::{self, Volume, Volumes};
use crate::model::metric::GIB;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Volumes of all projects.
    VOLUMES = gauge "openstack_cinder_volumes" [], Count, "GET /volumes/detail?all_tenants=1";
    /// Size of a volume in GiB; server_id is the first server that it is attached to.
    VOLUME_GB = gauge "openstack_cinder_volume_gb" [id name status availability_zone bootable tenant_id user_id volume_type server_id], Gibibytes, "GET /volumes/detail?all_tenants=1";
    /// Status of a volume as a number: 0 creating, 1 available, 5 in-use, 9 error, 19 extending, ... (see docs), -1 any other.
    VOLUME_STATUS = gauge "openstack_cinder_volume_status" [id name status bootable tenant_id size volume_type server_id], State, "GET /volumes/detail?all_tenants=1", deprecated;
    /// Volumes by status; every status that Cinder has is there, 0 included.
    VOLUME_STATUS_COUNTER = gauge "openstack_cinder_volume_status_counter" [status], Count, "GET /volumes/detail?all_tenants=1";
    /// A volume's name, project, type and place (host@backend#pool), always 1; to join on.
    VOLUME_INFO = gauge "openstack_cinder_volume_info" [id name tenant_id volume_type host availability_zone encrypted multiattach], Info, "GET /volumes/detail?all_tenants=1";
    /// A volume attached to a server, always 1; one row for each of its servers.
    VOLUME_ATTACHMENT_INFO = gauge "openstack_cinder_volume_attachment_info" [id server_id tenant_id], Info, "GET /volumes/detail?all_tenants=1";
    /// Volumes of a project by type, status and whether any server has them attached.
    PROJECT_VOLUMES = gauge "openstack_cinder_project_volumes" [tenant_id volume_type status attached], Count, "GET /volumes/detail?all_tenants=1";
    /// Size of a project's volumes by type, status and whether any server has them attached.
    PROJECT_VOLUME_BYTES = gauge "openstack_cinder_project_volume_bytes" [tenant_id volume_type status attached], Bytes, "GET /volumes/detail?all_tenants=1";
}

#[derive(Deserialize)]
struct Item {
    id: Id,
    #[serde(default, deserialize_with = "null_as_default")]
    name: Box<str>,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    size: u64,
    /// The word `true` or `false`.
    #[serde(default, deserialize_with = "null_as_default")]
    bootable: String,
    #[serde(default, deserialize_with = "null_as_default")]
    availability_zone: String,
    #[serde(default, deserialize_with = "null_as_default")]
    volume_type: String,
    #[serde(default, deserialize_with = "null_as_default")]
    user_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    encrypted: bool,
    snapshot_id: Option<Id>,
    #[serde(default, deserialize_with = "null_as_default")]
    multiattach: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    attachments: Vec<Attachment>,
    #[serde(default, deserialize_with = "null_as_default", rename = "os-vol-tenant-attr:tenant_id")]
    project: Id,
    #[serde(default, deserialize_with = "null_as_default", rename = "os-vol-host-attr:host")]
    host: String,
    #[serde(default, deserialize_with = "null_as_default")]
    created_at: String,
    #[serde(default, deserialize_with = "null_as_default")]
    updated_at: String,
}

/// Without a server when it is attached to a host.
#[derive(Deserialize)]
struct Attachment {
    #[serde(default, deserialize_with = "null_as_default")]
    attachment_id: Id,
    server_id: Option<Id>,
    #[serde(default, deserialize_with = "null_as_default")]
    device: String,
}

/// Volumes; shared texts live as long as it.
#[derive(Default)]
pub(super) struct Collector {
    interner: Interner,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let scope = Scope::of(cx).await?;
            let mut volumes = BTreeMap::new();
            // The oldest microversion has everything that is shown.
            let request = scope.all_tenants(Request::new("volumes/detail"));
            list(cx, request, "volumes", |item: Item| {
                if scope.wants(&item.project) {
                    self.add(item, &mut volumes);
                }
            })
            .await?;
            let part = if scope.hides(volumes.len()) { PartBuilder::new() } else { emit(volumes) };
            self.interner.sweep();
            Ok(part)
        })
    }
}

/// A volume, and what of it only its labels say. Packed as it comes: twenty thousand answers as they are read would be
/// thrice as much.
struct Listed {
    volume: Volume,
    user: Id,
    bootable: Arc<str>,
    multiattach: bool,
}

impl Collector {
    fn add(&mut self, item: Item, volumes: &mut BTreeMap<Id, Listed>) {
        let (user, bootable, multiattach) =
            (Id::new(&item.user_id), self.interner.intern(&item.bootable), item.multiattach);
        let id = item.id.clone();
        volumes.insert(id, Listed { volume: self.row(item), user, bootable, multiattach });
    }

    fn row(&mut self, item: Item) -> Volume {
        let servers = item.attachments.iter().filter_map(|attachment| attachment.server_id.clone()).collect();
        let attachments = item.attachments.into_iter().map(|attachment| volume::Attachment {
            id: attachment.attachment_id,
            server: attachment.server_id,
            device: self.interner.intern(&attachment.device),
        });
        let attachments = attachments.collect();
        Volume {
            name: item.name,
            project: item.project,
            volume_type: self.interner.intern(&item.volume_type),
            host: self.interner.intern(&item.host),
            status: self.interner.intern(&item.status),
            zone: self.interner.intern(&item.availability_zone),
            size_gib: item.size,
            servers,
            attachments,
            bootable: item.bootable == "true",
            encrypted: item.encrypted,
            snapshot: item.snapshot_id,
            created: Timestamp::parse(&item.created_at).unwrap_or_default(),
            updated: Timestamp::parse(&item.updated_at).unwrap_or_default(),
        }
    }
}

fn emit(volumes: BTreeMap<Id, Listed>) -> PartBuilder {
    let mut part = PartBuilder::new();
    part.put(&VOLUMES, [], volumes.len() as f64);
    volumes.iter().for_each(|(id, listed)| emit_each(id, listed, &mut part));
    let table = Volumes(volumes.into_iter().map(|(id, listed)| (id, listed.volume)).collect());
    emit_counts(&table, &mut part);
    part.table(Arc::new(table));
    part
}

fn emit_each(id: &Id, listed: &Listed, part: &mut PartBuilder) {
    let volume = &listed.volume;
    let (id, project, user) = (id.to_string(), volume.project.to_string(), listed.user.to_string());
    let size = volume.size_gib.to_string();
    let servers: Vec<String> = volume.servers.iter().map(Id::to_string).collect();
    let server = servers.first().map_or("", String::as_str);
    let (name, status, kind, zone) = (&*volume.name, &*volume.status, &*volume.volume_type, &*volume.zone);
    let labels = [&*id, name, status, zone, &*listed.bootable, &*project, &*user, kind, server];
    part.put(&VOLUME_GB, labels, volume.size_gib as f64);
    let labels = [&*id, name, status, &*listed.bootable, &*project, &*size, kind, server];
    part.put(&VOLUME_STATUS, labels, status_number(status));
    let (encrypted, multiattach) = (bool_label(volume.encrypted), bool_label(listed.multiattach));
    part.put(&VOLUME_INFO, [&*id, name, &*project, kind, &*volume.host, zone, encrypted, multiattach], 1.0);
    for server in &servers {
        part.put(&VOLUME_ATTACHMENT_INFO, [&*id, server, &*project], 1.0);
    }
}

fn emit_counts(table: &Volumes, part: &mut PartBuilder) {
    let mut by_status: BTreeMap<&str, usize> = STATUSES.iter().map(|status| (*status, 0)).collect();
    let mut by_project: BTreeMap<(&Id, &str, &str, bool), (u64, u64)> = BTreeMap::new();
    for volume in table.0.values() {
        *by_status.entry(&volume.status).or_default() += 1;
        let key = (&volume.project, &*volume.volume_type, &*volume.status, !volume.servers.is_empty());
        let (count, gib) = by_project.entry(key).or_default();
        (*count, *gib) = (*count + 1, *gib + volume.size_gib);
    }
    for (status, count) in by_status {
        part.put(&VOLUME_STATUS_COUNTER, [status], count as f64);
    }
    for ((project, kind, status, attached), (count, gib)) in by_project {
        let project = project.to_string();
        let labels = [&*project, kind, status, bool_label(attached)];
        part.put(&PROJECT_VOLUMES, labels, count as f64);
        part.put(&PROJECT_VOLUME_BYTES, labels, gib as f64 * GIB);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};
    use crate::model::part::Part;

    fn part(body: &[u8]) -> Part {
        let (mut collector, mut volumes) = (Collector::default(), BTreeMap::new());
        recorded::<Item>(body, "volumes").into_iter().for_each(|item| collector.add(item, &mut volumes));
        seal(emit(volumes))
    }

    #[test]
    fn the_recorded_volumes_of_both_ages() {
        let new = part(include_bytes!("../../../tests/recordings/cinder/volumes-detail-all-tenants-3.71.json"));
        let old = part(include_bytes!("../../../tests/recordings/cinder/volumes-detail-all-tenants-3.0.json"));
        assert_eq!(only(&new, &VOLUMES), 15.0);
        for row in [&VOLUME_GB.descriptor.name, &VOLUME_INFO.descriptor.name] {
            assert!(new.families.iter().any(|family| family.descriptor().name == *row && family.len() == 15));
        }
        assert_eq!(rows(&new, &VOLUME_GB), rows(&old, &VOLUME_GB));
        assert_eq!(rows(&new, &VOLUME_STATUS), rows(&old, &VOLUME_STATUS));
        let booted = "ce86267e-7772-4b7c-9a0f-142a7cb6ddb2|initech-vol-2|in-use|nova|true|\
            edb8377f901f4cddad1ed4356f189a4d|7ae1b5ea0dcc459a8e9fcf53fd650311|fast|000214c2-38a2-4204-82bc-c0aa8aeb8ff7";
        assert!(rows(&new, &VOLUME_GB).contains(&(booted.to_owned(), 30.0)));
        let broken = "9c54179a-dcae-4a13-9380-b6195a707ed5|globex-vol-4|error|false|\
            5680797f74df4363b955e3184f61dccf|50|bulk|";
        assert!(rows(&new, &VOLUME_STATUS).contains(&(broken.to_owned(), 9.0)));
        let info = "fe0804ac-29cc-4055-a394-a272280684e3|initech-vol-3|edb8377f901f4cddad1ed4356f189a4d|fast-multi|\
            volhost@fast#ssd-a|nova|false|true";
        assert!(rows(&new, &VOLUME_INFO).contains(&(info.to_owned(), 1.0)));
        assert_eq!(rows(&new, &VOLUME_ATTACHMENT_INFO).len(), 7);
    }

    #[test]
    fn every_status_is_counted_and_sums_agree() {
        let part = part(include_bytes!("../../../tests/recordings/cinder/volumes-detail-all-tenants-3.71.json"));
        let counts = rows(&part, &VOLUME_STATUS_COUNTER);
        assert_eq!(counts.len(), 20);
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<f64>(), 15.0);
        assert!(counts.contains(&("error".to_owned(), 1.0)) && counts.contains(&("retyping".to_owned(), 0.0)));
        let bytes: f64 = rows(&part, &PROJECT_VOLUME_BYTES).iter().map(|(_, bytes)| bytes).sum();
        assert_eq!(bytes, 450.0 * GIB);
        let free = "28b5568b7e144f17b12b1d70150d09bb|bulk|available|false";
        assert!(rows(&part, &PROJECT_VOLUMES).contains(&(free.to_owned(), 1.0)));
        let table = part.tables.get::<Volumes>().unwrap();
        let volume = &table.0[&Id::new("ce86267e-7772-4b7c-9a0f-142a7cb6ddb2")];
        assert!(volume.bootable && volume.servers.len() == 1 && volume.updated > volume.created);
    }

    #[test]
    fn a_new_status_an_absent_member_and_two_servers_come_through() {
        let part = part(
            br#"{"volumes": [{"id": "a", "status": "thinking", "size": 1, "name": null, "volume_type": null,
                "attachments": [{"server_id": null}, {"server_id": "s1"}, {"server_id": "s2"}]}]}"#,
        );
        assert_eq!(rows(&part, &VOLUME_GB), [("a||thinking||||||s1".to_owned(), 1.0)]);
        assert_eq!(rows(&part, &VOLUME_STATUS)[0].1, -1.0);
        assert!(rows(&part, &VOLUME_STATUS_COUNTER).contains(&("thinking".to_owned(), 1.0)));
        assert_eq!(rows(&part, &VOLUME_ATTACHMENT_INFO).len(), 2);
    }
}
