//! The tables of the history's file, and their versions.

use std::path::Path;

use rusqlite::Connection;

use super::error::StoreError;
use super::file::{self, Layout};

/// Marks the file as ours: "STKC".
const APPLICATION: i32 = 0x5354_4b43;

/// See [`Layout::migrations`].
const MIGRATIONS: [&str; 2] = [
    "CREATE TABLE series (
         id INTEGER PRIMARY KEY, signal TEXT NOT NULL, slot INTEGER NOT NULL, cloud TEXT, region TEXT,
         scope TEXT NOT NULL, entity TEXT NOT NULL, resource TEXT NOT NULL, basis TEXT, UNIQUE (signal, slot));
     CREATE TABLE tick (id INTEGER PRIMARY KEY, signal TEXT NOT NULL, at INTEGER NOT NULL, block BLOB NOT NULL,
         UNIQUE (signal, at));
     CREATE TABLE day (id INTEGER PRIMARY KEY, signal TEXT NOT NULL, day INTEGER NOT NULL, chunk INTEGER NOT NULL,
         block BLOB NOT NULL, UNIQUE (signal, day, chunk));
     CREATE TABLE hours (id INTEGER PRIMARY KEY, signal TEXT NOT NULL, day INTEGER NOT NULL, chunk INTEGER NOT NULL,
         block BLOB NOT NULL, UNIQUE (signal, day, chunk));",
    "CREATE TABLE state (namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
         PRIMARY KEY (namespace, key)) WITHOUT ROWID;",
];

const LAYOUT: Layout = Layout { application: APPLICATION, migrations: &MIGRATIONS };

/// Makes or opens the file for writing, and brings an older one up to date.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    file::writer(path, &LAYOUT)
}

/// Opens the file for reading.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    file::reader(path, &LAYOUT)
}

#[cfg(test)]
mod tests {
    use super::super::error::Trouble;
    use super::*;

    #[test]
    fn a_file_of_each_older_version_is_brought_up_to_date() {
        for old in 1..MIGRATIONS.len() {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("history.db");
            let before = Connection::open(&path).unwrap();
            for step in &MIGRATIONS[..old] {
                before.execute_batch(step).unwrap();
            }
            before.pragma_update(None, "application_id", APPLICATION).unwrap();
            before.pragma_update(None, "user_version", i32::try_from(old).unwrap()).unwrap();
            before.execute("INSERT INTO tick (signal, at, block) VALUES ('load', 5, x'00')", []).unwrap();
            drop(before);
            let after = writer(&path).unwrap();
            assert_eq!(file::version(&after, &path, &LAYOUT).unwrap(), MIGRATIONS.len());
            let kept: i64 = after.query_row("SELECT at FROM tick", [], |row| row.get(0)).unwrap();
            assert_eq!(kept, 5);
            after.execute("INSERT INTO state VALUES ('a', 'b', x'01')", []).unwrap();
        }
    }

    #[test]
    fn newer_foreign_and_broken_files_are_refused_with_the_remedy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.db");
        writer(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let newer = writer(&path).unwrap_err();
        assert_eq!(newer.trouble, Trouble::Newer);
        assert!(
            newer.to_string().contains("version 99") && newer.to_string().contains("move the file away"),
            "{newer}"
        );
        assert_eq!(reader(&path).unwrap_err().trouble, Trouble::Newer);
        let foreign = directory.path().join("foreign.db");
        Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE a (b);").unwrap();
        assert_eq!(writer(&foreign).unwrap_err().trouble, Trouble::Damaged);
        let broken = directory.path().join("broken.db");
        std::fs::write(&broken, "no database at all, but some text that is long enough to have a header".repeat(40))
            .unwrap();
        let error = writer(&broken).unwrap_err();
        assert_eq!(error.trouble, Trouble::Damaged, "{error}");
        assert!(error.to_string().contains("stackcast backup"), "{error}");
        assert_eq!(reader(&directory.path().join("none.db")).unwrap_err().trouble, Trouble::Denied);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_and_one_process_may_write() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.db");
        let _first = (file::lock(&path).unwrap(), writer(&path).unwrap());
        assert_eq!(file::lock(&path).unwrap_err().trouble, Trouble::Locked);
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
    }
}
