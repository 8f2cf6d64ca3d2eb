//! What is kept on disk, and the directory it is kept in.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What is kept on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// Directory of history and state; made with mode 0700, refused when everybody may enter it.
    pub directory: PathBuf,
    /// Days that raw history is kept. DATA_RETENTION_DAYS in the environment sets it too.
    pub retention_days: u32,
}

impl Default for Data {
    fn default() -> Self {
        Self { directory: PathBuf::from("data"), retention_days: 30 }
    }
}

/// A data directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It could not be made or looked at.
    #[error("cannot make data directory {path}: {source}; choose another with data.directory")]
    Make {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("data.directory {path} is no directory")]
    NoDirectory {
        /// The path.
        path: PathBuf,
    },
    /// Everybody on the machine may enter it.
    #[error("data directory {path} is open to everybody (mode {mode:04o}); run `chmod 700 {path}` or choose another")]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its rights.
        mode: u32,
    },
}

impl Data {
    /// Makes the directory, mode 0700, or checks the one that is there.
    ///
    /// One that everybody may enter is refused and not tightened: the path may be one that others share, such as
    /// /tmp. Rights of the group are left alone, since Kubernetes mounts volumes that way.
    pub fn prepare(&self) -> Result<&Path, DirectoryError> {
        let path = self.directory.as_path();
        let failed = |source| DirectoryError::Make { path: path.to_owned(), source };
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        if !path.exists() {
            builder.create(path).map_err(failed)?;
        }
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if !metadata.is_dir() {
            return Err(DirectoryError::NoDirectory { path: path.to_owned() });
        }
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
            if mode & 0o007 != 0 {
                return Err(DirectoryError::Open { path: path.to_owned(), mode });
            }
        }
        Ok(path)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_closed_and_an_open_one_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let data = Data { directory: parent.path().join("a/b"), ..Data::default() };
        data.prepare().unwrap();
        let mode = |mode| std::fs::set_permissions(&data.directory, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(std::fs::metadata(&data.directory).unwrap().permissions().mode() & 0o777, 0o700);
        mode(0o770);
        data.prepare().unwrap();
        mode(0o755);
        let error = data.prepare().unwrap_err().to_string();
        assert!(error.contains("mode 0755") && error.contains("chmod 700"), "{error}");
    }

    #[test]
    fn a_file_is_no_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let data = Data { directory: file.path().to_owned(), ..Data::default() };
        assert!(matches!(data.prepare(), Err(DirectoryError::NoDirectory { .. })));
    }
}
