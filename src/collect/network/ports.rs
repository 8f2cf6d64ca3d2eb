//! Ports: each, and counted by owner and state and by security group.
//!
//! The one list of Neutron that grows with every instance, so items go straight from the page into samples and the
//! table; nothing of the answer is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::with_fields;
use crate::collect::decode::{bool_label, list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::port::{Port, Ports};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Ports of all projects.
    PORTS = gauge "openstack_neutron_ports" [], Count, "GET /v2.0/ports";
    /// A port, always 1; its fixed IPs are joined by commas.
    PORT = gauge "openstack_neutron_port" [uuid network_id mac_address device_owner device_id status binding_vif_type admin_state_up fixed_ips], Info, "GET /v2.0/ports";
    /// ACTIVE ports without any fixed IP.
    NO_IPS = gauge "openstack_neutron_ports_no_ips" [], Count, "GET /v2.0/ports";
    /// Ports of load balancers (neutron:LOADBALANCERV2) that are not ACTIVE.
    LB_NOT_ACTIVE = gauge "openstack_neutron_ports_lb_not_active" [], Count, "GET /v2.0/ports";
    /// Ports by what owns them, status and administrative state.
    BY_STATE = gauge "openstack_neutron_ports_by_state" [device_owner status admin_state_up], Count, "GET /v2.0/ports";
    /// Ports to which Neutron could not give a network interface (binding_failed, unbound although in use), by host.
    UNBOUND = gauge "openstack_neutron_ports_binding_failed" [hostname], Count, "GET /v2.0/ports";
    /// Ports of a project that a security group applies to, by status; a port counts once for each of its groups.
    BY_GROUP = gauge "openstack_neutron_security_group_ports" [security_group_id project_id status], Count, "GET /v2.0/ports";
}

/// What counts and the table need.
const FIELDS: [&str; 11] = [
    "id",
    "project_id",
    "network_id",
    "device_owner",
    "device_id",
    "status",
    "admin_state_up",
    "fixed_ips",
    "security_groups",
    "binding:vif_type",
    "binding:host_id",
];

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    network_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    mac_address: String,
    #[serde(default, deserialize_with = "null_as_default")]
    device_owner: String,
    #[serde(default, deserialize_with = "null_as_default")]
    device_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    admin_state_up: bool,
    #[serde(default, rename = "binding:vif_type", deserialize_with = "null_as_default")]
    vif_type: String,
    #[serde(default, rename = "binding:host_id", deserialize_with = "null_as_default")]
    host: String,
    #[serde(default, deserialize_with = "null_as_default")]
    fixed_ips: Vec<FixedIp>,
    #[serde(default, deserialize_with = "null_as_default")]
    security_groups: Vec<Id>,
}

#[derive(Deserialize)]
struct FixedIp {
    #[serde(default, deserialize_with = "null_as_default")]
    ip_address: String,
}

/// Ports.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut counting = Counting::new(Sight::of(cx).await, cx.keep.wants(&PORT.descriptor));
            let request = with_fields("ports", &FIELDS);
            let request = if counting.each { request.query("fields", "mac_address") } else { request };
            list(cx, request, "ports", |item: Item| counting.add(&item)).await?;
            counting.sight.report(cx);
            Ok(counting.finish())
        })
    }
}

/// Ports so far.
struct Counting {
    sight: Sight,
    /// Whether there is to be a sample of each.
    each: bool,
    part: PartBuilder,
    table: Ports,
    interner: Interner,
    no_ips: usize,
    lb_not_active: usize,
    by_state: BTreeMap<(Arc<str>, Arc<str>, bool), u32>,
    unbound: BTreeMap<Arc<str>, u32>,
    by_group: BTreeMap<(Id, Id, Arc<str>), u32>,
}

impl Counting {
    fn new(sight: Sight, each: bool) -> Self {
        Self {
            sight,
            each,
            part: PartBuilder::new(),
            table: Ports::default(),
            interner: Interner::default(),
            no_ips: 0,
            lb_not_active: 0,
            by_state: BTreeMap::new(),
            unbound: BTreeMap::new(),
            by_group: BTreeMap::new(),
        }
    }

    fn add(&mut self, item: &Item) {
        self.sight.see(&item.project_id);
        let active = item.status == "ACTIVE";
        self.no_ips += usize::from(active && item.fixed_ips.is_empty());
        self.lb_not_active += usize::from(!active && item.device_owner == "neutron:LOADBALANCERV2");
        if self.each {
            self.put(item);
        }
        let (owner, status) = (self.interner.intern(&item.device_owner), self.interner.intern(&item.status));
        *self.by_state.entry((Arc::clone(&owner), Arc::clone(&status), item.admin_state_up)).or_default() += 1;
        // Ports of routers that are spread over hosts stay unbound for good; those that name a host should be bound.
        if item.vif_type == "binding_failed" || (item.vif_type == "unbound" && !item.host.is_empty()) {
            *self.unbound.entry(self.interner.intern(&item.host)).or_default() += 1;
        }
        let project = Id::new(&item.project_id);
        for group in &item.security_groups {
            *self.by_group.entry((group.clone(), project.clone(), Arc::clone(&status))).or_default() += 1;
        }
        self.table.0.push(Port {
            id: Id::new(&item.id),
            project,
            network: Id::new(&item.network_id),
            device_owner: owner,
            device: Id::new(&item.device_id),
            status,
        });
    }

