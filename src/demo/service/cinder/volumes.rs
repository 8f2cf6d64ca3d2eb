//! `volumes/detail`, `snapshots/detail`, `backups/detail`.

use super::{Cinder, Result};
use crate::demo::call::Answer;
use crate::demo::json::{Hex, Json, Micros, Null, Plain, Uuid};
use crate::demo::world::seed::{Kind, mix, uuid};
use crate::demo::world::storage::{POOLS, VOLUME_TYPES, Volume, VolumeCopy};

impl Cinder<'_> {
    pub(super) fn volumes(&self) -> Result<Answer> {
        let mut items = self.call.world.volumes();
        if let Some(project) = self.shown() {
            items.retain(|volume| volume.project == project);
        }
        self.page("volumes", items, |volume| volume.id, |j, volume| self.volume(j, volume))
    }

    fn volume(&self, j: &mut Json, volume: &Volume) {
        let world = &self.call.world;
        let project = world.identity.projects.get(volume.project as usize);
        let kind = VOLUME_TYPES.get(volume.kind).map_or("", |kind| kind.name);
        let since = |minor: u16| self.version >= minor;
        j.put("id", Uuid(volume.id)).put("status", volume.status).put("size", volume.size);
        j.put("availability_zone", "nova").put("created_at", Micros(volume.created));
        j.put("updated_at", Micros(volume.updated));
        let number = mix(volume.id as u64, 7) % 100_000;
        j.put("name", if volume.bootable { String::new() } else { format!("data-{number}") });
        j.put("description", Null).put("volume_type", kind).put("snapshot_id", Null).put("source_volid", Null);
        j.key("metadata").object(|j| {
            if number.is_multiple_of(4) {
                j.put("stage", "prod");
            }
        });
        j.key("links").array(|j| {
            for (rel, path) in [("self", "/v3"), ("bookmark", "")] {
                j.object(|j| {
                    let id = Uuid(volume.id);
                    j.put("rel", rel).put("href", Plain(format_args!("{}{path}/volumes/{id}", self.call.url)));
                });
            }
        });
        j.put("user_id", Hex(project.map_or(0, |project| project.owner)));
        j.put("bootable", if volume.bootable { "true" } else { "false" }).put("encrypted", false);
        j.put("replication_status", Null).put("consistencygroup_id", Null).put("multiattach", false);
        self.attachments(j, volume);
        j.put("migration_status", Null);
        for (minor, key) in [(13, "group_id"), (21, "provider_id")] {
            if since(minor) {
                j.put(key, Null);
            }
        }
        if since(48) {
            j.put("shared_targets", true).put("service_uuid", Uuid(uuid(world.seed, Kind::Service, volume.pool as u64)));
        }
        if since(61) {
            j.put("cluster_name", Null);
        }
        if since(63) {
            j.put("volume_type_id", Uuid(self.type_id(volume.kind)));
        }
        if since(65) {
            j.put("consumes_quota", true);
        }
        j.put("os-vol-tenant-attr:tenant_id", Hex(project.map_or(0, |project| project.id)));
        if self.admin() {
            let pool = POOLS.get(volume.pool).map_or("", |(name, ..)| name);
            j.put("os-vol-mig-status-attr:migstat", Null).put("os-vol-mig-status-attr:name_id", Null);
            j.put("os-vol-host-attr:host", pool);
        }
        self.image_metadata(j, volume);
    }

    /// What a bootable volume keeps of the image that it was made of.
    fn image_metadata(&self, j: &mut Json, volume: &Volume) {
        let images = &self.call.world.images;
        let at = mix(volume.id as u64, 13) as usize % images.len().max(1);
        let Some(image) = images.get(at).filter(|_| volume.bootable) else { return };
        j.key("volume_image_metadata").object(|j| {
            j.put("hw_disk_bus", "virtio").put("os_distro", image.distro).put("image_id", Uuid(image.id));
            j.put("image_name", image.distro).put("checksum", Plain(format_args!("{:032x}", image.id)));
            j.put("container_format", "bare").put("disk_format", "qcow2").put("min_disk", "0").put("min_ram", "0");
            j.put("size", "1073741824");
        });
    }

    fn attachments(&self, j: &mut Json, volume: &Volume) {
        let world = &self.call.world;
        let server = volume.server.and_then(|row| world.server(row));
        j.key("attachments").array(|j| {
            let Some(server) = server else { return };
            let host = server.host.and_then(|row| world.host(row));
            j.object(|j| {
                j.put("id", Uuid(volume.id)).put("attachment_id", Uuid(uuid(volume.id as u64, Kind::Volume, 3)));
                j.put("volume_id", Uuid(volume.id)).put("server_id", Uuid(server.id));
                j.put("host_name", host.map(|host| &host.name));
                j.put("device", if volume.bootable { "/dev/vda" } else { "/dev/vdb" });
                j.put("attached_at", Micros(server.launched));
            });
        });
    }

    pub(super) fn type_id(&self, kind: usize) -> u128 {
        uuid(self.call.world.seed, Kind::Flavor, 1 << 32 | kind as u64)
    }

    pub(super) fn snapshots(&self) -> Result<Answer> {
        let items = self.copies(|volume| self.call.world.snapshot_of(volume));
        self.page("snapshots", items, |copy| copy.id, |j, copy| self.snapshot(j, copy))
    }

    fn snapshot(&self, j: &mut Json, copy: &VolumeCopy) {
        let project = self.call.world.identity.projects.get(copy.project as usize);
        j.put("id", Uuid(copy.id)).put("created_at", Micros(copy.created)).put("updated_at", Micros(copy.created));
        j.put("name", format!("nightly-{}", copy.created / 86_400)).put("description", Null);
        j.put("volume_id", Uuid(copy.volume)).put("status", copy.status).put("size", copy.size);
        j.key("metadata").object(|_| {});
        if self.version >= 14 {
            j.put("group_snapshot_id", Null);
        }
        if self.version >= 41 {
            j.put("user_id", Hex(project.map_or(0, |project| project.owner)));
        }
        if self.version >= 65 {
            j.put("consumes_quota", true);
        }
        j.put("os-extended-snapshot-attributes:project_id", Hex(project.map_or(0, |project| project.id)));
        j.put("os-extended-snapshot-attributes:progress", "100%");
    }

    /// After Cinder's API reference.
    pub(super) fn backups(&self) -> Result<Answer> {
        let items = self.copies(|volume| self.call.world.backup_of(volume));
        self.page("backups", items, |copy| copy.id, |j, copy| {
            let project = self.call.world.identity.projects.get(copy.project as usize);
            j.put("id", Uuid(copy.id)).put("status", copy.status).put("size", copy.size).put("object_count", 22u32);
            j.put("availability_zone", "nova").put("container", "volumebackups");
            j.put("created_at", Micros(copy.created)).put("updated_at", Micros(copy.created + 30));
            j.put("name", format!("weekly-{}", copy.created / 604_800)).put("description", Null).put("fail_reason", Null);
            j.put("volume_id", Uuid(copy.volume)).put("snapshot_id", Null).put("is_incremental", false);
            j.put("has_dependent_backups", false).put("data_timestamp", Micros(copy.created));
            if self.version >= 18 && self.admin() {
                j.put("os-backup-project-attr:project_id", Hex(project.map_or(0, |project| project.id)));
            }
        })
    }

    /// Copies of the volumes that are shown, newest first.
    fn copies(&self, of: impl Fn(&Volume) -> Option<VolumeCopy>) -> Vec<VolumeCopy> {
        let shown = self.shown();
        let volumes = self.call.world.volumes_where(|project| shown.is_none_or(|shown| shown == project));
        let mut items: Vec<VolumeCopy> = volumes.filter_map(|volume| of(&volume)).collect();
        items.sort_unstable_by(|a, b| b.created.cmp(&a.created).then(b.id.cmp(&a.id)));
        items
    }
}
