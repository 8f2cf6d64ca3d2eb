//! Ironic: nodes and conductors.
//!
//! Names, traits, lessees and retirement appear only from certain microversions on, so each call asks for the newest
//! one whose answers are known. Whoever may not list all nodes gets those lent to or owned by the own project.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::decode::{bool_label, list, null_as_default};
use super::health::Visibility;
use super::{Cadence, Collect, Collecting, CollectorSpec, Cx, Service};
use crate::model::clock::Timestamp;
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// A node with its states, always 1; traits are joined by blanks.
    NODE = gauge "openstack_ironic_node" [id name provision_state power_state maintenance maintenance_reason conductor_group traits instance_uuid lessee last_error serial_number console_enabled resource_class deploy_kernel deploy_ramdisk retired retired_reason ironic_self_healing_state], Info,
        "GET /v1/nodes/detail at 1.90";
    /// When a node was changed last.
    NODE_UPDATED_AT = gauge "openstack_ironic_node_updated_at" [id name provision_state], Timestamp, "GET /v1/nodes/detail at 1.90";
    /// When a node's provision state was changed last.
    NODE_PROVISION_UPDATED_AT = gauge "openstack_ironic_node_provision_updated_at" [id name provision_state], Timestamp, "GET /v1/nodes/detail at 1.90";
    /// Nodes by state.
    NODES = gauge "openstack_ironic_nodes" [provision_state power_state maintenance resource_class], Count, "GET /v1/nodes/detail at 1.90";
    /// A conductor's state: 1 alive, 0 not.
    AGENT_STATE = gauge "openstack_ironic_agent_state" [hostname service conductor_group], State, "GET /v1/conductors at 1.90";
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_ironic_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "baremetal",
    catalog_types: &["baremetal"],
    tables: &[METRICS],
    up: &UP,
    collectors: &[
        CollectorSpec { name: "baremetal.nodes", cadence: Cadence::Fast, make: || Box::new(Nodes) },
        CollectorSpec { name: "baremetal.agents", cadence: Cadence::Fast, make: || Box::new(Agents) },
    ],
};

const VERSION: Microversion = Microversion::new(1, 90);
/// Conductors can be listed from here on.
const CONDUCTORS: Microversion = Microversion::new(1, 49);

#[derive(Deserialize)]
struct Node {
    uuid: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    provision_state: String,
    #[serde(default, deserialize_with = "null_as_default")]
    power_state: String,
    #[serde(default, deserialize_with = "null_as_default")]
    maintenance: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    maintenance_reason: String,
    #[serde(default, deserialize_with = "null_as_default")]
    conductor_group: String,
    #[serde(default, deserialize_with = "null_as_default")]
    traits: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    instance_uuid: String,
    #[serde(default, deserialize_with = "null_as_default")]
    owner: String,
    #[serde(default, deserialize_with = "null_as_default")]
    lessee: String,
    #[serde(default, deserialize_with = "null_as_default")]
    last_error: String,
    #[serde(default, deserialize_with = "null_as_default")]
    console_enabled: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    resource_class: String,
    #[serde(default, deserialize_with = "null_as_default")]
    retired: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    retired_reason: String,
    updated_at: Option<String>,
    provision_updated_at: Option<String>,
    #[serde(default)]
    driver_info: DriverInfo,
    #[serde(default)]
    extra: Extra,
}

/// Operators write what they like here, so only texts count.
#[derive(Default, Deserialize)]
#[serde(default)]
struct DriverInfo {
    deploy_kernel: Value,
    deploy_ramdisk: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Extra {
    system_vendor: Value,
    ironic_self_healing_state: Value,
}

#[derive(Deserialize)]
struct Agent {
    hostname: String,
    #[serde(default, deserialize_with = "null_as_default")]
    conductor_group: String,
    #[serde(default, deserialize_with = "null_as_default")]
    alive: bool,
}

/// Nodes.
struct Nodes;

impl Collect for Nodes {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let request = Request::new("nodes/detail").at(cx.client.negotiate(VERSION).await?);
            let mut nodes = Vec::new();
            list(cx, request, "nodes", |node: Node| nodes.push(node)).await?;
            if !cx.is_admin().await {
                cx.report.set_visibility(Visibility::Project);
            }
            nodes.retain(|node| cx.settings.holds_project(&node.owner) || cx.settings.holds_project(&node.lessee));
            Ok(emit(&nodes))
        })
    }
}

