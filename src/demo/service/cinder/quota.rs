//! `os-quota-sets`: what a project may have, and what it takes.

use super::{Cinder, Result, error};
use crate::demo::call::Answer;
use crate::demo::json::{Hex, Json};
use crate::demo::world::seed::parse_id;
use crate::demo::world::storage::VOLUME_TYPES;

/// What a project takes: number and GiB.
#[derive(Clone, Copy, Default)]
struct Taken(u64, u64);

impl Taken {
    fn add(&mut self, size: u64) {
        *self = Self(self.0 + 1, self.1 + size);
    }
}

impl Cinder<'_> {
    pub(super) fn quota_set(&self, id: &str) -> Result<Answer> {
        self.admin_only("volume_extension:quotas:show")?;
        let world = &self.call.world;
        let found = parse_id(id).and_then(|id| world.identity.project(id));
        let (at, project) = found.ok_or_else(|| error(404, &format!("Project {id} could not be found.")))?;
        let usage = self.call.param("usage").is_some_and(|text| matches!(&*text, "1" | "true" | "True"));
        let (mut volumes, mut snapshots, mut backups) = (Taken::default(), Taken::default(), Taken::default());
        let mut types = [(Taken::default(), Taken::default()); VOLUME_TYPES.len()];
        for volume in world.volumes_where(|project| project as usize == at) {
            volumes.add(volume.size);
            let copied = world.snapshot_of(&volume);
            if let Some((of_type, copies_of_type)) = types.get_mut(volume.kind) {
                of_type.add(volume.size);
                copied.iter().for_each(|copy| copies_of_type.add(copy.size));
            }
            copied.iter().for_each(|copy| snapshots.add(copy.size));
            world.backup_of(&volume).iter().for_each(|copy| backups.add(copy.size));
        }
        let line = |j: &mut Json, name: &str, limit: i64, used: u64| {
            if usage {
                j.key(name).object(|j| {
                    j.put("limit", limit).put("in_use", used).put("reserved", 0u32);
                });
            } else {
                j.put(name, limit);
            }
        };
        let limit = |used: u64, step: u64| ((used * 3 / 2 / step + 1) * step) as i64;
        Ok(Answer::object(|j| {
            j.key("quota_set").object(|j| {
                line(j, "volumes", limit(volumes.0, 10), volumes.0);
                line(j, "per_volume_gigabytes", -1, 0);
                line(j, "snapshots", limit(snapshots.0, 10), snapshots.0);
                // Snapshots count against the same quota.
                line(j, "gigabytes", limit(volumes.1 + snapshots.1, 1000), volumes.1 + snapshots.1);
                line(j, "backups", limit(backups.0, 10), backups.0);
                line(j, "backup_gigabytes", limit(backups.1, 1000), backups.1);
                for (kind, (taken, copied)) in VOLUME_TYPES.iter().zip(types) {
                    line(j, &format!("volumes_{}", kind.name), -1, taken.0);
                    line(j, &format!("gigabytes_{}", kind.name), -1, taken.1 + copied.1);
                    line(j, &format!("snapshots_{}", kind.name), -1, copied.0);
                }
                line(j, "groups", 10, 0);
                j.put("id", Hex(project.id));
            });
        }))
    }
}
