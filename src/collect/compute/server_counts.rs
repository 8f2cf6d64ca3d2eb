//! What the list of servers says beyond their status: counts by place and state, and those that are not at rest.
//!
//! Healthy instances have no series of their own here; the counts are bounded by hypervisors and states.

use hashbrown::HashMap;

use super::servers::spell;
use crate::model::clock::Timestamp;
use crate::model::inventory::server::{Server, Servers};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Instances by hypervisor, zone, API status, Nova's own state and task (empty at rest).
    SERVERS = gauge "openstack_nova_servers" [hostname availability_zone status vm_state task_state], Count, "GET /servers/detail?all_tenants=1";
    /// Instances in BUILD that have no host yet: what the scheduler has still to place.
    BUILD_REQUESTS = gauge "openstack_nova_build_requests" [], Count, "GET /servers/detail?all_tenants=1";
    /// When an instance that is not at rest (it has a task, or a status other than ACTIVE, SHUTOFF, PAUSED, SUSPENDED, SHELVED and SHELVED_OFFLOADED) was changed last: its age in this state.
    SERVER_UPDATED = gauge "openstack_nova_server_updated_timestamp_seconds" [id name tenant_id hostname status vm_state task_state], Timestamp, "GET /servers/detail?all_tenants=1";
}

/// Statuses in which an instance may stay for ever without anyone being alarmed.
const AT_REST: [&str; 6] = ["ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED", "SHELVED", "SHELVED_OFFLOADED"];

/// Counts by place and state.
pub(super) fn emit(servers: &Servers, part: &mut PartBuilder) {
    let mut counts: HashMap<[&str; 5], u32> = HashMap::new();
    let mut unplaced = 0u32;
    for server in servers.0.values() {
        let task = server.task_state.as_deref().unwrap_or_default();
        *counts.entry([&server.hypervisor, &server.zone, &server.status, &server.vm_state, task]).or_default() += 1;
        unplaced += u32::from(&*server.status == "BUILD" && server.host_id.is_empty());
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable();
    for (labels, count) in counts {
        part.put(&SERVERS, labels, f64::from(count));
    }
    part.put(&BUILD_REQUESTS, [], f64::from(unplaced));
}

/// One sample for each server that is not at rest, by id.
pub(super) fn emit_unsettled(servers: &Servers, part: &mut PartBuilder) {
    let mut unsettled: Vec<_> = servers.0.iter().filter(|(_, server)| !is_at_rest(server)).collect();
    unsettled.sort_unstable_by_key(|(id, _)| *id);
    let (mut id_text, mut tenant) = (String::new(), String::new());
    for (id, server) in unsettled {
        let labels = [
            spell(&mut id_text, id),
            &server.name,
            spell(&mut tenant, &server.project),
            &server.hypervisor,
            &server.status,
            &server.vm_state,
            server.task_state.as_deref().unwrap_or_default(),
        ];
        // One that is being built may have been changed by nobody yet.
        let unchanged = server.updated == Timestamp::default();
        part.put(&SERVER_UPDATED, labels, if unchanged { server.created } else { server.updated }.seconds());
    }
}

fn is_at_rest(server: &Server) -> bool {
    server.task_state.is_none() && AT_REST.contains(&&*server.status)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::collect::sealed::{only, rows, seal};
    use crate::model::id::Id;
    use crate::model::inventory::server::HostId;

    fn server(status: &str, task: Option<&str>, host: &str) -> Server {
        Server {
            name: Box::from("n"),
            status: Arc::from(status),
            vm_state: Arc::from(status.to_ascii_lowercase()),
            task_state: task.map(Arc::from),
            hypervisor: Arc::from(host),
            host_id: HostId::new(host),
            project: Id::new("p"),
            created: Timestamp::from_seconds(100),
            updated: Timestamp::from_seconds(if task.is_some() { 200 } else { 0 }),
            ..Server::default()
        }
    }

    #[test]
    fn healthy_servers_are_only_counted() {
        let all = [
            server("ACTIVE", None, "h1"),
            server("ACTIVE", None, "h1"),
            server("ACTIVE", Some("powering-off"), "h1"),
            server("BUILD", None, ""),
            server("SHELVED_OFFLOADED", None, ""),
        ];
        let numbered = all.into_iter().enumerate().map(|(n, server)| (Id::new(&n.to_string()), Arc::new(server)));
        let servers = Servers(numbered.collect());
        let mut part = PartBuilder::new();
        emit(&servers, &mut part);
        emit_unsettled(&servers, &mut part);
        let part = seal(part);
        let row = |labels: &str, value: f64| (labels.to_owned(), value);
        assert_eq!(
            rows(&part, &SERVERS),
            [
                row("||BUILD|build|", 1.0),
                row("||SHELVED_OFFLOADED|shelved_offloaded|", 1.0),
                row("h1||ACTIVE|active|", 2.0),
                row("h1||ACTIVE|active|powering-off", 1.0),
            ]
        );
        assert_eq!(only(&part, &BUILD_REQUESTS), 1.0);
        let unsettled = [row("2|n|p|h1|ACTIVE|active|powering-off", 200.0), row("3|n|p||BUILD|build|", 100.0)];
        assert_eq!(rows(&part, &SERVER_UPDATED), unsettled);
    }
}
