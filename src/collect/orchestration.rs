//! Heat: stacks and engines.
//!
//! Stacks of all projects are to be had with `global_tenant`, which Heat's policies deny to everyone unless changed;
//! without it Heat lists all to its administrators and the own project's to others, and openstack-exporter never asks
//! for more.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::decode::{list, null_as_default};
use super::health::Visibility;
use super::{Cadence, Collect, Collecting, CollectorSpec, Cx, Service};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};

crate::metrics! {
    /// Status of a stack as a number: 3 CREATE_IN_PROGRESS, 4 CREATE_FAILED, 5 CREATE_COMPLETE, 10 UPDATE_FAILED, 11 UPDATE_COMPLETE, ... (see docs), -1 any other.
    STACK_STATUS = gauge "openstack_heat_stack_status" [id name project_id status], State, "GET /v1/{project}/stacks?global_tenant=True";
    /// Stacks by status; every known status is there.
    STACK_STATUS_COUNTER = gauge "openstack_heat_stack_status_counter" [status], Count, "GET /v1/{project}/stacks?global_tenant=True";
    /// Stacks of a project by status.
    STACKS = gauge "openstack_heat_stacks" [project_id status], Count, "GET /v1/{project}/stacks?global_tenant=True";
    /// An engine's state: 1 up, 0 down.
    AGENT_STATE = gauge "openstack_heat_agent_state" [id hostname service engine_id], State, "GET /v1/{project}/services";
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_heat_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "orchestration",
    catalog_types: &["orchestration"],
    tables: &[METRICS],
    up: &UP,
    collectors: &[
        CollectorSpec { name: "orchestration.stacks", cadence: Cadence::Fast, make: || Box::new(Stacks) },
        CollectorSpec { name: "orchestration.agents", cadence: Cadence::Fast, make: || Box::new(Agents) },
    ],
};

const ACTIONS: [&str; 10] =
    ["INIT", "CREATE", "DELETE", "UPDATE", "ROLLBACK", "SUSPEND", "RESUME", "ADOPT", "SNAPSHOT", "CHECK"];
const OUTCOMES: [&str; 3] = ["IN_PROGRESS", "FAILED", "COMPLETE"];

/// openstack-exporter's numbers of statuses: places in the list of all actions with each outcome.
fn statuses() -> impl Iterator<Item = String> {
    ACTIONS.iter().flat_map(|action| OUTCOMES.iter().map(move |outcome| format!("{action}_{outcome}")))
}

fn status_number(status: &str) -> f64 {
    let place = |(action, outcome): (&str, &str)| {
        let action = ACTIONS.iter().position(|known| *known == action)?;
        Some(action * OUTCOMES.len() + OUTCOMES.iter().position(|known| *known == outcome)?)
    };
    status.split_once('_').and_then(place).map_or(-1.0, |at| at as f64)
}

#[derive(Deserialize)]
struct Stack {
    id: String,
    #[serde(rename = "stack_name", default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(rename = "stack_status", default, deserialize_with = "null_as_default")]
    status: String,
    /// Only in answers to administrators.
    #[serde(default, deserialize_with = "null_as_default")]
    project: String,
}

#[derive(Deserialize)]
struct Agent {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    hostname: String,
    #[serde(default, deserialize_with = "null_as_default")]
    binary: String,
    #[serde(default, deserialize_with = "null_as_default")]
    engine_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    deleted_at: Option<String>,
}

/// Stacks.
struct Stacks;

impl Collect for Stacks {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut stacks = if cx.settings.compat {
                read(cx, Request::new("stacks")).await?
            } else {
                match read(cx, Request::new("stacks").query("global_tenant", "True")).await {
                    Err(error) if error.kind == ErrorKind::Forbidden => read_own(cx).await?,
                    result => result?,
                }
            };
            stacks.retain(|stack| cx.settings.holds_project(&stack.project));
            Ok(emit(&stacks))
        })
    }
}

async fn read(cx: &Cx, request: Request<'_>) -> Result<Vec<Stack>, Error> {
    let mut stacks = Vec::new();
    list(cx, request, "stacks", |stack: Stack| stacks.push(stack)).await?;
    Ok(stacks)
}

/// What Heat lists without being asked for all projects. Only where it does not say whose a stack is, it is the token's.
async fn read_own(cx: &Cx) -> Result<Vec<Stack>, Error> {
    let mut stacks = read(cx, Request::new("stacks")).await?;
    let session = cx.client.cloud().session().await?;
    let own = session.project_id.as_deref().unwrap_or_default();
    if stacks.iter().all(|stack| stack.project.is_empty() || stack.project == own) {
        cx.report.set_visibility(Visibility::Project);
    }
    stacks.iter_mut().filter(|stack| stack.project.is_empty()).for_each(|stack| own.clone_into(&mut stack.project));
    Ok(stacks)
}

