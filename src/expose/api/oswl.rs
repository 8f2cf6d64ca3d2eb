//! `POST /api/v1/oswl_stats`: the collector role, which takes workload records of other installations.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::Serialize;

use super::changes::unavailable;
use super::problem::Problem;
use super::{Now, Route, Work, json};
use crate::model::workload::{Departure, Outcome, Received, RecordsError};

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
    work: Work::Report(|now, request| answer(now, request).boxed()),
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
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    // Browsers send forms of other sites with types that this one is not.
    let form = header(CONTENT_TYPE.as_str()).and_then(|form| form.split(';').next()).unwrap_or_default().trim();
    if !form.eq_ignore_ascii_case("application/json") {
        let detail = "a report is JSON; say so with content-type: application/json";
        return Err(Problem::body(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let too_large = || {
        let detail = format!("a report of more than {most} bytes is not taken; send fewer records at once");
        Problem::body(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    if header(CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok()).is_some_and(|length: usize| length > most) {
        return Err(too_large());
    }
    let sender = header("master-node-uid").map(str::to_owned);
    let body = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(too_large()),
        Err(_) => return Err(Problem::body(StatusCode::REQUEST_TIMEOUT, "the report did not arrive in time")),
    };
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
    Ok(json(status, body))
}
