//! Standard output, which may be a pipe that closes early: `stackcast once | head` is no failure.

use std::io::{ErrorKind, Write};

use super::failure::Failure;

/// Writes to standard output.
pub(super) fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(format!("cannot write to standard output: {error}"))),
    }
}
