//! Who takes what: allocations of a provider and of a consumer, usages of a project.

use super::{Placement, Provider, Result, error};
use crate::demo::call::Answer;
use crate::demo::json::{Hex, Json, Uuid};
use crate::demo::world::seed::parse_id;
use crate::demo::world::{Resources, Server, Status};

impl Placement<'_> {
    pub(super) fn allocations(&self, provider: Provider<'_>) -> Answer {
        let world = &self.call.world;
        let here = |server: &&Server| provider.gpu.is_none_or(|slot| server.gpu_slot.map(u32::from) == Some(slot));
        let servers = provider.host.servers.iter().filter_map(|row| world.server(*row)).filter(here);
        Answer::object(|j| {
            j.key("allocations").object(|j| {
                for server in servers {
                    j.key(Uuid(server.id).to_string()).object(|j| {
                        j.key("resources").object(|j| self.taken(j, server, provider.gpu.is_some()));
                        if self.version >= 28 {
                            j.put("consumer_generation", 1u32);
                        }
                    });
                }
            });
            j.put("resource_provider_generation", provider.generation());
        })
    }

    /// What a server takes of its host, or of the GPU provider.
    fn taken(&self, j: &mut Json, server: &Server, nested: bool) {
        let need = self.call.world.need_of(server);
        if nested {
            j.put("CUSTOM_GPU", self.call.world.flavor_of(server).map_or(0, |flavor| flavor.gpus));
            return;
        }
        if need.disk_gb > 0 {
            j.put("DISK_GB", need.disk_gb);
        }
        j.put("MEMORY_MB", need.memory_mb).put("VCPU", need.vcpus);
    }

    pub(super) fn consumer(&self, id: &str) -> Answer {
        let world = &self.call.world;
        let server = parse_id(id).and_then(|id| world.find(id)).and_then(|row| world.server(row));
        let placed = server.filter(|server| server.status != Status::Deleted).and_then(|server| Some((server, server.host?)));
        Answer::object(|j| {
            j.key("allocations").object(|j| {
                let Some((server, row)) = placed else { return };
                let Some(host) = world.host(row) else { return };
                let slots = std::iter::once(None).chain(server.gpu_slot.map(|slot| Some(u32::from(slot))));
                for gpu in slots {
                    let provider = Provider { row, host, gpu };
                    j.key(Uuid(provider.uuid(world.seed)).to_string()).object(|j| {
                        j.key("resources").object(|j| self.taken(j, server, gpu.is_some()));
                        j.put("generation", provider.generation());
                    });
                }
            });
            let Some((server, _)) = placed else { return };
            if self.version >= 12
                && let Some(project) = world.project_of(server)
            {
                j.put("project_id", Hex(project.id)).put("user_id", Hex(project.owner));
            }
            if self.version >= 28 {
                j.put("consumer_generation", 1u32);
            }
            if self.version >= 38 {
                j.put("consumer_type", "INSTANCE");
            }
        })
    }

    /// What a project's instances take; by consumer type from 1.38 on.
    pub(super) fn project_usages(&self) -> Result<Answer> {
        let world = &self.call.world;
        let Some(id) = self.call.param("project_id") else {
            return Err(error(self.call, 400, "Bad Request", "'project_id' is a required property", None));
        };
        let project = parse_id(&id).and_then(|id| world.identity.project(id)).map(|(at, _)| at as u32);
        let mut sums = (0u64, Resources::default(), 0u64);
        let placed = |server: &&Server| {
            Some(server.project) == project && server.status != Status::Deleted && server.host.is_some()
        };
        for server in world.servers().iter().filter(placed) {
            sums.0 += 1;
            sums.1.add(world.need_of(server));
            sums.2 += world.flavor_of(server).map_or(0, |flavor| u64::from(flavor.gpus));
        }
        let write = |j: &mut Json, with_count: bool| {
            if sums.0 == 0 {
                return;
            }
            j.put("VCPU", sums.1.vcpus);
            if with_count {
                j.put("consumer_count", sums.0);
            }
            j.put("MEMORY_MB", sums.1.memory_mb).put("DISK_GB", sums.1.disk_gb);
            if sums.2 > 0 {
                j.put("CUSTOM_GPU", sums.2);
            }
        };
        Ok(Answer::object(|j| {
            j.key("usages").object(|j| {
                if self.version < 38 {
                    write(j, false);
                } else if sums.0 > 0 {
                    j.key("INSTANCE").object(|j| write(j, true));
                }
            });
        }))
    }
}
