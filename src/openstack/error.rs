//! What can go wrong between stackcast and an OpenStack API.

use std::fmt;

/// The kind of an [`Error`]: the `kind` label of error counters, and what callers decide on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// Credentials refused, or no token to be had.
    Auth,
    /// 403: the credentials may not ask this.
    Forbidden,
    /// 404 or 410.
    NotFound,
    /// 406: the service does not speak this microversion.
    Version,
    /// Another 4xx.
    Client,
    /// 429, after all retries.
    Throttled,
    /// 5xx, after all retries.
    Server,
    /// No answer within the limit.
    Timeout,
    /// No connection, or it broke.
    Connect,
    /// Certificate or TLS fault.
    Tls,
    /// Not the JSON that was expected.
    Decode,
    /// An answer over the size limit.
    TooLarge,
    /// Pages without end.
    Paging,
    /// The service is not in the catalog (for this region and interface).
    Catalog,
    /// Credentials or client settings that cannot work.
    Config,
    /// A fault of stackcast itself.
    Internal,
}

impl ErrorKind {
    /// Every kind, for tables.
    pub const ALL: [Self; 16] = [
        Self::Auth,
        Self::Forbidden,
        Self::NotFound,
        Self::Version,
        Self::Client,
        Self::Throttled,
        Self::Server,
        Self::Timeout,
        Self::Connect,
        Self::Tls,
        Self::Decode,
        Self::TooLarge,
        Self::Paging,
        Self::Catalog,
        Self::Config,
        Self::Internal,
    ];

    /// The label value.
    pub fn label(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Version => "version",
            Self::Client => "client",
            Self::Throttled => "throttled",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Decode => "decode",
            Self::TooLarge => "too_large",
            Self::Paging => "paging",
            Self::Catalog => "catalog",
            Self::Config => "config",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A failed call: which service, which path, what happened. Never holds a secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{service} {path}: {detail}")]
pub struct Error {
    /// What callers decide on.
    pub kind: ErrorKind,
    /// Service type, e.g. `compute`.
    pub service: String,
    /// Path of the request without its query, or what was being done.
    pub path: String,
    /// What happened, and where it helps, what to do about it.
    pub detail: String,
}

impl Error {
    /// A new error.
    pub fn new(
        kind: ErrorKind,
        service: impl Into<String>,
        path: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self { kind, service: service.into(), path: path.into(), detail: detail.into() }
    }
}
