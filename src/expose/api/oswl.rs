//! `POST /api/v1/oswl_stats`: the collector role, which takes workload records of other installations.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::changes::unavailable;
use super::problem::Problem;
use super::{Now, Route, Work, body};
use crate::model::workload::{Departure, Outcome, Received, RecordsError, ResourceType};

/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(120);
/// Departures that are told; there may be one for each record.
const DEPARTURES_MAX: usize = 100;

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/oswl_stats",
    summary: "Takes a report of another installation: {\"oswl_stats\": [record, ...]}. Records that keep to the schema are \
              kept even if others of the report do not (400, which names those), and take the place of earlier ones with \
              the same master_node_uid, id and resource_type.",
    parameters: &[],
    schema: |generator| generator.subschema_for::<Taken>(),
    work: Work::Post { take: |now, request| answer(now, request).boxed(), body: schema },
};

/// What became of a report.
#[derive(Debug, Serialize, JsonSchema)]
struct Taken {
    /// Always `ok`.
    status: &'static str,
    /// Seconds that it took.
    exec_time: f64,
    /// What became of each record, in order.
    oswl_stats: Vec<Fate>,
}

/// What became of a record.
#[derive(Debug, Serialize, JsonSchema)]
struct Fate {
    /// Whose record; null where it does not say.
    master_node_uid: Option<String>,
    /// Which one.
    id: Option<i64>,
    /// added, updated or failed.
    status: &'static str,
}

/// A problem with the records that have it, and what became of all.
#[derive(Debug, Serialize)]
struct Departed {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    errors: Vec<Wrong>,
    oswl_stats: Vec<Fate>,
}

/// Where a record departs from the schema.
#[derive(Debug, Serialize)]
struct Wrong {
    record: usize,
    path: String,
    message: String,
}

async fn answer(now: Now, request: Request) -> Result<Response, Problem> {
    let start = Instant::now();
    let off = "reports are not taken here: workload.collector.enabled is off";
    let records = now.records().map_err(|_| Problem::not_found(off))?;
    let most = records.report_bytes_max().ok_or_else(|| Problem::not_found(off))?;
    let sender = request.headers().get("master-node-uid").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = body::json(request, "a report", most, BODY_TIMEOUT).await?;
    // Checking and keeping a large report is work as an answer is.
    let _turn = now.turns.answers.acquire().await;
    let records = Arc::clone(&records);
    let received = tokio::task::spawn_blocking(move || records.receive(&body, sender.as_deref())).await;
    match received.map_err(|fault| Problem::internal(&fault))? {
        Ok(received) if received.departures.is_empty() => {
            let exec_time = start.elapsed().as_secs_f64();
            written(StatusCode::OK, &Taken { status: "ok", exec_time, oswl_stats: fates(received.outcomes) })
        }
        Ok(received) => departed(received),
        Err(RecordsError::Body { path, message }) => {
            Err(Problem::body(StatusCode::BAD_REQUEST, format!("the report cannot be read: {path}: {message}")))
        }
        Err(error) => Err(unavailable(error)),
    }
}

fn departed(received: Received) -> Result<Response, Problem> {
    let all = received.departures.len();
    let first = received.departures.first().map(|first| format!("{}: {}", first.path, first.message));
    let detail = format!("{all} records are not kept; the first: {}", first.unwrap_or_default());
    let wrong = |Departure { record, path, message }| Wrong { record, path, message };
    let problem = Departed {
        r#type: "about:blank",
        title: "Bad Request",
        status: StatusCode::BAD_REQUEST.as_u16(),
        detail,
        errors: received.departures.into_iter().take(DEPARTURES_MAX).map(wrong).collect(),
        oswl_stats: fates(received.outcomes),
    };
    let mut response = written(StatusCode::BAD_REQUEST, &problem)?;
    let form = axum::http::HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, form);
    Ok(response)
}

fn fates(outcomes: Vec<Outcome>) -> Vec<Fate> {
    let fate =
        |Outcome { master_node_uid, id, fate }| Fate { master_node_uid, id, status: fate.as_str() };
    outcomes.into_iter().map(fate).collect()
}

fn written(status: StatusCode, body: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(body).map_err(|fault| Problem::internal(&fault))?;
    Ok(super::json(status, body))
}

/// A report of workload records, as far as all types of resources have it in common.
fn schema() -> Value {
    let events = json!({"type": "array", "items": {"type": "object", "required": ["id", "time"]}});
    let data = json!({
        "type": "object",
        "required": ["current", "added", "modified", "removed"],
        "properties": {"current": {"type": "array"}, "added": events, "modified": events, "removed": events},
        "additionalProperties": false,
    });
    let record = json!({
        "type": "object",
        "required": [
            "master_node_uid", "id", "cluster_id", "created_date", "updated_time", "resource_type", "resource_checksum",
            "resource_data",
        ],
        "properties": {
            "master_node_uid": {"type": "string", "minLength": 1, "maxLength": 128},
            "id": {"type": "integer"},
            "cluster_id": {"type": "integer"},
            "created_date": {"type": "string", "format": "date"},
            "updated_time": {"type": "string"},
            "resource_type": {"type": "string", "enum": ResourceType::ALL.map(|kind| kind.as_str())},
            "resource_checksum": {"type": "string", "minLength": 1, "maxLength": 128},
            "resource_data": data,
            "version_info": {"type": ["object", "null"]},
        },
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "required": ["oswl_stats"],
        "properties": {"oswl_stats": {"type": "array", "items": record, "maxItems": 1000}},
        "additionalProperties": false,
    })
}
