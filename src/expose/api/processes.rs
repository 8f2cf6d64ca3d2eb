//! `/api/v1/host/processes`: what uses this host most. Names only: command lines may hold secrets, and are never read.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, write};
use super::asked::{Asked, Parameter};
use super::facts::single;
use super::problem::Problem;
use super::{HostProcess, Now, Route, Work};
use crate::model::part::Part;

const TOP: Parameter = Parameter::count("top", 1, 1000, "Most processes of this answer.").or("20");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/host/processes",
    summary: "The processes of this host that use most CPU, then memory; names only.",
    parameters: &[TOP],
    schema: |generator| generator.subschema_for::<Answer<Processes>>(),
    work: Work::Memory(answer),
};

/// Processes, the greediest first.
#[derive(Debug, Serialize, JsonSchema)]
struct Processes {
    items: Vec<Row>,
}

/// A process.
#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    #[serde(flatten)]
    process: HostProcess,
    /// Its share of the host's memory; null where that is not known.
    memory_ratio: Option<f64>,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let found = (now.hooks.sources.processes)(asked.count(&TOP));
    let found = found.ok_or_else(|| Problem::not_found("this host is not looked at: collect.host.enabled is off"))?;
    let host = now.snapshot.group("host").map(|part| -> &Part { part });
    let memory = single(host, "host_memory_MemTotal_bytes").filter(|total| *total > 0.0);
    let row = |process: HostProcess| {
        Row { memory_ratio: memory.map(|total| process.memory_bytes as f64 / total), process }
    };
    // They have just been read.
    write(now, Some(now.at), true, Processes { items: found.into_iter().map(row).collect() })
}
