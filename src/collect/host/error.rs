//! What can go wrong while reading the host: named by the file, with the remedy where there is one.

use std::io;
use std::path::PathBuf;

/// Why a subsystem has no figures.
#[derive(Debug, thiserror::Error)]
pub(super) enum HostError {
    /// The file exists and may not be read.
    #[error(
        "may not read `{path}`: {source}; let the service's user read it, or disable this subsystem of the host figures"
    )]
    Forbidden {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read for another reason.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not look as it does in any kernel that we know.
    #[error("`{path}` is not understood: {what}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// The operating system's interface (sysinfo, NVML) gave no answer.
    #[cfg(any(test, feature = "gpu", not(target_os = "linux")))]
    #[error("the operating system does not answer: {0}")]
    System(String),
}

impl HostError {
    /// From a failed read.
    pub(super) fn read(path: PathBuf, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::PermissionDenied {
            Self::Forbidden { path, source }
        } else {
            Self::Read { path, source }
        }
    }

    /// The kind for counting.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Forbidden { .. } => "forbidden",
            Self::Read { .. } => "read",
            Self::Malformed { .. } => "malformed",
            #[cfg(any(test, feature = "gpu", not(target_os = "linux")))]
            Self::System(_) => "system",
        }
    }
}
