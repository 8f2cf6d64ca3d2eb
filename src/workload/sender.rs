//! Sends records that the collector does not have as they are now, in batches, and notes what it took.
//!
//! Each round goes through the unsent rows once, in order of their numbers: none is sent twice in a round, none is
//! skipped, and one that the collector refuses keeps no other waiting. A round without news is an empty report, by which
//! the collector knows that the installation is still there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, Client, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::report::{self, Answer};
use super::settings::Send;
use super::store::{Store, Unsent};
use super::telemetry::Telemetry;
use crate::history::StoreError;
use crate::model::clock::Clock;
use crate::model::day::Day;
use crate::model::workload::Fate;

/// First wait after a failed round; doubled each time, up to the interval.
const WAIT_FIRST: Duration = Duration::from_secs(30);
/// After the first record, none that takes a request beyond so many bytes.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a file that holds a secret or certificates.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why a round ended early, or records cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A setting that cannot be used.
    #[error("workload.send.{0} {1}")]
    Settings(&'static str, String),
    /// No answer.
    #[error("the collector cannot be reached: {0}")]
    Unreachable(String),
    /// An answer that says nothing of the records.
    #[error("the collector answered {0}; the records stay here and are sent again")]
    Refused(StatusCode),
    /// An answer that cannot be read.
    #[error("the collector's answer cannot be read: {0}; is workload.send.url the address of a stackcast?")]
    Answer(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row that is no JSON.
    #[error("a record cannot be written: {0}")]
    Record(#[from] serde_json::Error),
}

/// Sends the records of one installation to one collector.
#[derive(Debug)]
pub struct Sender {
    store: Arc<Store>,
    telemetry: Arc<Telemetry>,
    clock: Clock,
    settings: Send,
    client: Client,
    url: Url,
}

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Records that the collector has now.
    pub taken: usize,
    /// Records that it refused.
    pub refused: usize,
}

impl Sender {
    /// With what the settings say.
    pub fn new(store: Arc<Store>, telemetry: Arc<Telemetry>, clock: Clock, settings: &Send) -> Result<Self, SendError> {
        let base = settings.url.as_deref().unwrap_or_default();
        let url = Url::parse(&format!("{}/api/v1/oswl_stats", base.trim_end_matches('/')));
        let url = url.map_err(|_| SendError::Settings("url", "is no address".to_owned()))?;
        let mut builder = Client::builder()
            .user_agent(concat!("stackcast/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(Duration::from_secs(settings.timeout_seconds.max(1)))
            .redirect(reqwest::redirect::Policy::none());
        if let Some(path) = &settings.ca_file {
            let found = Certificate::from_pem_bundle(read("ca_file", path)?.as_bytes()).unwrap_or_default();
            if found.is_empty() {
                return Err(SendError::Settings("ca_file", "holds no certificate in PEM form".to_owned()));
            }
            builder = builder.tls_certs_merge(found);
        }
        let client = builder.build().map_err(|error| SendError::Settings("ca_file", words(&error)))?;
        Ok(Self { store, telemetry, clock, settings: settings.clone(), client, url })
    }

    /// Sends until it is stopped; after a failure sooner, then later and later again up to the interval.
    pub async fn run(self, stop: CancellationToken) {
        let interval = Duration::from_secs(self.settings.interval_seconds.max(1));
        let mut wait = WAIT_FIRST;
        let mut pause = interval.min(WAIT_FIRST);
        loop {
            // Many installations started together do not come together.
            let dithered = pause.mul_f64(0.9 + fastrand::f64() / 5.0);
            tokio::select! {
                () = tokio::time::sleep(dithered) => {}
                () = stop.cancelled() => return,
            }
            let round = tokio::select! {
                round = self.round() => round,
                () = stop.cancelled() => return,
            };
            match round {
                Ok(Round { taken, refused }) => {
                    if taken + refused > 0 {
                        tracing::info!(taken, refused, "workload records sent");
                    }
                    (pause, wait) = (interval, WAIT_FIRST);
                }
                Err(error) => {
                    tracing::warn!(%error, "workload records are not sent");
                    (pause, wait) = (wait.min(interval), wait.saturating_mul(2).min(interval.max(WAIT_FIRST)));
                }
            }
        }
    }

    /// Sends all that is due, once.
    pub async fn round(&self) -> Result<Round, SendError> {
        let to = Day::of(self.clock.now()).minus(self.settings.after_days);
        let mut round = Round::default();
        let mut after = 0;
        let mut first = true;
        loop {
            let (store, most) = (Arc::clone(&self.store), self.settings.batch_records);
            let rows = blocking(move || Ok(store.unsent(after, to, most, BATCH_BYTES)?)).await?;
            let Some(last) = rows.last().map(|row| row.id) else {
                if first {
                    self.post(Vec::new()).await?;
                }
                return Ok(round);
            };
            (after, first) = (last, false);
            let revisions: Vec<(i64, i64)> = rows.iter().map(|row| (row.id, row.revision)).collect();
            let answer = self.post(rows).await?;
            let taken = self.judge(&revisions, &answer);
            (round.taken, round.refused) = (round.taken + taken.len(), round.refused + revisions.len() - taken.len());
            let store = Arc::clone(&self.store);
            blocking(move || Ok(store.sent(&taken)?)).await?;
        }
    }

    /// Which of the rows the collector has.
    fn judge(&self, revisions: &[(i64, i64)], answer: &Answer) -> Vec<(i64, i64)> {
        let fate = |id: i64| match answer.oswl_stats.iter().find(|one| one.id == Some(id)).map(|one| &*one.status) {
            Some("added") => Fate::Added,
            Some("updated") => Fate::Updated,
            _ => Fate::Failed,
        };
        let taken = |(id, _): &&(i64, i64)| {
            let fate = fate(*id);
            self.telemetry.sent(fate);
            fate != Fate::Failed
        };
        revisions.iter().filter(taken).copied().collect()
    }

    async fn post(&self, rows: Vec<Unsent>) -> Result<Answer, SendError> {
        let uid = self.store.master_node_uid().to_owned();
        let for_body = uid.clone();
        let body = blocking(move || Ok(report::write(&for_body, rows)?)).await?;
        let mut request = self.client.post(self.url.clone()).header("content-type", "application/json");
        request = request.header("master-node-uid", uid);
        if let (Some(username), Some(file)) = (&self.settings.username, &self.settings.password_file) {
            let password = read("password_file", file)?;
            let password = SecretString::from(password.trim_end().to_owned());
            request = request.basic_auth(username, Some(password.expose_secret()));
        }
        let unreachable = |error: reqwest::Error| SendError::Unreachable(words(&error.without_url()));
        let mut response = request.body(body).send().await.map_err(unreachable)?;
        let status = response.status();
        // 400 tells of each record, as 200 does: the good ones of a report are kept.
        if !matches!(status, StatusCode::OK | StatusCode::BAD_REQUEST) {
            return Err(SendError::Refused(status));
        }
        let mut text = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(unreachable)? {
            if text.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(SendError::Answer(format!("it is longer than {ANSWER_BYTES_MAX} bytes")));
            }
            text.extend_from_slice(&piece);
        }
        serde_json::from_slice(&text).map_err(|error| SendError::Answer(error.to_string()))
    }
}

/// Work for a thread that may wait for a disk.
async fn blocking<T: std::marker::Send + 'static>(
    work: impl FnOnce() -> Result<T, SendError> + std::marker::Send + 'static,
) -> Result<T, SendError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|failure| Err(SendError::Unreachable(failure.to_string())))
}

fn read(key: &'static str, path: &Path) -> Result<String, SendError> {
    let failed = |error: std::io::Error| SendError::Settings(key, format!("{}: {error}", path.display()));
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(SendError::Settings(key, format!("{} is too large", path.display())));
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// An error with its causes: reqwest's own words stop at "error sending request".
fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}
