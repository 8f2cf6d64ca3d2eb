//! stackcast: the Prometheus exporter for OpenStack that sees ahead.
//!
//! This page is the manual of the source. The manual of the program is README.md and docs/.
//!
//! # The picture
//!
//! ```text
//!  OpenStack APIs ─┐                                              ┌─ /metrics ──► Prometheus ─► rules ─► Alertmanager
//!                  ├─► collect ─► Snapshot ─► history ─► analyse ─┤                        └──► Grafana
//!  local host ─────┘   (parts)       │       (SQLite or PromQL)   │
//!                                    └────────────────────────────┴─► API, CSV, reports
//! ```
//!
//! One process. Tasks collect at their own pace and publish immutable parts; nothing is ever collected in a scrape.
//! Analysis reads history and publishes parts of the same form, so that a forecast is an ordinary metric. Reports say
//! in words what the API tells.
//!
//! # Modules
//!
//! | module | what it is for | what it leaves to others |
//! |---|---|---|
//! | [`model`] | what flows: metric table, parts, snapshot, inventory, time | everything that talks to something |
//! | [`openstack`] | how to talk: clouds, tokens, catalog, versions, paging, retries | what to ask |
//! | [`collect`] | what to ask: one file per service, the host, ourselves; the runner | how to talk, how to print |
//! | [`history`] | what was: series of signals, from SQLite or a Prometheus-compatible store | computing them |
//! | [`analyse`] | what is made of the history: forecasts; pure | files, clocks, sockets |
//! | [`workload`] | what came, changed and went, day by day (OSWL); sending and taking such records | when to look, how questions arrive |
//! | [`report`] | what people read: reports by mail or file, notices of state changes | what is true (the API tells) |
//! | [`expose`] | text formats, HTTP, TLS, limits | where samples come from |
//! | [`demo`] | the simulated cloud: the APIs over real sockets, for `demo` and tests | nothing of the exporter |
//! | [`config`] | every stage's settings in one, from file, environment and flags | credentials |
//! | [`app`] | wires the stages; owns tasks, reload, shutdown | everything else |
//! | [`cli`] | commands and flags, the reference documents | everything else |
//!
//! Imports go one way only; `tests/it/layers.rs` reads them and fails on any other:
//! `main > cli > app > {config, expose, report, workload, analyse, history, collect, openstack}`, `cli > demo`, `config >` the
//! stages' settings types, `report > model`, `expose, workload, analyse > history, model`, `history > model`, `collect > model, openstack`, `openstack, demo > model`, `model >` nothing.
//!
//! # Invariants
//!
//! * A metric is one row of a table beside the code that fills it ([`metrics!`]); page, reference and API read the rows.
//! * A failing, slow or odd service never hides another, and never makes the page fail.
//! * A part that is too old is withheld, and `_up` says so: no stale value without end, no made-up 0.
//! * Everything has a limit: pages, bytes, requests in flight, series, label lengths, time per call.
//! * The time of day comes from [`model::clock`] only.
//! * A secret is a `SecretString` inside [`openstack`]; no log, error, metric or debug output holds one.
//! * All requests to a cloud are reads, but for the one that fetches a token.
//!
//! # Adding a metric
//!
//! One row in the `metrics!` table of the file that reads the fact, one `put`, and `stackcast reference metrics`
//! for docs/metrics.md. A new service is one file with its `SERVICE`, and one word in `collect::services!`.

pub mod analyse;
pub mod app;
pub mod cli;
pub mod collect;
pub mod config;
pub mod demo;
pub mod expose;
pub mod history;
pub mod model;
pub mod openstack;
pub mod report;
pub mod workload;
