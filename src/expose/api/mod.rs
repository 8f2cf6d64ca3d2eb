//! The JSON API: what is known, forecast and left, for people and programs that do not speak PromQL.
//!
//! ```text
//! request ─► Asked (parameters, checked) ─► an endpoint's `answer` from Now (snapshot, status, history) ─► Answer | Problem
//! ```
//! An endpoint is one file with its [`Route`] and one word in [`routes!`](macro@routes); router, OpenAPI document and
//! counters read the table. Nothing is computed here that a gauge tells already: endpoints select, order and word what
//! analysis has published. Authentication, allow list and connections are the business of the server around it.

mod answer;
mod asked;
mod body;
mod download;
mod facts;
mod feed;
mod figure;
mod inside;
mod openapi;
mod problem;
mod series;
mod socket;
mod surveyed;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::routes::{Inner, READ};
use super::{Hooks, Status};
use crate::history::History;
use crate::model::clock::{Clock, Timestamp};
use crate::model::part::Part;
use crate::model::signal::Signal;
use crate::model::snapshot::Snapshot;
use crate::model::what_if::{Fault, Outcome, Scenario};
use crate::model::workload::Records;
use asked::{Asked, Parameter};
use download::Download;
pub(super) use feed::Feed;
pub use inside::{Inside, Refusal};
use problem::Problem;

/// Answers made at once; further ones wait, so that a flood of questions cannot take the cores from collecting.
const AT_ONCE: usize = 4;
/// Scenarios counted at once: each takes a core for up to seconds.
const SCENARIOS_AT_ONCE: usize = 1;
/// Files sent at once; further ones wait.
const DOWNLOADS_AT_ONCE: usize = 2;
/// How unknown paths are counted.
const UNKNOWN: &str = "unknown";

/// Gives the history, where there is one.
pub type HistorySource = Arc<dyn Fn() -> Option<Arc<dyn History>> + Send + Sync>;
/// Gives the signal of a name.
pub type SignalSource = Arc<dyn Fn(&str) -> Option<Arc<Signal>> + Send + Sync>;
/// Gives the workload records, where any are kept.
pub type RecordsSource = Arc<dyn Fn() -> Option<Arc<dyn Records>> + Send + Sync>;
/// Counts a scenario on a snapshot.
pub type WhatIfSource = Arc<dyn Fn(&Snapshot, &Scenario, Timestamp) -> Result<Outcome, Fault> + Send + Sync>;
/// Gives the processes of this host that use most, where they may be told; may block for a while.
pub type ProcessSource = Arc<dyn Fn(usize) -> Option<Vec<HostProcess>> + Send + Sync>;
/// An answer under way.
type Making = BoxFuture<'static, Result<Vec<u8>, Problem>>;

/// What answers are made from, beyond the snapshot.
#[derive(Clone)]
pub struct Sources {
    /// The time of day.
    pub clock: Clock,
    /// The history; none while there is none (analysis is off, or its store cannot be opened).
    pub history: HistorySource,
    /// The signal of a name.
    pub signal: SignalSource,
    /// The workload records; none while they are neither made nor taken.
    pub records: RecordsSource,
    /// What would be so after a change.
    pub what_if: WhatIfSource,
    /// What runs on this host.
    pub processes: ProcessSource,
}

/// A process of this host. Only its name is told: a command line may hold secrets.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HostProcess {
    /// Process id.
    pub pid: u32,
    /// Name of the program.
    pub name: String,
    /// CPUs in use: 1 is one CPU all the time.
    pub cpu_ratio: f64,
    /// Resident memory.
    pub memory_bytes: u64,
}

impl Sources {
    /// Without any past: what the snapshot holds is answered all the same.
    pub fn without_history(clock: Clock) -> Self {
        Self {
            clock,
            history: Arc::new(|| None),
            signal: Arc::new(|_| None),
            records: Arc::new(|| None),
            what_if: Arc::new(|_, _, _| Err(Fault::NotReady)),
            processes: Arc::new(|_| None),
        }
    }
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// Everything as of the moment of a request.
struct Now {
    at: Timestamp,
    snapshot: Arc<Snapshot>,
    status: Status,
    hooks: Hooks,
    turns: Arc<Turns>,
}

impl Now {
    fn of(hooks: &Hooks, turns: &Arc<Turns>) -> Self {
        Self {
            at: hooks.sources.clock.now(),
            snapshot: hooks.exposition.snapshot(),
            status: (hooks.status)(),
            hooks: hooks.clone(),
            turns: Arc::clone(turns),
        }
    }

    /// Figures about the program itself.
    fn own(&self) -> Vec<Part> {
        self.hooks.exposition.live_parts()
    }

    fn signal(&self, name: &str) -> Option<Arc<Signal>> {
        (self.hooks.sources.signal)(name)
    }

    fn history(&self) -> Option<Arc<dyn History>> {
        (self.hooks.sources.history)()
    }

    /// The workload records, or what has to be switched on.
    fn records(&self) -> Result<Arc<dyn Records>, Problem> {
        (self.hooks.sources.records)().ok_or_else(|| {
            Problem::not_found("no workload records are kept: set workload.enabled or workload.collector.enabled")
        })
    }