fn emit(nodes: &[Node]) -> PartBuilder {
    let mut part = PartBuilder::new();
    let mut counts: BTreeMap<[&str; 4], u32> = BTreeMap::new();
    for node in nodes {
        let maintenance = bool_label(node.maintenance);
        *counts.entry([&node.provision_state, &node.power_state, maintenance, &node.resource_class]).or_default() += 1;
        let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
        let serial = node.extra.system_vendor.get("serial_number").map(text).unwrap_or_default();
        let labels = [
            &*node.uuid,
            &node.name,
            &node.provision_state,
            &node.power_state,
            maintenance,
            &on_one_line(&node.maintenance_reason),
            &node.conductor_group,
            &node.traits.join(" "),
            &node.instance_uuid,
            &node.lessee,
            &on_one_line(&node.last_error),
            &serial,
            bool_label(node.console_enabled),
            &node.resource_class,
            &text(&node.driver_info.deploy_kernel),
            &text(&node.driver_info.deploy_ramdisk),
            bool_label(node.retired),
            &node.retired_reason,
            &text(&node.extra.ironic_self_healing_state),
        ];
        part.put(&NODE, labels, 1.0);
        emit_time(&mut part, &NODE_UPDATED_AT, node, node.updated_at.as_deref());
        emit_time(&mut part, &NODE_PROVISION_UPDATED_AT, node, node.provision_updated_at.as_deref());
    }
    for (labels, count) in counts {
        part.put(&NODES, labels, f64::from(count));
    }
    part
}

/// A time, in whole seconds; a node that never changed has none.
fn emit_time(part: &mut PartBuilder, metric: &'static Metric<3>, node: &Node, time: Option<&str>) {
    if let Some(time) = time.and_then(Timestamp::parse) {
        part.put(metric, [&node.uuid, &node.name, &node.provision_state], time.seconds().floor());
    }
}

fn on_one_line(text: &str) -> String {
    text.replace('\n', " ").trim().to_owned()
}

/// Conductors.
struct Agents;

impl Collect for Agents {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut part = PartBuilder::new();
            match cx.client.negotiate(VERSION).await? {
                Some(version) if version >= CONDUCTORS => {
                    let request = Request::new("conductors").at(version);
                    list(cx, request, "conductors", |agent: Agent| emit_agent(&agent, &mut part)).await?;
                }
                _ => cx.report.set_visibility(Visibility::None),
            }
            Ok(part)
        })
    }
}

fn emit_agent(agent: &Agent, part: &mut PartBuilder) {
    let labels = [&*agent.hostname, "ironic-conductor", &agent.conductor_group];
    part.put(&AGENT_STATE, labels, f64::from(u8::from(agent.alive)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn nodes_with_all_their_labels() {
        let body = include_bytes!("../../tests/recordings/ironic/nodes-detail-1.90.json");
        let part = seal(emit(&recorded(body, "nodes")));
        let nodes = rows(&part, &NODE);
        let expected = "6d85703a-565d-469a-96ce-30b6de53079d|r1-04|active|power on|false||rack-a|CUSTOM_GOLD HW_CPU_X86_VMX|\
            c0034f14-7937-41d5-b0f1-28d0d4e96426|0cbd49cbf76d405d9c86562e1d579bd3||SN-4711|true|baremetal.large|\
            7ff5ef56-daaa-4256-9dd8-c3f1f9964ebc|e9c96d45-a4c8-4165-8753-9d8f32779e99|false||healthy";
        assert_eq!(nodes[0], (expected.to_owned(), 1.0));
        assert!(nodes[1].0.contains("|error|power off|true|disk 2 failed; see ticket|"), "on one line: {}", nodes[1].0);
        assert!(nodes[1].0.contains("|Timeout reached  while cleaning|"), "{}", nodes[1].0);
        assert!(nodes[1].0.ends_with("|||true|No longer needed|"), "numbers are no texts: {}", nodes[1].0);
        let times = rows(&part, &NODE_UPDATED_AT);
        assert_eq!(times[0], ("6d85703a-565d-469a-96ce-30b6de53079d|r1-04|active".to_owned(), 1_471_559_329.0));
        assert_eq!(rows(&part, &NODE_PROVISION_UPDATED_AT).len(), 2, "the third never changed");
        let counts = rows(&part, &NODES);
        assert_eq!(counts[0], ("active|power on|false|baremetal.large".to_owned(), 1.0));
        assert_eq!(counts.iter().map(|row| row.1).sum::<f64>(), 3.0);
    }

    #[test]
    fn conductors() {
        let mut part = PartBuilder::new();
        let body = include_bytes!("../../tests/recordings/ironic/conductors.json");
        recorded::<Agent>(body, "conductors").iter().for_each(|agent| emit_agent(agent, &mut part));
        let expected = [
            ("compute1.localdomain|ironic-conductor|rack-a".to_owned(), 0.0),
            ("compute2.localdomain|ironic-conductor|".to_owned(), 1.0),
        ];
        assert_eq!(rows(&seal(part), &AGENT_STATE), expected);
    }
}
