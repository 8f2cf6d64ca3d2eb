//! Asks a running server. Its address may hold a password, so no error tells it.

use std::time::Duration;

use serde::Deserialize;

use super::super::failure::Failure;
use crate::model::what_if::{Outcome, Scenario};

const PATH: &str = "/api/v1/what-if";

/// A refusal of the server (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    detail: String,
    #[serde(default)]
    allowed: Vec<String>,
}

/// The server's answer.
pub(super) async fn ask(url: &str, scenario: &Scenario, patience: Duration) -> Result<Outcome, Failure> {
    let unusable = |error: reqwest::Error| {
        let message = format!("--url: the server cannot be asked: {}", causes(&error.without_url()));
        Failure::usage(message, "give the address of a running stackcast, e.g. http://127.0.0.1:9180")
    };
    let body = serde_json::to_vec(scenario).map_err(|error| Failure::new(error.to_string()))?;
    let client = reqwest::Client::builder().timeout(patience).build().map_err(unusable)?;
    let request = client.post(format!("{}{PATH}", url.trim_end_matches('/'))).body(body);
    let answer = request.header("content-type", "application/json").send().await.map_err(unusable)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(unusable)?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|error| {
            Failure::new(format!("the server's answer cannot be read: {error}; is it of the same release?"))
        });
    }
    Err(match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) if problem.allowed.is_empty() => Failure::new(problem.detail),
        Ok(problem) => {
            let names: Vec<&str> = problem.allowed.iter().take(20).map(String::as_str).collect();
            Failure::usage(problem.detail, format!("there are {}", names.join(", ")))
        }
        Err(_) => Failure::new(format!("the server answers {status}")),
    })
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}