    /// Seconds since `then`; 0 if the clock has gone back.
    fn age(&self, then: Timestamp) -> f64 {
        self.at.since(then).as_secs_f64()
    }
}

/// How an endpoint makes its answer.
enum Work {
    /// From memory; beside the runtime, for there may be thousands of rows.
    Memory(fn(&Now, &Asked) -> Result<Vec<u8>, Problem>),
    /// With a question to the history.
    History(fn(Now, Asked) -> Making),
    /// A file, made and sent piece by piece.
    Download(fn(&Now, &Asked) -> Result<Download, Problem>),
    /// Answers without end.
    Stream(fn(Arc<Inner>, &Asked) -> Result<Response, Problem>),
    /// Takes a body by POST, described by a JSON schema; everything else is read. Takes its turn once the body is there.
    Post { take: fn(Now, Request) -> BoxFuture<'static, Result<Response, Problem>>, body: fn() -> serde_json::Value },
}

/// One endpoint: a row of the table that router and OpenAPI document are made from.
struct Route {
    path: &'static str,
    /// One sentence.
    summary: &'static str,
    parameters: &'static [Parameter],
    /// JSON schema of the answer.
    schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    work: Work,
}

/// Declares the endpoints.
macro_rules! routes {
    ($($endpoint:ident),+ $(,)?) => {
        $(mod $endpoint;)+
        static ROUTES: &[&Route] = &[$(&$endpoint::ROUTE),+, &openapi::ROUTE];
    };
}

routes![
    accuracy,
    analysis,
    anomalies,
    changes,
    chart_heatmap,
    chart_utilization,
    commitments,
    compare,
    csv,
    forecasts,
    headroom,
    metrics,
    oswl,
    peers,
    pressure,
    processes,
    profile,
    projects,
    resilience,
    runway,
    status,
    stranded,
    stream,
    waste,
    what_if
];

/// Limits the work of all endpoints together.
#[derive(Debug)]
pub(super) struct Turns {
    answers: Semaphore,
    scenarios: Semaphore,
    /// Files take as long as their reader does, and must keep no answer waiting.
    downloads: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            answers: Semaphore::new(AT_ONCE),
            scenarios: Semaphore::new(SCENARIOS_AT_ONCE),
            downloads: Arc::new(Semaphore::new(DOWNLOADS_AT_ONCE)),
        }
    }
}

/// Whether a path belongs to this API.
pub(super) fn owns(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/charts/") || path == socket::PATH
}

/// Adds every endpoint, and an answer in the same form for paths that are not there.
pub(super) fn register(router: axum::Router<Arc<Inner>>) -> axum::Router<Arc<Inner>> {
    let add = |router: axum::Router<Arc<Inner>>, route: &&'static Route| {
        let route: &'static Route = route;
        let handler = move |State(inner): State<Arc<Inner>>, request: Request| answer(inner, route, request);
        router.route(route.path, any(handler))
    };
    let router = router.route(socket::PATH, axum::routing::get(socket::answer));
    ROUTES.iter().fold(router, add).route("/api/{*rest}", any(unknown)).route("/charts/{*rest}", any(unknown))
}

async fn answer(inner: Arc<Inner>, route: &'static Route, request: Request) -> Response {
    let response = match route.work {
        Work::Post { take, .. } if request.method() == Method::POST => {
            take(Now::of(&inner.hooks, &inner.turns), request).await
        }
        Work::Post { .. } => Err(Problem::method(request.method(), &[Method::POST])),
        Work::Stream(tell) => asked(route, &request.into_parts().0).and_then(|asked| tell(Arc::clone(&inner), &asked)),
        _ => read(&inner, route, &request.into_parts().0).await,
    };
    let response = response.unwrap_or_else(Problem::into_response);
    inner.hooks.exposition.telemetry().api_request(route.path, response.status().as_u16());
    response
}

/// The checked question.
fn asked(route: &'static Route, request: &Parts) -> Result<Asked, Problem> {
    if !READ.contains(&request.method) {
        return Err(Problem::method(&request.method, READ));
    }
    Asked::read_at(route.parameters, request.uri.path(), request.uri.query().unwrap_or_default())
}

async fn read(inner: &Inner, route: &'static Route, request: &Parts) -> Result<Response, Problem> {
    let asked = asked(route, request)?;
    if let Work::Download(make) = route.work {
        let download = make(&Now::of(&inner.hooks, &inner.turns), &asked)?;
        let turn = Arc::clone(&inner.turns.downloads).acquire_owned().await;
        return Ok(download.send(turn.ok()));
    }
    make(route, asked, &inner.hooks, &inner.turns).await.map(|json| self::json(StatusCode::OK, json))
}

/// The answer of an endpoint that has one and needs no socket for it.
async fn make(route: &Route, asked: Asked, hooks: &Hooks, turns: &Arc<Turns>) -> Result<Vec<u8>, Problem> {
    // The semaphore is never closed; were it, an answer without a turn would do no harm.
    let _turn = turns.answers.acquire().await;
    let now = Now::of(hooks, turns);
    match route.work {
        Work::Memory(make) => {
            let made = tokio::task::spawn_blocking(move || make(&now, &asked)).await;
            made.unwrap_or_else(|fault| Err(Problem::internal(&fault)))
        }
        Work::History(make) => make(now, asked).await,
        Work::Download(_) | Work::Stream(_) | Work::Post { .. } => Err(Problem::not_found("that is not answered here")),
    }
}

fn json(status: StatusCode, json: Vec<u8>) -> Response {
    let headers =
        [(CONTENT_TYPE, "application/json"), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (CACHE_CONTROL, "no-store")];
    (status, headers, json).into_response()
}

/// A refusal in the form of the API.
pub(super) fn refusal(status: StatusCode, detail: impl Into<String>) -> Response {
    Problem::body(status, detail).into_response()
}

async fn unknown(State(inner): State<Arc<Inner>>) -> Response {
    let problem = Problem::not_found("there is no such path").allowing(ROUTES.iter().map(|route| route.path));
    inner.hooks.exposition.telemetry().api_request(UNKNOWN, problem.status().as_u16());
    problem.into_response()
}
