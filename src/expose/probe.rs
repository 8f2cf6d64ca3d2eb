//! `/probe?cloud=NAME[&region=NAME][&include_services=a,b][&exclude_services=c]`: the page of one cloud, from memory.
//!
//! Reads the question and words the answer. Whether there is such a cloud, and that it is being collected, is the
//! hook's business.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{self, Query, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::future::BoxFuture;

use super::page::Exposition;
use super::routes::{Inner, READ, page_of, refusal, text};

/// Finds the page of a cloud; begins to collect the cloud if need be, and waits for its first collection to end.
pub type Hook = Arc<dyn Fn(Request) -> BoxFuture<'static, Result<Arc<Exposition>, Refusal>> + Send + Sync>;

/// Time of a scrape's limit that is left for the way back.
const RESERVE: Duration = Duration::from_millis(500);
/// No probe waits longer, whatever its header says.
const WAIT_MAX: Duration = Duration::from_secs(600);
/// When to come again for what is being collected.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("15");

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Name of the cloud in clouds.yaml.
    pub cloud: String,
    /// One of its regions; all of them if none.
    pub region: Option<String>,
    /// Only these services; all if empty.
    pub include: Vec<String>,
    /// Not these services.
    pub exclude: Vec<String>,
    /// How long a first collection is waited for.
    pub patience: Duration,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A parameter that cannot be understood.
    #[error("{0}")]
    Malformed(String),
    /// There is no such cloud.
    #[error("unknown cloud `{cloud}`; {remedy}")]
    Unknown {
        /// The name that was asked for.
        cloud: String,
        /// What could be done about it.
        remedy: String,
    },
    /// The cloud cannot be served as it is configured.
    #[error("cloud `{0}` cannot be served: {1}")]
    Unusable(String, String),
    /// Nothing is there yet.
    #[error("the first collection of cloud `{0}` has not ended yet; it goes on, come again")]
    NotYet(String),
}

impl Request {
    /// Reads the parameters; unknown ones are left alone, as targets are often probed with more.
    fn read(pairs: Vec<(String, String)>, patience: Duration) -> Result<Self, Refusal> {
        let mut request = Self { patience, ..Self::default() };
        let list =
            |value: &str| value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        for (name, value) in pairs {
            match name.as_str() {
                "cloud" => request.cloud = value,
                "region" => request.region = Some(value).filter(|region| !region.is_empty()),
                "include_services" => request.include = list(&value),
                "exclude_services" => request.exclude = list(&value),
                _ => {}
            }
        }
        match request.cloud.is_empty() {
            true => Err(Refusal::Malformed("the parameter `cloud` is missing: /probe?cloud=NAME".to_owned())),
            false => Ok(request),
        }
    }
}

/// How long a scrape can wait: what Prometheus says, less the way back; `otherwise` if it says nothing.
fn patience(headers: &HeaderMap, otherwise: Duration) -> Duration {
    let header = headers.get("x-prometheus-scrape-timeout-seconds").and_then(|value| value.to_str().ok());
    let seconds = header.and_then(|text| text.parse::<f64>().ok()).and_then(|s| Duration::try_from_secs_f64(s).ok());
    seconds.map_or(otherwise, |seconds| seconds.saturating_sub(RESERVE)).min(WAIT_MAX)
}

pub(super) async fn answer(
    State(inner): State<Arc<Inner>>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    request: extract::Request,
) -> Response {
    if let Some(refusal) = refusal(request.method(), READ) {
        return refusal;
    }
    let patience = patience(request.headers(), Duration::from_secs(inner.probe.wait_seconds));
    let asked = match query {
        Ok(Query(pairs)) => Request::read(pairs, patience),
        Err(rejection) => Err(Refusal::Malformed(rejection.to_string())),
    };
    let found = match asked {
        Ok(asked) => (inner.hooks.probe)(asked).await,
        Err(malformed) => Err(malformed),
    };
    match found {
        Ok(page) => page_of(&page, request.headers()).await,
        Err(reason) => refused(&reason, inner.probe.unknown_is_empty),
    }
}

fn refused(reason: &Refusal, unknown_is_empty: bool) -> Response {
    let words = format!("{reason}\n");
    match reason {
        Refusal::Malformed(_) => text(StatusCode::BAD_REQUEST, words),
        Refusal::Unknown { .. } if unknown_is_empty => text(StatusCode::OK, String::new()),
        Refusal::Unknown { .. } => text(StatusCode::NOT_FOUND, words),
        Refusal::Unusable(..) => text(StatusCode::SERVICE_UNAVAILABLE, words),
        Refusal::NotYet(_) => {
            let mut response = text(StatusCode::SERVICE_UNAVAILABLE, words);
            response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Request, Refusal> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Request::read(pairs, Duration::ZERO)
    }

    #[test]
    fn parameters() {
        let request = read(&[("cloud", "a"), ("include_services", "compute, image,"), ("module", "x")]).unwrap();
        assert_eq!((request.cloud.as_str(), request.include), ("a", vec!["compute".to_owned(), "image".to_owned()]));
        assert!(request.exclude.is_empty() && request.region.is_none());
        assert!(read(&[("include_services", "compute")]).unwrap_err().to_string().contains("`cloud` is missing"));
        assert!(read(&[("cloud", "")]).is_err());
    }

    #[test]
    fn a_scrape_waits_no_longer_than_it_says() {
        let wait = |text: &str| {
            let headers = [("x-prometheus-scrape-timeout-seconds".parse().unwrap(), text.parse().unwrap())];
            patience(&HeaderMap::from_iter(headers), Duration::from_secs(10))
        };
        assert_eq!(wait("30"), Duration::from_millis(29_500));
        assert_eq!(wait("0.2"), Duration::ZERO);
        assert_eq!(wait("1e9"), WAIT_MAX);
        for odd in ["-1", "NaN", "x", ""] {
            assert_eq!(wait(odd), Duration::from_secs(10), "{odd}");
        }
    }
}
