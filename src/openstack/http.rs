//! One HTTP exchange: deadline, size limit, repeats, counting; and the client that does it.
//!
//! Bodies are read piece by piece and never decompressed, so that no answer takes more memory than its limit.
//! Redirects to another host are not followed: they would carry the token there.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use reqwest::{RequestBuilder, Url};

use super::Settings;
use super::backoff::repeat_wait;
use super::error::{Error, ErrorKind};
use super::fault;
use super::retry_after;
use super::telemetry::Telemetry;

/// Of an error's body no more is read than a message can be found in.
const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;

/// What is asked, for counters, log and errors.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) cloud: Arc<str>,
    pub(super) service: Arc<str>,
    pub(super) region: Arc<str>,
    /// Path for people: without endpoint and query.
    pub(super) path: String,
    pub(super) url: Url,
    /// Beside token and microversion.
    pub(super) headers: Vec<(&'static str, &'static str)>,
}

impl Target {
    pub(super) fn fault(&self, kind: ErrorKind, detail: impl Into<String>) -> Error {
        Error::new(kind, &*self.service, self.path.as_str(), detail)
    }
}

/// An answer, whatever its status.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// The service's own words, with `secret` taken out should it quote it.
    pub(super) fn message(&self, secret: &str) -> String {
        let text = fault::message(&self.body);
        let text = if secret.len() >= 4 { text.replace(secret, "[redacted]") } else { text };
        if text.is_empty() { "no message".into() } else { text }
    }

    /// The error of a status that is none of success.
    pub(super) fn error(&self, target: &Target, secret: &str) -> Error {
        let kind = match self.status {
            401 => ErrorKind::Auth,
            403 => ErrorKind::Forbidden,
            404 | 410 => ErrorKind::NotFound,
            406 => ErrorKind::Version,
            429 => ErrorKind::Throttled,
            500.. => ErrorKind::Server,
            _ => ErrorKind::Client,
        };
        if (300..400).contains(&self.status) {
            let to = self.headers.get("location").and_then(|to| to.to_str().ok()).and_then(|to| Url::parse(to).ok());
            let to = to.and_then(|to| to.host_str().map(str::to_owned)).unwrap_or_else(|| "elsewhere".into());
            let detail = format!(
                "status {}: redirects to {to}, which is not followed (it would get the token); correct the endpoint",
                self.status
            );
            return target.fault(kind, detail);
        }
        target.fault(kind, format!("status {}: {}", self.status, self.message(secret)))
    }
}

/// Why there is no answer.
#[derive(Debug)]
struct Failure {
    kind: ErrorKind,
    detail: String,
}

/// The HTTP client of one cloud.
#[derive(Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    timeout: Duration,
    retries: u32,
    retry_after_max: Duration,
    body_bytes_max: usize,
}

impl Http {
    pub(super) fn new(client: reqwest::Client, settings: &Settings) -> Self {
        Self {
            client,
            timeout: Duration::from_secs(settings.request_timeout_seconds.max(1)),
            retries: settings.retries,
            retry_after_max: Duration::from_secs(settings.retry_after_max_seconds),
            body_bytes_max: settings.body_bytes_max,
        }
    }

    pub(super) fn get(&self, url: &Url) -> RequestBuilder {
        self.client.get(url.clone()).header(ACCEPT, "application/json")
    }

    pub(super) fn post(&self, url: &Url, json: String) -> RequestBuilder {
        let request = self.client.post(url.clone()).header(ACCEPT, "application/json");
        request.header(CONTENT_TYPE, "application/json").body(json)
    }

