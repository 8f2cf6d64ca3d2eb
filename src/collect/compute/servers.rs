//! Servers (instances): a full read now and then, changes in between.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{Display, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::server_counts::Counts;
use super::server_item::Item;
use super::server_state::{ReadAt, State};
use super::server_status::Printed;
use crate::collect::decode::{list, table_soon};
use crate::collect::health::Visibility;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::flavor::Flavors;
use crate::model::inventory::hypervisor::Hypervisors;
use crate::model::inventory::server::ServersSince;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};
use crate::openstack::microversion::Microversion;

/// The flavor is embedded from 2.47 on, so that servers of deleted flavors count too. Newer versions only add joins
/// on Nova's side (trusted certificates at 2.63, system metadata at 2.73) that nothing here needs.
const VERSION: Microversion = Microversion::new(2, 47);

/// Doubtful servers looked at in one run; the others wait for the next one.
const DOUBTFUL_MAX: usize = 50;

/// One server, asked for by id.
#[derive(Deserialize)]
struct One {
    server: Item,
}

/// Servers.
#[derive(Default)]
pub(super) struct Collector {
    state: State,
    read_in_full: Option<Instant>,
    /// Zones of hypervisors since all was read: servers show their host's zone, but a zone's change is none of theirs.
    zones: HashMap<Arc<str>, Arc<str>>,
    view: View,
    counts: Counts,
    printed: Printed,
}

/// Whose servers are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum View {
    /// All projects'.
    #[default]
    Everything,
    /// Those of the project that the token is for.
    Own,
    /// Another project's, which takes the right to list them all.
    Project(Box<str>),
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let first = self.read_in_full.is_none();
            self.state.keep_metadata(cx.settings.servers.metadata_labels.values());
            let hypervisors = if first { table_soon::<Hypervisors>(cx).await } else { cx.table::<Hypervisors>() };
            let version = cx.client.negotiate(VERSION).await?;
            let now = cx.clock.instant();
            let before = self.state.servers();
            let earlier = cx.part_with(&before);
            let mut changed = None;
            match self.state.since().filter(|_| !self.full_is_due(cx, now, hypervisors.as_deref())) {
                Some(since) => changed = Some(self.read_changes(cx, version, since).await?),
                None => {
                    self.read_all(cx, version).await?;
                    self.read_in_full = Some(now);
                    self.zones.clear();
                }
            }
            self.note_zones(hypervisors.as_deref());
            if self.view != View::Everything {
                cx.report.set_visibility(Visibility::Project);
            }
            let flavors = if first { table_soon::<Flavors>(cx).await } else { cx.table::<Flavors>() };
            let servers = self.state.servers();
            self.counts.follow(&servers, &before, changed.as_ref());
            let gone = changed.iter().flatten().filter(|id| !servers.0.contains_key(*id)).cloned().collect();
            let since = changed.as_ref().map(|_| ServersSince { before: Arc::downgrade(&before), gone });
            let mut part = PartBuilder::new();
            self.counts.emit(hypervisors.as_deref(), earlier.as_deref(), &mut part);
            if cx.settings.servers.per_instance {
                let extra: Vec<&String> = cx.settings.servers.metadata_labels.keys().collect();
                let same = self.printed.renew(&extra, flavors);
                let earlier = changed.as_ref().filter(|_| same).zip(earlier.as_deref());
                let earlier = earlier.and_then(|(changed, part)| self.printed.earlier(part, changed));
                self.printed.emit(&servers, earlier, &mut part);
                self.counts.emit_unsettled(&mut part);
            }
            since.into_iter().for_each(|since| part.table(Arc::new(since)));
            part.table(servers);
            Ok(part)
        })
    }
}

impl Collector {
    fn full_is_due(&self, cx: &Cx, now: Instant, hypervisors: Option<&Hypervisors>) -> bool {
        let interval = Duration::from_secs(cx.settings.interval.full_seconds);
        let old = self.read_in_full.is_none_or(|at| now.saturating_duration_since(at) >= interval);
        let mut rows = hypervisors.into_iter().flat_map(|table| &table.0);
        old || rows.any(|row| self.zones.get(&row.name).is_some_and(|zone| *zone != row.zone))
    }

    fn note_zones(&mut self, hypervisors: Option<&Hypervisors>) {
        for row in hypervisors.into_iter().flat_map(|table| &table.0) {
            self.zones.entry(Arc::clone(&row.name)).or_insert_with(|| Arc::clone(&row.zone));
        }
    }

