//! Ports: each, and counted by owner and state and by security group.
//!
//! The one list of Neutron that grows with every instance, so items go straight from the page into counts and rows;
//! nothing of the answer is kept. There is no table of them either: at 100,000 ports it would be 14 MB that nobody reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::port_rows::{Printed, Rows};
use super::with_fields;
use crate::collect::decode::{bool_label, list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
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

/// What counts need.
const FIELDS: [&str; 9] = [
    "id",
    "project_id",
    "device_owner",
    "status",
    "admin_state_up",
    "fixed_ips",
    "security_groups",
    "binding:vif_type",
    "binding:host_id",
];

/// What a sample of each needs besides.
const EACH: [&str; 3] = ["network_id", "mac_address", "device_id"];

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

/// Ports, with what was printed of each.
#[derive(Default)]
pub(super) struct Collector {
    printed: Arc<Printed>,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let each = cx.keep.wants(&PORT.descriptor);
            let earlier = cx.part_with(&self.printed);
            let rows = each.then(|| Rows::after(Arc::clone(&self.printed), earlier.as_deref()));
            let mut counting = Counting::new(Sight::of(cx).await, rows);
            let fields = if each { &EACH[..] } else { &[] };
            let fields = [&FIELDS[..], fields].concat();
            list(cx, with_fields("ports", &fields), "ports", |item: Item| counting.add(&item)).await?;
            counting.sight.report(cx);
            let (part, printed) = counting.finish();
            self.printed = printed;
            Ok(part)
        })
    }
}

/// Ports so far.
struct Counting<'a> {
    sight: Sight,
    /// None where no sample of each is wanted.
    rows: Option<Rows<'a>>,
    interner: Interner,
    ports: usize,
    no_ips: usize,
    lb_not_active: usize,
    by_state: BTreeMap<(Arc<str>, Arc<str>, bool), u32>,
    unbound: BTreeMap<Arc<str>, u32>,
    by_group: BTreeMap<(Id, Id, Arc<str>), u32>,
}

impl<'a> Counting<'a> {
    fn new(sight: Sight, rows: Option<Rows<'a>>) -> Self {
        Self {
            sight,
            rows,
            interner: Interner::default(),
            ports: 0,
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
        self.ports += 1;
        self.no_ips += usize::from(active && item.fixed_ips.is_empty());
        self.lb_not_active += usize::from(!active && item.device_owner == "neutron:LOADBALANCERV2");
        if let Some(rows) = &mut self.rows {
            put(rows, item);
        }
        let (owner, status) = (self.interner.intern(&item.device_owner), self.interner.intern(&item.status));
        *self.by_state.entry((owner, Arc::clone(&status), item.admin_state_up)).or_default() += 1;
        // Ports of routers that are spread over hosts stay unbound for good; those that name a host should be bound.
        if item.vif_type == "binding_failed" || (item.vif_type == "unbound" && !item.host.is_empty()) {
            *self.unbound.entry(self.interner.intern(&item.host)).or_default() += 1;
        }
        let project = Id::new(&item.project_id);
        for group in &item.security_groups {
            *self.by_group.entry((group.clone(), project.clone(), Arc::clone(&status))).or_default() += 1;
        }
    }

    fn finish(self) -> (PartBuilder, Arc<Printed>) {
        let mut part = PartBuilder::new();
        self.sight.count(&mut part, &PORTS, self.ports);
        let printed = self.rows.map(|rows| rows.finish(&mut part)).unwrap_or_default();
        if !self.sight.hides(self.ports) {
            part.put(&NO_IPS, [], self.no_ips as f64);
            part.put(&LB_NOT_ACTIVE, [], self.lb_not_active as f64);
        }
        for ((owner, status, up), count) in &self.by_state {
            part.put(&BY_STATE, [owner, status, bool_label(*up)], f64::from(*count));
        }
        for (host, count) in &self.unbound {
            part.put(&UNBOUND, [host], f64::from(*count));
        }
        for ((group, project, status), count) in &self.by_group {
            part.put(&BY_GROUP, [&group.to_string(), &project.to_string(), status], f64::from(*count));
        }
        part.table(Arc::clone(&printed));
        (part, printed)
    }
}

fn put(rows: &mut Rows<'_>, item: &Item) {
    let joined;
    let fixed_ips = match item.fixed_ips.as_slice() {
        [] => "",
        [only] => &only.ip_address,
        several => {
            joined = several.iter().map(|ip| ip.ip_address.as_str()).collect::<Vec<_>>().join(",");
            &joined
        }
    };
    rows.add([
        &*item.id,
        &item.network_id,
        &item.mac_address,
        &item.device_owner,
        &item.device_id,
        &item.status,
        &item.vif_type,
        bool_label(item.admin_state_up),
        fixed_ips,
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};
    use crate::model::part::Part;

    fn part(body: &[u8], sight: Sight, each: bool) -> Part {
        let mut counting = Counting::new(sight, each.then(|| Rows::after(Arc::default(), None)));
        recorded::<Item>(body, "ports").iter().for_each(|item| counting.add(item));
        seal(counting.finish().0)
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
}
