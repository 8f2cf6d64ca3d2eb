//! What the list of servers says beyond their status: counts by place, state and project, and those that are not at rest.
//!
//! Counts are kept: each server that comes, goes or changes is taken out as it was and put in as it is. Healthy instances
//! have no series of their own here; the counts are bounded by hypervisors, states and projects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::servers::spell;
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::hypervisor::Hypervisors;
use crate::model::inventory::server::{Server, ServerCounts, Servers};
use crate::model::part::{Family, Part, PartBuilder};

crate::metrics! {
    /// Instances of all projects (or of the one that `collect.scope.project_id` names).
    TOTAL_VMS = gauge "openstack_nova_total_vms" [], Count, "GET /servers/detail?all_tenants=1";
    /// Active instances of a project on a hypervisor.
    RUNNING_VMS = gauge "openstack_nova_running_vms" [hostname availability_zone aggregates tenant_id], Count, "GET /servers/detail?all_tenants=1";
    /// Instances by hypervisor, zone, API status, Nova's own state and task (empty at rest).
    SERVERS = gauge "openstack_nova_servers" [hostname availability_zone status vm_state task_state], Count, "GET /servers/detail?all_tenants=1";
    /// Instances in BUILD that have no host yet: what the scheduler has still to place.
    BUILD_REQUESTS = gauge "openstack_nova_build_requests" [], Count, "GET /servers/detail?all_tenants=1";
    /// When an instance that is not at rest (it has a task, or a status other than ACTIVE, SHUTOFF, PAUSED, SUSPENDED, SHELVED and SHELVED_OFFLOADED) was changed last: its age in this state.
    SERVER_UPDATED = gauge "openstack_nova_server_updated_timestamp_seconds" [id name tenant_id hostname status vm_state task_state], Timestamp, "GET /servers/detail?all_tenants=1";
}

/// Statuses in which an instance may stay for ever without anyone being alarmed.
const AT_REST: [&str; 6] = ["ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED", "SHELVED", "SHELVED_OFFLOADED"];

/// Counts of one table of servers.
#[derive(Default)]
pub(super) struct Counts {
    of: Arc<Servers>,
    by_host: BTreeMap<Arc<str>, Host>,
    whole: ServerCounts,
    unplaced: u32,
    unsettled: BTreeSet<Id>,
    /// Hypervisors whose counts are others since the samples were put last; none when all may be.
    touched: Option<BTreeSet<Arc<str>>>,
    /// Hypervisors' aggregates as they were put last.
    aggregates: BTreeMap<Arc<str>, String>,
}

/// Servers on a hypervisor.
#[derive(Debug, Default, PartialEq)]
struct Host {
    /// By zone, status, Nova's own state and task.
    states: BTreeMap<[Arc<str>; 4], u32>,
    /// Active ones by zone and project.
    running: BTreeMap<(Arc<str>, Id), u32>,
}

impl Counts {
    /// Counts this table; `changed` are the ids whose rows are others than in the table before it, if that is known.
    pub(super) fn follow(&mut self, servers: &Arc<Servers>, before: &Arc<Servers>, changed: Option<&BTreeSet<Id>>) {
        match changed.filter(|_| Arc::ptr_eq(&self.of, before)) {
            Some(changed) => {
                let former = Arc::clone(&self.of);
                for id in changed {
                    former.0.get(id).into_iter().for_each(|server| self.take_out(id, server));
                    servers.0.get(id).into_iter().for_each(|server| self.put_in(id, server));
                }
            }
            None => {
                *self = Self { aggregates: std::mem::take(&mut self.aggregates), ..Self::default() };
                servers.0.iter().for_each(|(id, server)| self.put_in(id, server));
                self.touched = None;
            }
        }
        self.of = Arc::clone(servers);
    }

