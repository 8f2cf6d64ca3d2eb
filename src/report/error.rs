//! Why a report or a notice does not reach anybody. No message holds a secret.

use std::path::PathBuf;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A setting that cannot be used.
    #[error("report.{0} {1}")]
    Settings(&'static str, String),
    /// A file that holds a secret or certificates.
    #[error("report.{key}: cannot read {}: {source}", path.display())]
    Read {
        /// The setting.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The report's file.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The mail server.
    #[error("the mail server {server} did not take the mail: {fault}")]
    Mail {
        /// Name and port.
        server: String,
        /// What it said, or what failed.
        fault: String,
    },
    /// Slack.
    #[error("Slack did not take the notice: {0}")]
    Slack(String),
}
