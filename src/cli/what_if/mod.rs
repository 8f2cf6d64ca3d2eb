//! `stackcast what-if`: capacity, headroom, resilience and dates after a change that is thought of.
//!
//! With `--url` a running server is asked. Without, the clouds are asked once, and dates come from the forecasts that a
//! server has kept in the data directory.

mod remote;
mod scenario;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use super::backup::Source;
use super::failure::Failure;
use super::once::{Patience, verdict};
use super::output;
use crate::analyse::headroom;
use crate::app;
use crate::expose::Format;
use crate::model::clock::Clock;
use crate::model::part::{PartBuilder, PartKey};
use crate::model::what_if::{Fault, Outcome, Scenario};
use scenario::Changes;

/// Flags of `what-if`.
#[derive(Debug, clap::Args)]
pub(super) struct WhatIfFlags {
    #[command(flatten)]
    changes: Changes,
    /// Ask a running server, e.g. http://127.0.0.1:9180 or https://user:password@host; without it the clouds are asked
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    url: Option<String>,
    /// Print the whole answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    patience: Patience,
}

pub(super) fn run(flags: &WhatIfFlags) -> Result<ExitCode, Failure> {
    let scenario = flags.changes.scenario()?;
    let (outcome, code) = match &flags.url {
        Some(url) => (super::block_on(remote::ask(url, &scenario, flags.patience.duration()))??, ExitCode::SUCCESS),
        None => here(flags, &scenario)?,
    };
    let text = match flags.json {
        true => serde_json::to_string_pretty(&outcome).map_err(|error| Failure::new(error.to_string()))? + "\n",
        false => table::render(&outcome),
    };
    output::write(&text)?;
    Ok(code)
}

/// Collects once and counts.
fn here(flags: &WhatIfFlags, scenario: &Scenario) -> Result<(Outcome, ExitCode), Failure> {
    let loaded = super::start(&flags.source.flags())?;
    let kept = app::kept_forecasts(&flags.source.directory()?).map_err(|error| Failure::new(error.to_string()))?;
    let collected = super::block_on(app::collect_once(&loaded.settings, flags.patience.duration(), Format::Text))??;
    let now = Clock::system().now();
    for (origin, predictions) in kept {
        let mut part = PartBuilder::new();
        part.table(Arc::new(predictions));
        let key = PartKey { group: "kept", origin, source: "kept".into() };
        let (part, dropped) = part.seal(key, now, collected.store.limits().per_family);
        collected.store.publish(part, dropped);
    }
    let capacity = &loaded.settings.analysis.capacity;
    let outcome = headroom::what_if(&collected.store.load(), scenario, capacity, now).map_err(failure)?;
    Ok((outcome, verdict(&collected)))
}

fn failure(fault: Fault) -> Failure {
    let message = fault.to_string();
    match fault {
        Fault::Unknown { known, .. } if !known.is_empty() => {
            let names: Vec<&str> = known.iter().take(20).map(|name| &**name).collect();
            Failure::usage(message, format!("there are {}", names.join(", ")))
        }
        Fault::NotReady => Failure::usage(message, "`stackcast check` says what is missing"),
        _ => Failure::usage(message, "`stackcast what-if --help` shows the forms"),
    }
}
