//! Questions to the JSON API: of this process, or of a running stackcast. What is answered is read here; what it means
//! is for the sections.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Answers questions as `GET` of the API does.
pub trait Answers: Send + Sync {
    /// The answer to a path with its query.
    fn ask<'a>(&'a self, question: &'a str) -> BoxFuture<'a, Result<Vec<u8>, AskError>>;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// No answer at all.
    #[error("{0}")]
    Unreachable(String),
    /// An answer that says why not.
    #[error("{detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Why.
        detail: String,
    },
    /// An answer of another form.
    #[error("the answer to {question} cannot be read: {fault}; is it a stackcast of another version?")]
    Unreadable {
        /// What was asked.
        question: String,
        /// What is wrong.
        fault: String,
    },
}

impl AskError {
    /// Whether the API says that there is no such thing, in contrast to not answering.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// An answer in the frame of the API.
#[derive(Debug, Deserialize)]
pub(super) struct Framed<T> {
    pub(super) data_age_seconds: Option<f64>,
    pub(super) ready: bool,
    #[serde(flatten)]
    pub(super) body: T,
}

/// Rows of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) total: usize,
    pub(super) items: Vec<T>,
}

/// Asks and reads.
pub(super) async fn get<T: DeserializeOwned>(answers: &dyn Answers, question: &str) -> Result<Framed<T>, AskError> {
    let bytes = answers.ask(question).await?;
    serde_json::from_slice(&bytes)
        .map_err(|fault| AskError::Unreadable { question: question.to_owned(), fault: fault.to_string() })
}
