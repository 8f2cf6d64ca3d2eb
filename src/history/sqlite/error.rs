//! What can go wrong with the file, and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Kind of a fault; the label of `stackcast_store_errors_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No space is left.
    Full,
    /// The file is no database, or not whole.
    Damaged,
    /// Another process has it.
    Locked,
    /// A newer stackcast wrote it.
    Newer,
    /// Rights are missing.
    Denied,
    /// The disk fails.
    Io,
    /// Anything else.
    Other,
}

impl Trouble {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Full, Self::Damaged, Self::Locked, Self::Newer, Self::Denied, Self::Io, Self::Other];

    /// The label's value.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Damaged => "damaged",
            Self::Locked => "locked",
            Self::Newer => "newer",
            Self::Denied => "denied",
            Self::Io => "io",
            Self::Other => "other",
        }
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Full => "free space, or lower data.retention_days, history.rollup_days or workload.retention_days",
            Self::Damaged => {
                "move it away, and a new one is made; or put a copy made by `stackcast backup` in its place"
            }
            Self::Locked => "stop the other stackcast, or give each its own data.directory",
            Self::Newer => "run the newer stackcast again, or move the file away, and a new one is made",
            Self::Denied => "give the user that stackcast runs as the right to write there",
            Self::Io => "look at the disk and the kernel's log; network file systems are not supported",
            Self::Other => "report it",
        }
    }
}

/// A fault of a store in the data directory.
#[derive(Debug, thiserror::Error)]
#[error("store {}: {detail}; {}", path.display(), trouble.remedy())]
pub struct StoreError {
    /// The file.
    pub path: PathBuf,
    /// Kind.
    pub trouble: Trouble,
    /// What happened.
    pub detail: String,
}

impl StoreError {
    pub(crate) fn new(path: &Path, trouble: Trouble, detail: impl Into<String>) -> Self {
        Self { path: path.to_owned(), trouble, detail: detail.into() }
    }

    /// A fault that SQLite tells.
    pub(crate) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let trouble = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Trouble::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Trouble::Damaged,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Trouble::Locked,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Trouble::Denied,
            Some(ErrorCode::SystemIoFailure) => Trouble::Io,
            _ => Trouble::Other,
        };
        Self::new(path, trouble, error.to_string())
    }

    /// A fault that the operating system tells.
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        let trouble = match error.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => Trouble::Denied,
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Trouble::Full,
            _ => Trouble::Io,
        };
        Self::new(path, trouble, error.to_string())
    }
}
