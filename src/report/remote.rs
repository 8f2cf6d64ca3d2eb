//! Asks a running stackcast over HTTP.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::{Certificate, Client, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::ask::{Answers, AskError};
use super::error::ReportError;
use super::secret::{read, secret};

/// How long a connection, and an answer, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of an answer: ten thousand rows are some megabytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How to come in.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// User of basic authentication.
    pub username: Option<String>,
    /// File that holds the password of basic authentication.
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) of the authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// A running stackcast.
#[derive(Debug)]
pub struct Remote {
    client: Client,
    base: Url,
    username: Option<String>,
    password: Option<SecretString>,
}

impl Remote {
    /// The stackcast at an address, without a path.
    ///
    /// # Errors
    /// The address is none, or a file cannot be read.
    pub fn new(url: &str, login: &Login) -> Result<Self, ReportError> {
        let base = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let fault = |what: &str| ReportError::Settings("url", what.to_owned());
        let base = base.ok_or_else(|| fault("is no address; expected a form like http://127.0.0.1:9180"))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(fault("holds a user or password; use --username and --password-file"));
        }
        let mut builder = Client::builder()
            .user_agent(concat!("stackcast/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(path) = &login.ca_file {
            let found = Certificate::from_pem_bundle(read("ca_file", path)?.as_bytes()).unwrap_or_default();
            if found.is_empty() {
                return Err(ReportError::Settings("ca_file", "holds no certificate in PEM form".to_owned()));
            }
            builder = builder.tls_certs_merge(found);
        }
        let client = builder.build().map_err(|error| fault(&error.to_string()))?;
        let password = login.password_file.as_deref().map(|path| secret("password_file", path)).transpose()?;
        Ok(Self { client, base, username: login.username.clone(), password })
    }

    /// Whom is asked.
    pub fn name(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Whether anybody is there who lets us in: one message for all sections.
    ///
    /// # Errors
    /// Nobody is there, or we may not come in.
    pub async fn reach(&self) -> Result<(), AskError> {
        self.get("/api/status").await.map(drop)
    }

    async fn get(&self, question: &str) -> Result<Vec<u8>, AskError> {
        let url = format!("{}{question}", self.name());
        let mut request = self.client.get(url);
        if let Some(user) = &self.username {
            request = request.basic_auth(user, self.password.as_ref().map(|password| password.expose_secret()));
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let body = self.body(response).await?;
        if status.is_success() {
            return Ok(body);
        }
        #[derive(Deserialize)]
        struct Problem {
            detail: String,
        }
        let problem: Option<Problem> = serde_json::from_slice(&body).ok();
        let detail = problem.map_or_else(|| format!("{} answered {status}", self.name()), |problem| problem.detail);
        Err(AskError::Refused { status: status.as_u16(), detail })
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, AskError> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(AskError::Unreachable(format!("{} answers without end", self.name())));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> AskError {
        let mut words = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(next) = cause {
            words = next.to_string();
            cause = next.source();
        }
        AskError::Unreachable(format!("{} cannot be reached: {words}", self.name()))
    }
}

impl Answers for Remote {
    fn ask<'a>(&'a self, question: &'a str) -> BoxFuture<'a, Result<Vec<u8>, AskError>> {
        self.get(question).boxed()
    }
}
