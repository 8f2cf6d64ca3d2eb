//! Errors of the API in the form of RFC 9457 (`application/problem+json`): what is wrong, and what would be right.

use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// When to come again for what is not there yet.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("30");
/// Of many allowed values, the first ones.
const ALLOWED_MAX: usize = 50;

/// Why there is no answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Problem {
    /// Always `about:blank`: the status says what kind it is.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    #[serde(serialize_with = "number")]
    #[schemars(with = "u16")]
    status: StatusCode,
    /// What is wrong, and what to do about it.
    detail: String,
    /// The parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// Values that would be right, at most 50.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed: Vec<String>,
}

fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { r#type: "about:blank", title, status, detail: detail.into(), parameter: None, allowed: Vec::new() }
    }

    /// A parameter that cannot be understood.
    pub(super) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self { parameter: Some(name.to_owned()), ..Self::new(StatusCode::BAD_REQUEST, detail) }
    }

    /// The same, where the parameter is a part of the path: there is no such path.
    pub(super) fn of_path(self) -> Self {
        let status = StatusCode::NOT_FOUND;
        Self { status, title: status.canonical_reason().unwrap_or("Error"), ..self }
    }

    /// A body that is not taken.
    pub(super) fn body(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, detail)
    }

    /// What is asked for is not there.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// A parameter names what is not there.
    pub(super) fn unknown(name: &str, value: &str) -> Self {
        Self::missing(name, format!("no series has the {name} `{value}`"))
    }

    /// A parameter names what is not there, in other words.
    pub(super) fn missing(name: &str, detail: impl Into<String>) -> Self {
        Self { parameter: Some(name.to_owned()), ..Self::not_found(detail) }
    }

    /// What is asked for needs something that is not there now.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// A method other than those.
    pub(super) fn method(method: &Method, allowed: &[Method]) -> Self {
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("method {method} is not allowed here"));
        problem.allowing(allowed.iter().map(Method::as_str))
    }

    /// A defect of ours; what it was is for the log.
    pub(super) fn internal(fault: &dyn std::fmt::Display) -> Self {
        tracing::error!(%fault, "an answer of the API could not be made");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made; the log says why")
    }

    /// With values that would be right.
    pub(super) fn allowing<T: Into<String>>(mut self, allowed: impl IntoIterator<Item = T>) -> Self {
        self.allowed = allowed.into_iter().take(ALLOWED_MAX).map(Into::into).collect();
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let form = [
            (CONTENT_TYPE, "application/problem+json"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CACHE_CONTROL, "no-store"),
        ];
        let mut response = (self.status, form, body).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::METHOD_NOT_ALLOWED => {
                if let Ok(list) = HeaderValue::try_from(self.allowed.join(", ")) {
                    headers.insert(ALLOW, list);
                }
            }
            // The body was not read to its end: the connection cannot carry another request.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::REQUEST_TIMEOUT => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, RETRY_SECONDS);
            }
            _ => {}
        }
        response
    }
}
