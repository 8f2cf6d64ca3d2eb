//! The HTTP side: one client with its certificates and credentials, deadlines, repeats, a limit on answers.
//!
//! Secrets are read from their files for every question, so that one that is renewed is taken up; no error holds one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Identity, Url};
use secrecy::{ExposeSecret, SecretString};

use super::PrometheusError;
use crate::history::settings::{Header, Prometheus};

/// Times that a question is repeated when the store is busy or cannot be reached.
const REPEATS_MAX: u32 = 3;
/// First wait between repeats; doubled each time.
const WAIT_FIRST: Duration = Duration::from_millis(250);
/// Longest wait that a store may ask for; beyond, the question fails.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a file that holds a secret.
const SECRET_BYTES_MAX: usize = 64 * 1024;

/// How requests prove who they are.
#[derive(Clone, Debug)]
enum Credentials {
    None,
    Basic { username: String, password_file: PathBuf },
    Bearer { token_file: PathBuf },
}

/// The client of one store.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    query_range: Url,
    credentials: Credentials,
    headers: HeaderMap,
    timeout: Duration,
    bytes_max: usize,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Http {
    pub(super) fn new(settings: &Prometheus) -> Result<Self, PrometheusError> {
        let text = settings.url.as_deref().unwrap_or_default();
        let query_range = Url::parse(&format!("{}/api/v1/query_range", text.trim_end_matches('/')));
        let query_range = query_range.map_err(|_| PrometheusError::Settings("url", "is no address".to_owned()))?;
        let credentials = match (&settings.username, &settings.password_file, &settings.bearer_token_file) {
            (Some(username), Some(file), _) => {
                Credentials::Basic { username: username.clone(), password_file: file.clone() }
            }
            (_, _, Some(file)) => Credentials::Bearer { token_file: file.clone() },
            _ => Credentials::None,
        };
        let http = Self {
            client: client(settings)?,
            query_range,
            credentials,
            headers: headers(&settings.headers, settings.tenant.as_deref())?,
            timeout: Duration::from_secs(settings.timeout_seconds.max(1)),
            bytes_max: settings.response_bytes_max,
        };
        http.credentials.header()?;
        Ok(http)
    }

    /// Asks with a form, as long expressions want, and repeats while the store is busy or cannot be reached.
    pub(super) async fn query_range(&self, form: &[(&str, String)]) -> Result<Response, PrometheusError> {
        let mut body = Url::parse("x:").map_err(|_| PrometheusError::Settings("url", "is no address".to_owned()))?;
        body.query_pairs_mut().extend_pairs(form);
        let body = Bytes::from(body.query().unwrap_or_default().to_owned());
        let mut attempt = 0;
        loop {
            let outcome = self.attempt(body.clone()).await;
            let asked = match &outcome {
                Ok((response, asked)) if matches!(response.status, 429 | 502..=504) => *asked,
                Err(PrometheusError::Unreachable(_)) => None,
                _ => return outcome.map(|(response, _)| response),
            };
            let wait =
                asked.unwrap_or_else(|| WAIT_FIRST.saturating_mul(1 << attempt).mul_f64(0.5 + fastrand::f64() / 2.0));
            if attempt >= REPEATS_MAX || wait > WAIT_MAX {
                return outcome.map(|(response, _)| response);
            }
            attempt += 1;
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&self, body: Bytes) -> Result<(Response, Option<Duration>), PrometheusError> {
        let mut request = self.client.post(self.query_range.clone()).headers(self.headers.clone());
        request = request.header(ACCEPT, "application/json").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(header) = self.credentials.header()? {
            request = request.header(reqwest::header::AUTHORIZATION, header);
        }
        match tokio::time::timeout(self.timeout, self.receive(request.body(body))).await {
            Ok(outcome) => outcome,
            Err(_) => Err(PrometheusError::Timeout(self.timeout.as_secs())),
        }
    }

    async fn receive(&self, request: reqwest::RequestBuilder) -> Result<(Response, Option<Duration>), PrometheusError> {
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(unreachable)? {
            if body.len() + piece.len() > self.bytes_max {
                return Err(PrometheusError::TooLarge(self.bytes_max));
            }
            body.extend_from_slice(&piece);
        }
        Ok((Response { status, body: body.freeze() }, asked.map(Duration::from_secs)))
    }
}

impl Credentials {
    /// The Authorization header, its secret read anew.
    fn header(&self) -> Result<Option<HeaderValue>, PrometheusError> {
        let (key, text) = match self {
            Self::None => return Ok(None),
            Self::Basic { username, password_file } => {
                let password = secret("password_file", password_file)?;
                let both = SecretString::from(format!("{username}:{}", password.expose_secret()));
                ("password_file", SecretString::from(format!("Basic {}", base64(both.expose_secret().as_bytes()))))
            }
            Self::Bearer { token_file } => {
                let token = secret("bearer_token_file", token_file)?;
                ("bearer_token_file", SecretString::from(format!("Bearer {}", token.expose_secret())))
            }
        };
        let mut header = HeaderValue::from_str(text.expose_secret())
            .map_err(|_| PrometheusError::Settings(key, "holds characters that no header can have".to_owned()))?;
        header.set_sensitive(true);
        Ok(Some(header))
    }
}

/// A secret from its file, without the line's end.
fn secret(key: &'static str, path: &Path) -> Result<SecretString, PrometheusError> {
    let text = String::from_utf8(read(key, path)?);
    match text.as_deref().map(str::trim_end) {
        Ok("") => Err(PrometheusError::Settings(key, format!("{} is empty", path.display()))),
        Ok(text) if text.len() <= SECRET_BYTES_MAX => Ok(text.to_owned().into()),
        _ => Err(PrometheusError::Settings(key, format!("{} holds no secret", path.display()))),
    }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, PrometheusError> {
    std::fs::read(path).map_err(|error| PrometheusError::Settings(key, format!("{}: {error}", path.display())))
}

fn headers(named: &BTreeMap<String, Header>, tenant: Option<&str>) -> Result<HeaderMap, PrometheusError> {
    let mut headers = HeaderMap::new();
    let tenant = tenant.map(|tenant| ("X-Scope-OrgID", tenant));
    for (name, value) in named.iter().map(|(name, value)| (name.as_str(), value.0.as_str())).chain(tenant) {
        let pair = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        let (name, value) =
            pair.ok_or_else(|| PrometheusError::Settings("headers", format!("`{name}` is no header")))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn client(settings: &Prometheus) -> Result<Client, PrometheusError> {
    let no_redirects = reqwest::redirect::Policy::none();
    let mut builder = Client::builder()
        .user_agent(concat!("stackcast/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(no_redirects)
        .tls_danger_accept_invalid_certs(!settings.verify);
    if let Some(path) = &settings.ca_file {
        let found = Certificate::from_pem_bundle(&read("ca_file", path)?).unwrap_or_default();
        if found.is_empty() {
            return Err(PrometheusError::Settings("ca_file", "holds no certificate in PEM form".to_owned()));
        }
        builder = builder.tls_certs_merge(found);
    }
    if let Some(path) = &settings.cert_file {
        let mut both = read("cert_file", path)?;
        if let Some(key) = &settings.key_file {
            both.push(b'\n');
            both.extend(read("key_file", key)?);
        }
        let identity = Identity::from_pem(&both).map_err(|_| {
            PrometheusError::Settings("cert_file", "and key_file hold no certificate with its key (PEM)".to_owned())
        })?;
        builder = builder.identity(identity);
    }
    builder.build().map_err(|error| PrometheusError::Settings("ca_file", chain(&error)))
}

/// No answer; the URL is left out, for its query is long.
fn unreachable(error: reqwest::Error) -> PrometheusError {
    PrometheusError::Unreachable(chain(&error.without_url()))
}

/// An error and its causes, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.ends_with(&next_text) {
            text.push_str(": ");
            text.push_str(&next_text);
        }
        cause = next.source();
    }
    text
}

/// RFC 4648, padded.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0u32, |all, at| all << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        for place in 0..4 {
            let letter = LETTERS.get(usize::try_from(number >> (18 - 6 * place) & 63).unwrap_or(0)).copied();
            let used = place <= three.len();
            text.push(char::from(letter.filter(|_| used).unwrap_or(b'=')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_as_the_rfc_shows() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_secret_is_one_line_and_shown_nowhere() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "hunter2\n").unwrap();
        let credentials = Credentials::Bearer { token_file: file.clone() };
        let header = credentials.header().unwrap().unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer hunter2");
        assert!(!format!("{header:?} {credentials:?}").contains("hunter2"));
        std::fs::write(&file, "hunter2\nmore").unwrap();
        let error = credentials.header().unwrap_err().to_string();
        assert!(error.contains("bearer_token_file") && !error.contains("hunter2"), "{error}");
        std::fs::write(&file, "\n").unwrap();
        assert!(credentials.header().is_err());
    }
}
