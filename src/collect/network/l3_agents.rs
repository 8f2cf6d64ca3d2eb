//! Which L3 agents serve which router. OVN has no such thing.
//!
//! Neutron tells it from either end: the agents of a router, or the routers of an agent, of which there are far fewer
//! calls to make. Only a router's own answer says which of its agents is the active one, so routers that are highly
//! available are asked for one by one, and all others by agent. Both are spread over the slow interval; the agents'
//! state is the latest one of `network.agents`, not that of the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::collect::decode::{bool_label, null_as_default};
use crate::collect::quota_rounds::{Rounds, Subjects};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::network_agent::NetworkAgents;
use crate::model::inventory::router::Routers;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};

crate::metrics! {
    /// Whether an L3 agent that serves a router is alive: 1, else 0; ha_state is active, standby or empty.
    L3_AGENT = gauge "openstack_neutron_l3_agent_of_router" [router_id l3_agent_id ha_state agent_alive agent_admin_up agent_host], State,
        "GET /v2.0/agents/{id}/l3-routers per L3 agent, GET /v2.0/routers/{id}/l3-agents per HA router";
}

const BINARY: &str = "neutron-l3-agent";

/// Answer about a router.
#[derive(Default, Deserialize)]
struct OfRouter {
    agents: Vec<Agent>,
}

#[derive(Deserialize)]
struct Agent {
    id: Id,
    #[serde(default, deserialize_with = "null_as_default")]
    host: String,
    #[serde(default, deserialize_with = "null_as_default")]
    ha_state: String,
    #[serde(default)]
    alive: bool,
    #[serde(default)]
    admin_state_up: bool,
}

/// Answer about an agent.
#[derive(Default, Deserialize)]
struct OfAgent {
    routers: Vec<Served>,
}

#[derive(Deserialize)]
struct Served {
    id: Id,
}

/// Who serves whom, with the answers in hand.
#[derive(Default)]
pub(super) struct Collector {
    by_router: Rounds<OfRouter>,
    by_agent: Rounds<OfAgent>,
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
            let is_ovn = agents.0.values().any(|agent| &*agent.binary == "ovn-controller");
            if is_ovn || !agents.0.values().any(|agent| &*agent.binary == BINARY) {
                Sight::of(cx).await.report(cx);
                return Ok(PartBuilder::new());
            }
            let plan = Plan::of(&agents, &routers);
            let ask = |id: Id| async move { existing(cx, format!("routers/{id}/l3-agents")).await };
            self.by_router.ask_about(cx, plan.routers, ask).await?;
            let ask = |id: Id| async move { existing(cx, format!("agents/{id}/l3-routers")).await };
            self.by_agent.ask_about(cx, plan.agents, ask).await?;
            Ok(self.emit(&agents, &routers))
        })
    }
}

/// An answer about a thing that may have been deleted since it was listed; then there is nothing about it.
async fn existing<T: DeserializeOwned + Default>(cx: &Cx, path: String) -> Result<T, Error> {
    match cx.client.get_json::<T>(Request::new(path)).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(T::default()),
        answer => answer,
    }
}

/// Whom to ask.
struct Plan {
    routers: Subjects,
    agents: Subjects,
}

impl Plan {
    /// Where each compute host has an agent (distributed routers), there may be fewer routers than agents.
    fn of(agents: &NetworkAgents, routers: &Routers) -> Self {
        let l3_agents: Subjects = agents
            .0
            .iter()
            .filter(|(_, agent)| &*agent.binary == BINARY)
            .map(|(id, agent)| (Id::new(id), Arc::clone(&agent.host)))
            .collect();
        let plain = routers.0.values().filter(|router| !router.ha).count();
        let by_agent = l3_agents.len() < plain;
        let routers = routers.0.iter().filter(|(_, router)| router.ha || !by_agent);
        let routers = routers.map(|(id, router)| (id.clone(), Arc::clone(&router.name))).collect();
        Self { routers, agents: if by_agent { l3_agents } else { Subjects::new() } }
    }
}

/// What is told of an agent that serves a router.
struct Serving<'a> {
    host: &'a str,
    ha_state: &'a str,
    alive: bool,
    enabled: bool,
}