fn emit(stacks: &[Stack]) -> PartBuilder {
    let mut part = PartBuilder::new();
    let mut by_status: BTreeMap<String, u32> = statuses().map(|status| (status, 0)).collect();
    let mut by_project: BTreeMap<[&str; 2], u32> = BTreeMap::new();
    for stack in stacks {
        *by_status.entry(stack.status.clone()).or_default() += 1;
        *by_project.entry([&stack.project, &stack.status]).or_default() += 1;
        let labels = [&stack.id, &stack.name, &stack.project, &stack.status];
        part.put(&STACK_STATUS, labels.map(String::as_str), status_number(&stack.status));
    }
    for (status, count) in &by_status {
        part.put(&STACK_STATUS_COUNTER, [status], f64::from(*count));
    }
    for (labels, count) in by_project {
        part.put(&STACKS, labels, f64::from(count));
    }
    part
}

/// Engines.
struct Agents;

impl Collect for Agents {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut part = PartBuilder::new();
            list(cx, Request::new("services"), "services", |agent: Agent| emit_agent(&agent, &mut part)).await?;
            Ok(part)
        })
    }
}

/// An engine gets a new id with each start; Heat keeps those that ended as deleted for a while.
fn emit_agent(agent: &Agent, part: &mut PartBuilder) {
    if agent.deleted_at.is_none() {
        let labels = [&agent.id, &agent.hostname, &agent.binary, &agent.engine_id];
        part.put(&AGENT_STATE, labels.map(String::as_str), f64::from(u8::from(agent.status == "up")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn numbers_of_statuses() {
        let all: Vec<f64> = statuses().map(|status| status_number(&status)).collect();
        assert_eq!(all, (0..30).map(f64::from).collect::<Vec<_>>());
        let known = [
            "INIT_IN_PROGRESS",
            "CREATE_FAILED",
            "CREATE_COMPLETE",
            "DELETE_FAILED",
            "UPDATE_COMPLETE",
            "CHECK_COMPLETE",
        ];
        assert_eq!(known.map(status_number), [0.0, 4.0, 5.0, 7.0, 11.0, 29.0]);
        assert_eq!(["RESTORE_COMPLETE", "CREATE", "", "CREATE_IN"].map(status_number), [-1.0; 4]);
    }

    #[test]
    fn stacks_and_their_counts() {
        let body = include_bytes!("../../tests/recordings/heat/stacks-global.json");
        let part = seal(emit(&recorded(body, "stacks")));
        let each = rows(&part, &STACK_STATUS);
        let first =
            "3095aefc-09fb-4bc7-b1f0-f21a304e864c|simple_stack|0cbd49cbf76d405d9c86562e1d579bd3|CREATE_COMPLETE";
        assert_eq!(each[0], (first.to_owned(), 5.0));
        assert_eq!(each.iter().map(|row| row.1).collect::<Vec<_>>(), [5.0, 10.0, -1.0]);
        let counts: BTreeMap<String, f64> = rows(&part, &STACK_STATUS_COUNTER).into_iter().collect();
        assert_eq!(counts.len(), 31, "all known ones, and one that is not");
        assert_eq!((counts["CREATE_COMPLETE"], counts["UPDATE_FAILED"], counts["RESTORE_COMPLETE"]), (1.0, 1.0, 1.0));
        assert_eq!(counts["DELETE_COMPLETE"], 0.0);
        let projects = rows(&part, &STACKS);
        assert_eq!(projects.len(), 3);
        assert_eq!(projects[0], ("0cbd49cbf76d405d9c86562e1d579bd3|CREATE_COMPLETE".to_owned(), 1.0));
    }

    #[test]
    fn engines() {
        let mut part = PartBuilder::new();
        let body = include_bytes!("../../tests/recordings/heat/services.json");
        recorded::<Agent>(body, "services").iter().for_each(|agent| emit_agent(agent, &mut part));
        let first = "e1908f44-42f9-483f-b778-bc814072c33d|mrkanag|heat-engine|9d9242c3-4b9e-45e1-9e74-7615fbf20e5d";
        let states = rows(&seal(part), &AGENT_STATE);
        assert_eq!(states[0], (first.to_owned(), 1.0));
        assert_eq!(states.iter().map(|row| row.1).collect::<Vec<_>>(), [1.0, 0.0], "the deleted one is left out");
    }
}
