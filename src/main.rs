//! The `stackcast` program: everything it does is in [`stackcast::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    stackcast::cli::run(std::env::args_os())
}