impl Collector {
    fn emit(&self, known: &NetworkAgents, routers: &Routers) -> PartBuilder {
        let mut serving: BTreeMap<(&Id, &Id), Serving<'_>> = BTreeMap::new();
        for (router, _, answer) in self.by_router.known() {
            for Agent { id, host, ha_state, alive, admin_state_up } in &answer.agents {
                let (alive, enabled) = (*alive, *admin_state_up);
                serving.insert((router, id), Serving { host, ha_state, alive, enabled });
            }
        }
        let asked: BTreeSet<&Id> = self.by_router.known().map(|(router, ..)| router).collect();
        for (agent, host, answer) in self.by_agent.known() {
            // A router that is gone, or was found to be highly available since, is not told of from here.
            let plain = |id: &Id| !asked.contains(id) && routers.0.get(id).is_some_and(|router| !router.ha);
            for Served { id } in answer.routers.iter().filter(|served| plain(&served.id)) {
                serving.insert((id, agent), Serving { host, ha_state: "", alive: false, enabled: false });
            }
        }
        let mut part = PartBuilder::new();
        for ((router, agent), Serving { host, ha_state, alive, enabled }) in serving {
            let (router, agent) = (router.to_string(), agent.to_string());
            let now = known.0.get(&*agent);
            let (alive, enabled) = now.map_or((alive, enabled), |now| (now.alive, now.enabled));
            let labels = [&*router, &*agent, ha_state, bool_label(alive), bool_label(enabled), host];
            part.put(&L3_AGENT, labels, f64::from(u8::from(alive)));
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{rows, seal};
    use crate::model::inventory::network_agent::NetworkAgent;
    use crate::model::inventory::router::Router;

    const L3: &str = "46976462-7b4c-4235-9e54-60530319e45b";

    fn agent(alive: bool) -> NetworkAgent {
        NetworkAgent { binary: Arc::from(BINARY), host: Arc::from("network-01"), enabled: alive, alive }
    }

    fn agents(all: &[(&str, bool)]) -> NetworkAgents {
        NetworkAgents(all.iter().map(|(id, alive)| (Arc::from(*id), agent(*alive))).collect())
    }

    fn routers(all: &[(&str, bool)]) -> Routers {
        let router = |ha| Router {
            name: Arc::from("r"),
            project: Id::new("p"),
            status: Arc::from("ACTIVE"),
            ha,
            external_network: None,
        };
        Routers(all.iter().map(|(id, ha)| (Id::new(id), router(*ha))).collect())
    }

    fn of_agent(routers: &[&str]) -> OfAgent {
        OfAgent { routers: routers.iter().map(|id| Served { id: Id::new(id) }).collect() }
    }

    fn ids(subjects: &Subjects) -> Vec<String> {
        subjects.keys().map(Id::to_string).collect()
    }

    #[test]
    fn the_recorded_agents_of_a_router_with_their_present_state() {
        let body = include_bytes!("../../../tests/recordings/neutron/router-l3-agents.json");
        let answer = serde_json::from_slice::<OfRouter>(body).unwrap();
        let collector = Collector { by_router: Rounds::answered([("r", answer)]), by_agent: Rounds::default() };
        let part = seal(collector.emit(&NetworkAgents::default(), &Routers::default()));
        assert_eq!(rows(&part, &L3_AGENT), [(format!("r|{L3}||true|true|network-01"), 1.0)]);
        let part = seal(collector.emit(&agents(&[(L3, false)]), &Routers::default()));
        assert_eq!(rows(&part, &L3_AGENT), [(format!("r|{L3}||false|false|network-01"), 0.0)]);
    }

    #[test]
    fn the_fewer_calls_are_made_and_ha_routers_are_asked_for_themselves() {
        let routers = routers(&[("ha", true), ("p", false), ("q", false)]);
        let few = Plan::of(&agents(&[("a", true)]), &routers);
        assert_eq!((ids(&few.routers), ids(&few.agents)), (vec!["ha".to_owned()], vec!["a".to_owned()]));
        let many = Plan::of(&agents(&[("a", true), ("b", true)]), &routers);
        assert_eq!((many.routers.len(), many.agents.len()), (3, 0));
    }

    #[test]
    fn what_agents_serve_joins_what_serves_ha_routers() {
        let body =
            br#"{"agents": [{"id": "a", "host": "h", "ha_state": "standby", "alive": true, "admin_state_up": true},
            {"id": "b", "host": "i", "ha_state": "active", "alive": true, "admin_state_up": true}]}"#;
        let ha = serde_json::from_slice::<OfRouter>(body).unwrap();
        let collector = Collector {
            by_router: Rounds::answered([("ha", ha)]),
            by_agent: Rounds::answered([("a", of_agent(&["q", "ha", "p", "gone"])), ("b", of_agent(&["ha"]))]),
        };
        let routers = routers(&[("ha", true), ("new-ha", true), ("p", false), ("q", false)]);
        let part = seal(collector.emit(&agents(&[("a", true), ("b", false)]), &routers));
        let row = |labels: &str, value| (labels.to_owned(), value);
        let expected = [
            row("ha|a|standby|true|true|h", 1.0),
            row("ha|b|active|false|false|i", 0.0),
            row("p|a||true|true|a", 1.0),
            row("q|a||true|true|a", 1.0),
        ];
        assert_eq!(rows(&part, &L3_AGENT), expected, "Rounds::answered names subjects as their ids");
    }
}