    fn put_in(&mut self, id: &Id, server: &Server) {
        self.touch(server);
        let host = self.by_host.entry(Arc::clone(&server.hypervisor)).or_default();
        *host.states.entry(state(server)).or_default() += 1;
        if is_active(server) {
            *host.running.entry((Arc::clone(&server.zone), server.project.clone())).or_default() += 1;
        }
        self.whole.all += 1;
        if !server.zone.is_empty() {
            *self.whole.by_zone.entry(Arc::clone(&server.zone)).or_default() += 1;
        }
        *self.whole.by_project.entry(server.project.clone()).or_default() += 1;
        *self.whole.by_status.entry(Arc::clone(&server.status)).or_default() += 1;
        self.unplaced += u32::from(is_unplaced(server));
        if !is_at_rest(server) {
            self.unsettled.insert(id.clone());
        }
    }

    fn take_out(&mut self, id: &Id, server: &Server) {
        self.touch(server);
        if let Some(host) = self.by_host.get_mut(&server.hypervisor) {
            one_less(&mut host.states, &state(server));
            if is_active(server) {
                one_less(&mut host.running, &(Arc::clone(&server.zone), server.project.clone()));
            }
            if host.states.is_empty() {
                self.by_host.remove(&server.hypervisor);
            }
        }
        self.whole.all = self.whole.all.saturating_sub(1);
        one_less(&mut self.whole.by_zone, &server.zone);
        one_less(&mut self.whole.by_project, &server.project);
        one_less(&mut self.whole.by_status, &server.status);
        self.unplaced = self.unplaced.saturating_sub(u32::from(is_unplaced(server)));
        self.unsettled.remove(id);
    }

    fn touch(&mut self, server: &Server) {
        if let Some(touched) = &mut self.touched {
            touched.insert(Arc::clone(&server.hypervisor));
        }
    }

    /// Counts of all, of the active ones and by state; what is of hypervisors that nothing has changed on is taken from
    /// the part that was made last.
    pub(super) fn emit(&mut self, hypervisors: Option<&Hypervisors>, earlier: Option<&Part>, part: &mut PartBuilder) {
        let rows = hypervisors.into_iter().flat_map(|table| &table.0);
        let aggregates = rows.map(|row| (Arc::clone(&row.name), row.aggregates.join(",")));
        let aggregates: BTreeMap<Arc<str>, String> = aggregates.collect();
        let same = aggregates == self.aggregates;
        self.aggregates = aggregates;
        let touched = self.touched.replace(BTreeSet::new()).filter(|_| same);
        let earlier = earlier.zip(touched.as_ref()).and_then(|(part, touched)| {
            Some((part.in_order(&RUNNING_VMS.descriptor)?, part.in_order(&SERVERS.descriptor)?, touched))
        });
        let stale: Option<BTreeSet<&str>> = earlier.map(|(_, _, touched)| touched.iter().map(|name| &**name).collect());
        let hosts =
            || self.by_host.iter().filter(|(name, _)| stale.as_ref().is_none_or(|stale| stale.contains(&***name)));
        let amend = |part: &mut PartBuilder, earlier: Option<&Family>| {
            earlier.zip(stale.as_ref()).into_iter().for_each(|(family, stale)| part.amend(family, stale));
        };
        part.put(&TOTAL_VMS, [], f64::from(self.whole.all));
        let mut tenant = String::new();
        for (name, host) in hosts() {
            let aggregates = self.aggregates.get(name).map_or("", String::as_str);
            for ((zone, project), count) in &host.running {
                part.put(&RUNNING_VMS, [name, zone, aggregates, spell(&mut tenant, project)], f64::from(*count));
            }
        }
        amend(part, earlier.map(|(running, ..)| running));
        for (name, host) in hosts() {
            for ([zone, status, vm_state, task], count) in &host.states {
                part.put(&SERVERS, [name, zone, status, vm_state, task], f64::from(*count));
            }
        }
        amend(part, earlier.map(|(_, all, _)| all));
        part.put(&BUILD_REQUESTS, [], f64::from(self.unplaced));
        part.table(Arc::new(self.whole.clone()));
    }

