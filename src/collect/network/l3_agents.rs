//! Which L3 agents serve which router. OVN has no such thing.
//!
//! One call per router, so the calls are spread over the slow interval; the agents' state is the latest one of
//! `network.agents`, not that of the answer.

use std::sync::Arc;

use serde::Deserialize;

use crate::collect::decode::{bool_label, null_as_default};
use crate::collect::quota_rounds::Rounds;
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::network_agent::NetworkAgents;
use crate::model::inventory::router::Routers;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::ErrorKind;

crate::metrics! {
    /// Whether an L3 agent that serves a router is alive: 1, else 0; ha_state is active, standby or empty.
    L3_AGENT = gauge "openstack_neutron_l3_agent_of_router" [router_id l3_agent_id ha_state agent_alive agent_admin_up agent_host], State,
        "GET /v2.0/routers/{id}/l3-agents per router";
}

#[derive(Deserialize)]
struct Answer {
    agents: Vec<Agent>,
}

#[derive(Deserialize)]
struct Agent {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    host: String,
    #[serde(default, deserialize_with = "null_as_default")]
    ha_state: String,
    #[serde(default)]
    alive: bool,
    #[serde(default)]
    admin_state_up: bool,
}

/// Routers' agents, with the answers in hand.
#[derive(Default)]
pub(super) struct Collector {
    rounds: Rounds<Vec<Agent>>,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            if !cx.keep.wants(&L3_AGENT.descriptor) {
                return Ok(PartBuilder::new());
            }
            let agents = cx.wait_for_table::<NetworkAgents>().await;
            let routers = cx.wait_for_table::<Routers>().await;
            let (Some(agents), Some(routers)) = (agents, routers) else { return Ok(PartBuilder::new()) };
            let has_l3_agents = agents.0.values().any(|agent| &*agent.binary == "neutron-l3-agent");
            let is_ovn = agents.0.values().any(|agent| &*agent.binary == "ovn-controller");
            if is_ovn || !has_l3_agents {
                Sight::of(cx).await.report(cx);
                return Ok(PartBuilder::new());
            }
            let ask = |id: Id| async move {
                let answer = cx.client.get_json::<Answer>(Request::new(format!("routers/{id}/l3-agents"))).await;
                match answer {
                    Ok(answer) => Ok(answer.agents),
                    // Deleted since the routers were listed.
                    Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
                    Err(error) => Err(error),
                }
            };
            let subjects = routers.0.iter().map(|(id, router)| (id.clone(), Arc::clone(&router.name)));
            self.rounds.ask_about(cx, subjects.collect(), ask).await?;
            Ok(self.emit(&agents))
        })
    }
}

impl Collector {
    fn emit(&self, known: &NetworkAgents) -> PartBuilder {
        let mut part = PartBuilder::new();
        for (router, _, agents) in self.rounds.known() {
            let router = router.to_string();
            for agent in agents {
                let now = known.0.get(&*agent.id);
                let (alive, up) = now.map_or((agent.alive, agent.admin_state_up), |now| (now.alive, now.enabled));
                let labels = [&*router, &agent.id, &agent.ha_state, bool_label(alive), bool_label(up), &agent.host];
                part.put(&L3_AGENT, labels, f64::from(u8::from(alive)));
            }
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{rows, seal};
    use crate::model::inventory::network_agent::NetworkAgent;

    #[test]
    fn the_recorded_agents_of_a_router_with_their_present_state() {
        let body = include_bytes!("../../../tests/recordings/neutron/router-l3-agents.json");
        let agents = || serde_json::from_slice::<Answer>(body).unwrap().agents;
        let collector = Collector { rounds: Rounds::answered([("r", agents())]) };
        let part = seal(collector.emit(&NetworkAgents::default()));
        let labels = "r|46976462-7b4c-4235-9e54-60530319e45b||true|true|network-01";
        assert_eq!(rows(&part, &L3_AGENT), [(labels.to_owned(), 1.0)]);
        let dead = NetworkAgent {
            binary: Arc::from("neutron-l3-agent"),
            host: Arc::from("network-01"),
            enabled: false,
            alive: false,
        };
        let now = NetworkAgents([(Arc::from("46976462-7b4c-4235-9e54-60530319e45b"), dead)].into());
        let part = seal(collector.emit(&now));
        let labels = "r|46976462-7b4c-4235-9e54-60530319e45b||false|false|network-01";
        assert_eq!(rows(&part, &L3_AGENT), [(labels.to_owned(), 0.0)]);
    }
}
