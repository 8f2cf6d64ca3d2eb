//! The file's tables, their versions, and how connections to it are opened.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::{StoreError, Trouble};

/// Marks the file as ours: "STKC".
const APPLICATION: i32 = 0x5354_4b43;

/// How long a connection waits for another one, such as the sqlite3 tool's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Steps from each version of the schema to the next; the file's `user_version` says how many it has seen.
/// A step that was released is never changed.
pub(super) const MIGRATIONS: [&str; 2] = [
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

/// Makes or opens the file for writing, and brings an older one up to date.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    create(path)?;
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let mut connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE)).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    let version = version(&connection, path)?;
    if version == 0 {
        // Can be chosen ahead of the first table only.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL;").map_err(failed)?;
    }
    // A power cut may lose the last ticks, never the file: NORMAL syncs at checkpoints only.
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 16777216;";
    connection.execute_batch(pragmas).map_err(failed)?;
    migrate(&mut connection, version).map_err(failed)?;
    Ok(connection)
}

/// Opens the file for reading.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::new(path, Trouble::Denied, "there is no such file yet"));
    }
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY)).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    if version(&connection, path)? == 0 {
        return Err(StoreError::new(path, Trouble::Other, "the file holds no history yet"));
    }
    Ok(connection)
}

/// Takes the lock that one writing process may hold; the system gives it back when the process ends, however it ends.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let path = path.with_extension("lock");
    let file = private().create(true).truncate(false).open(&path).map_err(|error| StoreError::io(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(StoreError::new(&path, Trouble::Locked, "another stackcast writes to this directory"))
        }
        Err(TryLockError::Error(error)) => Err(StoreError::io(&path, &error)),
    }
}

/// How files are opened that only we may read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// SQLite would make the file with the rights of the umask; its companions get the rights of the file.
fn create(path: &Path) -> Result<(), StoreError> {
    match private().create_new(true).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(StoreError::io(path, &error)),
        _ => Ok(()),
    }
}

fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Migrations that the file has seen; refuses files of others and of a newer stackcast.
fn version(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let version = number("user_version").map_err(failed)?;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if tables > 0 && number("application_id").map_err(failed)? != APPLICATION {
        return Err(StoreError::new(path, Trouble::Damaged, "the file is a database of another program"));
    }
    let known = MIGRATIONS.len();
    match usize::try_from(version) {
        Ok(version) if version <= known => Ok(version),
        _ => Err(StoreError::new(
            path,
            Trouble::Newer,
            format!("the file has version {version}, and this stackcast knows versions up to {known}"),
        )),
    }
}

/// All steps in one transaction: a file is of one version or the other.
fn migrate(connection: &mut Connection, from: usize) -> rusqlite::Result<()> {
    let steps = MIGRATIONS.get(from..).unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX))?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
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
            assert_eq!(version(&after, &path).unwrap(), MIGRATIONS.len());
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
        let _first = (lock(&path).unwrap(), writer(&path).unwrap());
        assert_eq!(lock(&path).unwrap_err().trouble, Trouble::Locked);
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
    }
}
