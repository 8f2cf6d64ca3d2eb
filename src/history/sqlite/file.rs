//! A file of SQLite in the data directory: how it is made, opened, brought up to date, locked and copied, whatever its
//! tables. Each store has its own [`Layout`] and knows alone what its tables mean.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::error::{StoreError, Trouble};

/// How long a connection waits for another one, such as the sqlite3 tool's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a copy is tried while another process holds the file.
const STEPS_MAX: u32 = 100;
/// Between tries.
const PAUSE: Duration = Duration::from_millis(50);

/// What tells a store's file from others, and its tables.
#[derive(Debug)]
pub(crate) struct Layout {
    /// SQLite's `application_id`.
    pub(crate) application: i32,
    /// Steps from each version of the tables to the next; the file's `user_version` says how many it has seen.
    /// A step that was released is never changed.
    pub(crate) migrations: &'static [&'static str],
}

/// Makes or opens the file for writing, and brings an older one up to date.
pub(crate) fn writer(path: &Path, layout: &Layout) -> Result<Connection, StoreError> {
    create(path)?;
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let mut connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE)).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    let version = version(&connection, path, layout)?;
    if version == 0 {
        // Can be chosen ahead of the first table only.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL;").map_err(failed)?;
    }
    // A power cut may lose the last ticks, never the file: NORMAL syncs at checkpoints only.
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 16777216;";
    connection.execute_batch(pragmas).map_err(failed)?;
    migrate(&mut connection, version, layout).map_err(failed)?;
    Ok(connection)
}

/// Opens the file for reading.
pub(crate) fn reader(path: &Path, layout: &Layout) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::new(path, Trouble::Denied, "there is no such file yet"));
    }
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY)).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    if version(&connection, path, layout)? == 0 {
        return Err(StoreError::new(path, Trouble::Other, "the file holds nothing yet"));
    }
    Ok(connection)
}

/// Takes the lock that one writing process may hold; the system gives it back when the process ends, however it ends.
pub(crate) fn lock(path: &Path) -> Result<File, StoreError> {
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
fn private() -> OpenOptions {
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
pub(super) fn version(connection: &Connection, path: &Path, layout: &Layout) -> Result<usize, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let version = number("user_version").map_err(failed)?;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if tables > 0 && number("application_id").map_err(failed)? != layout.application {
        return Err(StoreError::new(path, Trouble::Damaged, "the file is a database of another program"));
    }
    let known = layout.migrations.len();
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
fn migrate(connection: &mut Connection, from: usize, layout: &Layout) -> rusqlite::Result<()> {
    let steps = layout.migrations.get(from..).unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", layout.application)?;
    transaction.pragma_update(None, "user_version", i32::try_from(layout.migrations.len()).unwrap_or(i32::MAX))?;
    transaction.commit()
}

/// Copies a file to a new one, whole and as of one moment, while others read and write it.
pub(crate) fn copy(source: &Connection, to: &Path) -> Result<(), StoreError> {
    private().create_new(true).open(to).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            StoreError::new(to, Trouble::Denied, "there is such a file already, which is not overwritten")
        }
        _ => StoreError::io(to, &error),
    })?;
    let copied = || -> rusqlite::Result<()> {
        let mut target = Connection::open(to)?;
        // All pages in one step: in steps, a writer in between would make it begin anew.
        let backup = Backup::new(source, &mut target)?;
        for _ in 0..STEPS_MAX {
            if backup.step(-1)? == StepResult::Done {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        drop(backup);
        let whole: String = target.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        let damaged = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        if whole == "ok" { Ok(()) } else { Err(rusqlite::Error::SqliteFailure(damaged, Some(whole))) }
    };
    copied().map_err(|error| {
        // What is there is no copy; the fault matters more than a file that cannot be removed.
        let _ = std::fs::remove_file(to);
        StoreError::sqlite(to, &error)
    })
}
