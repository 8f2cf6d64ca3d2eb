//! The sample that each server has: its status, with all its labels.
//!
//! The one family that grows with the servers. Samples of servers that are what they were are copied from the part that
//! was published last.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::servers::spell;
use crate::model::id::Id;
use crate::model::inventory::flavor::Flavors;
use crate::model::inventory::server::{Server, Servers};
use crate::model::metric::Descriptor;
use crate::model::part::{Family, Part, PartBuilder};

crate::metrics! {
    /// Status of an instance as a number: 0 ACTIVE, 1 BUILD, 4 ERROR, 11 SHUTOFF, 12 SUSPENDED, 16 PAUSED, ... (see docs), -1 any other.
    SERVER_STATUS = gauge "openstack_nova_server_status" [id status name tenant_id user_id address_ipv4 address_ipv6 host_id hypervisor_hostname uuid availability_zone flavor_id instance_libvirt], State,
        "GET /servers/detail?all_tenants=1, GET /flavors/detail?is_public=None";
}

/// openstack-exporter's numbers of statuses: places in this list.
const STATUSES: [&str; 21] = [
    "ACTIVE",
    "BUILD",
    "BUILD(spawning)",
    "DELETED",
    "ERROR",
    "HARD_REBOOT",
    "PASSWORD",
    "REBOOT",
    "REBUILD",
    "RESCUE",
    "RESIZE",
    "SHUTOFF",
    "SUSPENDED",
    "UNKNOWN",
    "VERIFY_RESIZE",
    "MIGRATING",
    "PAUSED",
    "REVERT_RESIZE",
    "SHELVED",
    "SHELVED_OFFLOADED",
    "SOFT_DELETED",
];

fn status_number(status: &str) -> f64 {
    STATUSES.iter().position(|known| *known == status).map_or(-1.0, |position| position as f64)
}

/// What the last part's sample per server was made with; those of servers that are the same since are copied from it.
#[derive(Default)]
pub(super) struct Printed {
    /// The status' row with labels made of metadata, if there are any.
    row: Option<Arc<Descriptor>>,
    flavors: Option<Arc<Flavors>>,
}

/// The last part's samples, and the servers whose are others now.
pub(super) struct Earlier<'a> {
    family: &'a Family,
    changed: &'a BTreeSet<Id>,
}

/// The row of the status with labels made of metadata.
fn status_row(extra: &[&String]) -> Arc<Descriptor> {
    let own = SERVER_STATUS.descriptor.labels.iter().cloned();
    let labels = own.chain(extra.iter().map(|label| Cow::Owned((*label).clone()))).collect();
    Arc::new(Descriptor { labels, ..SERVER_STATUS.descriptor.clone() })
}

