//! Agents: Open vSwitch, DHCP, L3, metadata, and OVN's controllers, which Neutron lists as agents too.

use std::sync::Arc;

use serde::Deserialize;

use super::with_fields;
use crate::collect::decode::{list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::clock::Timestamp;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::network_agent::{NetworkAgent, NetworkAgents};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// An agent's state: 1 alive, 0 not heard of for too long.
    AGENT_STATE = gauge "openstack_neutron_agent_state" [id hostname service adminState availability_zone], State, "GET /v2.0/agents";
    /// What kind of agent it is, always 1; to join on.
    AGENT_INFO = gauge "openstack_neutron_agent_info" [id hostname service agent_type], Info, "GET /v2.0/agents";
    /// When an agent was last heard of.
    AGENT_HEARTBEAT = gauge "openstack_neutron_agent_heartbeat_timestamp_seconds" [id hostname service], Timestamp, "GET /v2.0/agents";
}

const FIELDS: [&str; 8] =
    ["id", "agent_type", "binary", "host", "admin_state_up", "alive", "availability_zone", "heartbeat_timestamp"];

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    agent_type: String,
    #[serde(default, deserialize_with = "null_as_default")]
    binary: String,
    #[serde(default, deserialize_with = "null_as_default")]
    host: String,
    #[serde(default)]
    admin_state_up: bool,
    #[serde(default)]
    alive: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    availability_zone: String,
    #[serde(default, deserialize_with = "null_as_default")]
    heartbeat_timestamp: String,
}

/// Agents.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            list(cx, with_fields("agents", &FIELDS), "agents", |item: Item| items.push(item)).await?;
            // Only who may see all sees any agent at all.
            if items.is_empty() {
                Sight::of(cx).await.report(cx);
            }
            Ok(emit(&items))
        })
    }
}

fn emit(items: &[Item]) -> PartBuilder {
    let mut part = PartBuilder::new();
    let mut interner = Interner::default();
    let mut table = NetworkAgents::default();
    for item in items {
        let admin_state = if item.admin_state_up { "up" } else { "down" };
        let labels = [&*item.id, &item.host, &item.binary, admin_state, &item.availability_zone];
        part.put(&AGENT_STATE, labels, f64::from(u8::from(item.alive)));
        part.put(&AGENT_INFO, [&item.id, &item.host, &item.binary, &item.agent_type], 1.0);
        if let Some(heartbeat) = Timestamp::parse(&item.heartbeat_timestamp) {
            let seconds = heartbeat.millis() as f64 / 1000.0;
            part.put(&AGENT_HEARTBEAT, [&item.id, &item.host, &item.binary], seconds);
        }
        let agent = NetworkAgent {
            binary: interner.intern(&item.binary),
            host: interner.intern(&item.host),
            enabled: item.admin_state_up,
            alive: item.alive,
        };
        table.0.insert(Arc::from(&*item.id), agent);
    }
    part.table(Arc::new(table));
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn the_recorded_agents() {
        let body = include_bytes!("../../../tests/recordings/neutron/agents.json");
        let part = seal(emit(&recorded::<Item>(body, "agents")));
        let states = rows(&part, &AGENT_STATE);
        let first = "29d179b7-0619-484a-8e21-44bf1de91ad1|compute-03|neutron-openvswitch-agent|up|";
        assert_eq!(states[0], (first.to_owned(), 1.0));
        assert!(states.iter().any(|(labels, _)| labels.ends_with("|network-01|neutron-l3-agent|up|nova")));
        assert_eq!(rows(&part, &AGENT_HEARTBEAT).len(), states.len());
        assert!(rows(&part, &AGENT_INFO)[0].0.ends_with("|Open vSwitch agent"));
        assert_eq!(part.tables.get::<NetworkAgents>().unwrap().0.len(), states.len());
    }

    #[test]
    fn an_ovn_controller_that_died() {
        let body = br#"{"agents": [{"id": "chassis-1", "agent_type": "OVN Controller agent", "binary": "ovn-controller",
            "host": "c1", "admin_state_up": false, "alive": false, "availability_zone": "", "heartbeat_timestamp": null}]}"#;
        let part = seal(emit(&recorded::<Item>(body, "agents")));
        assert_eq!(rows(&part, &AGENT_STATE), [("chassis-1|c1|ovn-controller|down|".to_owned(), 0.0)]);
        assert!(rows(&part, &AGENT_HEARTBEAT).is_empty(), "unknown is not 0");
    }
}