    /// Sends until there is an answer that repeating would not better: what is left to the caller is every status
    /// but 429, 502, 503 and 504.
    pub(super) async fn exchange(
        &self,
        target: &Target,
        telemetry: &Telemetry,
        secret: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, Error> {
        self.exchange_within(target, telemetry, secret, request, || std::future::ready(())).await
    }

    /// The same, with a permit asked for ahead of each attempt and given back between them.
    pub(super) async fn exchange_within<P, F: Future<Output = P>>(
        &self,
        target: &Target,
        telemetry: &Telemetry,
        secret: &str,
        request: impl Fn() -> RequestBuilder,
        permit: impl Fn() -> F,
    ) -> Result<Answer, Error> {
        let mut attempt = 0;
        loop {
            let held = permit().await;
            let outcome = self.attempt(target, telemetry, request()).await;
            drop(held);
            let (reason, asked) = match &outcome {
                Ok(answer) => match answer.status {
                    429 => ("throttled", retry_after::read(&answer.headers)),
                    502..=504 => ("server", retry_after::read(&answer.headers)),
                    _ => return outcome.map_err(|f| target.fault(f.kind, f.detail)),
                },
                Err(failure) if failure.kind == ErrorKind::Connect => ("connect", None),
                Err(_) => return outcome.map_err(|f| target.fault(f.kind, f.detail)),
            };
            let wait = asked.unwrap_or_else(|| repeat_wait(attempt));
            if attempt >= self.retries || wait > self.retry_after_max {
                return Err(self.given_up(outcome, target, secret, attempt, asked));
            }
            attempt += 1;
            telemetry.retry(&target.service, reason);
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends one GET without a token, and does not repeat it.
    pub(super) async fn once(&self, target: &Target, telemetry: &Telemetry) -> Result<Answer, Error> {
        let outcome = self.attempt(target, telemetry, self.get(&target.url)).await;
        outcome.map_err(|failure| target.fault(failure.kind, failure.detail))
    }

    fn given_up(
        &self,
        outcome: Result<Answer, Failure>,
        target: &Target,
        secret: &str,
        repeats: u32,
        asked: Option<Duration>,
    ) -> Error {
        let mut error = match outcome {
            Ok(answer) => answer.error(target, secret),
            Err(failure) => target.fault(failure.kind, failure.detail),
        };
        if let Some(asked) = asked.filter(|asked| *asked > self.retry_after_max) {
            error.detail +=
                &format!(" (the service asks to wait {} s, more than retry_after_max_seconds allows)", asked.as_secs());
        } else if repeats > 0 {
            error.detail += &format!(" (after {} attempts)", repeats + 1);
        }
        error
    }

    async fn attempt(
        &self,
        target: &Target,
        telemetry: &Telemetry,
        request: RequestBuilder,
    ) -> Result<Answer, Failure> {
        let started = Instant::now();
        let outcome = match tokio::time::timeout(self.timeout, self.receive(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure {
                kind: ErrorKind::Timeout,
                detail: format!("no complete answer within {} s (request_timeout_seconds)", self.timeout.as_secs()),
            }),
        };
        let elapsed = started.elapsed();
        let mut digits = itoa::Buffer::new();
        let code = match &outcome {
            Ok(answer) => digits.format(answer.status),
            Err(failure) => failure.kind.label(),
        };
        telemetry.request(&target.region, &target.service, code, elapsed);
        let elapsed_ms = elapsed.as_secs_f64() * 1000.0;
        tracing::debug!(cloud = %target.cloud, service = %target.service, path = %target.path, status = code, elapsed_ms, "request");
        outcome
    }

    async fn receive(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let mut response = request.send().await.map_err(failure)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let good = status < 400;
        if good && headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            let detail = "a compressed answer, which was not asked for; is there a proxy that adds compression?";
            return Err(Failure { kind: ErrorKind::Decode, detail: detail.into() });
        }
        let limit = if good { self.body_bytes_max } else { ERROR_BODY_BYTES_MAX };
        let expected = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if good && expected > limit {
            return Err(too_large(limit));
        }
        let mut body = BytesMut::with_capacity(expected.min(limit));
        while let Some(piece) = response.chunk().await.map_err(failure)? {
            if body.len() + piece.len() > limit {
                if good {
                    return Err(too_large(limit));
                }
                break;
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

fn too_large(limit: usize) -> Failure {
    let detail = format!("an answer of more than {limit} bytes; ask for smaller pages or raise body_bytes_max");
    Failure { kind: ErrorKind::TooLarge, detail }
}

/// What reqwest hides: kind and causes. Its URL is left out, for its query is nobody's business.
fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if super::tls::is_tls(&error) {
        return Failure { kind: ErrorKind::Tls, detail: super::tls::explain(&error) };
    }
    if error.is_timeout() && !error.is_connect() {
        return Failure { kind: ErrorKind::Timeout, detail: "no answer in time".into() };
    }
    Failure { kind: ErrorKind::Connect, detail: fault::chain(&error) }
}