    async fn read_all(&mut self, cx: &Cx, version: Option<Microversion>) -> Result<(), Error> {
        // Rights may have grown, so each full read tries for all projects again.
        self.view = view(cx).await?;
        match self.read_scope(cx, version).await {
            Err(error) if error.kind == ErrorKind::Forbidden && self.view == View::Everything => {
                // Without a project of its own, a list of a token's own servers is empty and says nothing.
                if cx.client.cloud().session().await?.project_id.is_none() {
                    return Err(error);
                }
                self.view = View::Own;
                self.read_scope(cx, version).await
            }
            // A server that ends a page may be deleted before the next page is asked for; Nova then refuses the marker.
            Err(error) if error.kind == ErrorKind::Client => self.read_scope(cx, version).await,
            result => result,
        }
    }

    async fn read_scope(&mut self, cx: &Cx, version: Option<Microversion>) -> Result<(), Error> {
        let request = self.request(version);
        let ours = cx.clock.now();
        let mut reading = self.state.read();
        let listed = list(cx, request, "servers", |item: Item| reading.add(item)).await?;
        reading.finish(ReadAt { service: listed.server_time, ours });
        Ok(())
    }

    /// Also tells which servers have changed.
    async fn read_changes(
        &mut self,
        cx: &Cx,
        version: Option<Microversion>,
        since: Timestamp,
    ) -> Result<BTreeSet<Id>, Error> {
        let (mut building, mut changed) = (Vec::new(), Vec::new());
        let request = self.request(version).query("status", "BUILD");
        list(cx, request, "servers", |item: Item| building.push(item)).await?;
        let request = self.request(version).query("changes-since", since.to_string());
        let ours = cx.clock.now();
        let service = list(cx, request, "servers", |item: Item| changed.push(item)).await?.server_time;
        let mut doubtful = self.state.doubtful(&building, &changed);
        doubtful.truncate(DOUBTFUL_MAX);
        let mut news: Vec<Item> = building.into_iter().chain(changed).collect();
        let mut gone = Vec::new();
        for id in doubtful {
            match cx.client.get_json::<One>(Request::new(format!("servers/{id}")).at(version)).await {
                Ok(one) => news.push(one.server),
                Err(error) if error.kind == ErrorKind::NotFound => gone.push(id),
                Err(error) => return Err(error),
            }
        }
        Ok(self.state.apply(news, &gone, ReadAt { service, ours }))
    }

    fn request(&self, version: Option<Microversion>) -> Request<'static> {
        let request = Request::new("servers/detail").at(version);
        match &self.view {
            View::Everything => request.query("all_tenants", "1"),
            View::Own => request,
            View::Project(id) => request.query("all_tenants", "1").query("project_id", id.to_string()),
        }
    }
}

/// Whose servers the settings ask for. A token's own project needs no right to list all.
async fn view(cx: &Cx) -> Result<View, Error> {
    let Some(chosen) = cx.settings.scope.project_id.as_deref() else { return Ok(View::Everything) };
    let session = cx.client.cloud().session().await?;
    let own = session.project_id.as_deref() == Some(chosen);
    Ok(if own { View::Own } else { View::Project(Box::from(chosen)) })
}

/// Something as text, in a buffer that is used again.
pub(super) fn spell<'b>(buffer: &'b mut String, thing: &impl Display) -> &'b str {
    buffer.clear();
    // Writing to a String cannot fail.
    let _ = write!(buffer, "{thing}");
    buffer
}

