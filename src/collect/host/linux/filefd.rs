//! Open files of the whole host against the kernel's limit.

use super::super::error::HostError;
use super::super::state::{State, number};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// File handles in use.
    ALLOCATED = gauge "host_filefd_allocated" [], Count, "/proc/sys/fs/file-nr";
    /// File handles that the kernel allows.
    MAXIMUM = gauge "host_filefd_maximum" [], Count, "/proc/sys/fs/file-nr";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let path = state.proc("sys/fs/file-nr");
    let text = state.read(&path)?;
    // Allocated, then free ones (always 0 since Linux 2.6), then the limit.
    let mut words = text.split_ascii_whitespace().map(number);
    let (Some(Some(allocated)), Some(Some(maximum))) = (words.next(), words.nth(1)) else {
        return Err(HostError::Malformed { path, what: "three numbers" });
    };
    part.put(&ALLOCATED, [], allocated);
    part.put(&MAXIMUM, [], maximum);
    Ok(())
}
