//! How to talk to OpenStack: clouds and credentials, tokens, catalog, versions, paging, retries, budgets.
//!
//! What to ask is none of its business (see `collect`). All calls are GET except the POST that fetches a
//! token. Secrets exist only as `SecretString` in [`clouds`] and as a header marked sensitive in `auth`; no
//! error, log line or metric carries one.
//!
//! ```text
//! clouds ──► client::Cloud ──► tokens ──► auth ──► http ──► fault, retry_after, backoff, tls
//!                   │             └ catalog          ▲
//!                   └► client::ServiceClient ──► page, versions, budget
//! ```

mod auth;
mod backoff;
mod budget;
mod catalog;
pub mod client;
mod cloud;
pub mod clouds;
pub mod error;
mod fault;
mod http;
pub mod microversion;
mod page;
mod retry_after;
pub mod telemetry;
mod tls;
mod tokens;
mod versions;

use serde::{Deserialize, Serialize};

/// How stackcast behaves towards OpenStack's APIs.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Seconds that one request may take, answer included.
    pub request_timeout_seconds: u64,
    /// Seconds that a connection may take to be made.
    pub connect_timeout_seconds: u64,
    /// How often a request is tried again after 429, 502, 503, 504 or a connection error.
    pub retries: u32,
    /// Longest wait in seconds that a Retry-After header may ask for; beyond it the request fails.
    pub retry_after_max_seconds: u64,
    /// Requests in flight per service and cloud.
    pub concurrency: usize,
    /// Requests per second per service and cloud, averaged; 0 is without limit.
    pub requests_per_second: f64,
    /// Items asked for per page; services may give fewer.
    pub page_size: u32,
    /// Pages of one list, against endless paging.
    pub pages_max: usize,
    /// Bytes of one answer.
    pub body_bytes_max: usize,
    /// Greatest microversion that Nova is asked at; unset or `latest`: each call asks at the one that suits it best.
    /// OS_COMPUTE_API_VERSION in the environment sets it too.
    #[schemars(example = &"2.87")]
    pub compute_api_version: Option<String>,
    /// Greatest microversion that Ironic is asked at. OS_BAREMETAL_API_VERSION in the environment sets it too.
    #[schemars(example = &"1.90")]
    pub baremetal_api_version: Option<String>,
    /// Seconds ahead of its expiry at which a token is renewed.
    pub token_renewal_seconds: u64,
}

impl Settings {
    /// The greatest microversion that a service may be asked at, by its official type.
    fn version_limit(&self, official_type: &str) -> Option<microversion::Microversion> {
        let limit = match official_type {
            "compute" => &self.compute_api_version,
            "baremetal" => &self.baremetal_api_version,
            _ => return None,
        };
        // `latest` parses as no version, and is no limit.
        limit.as_ref().and_then(|text| text.parse().ok())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            request_timeout_seconds: 30,
            connect_timeout_seconds: 10,
            retries: 3,
            retry_after_max_seconds: 30,
            concurrency: 8,
            requests_per_second: 0.0,
            page_size: 1000,
            pages_max: 10_000,
            body_bytes_max: 64 * 1024 * 1024,
            compute_api_version: None,
            baremetal_api_version: None,
            token_renewal_seconds: 300,
        }
    }
}