#[cfg(test)]
mod tests {
    use super::super::server_counts::{RUNNING_VMS, TOTAL_VMS};
    use super::super::server_status::SERVER_STATUS;
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};
    use crate::model::inventory::flavor::Flavor;
    use crate::model::inventory::server::Servers;

    const NEW: &[u8] = include_bytes!("../../../tests/recordings/nova/servers-detail-all-tenants-2.47.json");
    const OLD: &[u8] = include_bytes!("../../../tests/recordings/nova/servers-detail-all-tenants-2.1.json");

    fn servers(body: &[u8]) -> Arc<Servers> {
        let items = recorded::<Item>(body, "servers");
        let mut state = State::default();
        let mut reading = state.read();
        items.into_iter().for_each(|item| reading.add(item));
        reading.finish(ReadAt { service: None, ours: Timestamp::default() });
        state.servers()
    }

    fn flavors() -> Flavors {
        let name: Arc<str> = Arc::from("m1.small");
        let flavor = Flavor {
            id: Arc::from("9d3136ad-e19b-4163-85a0-c9781b85fc4b"),
            name: Arc::clone(&name),
            vcpus: 1,
            memory_mib: 2048,
            disk_gib: 20,
            ephemeral_gib: 0,
            swap_mib: 0,
            is_public: true,
            extra_specs: Default::default(),
        };
        Flavors([(name, flavor)].into())
    }

    fn printed() -> Printed {
        let mut printed = Printed::default();
        printed.renew(&[], Some(Arc::new(flavors())));
        printed
    }

    fn counted(servers: &Arc<Servers>) -> PartBuilder {
        let (mut counts, mut part) = (Counts::default(), PartBuilder::new());
        counts.follow(servers, &Arc::default(), None);
        counts.emit(None, None, &mut part);
        part
    }

    #[test]
    fn the_recorded_servers_of_both_ages() {
        let first = "000214c2-38a2-4204-82bc-c0aa8aeb8ff7|ACTIVE|initech-from-volume|edb8377f901f4cddad1ed4356f189a4d|\
            7ae1b5ea0dcc459a8e9fcf53fd650311|||e4e5bc1f80f8c9204490adbdcf6d94788cc908e7ecc8dd556cfb8ee4|compute-04|\
            000214c2-38a2-4204-82bc-c0aa8aeb8ff7|az-b|9d3136ad-e19b-4163-85a0-c9781b85fc4b|instance-00000023";
        for body in [NEW, OLD] {
            let servers = servers(body);
            let mut part = counted(&servers);
            printed().emit(&servers, None, &mut part);
            let part = seal(part);
            assert_eq!(only(&part, &TOTAL_VMS), 37.0);
            let each = rows(&part, &SERVER_STATUS);
            assert_eq!(each[0], (first.to_owned(), 0.0));
            assert!(each.is_sorted_by(|a, b| a.0 < b.0));
            let count = |number: f64| each.iter().filter(|(_, value)| *value == number).count();
            assert_eq!([4.0, 11.0, 12.0, 14.0, 16.0, 19.0, 9.0].map(count), [2, 4, 2, 1, 2, 1, 1]);
            let server = &servers.0[&Id::new("000214c2-38a2-4204-82bc-c0aa8aeb8ff7")];
            assert!(server.volumes_attached && server.image.is_none());
        }
        assert_eq!(servers(NEW).0[&Id::new("000214c2-38a2-4204-82bc-c0aa8aeb8ff7")].flavor.memory_mib, 2048);
    }

    #[test]
    fn active_servers_are_counted_by_hypervisor_zone_and_project() {
        let servers = servers(NEW);
        let part = seal(counted(&servers));
        let running = rows(&part, &RUNNING_VMS);
        let active = servers.0.values().filter(|server| &*server.status == "ACTIVE").count();
        assert_eq!(running.iter().map(|(_, count)| count).sum::<f64>(), active as f64);
        assert!(running.iter().all(|(labels, _)| labels.starts_with("compute-0")), "{running:?}");
        assert!(running.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn fifty_thousand_servers_come_through() {
        let hash = "e4e5bc1f80f8c9204490adbdcf6d94788cc908e7ecc8dd556cfb8ee4";
        let mut body = String::from(r#"{"servers": ["#);
        for n in 0u64..50_000 {
            let id = Id::new(&format!("{:08x}-38a2-4204-82bc-{:012x}", n.wrapping_mul(2_654_435_761) as u32, n));
            let (host, project) = (n % 1000, n % 400);
            let _ = write!(
                body,
                r#"{}{{"id": "{id}", "status": "ACTIVE", "name": "web-{n}.example.org", "tenant_id": "{project:032x}",
                "user_id": "{project:032x}", "hostId": "{hash}", "accessIPv4": "", "accessIPv6": "", "image": {{"id": "a9774f1b-cc6e-4099-9efc-3534eebf2c71", "links": []}},
                "flavor": {{"vcpus": 1, "ram": 2048, "disk": 20, "ephemeral": 0, "original_name": "m1.small"}}, "OS-EXT-AZ:availability_zone": "az-{}",
                "OS-EXT-SRV-ATTR:hypervisor_hostname": "compute-{host}.example.org", "OS-EXT-SRV-ATTR:instance_name": "instance-{n:08x}",
                "created": "2026-11-21T20:44:57Z", "updated": "2026-11-21T20:44:58Z"}}"#,
                if n == 0 { "" } else { "," },
                n % 3
            );
        }
        body.push_str("]}");
        let began = Instant::now();
        let servers = servers(body.as_bytes());
        let decoded = began.elapsed();
        let mut part = counted(&servers);
        printed().emit(&servers, None, &mut part);
        let emitted = began.elapsed() - decoded;
        let part = seal(part);
        println!("decode {decoded:?}, emit {emitted:?}, seal {:?}", began.elapsed() - decoded - emitted);
        assert_eq!(rows(&part, &SERVER_STATUS).len(), 50_000);
    }
}