impl Printed {
    /// Notes what samples are made with now; whether it is what they were made with before.
    pub(super) fn renew(&mut self, extra: &[&String], flavors: Option<Arc<Flavors>>) -> bool {
        let own = SERVER_STATUS.descriptor.labels.len();
        let labels = self.row.iter().flat_map(|row| row.labels.iter().skip(own));
        let mut same = labels.eq(extra.iter().copied());
        if !same {
            self.row = (!extra.is_empty()).then(|| status_row(extra));
        }
        same &= match (&self.flavors, &flavors) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now) || before.0 == now.0,
            (before, now) => before.is_none() && now.is_none(),
        };
        self.flavors = flavors;
        same
    }

    pub(super) fn earlier<'a>(&self, part: &'a Part, changed: &'a BTreeSet<Id>) -> Option<Earlier<'a>> {
        let family = part.in_order(self.row.as_deref().unwrap_or(&SERVER_STATUS.descriptor))?;
        Some(Earlier { family, changed })
    }

    /// One sample per server, by id, so that pages stay alike.
    pub(super) fn emit(&self, servers: &Servers, earlier: Option<Earlier<'_>>, part: &mut PartBuilder) {
        let Some(Earlier { family, changed }) = earlier else {
            let mut order: Vec<(&Id, &Arc<Server>)> = servers.0.iter().collect();
            order.sort_unstable_by_key(|(id, _)| *id);
            return self.emit_these(order.into_iter(), part);
        };
        self.emit_these(changed.iter().filter_map(|id| servers.0.get_key_value(id)), part);
        let stale: Vec<String> = changed.iter().map(Id::to_string).collect();
        part.amend(family, &stale.iter().map(String::as_str).collect());
    }

    fn emit_these<'s>(&self, servers: impl Iterator<Item = (&'s Id, &'s Arc<Server>)>, part: &mut PartBuilder) {
        let own = SERVER_STATUS.descriptor.labels.len();
        let mut buffers: [String; 5] = Default::default();
        for (id, server) in servers {
            let [id_text, tenant, user, host, instance] = &mut buffers;
            let id = spell(id_text, id);
            let by_name = || self.flavors.as_ref()?.0.get(&server.flavor.name).map(|flavor| &*flavor.id);
            let flavor = server.flavor.id.as_deref().or_else(by_name).unwrap_or_default();
            let access = server.access.as_deref();
            let labels = [
                id,
                &server.status,
                &server.name,
                spell(tenant, &server.project),
                spell(user, &server.user),
                access.map_or("", |access| &access.ipv4),
                access.map_or("", |access| &access.ipv6),
                spell(host, &server.host_id),
                &server.hypervisor,
                id,
                &server.zone,
                flavor,
                spell(instance, &server.instance_name),
            ];
            let number = status_number(&server.status);
            match &self.row {
                None => part.put(&SERVER_STATUS, labels, number),
                Some(row) => {
                    let values = server.metadata.iter().flat_map(|metadata| metadata.iter()).map(|value| &**value);
                    // A row of another age of the settings lacks values; the labels are empty then.
                    let values = values.chain(std::iter::repeat("")).take(row.labels.len() - own);
                    part.put_shared(row, &labels.into_iter().chain(values).collect::<Vec<_>>(), number);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::server_item::Item;
    use super::super::server_state::{ReadAt, State};
    use super::*;
    use crate::collect::sealed::{rows, seal};
    use crate::model::clock::Timestamp;

    fn item(id: &str, status: &str) -> Item {
        serde_json::from_value(serde_json::json!({"id": id, "status": status, "name": id})).unwrap()
    }

    #[test]
    fn an_amended_part_is_the_one_made_anew() {
        let at = ReadAt { service: None, ours: Timestamp::default() };
        let (mut state, mut printed) = (State::default(), Printed::default());
        let mut reading = state.read();
        ["b", "d", "f", "h"].into_iter().for_each(|id| reading.add(item(id, "ACTIVE")));
        reading.finish(at);
        let emit = |printed: &Printed, servers: &Servers, earlier: Option<Earlier<'_>>| {
            let mut part = PartBuilder::new();
            printed.emit(servers, earlier, &mut part);
            seal(part)
        };
        assert!(printed.renew(&[], None));
        let first = emit(&printed, &state.servers(), None);
        let news = vec![item("a", "BUILD"), item("d", "ERROR"), item("f", "DELETED"), item("h", "ACTIVE")];
        let changed = state.apply(news, &[], at);
        let servers = state.servers();
        let amended = emit(&printed, &servers, printed.earlier(&first, &changed));
        assert_eq!(rows(&amended, &SERVER_STATUS), rows(&emit(&printed, &servers, None), &SERVER_STATUS));
        assert_eq!(rows(&amended, &SERVER_STATUS).len(), 4);
        assert!(!printed.renew(&[], Some(Arc::default())), "other flavors may be other ids");
        assert!(!printed.renew(&[&"team".to_owned()], Some(Arc::default())));
        assert!(printed.earlier(&first, &changed).is_none(), "a label more");
    }

    #[test]
    fn metadata_become_labels() {
        let item = |id: &str, metadata: serde_json::Value| {
            let json = serde_json::json!({"id": id, "status": "ACTIVE", "name": "n", "metadata": metadata});
            serde_json::from_value::<Item>(json).unwrap()
        };
        let labels: std::collections::BTreeMap<String, String> =
            [("cost", "cost-centre"), ("team", "owner")].map(|(label, key)| (label.to_owned(), key.to_owned())).into();
        let mut state = State::default();
        state.keep_metadata(labels.values());
        let mut reading = state.read();
        reading.add(item("1", serde_json::json!({"owner": "web", "other": "x"})));
        reading.add(item("2", serde_json::json!({"cost-centre": "7", "owner": "db"})));
        reading.add(item("3", serde_json::json!({"owner": 7})));
        reading.finish(ReadAt { service: None, ours: Timestamp::default() });
        let mut part = PartBuilder::new();
        let mut printed = Printed::default();
        assert!(!printed.renew(&labels.keys().collect::<Vec<_>>(), None));
        printed.emit(&state.servers(), None, &mut part);
        let part = seal(part);
        let names = &part.families[0].descriptor().labels;
        assert_eq!(names[..13], crate::collect::Servers::STATUS_LABELS);
        assert_eq!(names[13..], ["cost", "team"]);
        let each = rows(&part, &SERVER_STATUS);
        let ends: Vec<&str> = each.iter().map(|(row, _)| row.split_at(row.len() - 4).1).collect();
        assert_eq!(ends, ["|web", "7|db", "||||"], "{each:?}");
    }

    #[test]
    fn statuses_have_the_numbers_of_openstack_exporter() {
        let numbers = ["ACTIVE", "ERROR", "SHUTOFF", "MIGRATING", "SOFT_DELETED", "NEW_ONE"].map(status_number);
        assert_eq!(numbers, [0.0, 4.0, 11.0, 15.0, 20.0, -1.0]);
    }
}
