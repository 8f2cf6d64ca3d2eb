//! Writes rendered files: each whole or not at all, secrets for their owner only.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::super::failure::Failure;

/// What a file is to hold.
#[derive(Debug)]
pub(super) enum Content {
    /// For everybody.
    Text(String),
    /// For the owner.
    Secret(SecretString),
    /// Nothing: a secret that is not set any more must not stay behind.
    Absent,
}

/// Writes all files below the directory.
pub(super) fn write(directory: &Path, files: &[(&str, Content)]) -> Result<(), Failure> {
    for (name, content) in files {
        let path = directory.join(name);
        let written = match content {
            Content::Text(text) => put(&path, text.as_bytes(), 0o644, 0o755),
            Content::Secret(secret) => put(&path, secret.expose_secret().as_bytes(), 0o600, 0o700),
            Content::Absent => remove(&path),
        };
        written.map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(())
}

/// A new file beside it takes its place: no reader ever meets half of one, and its mode is right from the first byte.
fn put(path: &Path, bytes: &[u8], mode: u32, directory_mode: u32) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(directory_mode).create(parent)?;
    }
    let beside = path.with_extension(format!("{:08x}", fastrand::u32(..)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // The fault above is the one to tell; a secret must not be left here.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_for_their_owner_and_go_when_they_are_not_set_any_more() {
        let directory = tempfile::tempdir().unwrap();
        let mode = |name: &str| std::fs::metadata(directory.path().join(name)).unwrap().permissions().mode() & 0o777;
        let secret = |text: &str| Content::Secret(SecretString::from(text.to_owned()));
        write(directory.path(), &[("a.yml", Content::Text("a".into())), ("secrets/p", secret("one"))]).unwrap();
        assert_eq!((mode("a.yml"), mode("secrets"), mode("secrets/p")), (0o644, 0o700, 0o600));

        std::fs::set_permissions(directory.path().join("secrets/p"), PermissionsExt::from_mode(0o666)).unwrap();
        write(directory.path(), &[("secrets/p", secret("two"))]).unwrap();
        assert_eq!(std::fs::read_to_string(directory.path().join("secrets/p")).unwrap(), "two");
        assert_eq!(mode("secrets/p"), 0o600, "a wrong mode does not stay");

        write(directory.path(), &[("secrets/p", Content::Absent)]).unwrap();
        assert_eq!(std::fs::read_dir(directory.path().join("secrets")).unwrap().count(), 0);
    }
}
