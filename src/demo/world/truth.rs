//! The truth about a region, counted without any of the code that answers requests.

use std::collections::BTreeMap;

use super::{Status, World, seconds};

/// What there is at the world's moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Servers that are not deleted.
    pub servers: usize,
    /// The same by status as the API spells it.
    pub servers_by_status: BTreeMap<&'static str, usize>,
    /// Servers by name of their project.
    pub servers_by_project: BTreeMap<String, usize>,
    /// Deleted servers.
    pub servers_deleted: usize,
    /// Hypervisors.
    pub hypervisors: usize,
    /// Hypervisors whose service reports.
    pub hypervisors_up: usize,
    /// Hypervisors whose service is disabled.
    pub hypervisors_disabled: usize,
    /// Compute services, conductors and schedulers included.
    pub compute_services: usize,
    /// Resource providers, nested ones included.
    pub providers: usize,
    /// Projects, domains not counted.
    pub projects: usize,
    /// Users.
    pub users: usize,
    /// Flavors.
    pub flavors: usize,
    /// Aggregates.
    pub aggregates: usize,
    /// vCPUs that servers on hosts take.
    pub vcpus_used: u64,
    /// MiB that servers on hosts take.
    pub memory_mb_used: u64,
    /// GiB that servers on hosts take.
    pub disk_gb_used: u64,
    /// GPU devices that servers take.
    pub gpus_used: u64,
}

impl World {
    /// Counts everything, from the servers' rows, not from the hosts' sums.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts {
            hypervisors: self.hosts.len(),
            hypervisors_up: (0u32..).zip(&self.hosts).filter(|(row, _)| self.heartbeat(*row, self.now).1).count(),
            hypervisors_disabled: self.hosts.iter().filter(|host| host.disabled.is_some()).count(),
            compute_services: self.hosts.len() + super::host::CONTROL_SERVICES.len(),
            providers: self
                .hosts
                .iter()
                .map(|host| 1 + if host.gpu { super::host::GPU_PROVIDERS as usize } else { 0 })
                .sum(),
            projects: self.identity.projects.len(),
            users: self.identity.users.len(),
            flavors: self.flavors.len(),
            aggregates: self.aggregates.len(),
            ..Counts::default()
        };
        for server in &self.servers {
            if server.status == Status::Deleted {
                counts.servers_deleted += 1;
                continue;
            }
            counts.servers += 1;
            *counts.servers_by_status.entry(server.status.name()).or_default() += 1;
            let project = self.project_of(server).map(|project| project.name.clone()).unwrap_or_default();
            *counts.servers_by_project.entry(project).or_default() += 1;
            if server.host.is_some() {
                let need = self.need_of(server);
                counts.vcpus_used += need.vcpus;
                counts.memory_mb_used += need.memory_mb;
                counts.disk_gb_used += need.disk_gb;
                counts.gpus_used += self.flavor_of(server).map_or(0, |flavor| u64::from(flavor.gpus));
            }
        }
        counts
    }

    /// Servers that a `changes-since` of this moment must show, from the rows alone, newest first.
    pub fn changed(&self, since: crate::model::clock::Timestamp) -> Vec<u128> {
        let since = seconds(since);
        self.servers.iter().rev().filter(|server| server.updated >= since).map(|server| server.id).collect()
    }
}
