//! The API asked from within the process: the same questions, answered by the same endpoints, without a socket.

use std::sync::Arc;

use axum::http::Uri;

use super::asked::Asked;
use super::problem::Problem;
use super::{ROUTES, Turns, make};
use crate::expose::Hooks;

/// Asks the API of this process.
#[derive(Clone, Debug)]
pub struct Inside {
    hooks: Hooks,
    turns: Arc<Turns>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Why.
    pub detail: String,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { status: problem.status().as_u16(), detail: problem.detail().to_owned() }
    }
}

impl Inside {
    /// Answers are made from these.
    pub fn new(hooks: Hooks) -> Self {
        Self { hooks, turns: Arc::default() }
    }

    /// The answer to a path with its query. Files, streams and what takes a body are for sockets.
    ///
    /// # Errors
    /// As the API answers, with its status.
    pub async fn ask(&self, question: &str) -> Result<Vec<u8>, Refusal> {
        let uri: Uri = question.parse().map_err(|_| Problem::not_found("that is no path"))?;
        let route = ROUTES.iter().find(|route| route.path == uri.path());
        let route = route.ok_or_else(|| Problem::not_found("there is no such path"))?;
        let asked = Asked::read_at(route.parameters, uri.path(), uri.query().unwrap_or_default())?;
        Ok(make(route, asked, &self.hooks, &self.turns).await?)
    }
}
