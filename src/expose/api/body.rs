//! Takes the body of a question: JSON only, no longer than allowed, and in time.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The body of a request, called `name` where it is refused.
pub(super) async fn json(request: Request, name: &str, most: usize, patience: Duration) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    // Browsers send forms of other sites with types that this one is not.
    let form = header(CONTENT_TYPE.as_str()).and_then(|form| form.split(';').next()).unwrap_or_default().trim();
    if !form.eq_ignore_ascii_case("application/json") {
        let detail = format!("{name} is JSON; say so with content-type: application/json");
        return Err(Problem::body(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let too_large = || {
        let detail = format!("{name} of more than {most} bytes is not taken");
        Problem::body(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let length = header(CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    match tokio::time::timeout(patience, to_bytes(body, most)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(Problem::body(StatusCode::REQUEST_TIMEOUT, format!("{name} did not arrive in time"))),
    }
}

/// Reads a JSON object; what cannot be read is named by its path.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::parameter("", "the question cannot be read: it is no JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|fault| {
        let path = fault.path().to_string();
        let path = if path == "." { String::new() } else { path };
        Problem::parameter(&path, format!("the question cannot be read: {}", fault.into_inner()))
    })?;
    let end = json.end().map_err(|fault| Problem::parameter("", format!("the question cannot be read: {fault}")));
    end.map(|()| read)
}
