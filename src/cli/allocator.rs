//! Has the allocator give back at once what is freed, for the command that runs for months.
//!
//! mimalloc keeps freed memory for a second, and then until it is asked for something again; after a page of 60 MB was
//! answered that is much of it (docs/performance.md). The delay can be set by the environment only, before the program
//! begins: so the program begins anew, as the same process, with the same arguments and open sockets.

/// Read by mimalloc: milliseconds until freed memory is given back.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Starts the program once more unless the delay is set already, by whom it may be. To be called before anything has
/// been done; where it cannot be done, all that is lost is memory.
#[cfg(unix)]
pub(super) fn give_back_at_once() {
    use std::os::unix::process::CommandExt;

    if std::env::var_os(PURGE_DELAY).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut command = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let _cannot = command.args(arguments).env(PURGE_DELAY, "0").exec();
}

/// Elsewhere the delay stays as it is.
#[cfg(not(unix))]
pub(super) fn give_back_at_once() {
    let _ = PURGE_DELAY;
}
