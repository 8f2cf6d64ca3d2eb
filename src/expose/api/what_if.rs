//! `POST /api/v1/what-if`: capacity, headroom, resilience and dates after a change that is thought of, beside those of now.

use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::FutureExt;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::answer::{Answer, write};
use super::problem::Problem;
use super::{Now, Route, Work, body, json};
use crate::model::clock::Timestamp;
use crate::model::headroom::{FactsAt, Headroom};
use crate::model::what_if::{Fault, Outcome, Scenario};

/// Largest question: lists of a hundred items each are some 60 kB.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/what-if",
    summary: "What would be so if allocation ratios were others, hosts came or went, or instances came: use, headroom, \
              resilience, what ends first and when, each beside what is so now. Nothing is changed or kept.",
    parameters: &[],
    schema: |generator| generator.subschema_for::<Answer<Outcome>>(),
    work: Work::Post { take: |now, request| answer(now, request).boxed(), body: schema },
};

fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    Scenario::json_schema(&mut settings.for_deserialize().into_generator()).to_value()
}

async fn answer(now: Now, request: Request) -> Result<Response, Problem> {
    let body = body::json(request, "a question", BODY_BYTES_MAX, BODY_TIMEOUT).await?;
    let scenario: Scenario = body::read(&body)?;
    let turns = std::sync::Arc::clone(&now.turns);
    // The semaphore is never closed; were it, an answer without a turn would do no harm.
    let _turn = turns.scenarios.acquire().await;
    let counted = tokio::task::spawn_blocking(move || {
        let ask = &now.hooks.sources.what_if;
        let outcome = ask(&now.snapshot, &scenario, now.at).map_err(problem)?;
        write(&now, facts_at(&now, &outcome), now.status.ready.is_ok(), outcome)
    });
    let written = counted.await.unwrap_or_else(|fault| Err(Problem::internal(&fault)));
    written.map(|written| json(StatusCode::OK, written))
}

fn problem(fault: Fault) -> Problem {
    match &fault {
        Fault::Wrong { path, message } => Problem::parameter(path, format!("`{path}`: {message}")),
        Fault::Unknown { path, known, .. } => {
            Problem::missing(path, fault.to_string()).allowing(known.iter().map(|name| name.to_string()))
        }
        Fault::NotReady => Problem::unavailable(fault.to_string()),
    }
}

/// When the facts about the region were collected.
fn facts_at(now: &Now, outcome: &Outcome) -> Option<Timestamp> {
    let parts = now.snapshot.parts().filter(|part| {
        let origin = &part.key.origin;
        origin.cloud.as_deref() == Some(&*outcome.cloud) && origin.region.as_deref() == Some(&*outcome.region)
    });
    parts.filter(|part| part.tables.get::<Headroom>().is_some()).find_map(|part| part.tables.get::<FactsAt>()).map(|at| at.0)
}
