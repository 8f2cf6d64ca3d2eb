//! The `stackcast` program: everything it does is in [`stackcast::cli`].

use std::process::ExitCode;

/// Pages are made and dropped from many threads, in pieces of a few kilobytes; glibc's allocator keeps what is dropped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    stackcast::cli::run(std::env::args_os())
}
