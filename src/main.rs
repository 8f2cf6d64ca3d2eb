//! The `stackcast` program: everything it does is in [`stackcast::cli`].

use std::process::ExitCode;

/// Pages are made and dropped from many threads, in pieces of a few kilobytes; what the system's allocator keeps of that
/// grows by the hour.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    stackcast::cli::run(std::env::args_os())
}