    /// One sample for each server that is not at rest, by id.
    pub(super) fn emit_unsettled(&self, part: &mut PartBuilder) {
        let (mut id_text, mut tenant) = (String::new(), String::new());
        for (id, server) in self.unsettled.iter().filter_map(|id| self.of.0.get_key_value(id)) {
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
}

fn one_less<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

fn state(server: &Server) -> [Arc<str>; 4] {
    let task = server.task_state.clone().unwrap_or_default();
    [Arc::clone(&server.zone), Arc::clone(&server.status), Arc::clone(&server.vm_state), task]
}

fn is_active(server: &Server) -> bool {
    &*server.status == "ACTIVE"
}

fn is_unplaced(server: &Server) -> bool {
    &*server.status == "BUILD" && server.host_id.is_empty()
}

fn is_at_rest(server: &Server) -> bool {
    server.task_state.is_none() && AT_REST.contains(&&*server.status)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::collect::sealed::{only, rows, seal};
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

    fn emit(counts: &mut Counts, earlier: Option<&Part>) -> Part {
        let mut part = PartBuilder::new();
        counts.emit(None, earlier, &mut part);
        counts.emit_unsettled(&mut part);
        seal(part)
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
        let servers = Arc::new(Servers(numbered.collect()));
        let mut counts = Counts::default();
        counts.follow(&servers, &Arc::default(), None);
        let part = emit(&mut counts, None);
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
        assert_eq!(rows(&part, &RUNNING_VMS), [row("h1|||p", 3.0)]);
        assert_eq!((only(&part, &BUILD_REQUESTS), only(&part, &TOTAL_VMS)), (1.0, 5.0));
        let unsettled = [row("2|n|p|h1|ACTIVE|active|powering-off", 200.0), row("3|n|p||BUILD|build|", 100.0)];
        assert_eq!(rows(&part, &SERVER_UPDATED), unsettled);
    }

    fn any_server() -> impl Strategy<Value = Server> {
        let status = prop_oneof![Just("ACTIVE"), Just("BUILD"), Just("ERROR"), Just("SHUTOFF")];
        let task = prop_oneof![3 => Just(None), 1 => Just(Some("rebooting"))];
        let place = prop_oneof![4 => ("h[1-5]", "az[12]"), 1 => (Just(String::new()), Just(String::new()))];
        (status, task, place, "[0-9a-b]").prop_map(|(status, task, (host, zone), project)| Server {
            zone: Arc::from(zone),
            project: Id::new(&project.repeat(32)),
            ..server(status, task, &host)
        })
    }

    proptest! {
        /// Whatever comes, goes and changes, kept counts are those taken anew, and so are the parts made of them.
        #[test]
        fn kept_counts_are_those_taken_anew(steps in prop::collection::vec(prop::collection::btree_map(0..30u8, prop::option::of(any_server()), 0..8), 1..8)) {
            let mut servers: Arc<Servers> = Arc::default();
            let mut kept = Counts::default();
            kept.follow(&servers, &Arc::default(), None);
            let mut earlier = emit(&mut kept, None);
            for step in steps {
                let mut now = Servers::clone(&servers);
                let changes = step.into_iter().map(|(id, server)| (Id::new(&id.to_string()), server));
                let changes: BTreeMap<Id, Option<Server>> = changes.collect();
                for (id, server) in &changes {
                    match server {
                        Some(server) => drop(now.0.insert(id.clone(), Arc::new(server.clone()))),
                        None => drop(now.0.remove(id)),
                    }
                }
                let now = Arc::new(now);
                kept.follow(&now, &servers, Some(&changes.into_keys().collect()));
                servers = now;
                let mut anew = Counts::default();
                anew.follow(&servers, &Arc::default(), None);
                prop_assert_eq!(&kept.by_host, &anew.by_host);
                prop_assert_eq!(&kept.whole, &anew.whole);
                prop_assert_eq!((kept.unplaced, &kept.unsettled), (anew.unplaced, &anew.unsettled));
                let part = emit(&mut kept, Some(&earlier));
                let whole = emit(&mut anew, None);
                for metric in [&SERVERS.descriptor, &RUNNING_VMS.descriptor] {
                    let all = |part: &Part| -> Vec<(Vec<String>, f64)> {
                        let family = part.families.iter().find(|family| family.descriptor().name == metric.name);
                        let samples = family.into_iter().flat_map(|family| family.samples());
                        samples.map(|sample| (sample.labels().map(str::to_owned).collect(), sample.number())).collect()
                    };
                    prop_assert_eq!(all(&part), all(&whole));
                }
                earlier = part;
            }
        }
    }
}
