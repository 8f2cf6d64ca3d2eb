//! `os-quota-sets` and `limits`: what a project may have, and what it takes.

use super::{Nova, Result, error};
use crate::demo::call::Answer;
use crate::demo::json::{Hex, Json};
use crate::demo::world::seed::parse_id;
use crate::demo::world::{Project, ProjectUse, QUOTA_DEFAULT, Quota};

/// Whose quota, and what is in use of it.
struct Subject<'a> {
    project: &'a Project,
    quota: Quota,
    used: ProjectUse,
}

/// One line of a quota: name, limit, in use, and the microversion that took it away (0 stays).
type Line = (&'static str, i64, u64, u16);

fn lines(quota: Quota, used: ProjectUse) -> [Line; 14] {
    [
        ("cores", quota.cores, used.cores, 0),
        ("fixed_ips", -1, 0, 36),
        ("floating_ips", -1, 0, 36),
        ("injected_file_content_bytes", 10_240, 0, 57),
        ("injected_file_path_bytes", 255, 0, 57),
        ("injected_files", 5, 0, 57),
        ("instances", quota.instances, used.instances, 0),
        ("key_pairs", 100, 0, 0),
        ("metadata_items", 128, 0, 0),
        ("ram", quota.ram, used.ram, 0),
        ("security_group_rules", -1, 0, 36),
        ("security_groups", -1, 0, 36),
        ("server_group_members", 10, 0, 0),
        ("server_groups", 20, 0, 0),
    ]
}

impl Nova<'_> {
    fn subject(&self, id: &str) -> Result<Subject<'_>> {
        let world = &self.call.world;
        let found = parse_id(id).and_then(|id| world.identity.project(id));
        let (at, project) = found.ok_or_else(|| error(400, &format!("Project ID {id} is not a valid project.")))?;
        if u32::try_from(at).ok() != self.own_project() {
            self.admin_only("os-quota-sets:detail")?;
        }
        Ok(Subject { project, quota: world.quota(at), used: world.project_use(at) })
    }

    fn quota_answer(&self, subject: &Subject<'_>, write: impl Fn(&mut Json, &Line)) -> Answer {
        Answer::object(|j| {
            j.key("quota_set").object(|j| {
                j.put("id", Hex(subject.project.id));
                let stays = |line: &&Line| line.3 == 0 || self.version < line.3;
                for line in lines(subject.quota, subject.used).iter().filter(stays) {
                    write(j, line);
                }
            });
        })
    }

    pub(super) fn quota_set(&self, id: &str) -> Result<Answer> {
        let subject = self.subject(id)?;
        Ok(self.quota_answer(&subject, |j, (name, limit, _, _)| {
            j.put(name, *limit);
        }))
    }

    pub(super) fn quota_defaults(&self, id: &str) -> Result<Answer> {
        let subject = Subject { quota: QUOTA_DEFAULT, ..self.subject(id)? };
        Ok(self.quota_answer(&subject, |j, (name, limit, _, _)| {
            j.put(name, *limit);
        }))
    }

    pub(super) fn quota_set_detail(&self, id: &str) -> Result<Answer> {
        let subject = self.subject(id)?;
        Ok(self.quota_answer(&subject, |j, (name, limit, used, _)| {
            j.key(name).object(|j| {
                j.put("limit", *limit).put("in_use", *used).put("reserved", 0u32);
            });
        }))
    }

    pub(super) fn limits(&self) -> Result<Answer> {
        let world = &self.call.world;
        let (quota, used) = match self.call.param("tenant_id") {
            Some(id) => {
                let subject = self.subject(&id)?;
                (subject.quota, subject.used)
            }
            None => {
                let own = self.own_project().unwrap_or(0) as usize;
                (world.quota(own), world.project_use(own))
            }
        };
        let before = |minor: u16| self.version < minor;
        Ok(Answer::object(|j| {
            j.key("limits").object(|j| {
                j.key("rate").array(|_| {});
                j.key("absolute").object(|j| {
                    j.put("maxTotalCores", quota.cores);
                    if before(57) {
                        j.put("maxPersonality", 5u32).put("maxPersonalitySize", 10_240u32);
                    }
                    j.put("maxTotalInstances", quota.instances).put("maxTotalKeypairs", 100u32);
                    j.put("maxServerMeta", 128u32);
                    if before(39) {
                        j.put("maxImageMeta", 128u32);
                    }
                    j.put("maxTotalRAMSize", quota.ram).put("maxServerGroups", 20u32).put("maxServerGroupMembers", 10u32);
                    if before(36) {
                        j.put("maxTotalFloatingIps", -1i32).put("maxSecurityGroups", -1i32);
                        j.put("maxSecurityGroupRules", -1i32);
                    }
                    j.put("totalRAMUsed", used.ram).put("totalCoresUsed", used.cores);
                    j.put("totalInstancesUsed", used.instances);
                    if before(36) {
                        j.put("totalFloatingIpsUsed", 0u32).put("totalSecurityGroupsUsed", 0u32);
                    }
                    j.put("totalServerGroupsUsed", 0u32);
                });
            });
        }))
    }
}