    fn put(&mut self, item: &Item) {
        let joined;
        let fixed_ips = match item.fixed_ips.as_slice() {
            [] => "",
            [only] => &only.ip_address,
            several => {
                joined = several.iter().map(|ip| ip.ip_address.as_str()).collect::<Vec<_>>().join(",");
                &joined
            }
        };
        let labels = [
            &*item.id,
            &item.network_id,
            &item.mac_address,
            &item.device_owner,
            &item.device_id,
            &item.status,
            &item.vif_type,
            bool_label(item.admin_state_up),
            fixed_ips,
        ];
        self.part.put(&PORT, labels, 1.0);
    }

    fn finish(mut self) -> PartBuilder {
        let ports = self.table.0.len();
        self.sight.count(&mut self.part, &PORTS, ports);
        if !self.sight.hides(ports) {
            self.part.put(&NO_IPS, [], self.no_ips as f64);
            self.part.put(&LB_NOT_ACTIVE, [], self.lb_not_active as f64);
        }
        for ((owner, status, up), count) in &self.by_state {
            self.part.put(&BY_STATE, [owner, status, bool_label(*up)], f64::from(*count));
        }
        for (host, count) in &self.unbound {
            self.part.put(&UNBOUND, [host], f64::from(*count));
        }
        for ((group, project, status), count) in &self.by_group {
            self.part.put(&BY_GROUP, [&group.to_string(), &project.to_string(), status], f64::from(*count));
        }
        self.part.table(Arc::new(self.table));
        self.part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};
    use crate::model::part::Part;

    fn part(body: &[u8], sight: Sight, each: bool) -> Part {
        let mut counting = Counting::new(sight, each);
        recorded::<Item>(body, "ports").iter().for_each(|item| counting.add(item));
        seal(counting.finish())
    }

    const RECORDED: &[u8] = include_bytes!("../../../tests/recordings/neutron/ports.json");

    #[test]
    fn the_recorded_ports() {
        let part = part(RECORDED, Sight::test(None), true);
        let ports = only(&part, &PORTS);
        let each = rows(&part, &PORT);
        assert_eq!(each.len() as f64, ports);
        let first = "053f05cf-2c6b-4ecd-95a6-b058130eb353|6e7d969c-e1eb-4104-be97-5ab330e1e022|fa:16:3e:74:39:6c|\
            compute:az-b|a585f97d-b8a5-4b17-aa2e-4ba1d1e3992d|ACTIVE|ovs|true|10.2.0.125,2001:db8:2::1";
        assert_eq!(each[0], (first.to_owned(), 1.0));
        assert_eq!((only(&part, &NO_IPS), only(&part, &LB_NOT_ACTIVE)), (0.0, 0.0));
        assert_eq!(rows(&part, &BY_STATE).iter().map(|(_, count)| count).sum::<f64>(), ports);
        assert!(rows(&part, &BY_STATE).iter().any(|(labels, _)| labels == "network:floatingip|N/A|true"));
        assert!(!rows(&part, &BY_GROUP).is_empty());
        assert_eq!(part.tables.get::<Ports>().unwrap().0.len() as f64, ports);
    }

    #[test]
    fn counts_do_without_a_sample_of_each() {
        let part = part(RECORDED, Sight::test(None), false);
        assert!(rows(&part, &PORT).is_empty() && only(&part, &PORTS) > 0.0);
    }

    #[test]
    fn trouble_is_counted() {
        let body = br#"{"ports": [{"id": "a", "status": "ACTIVE", "fixed_ips": []}, {"id": "b", "status": "DOWN", "fixed_ips": null},
            {"id": "c", "status": "DOWN", "device_owner": "neutron:LOADBALANCERV2", "binding:vif_type": "unbound"},
            {"id": "d", "status": "DOWN", "binding:vif_type": "binding_failed", "binding:host_id": "h"}]}"#;
        let part = part(body, Sight::test(None), true);
        assert_eq!((only(&part, &NO_IPS), only(&part, &LB_NOT_ACTIVE)), (1.0, 1.0));
        assert_eq!(rows(&part, &UNBOUND), [("h".to_owned(), 1.0)]);
    }

    #[test]
    fn a_reader_without_ports_is_told_no_zeros() {
        assert!(part(br#"{"ports": []}"#, Sight::test(Some("p")), true).families.is_empty());
        let own = include_bytes!("../../../tests/recordings/neutron/ports-as-reader.json");
        assert!(only(&part(own, Sight::test(Some("p")), true), &PORTS) > 0.0);
    }

    #[test]
    fn a_port_is_small() {
        assert!(size_of::<Port>() <= 160, "{}", size_of::<Port>());
    }
}
