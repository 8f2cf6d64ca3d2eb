//! Whether SELinux is on, and whether it enforces. The configured mode (after the next boot) is left out.

use super::super::error::HostError;
use super::super::state::{State, number};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// 1 when SELinux is on.
    ENABLED = gauge "host_selinux_enabled" [], Bool, "/sys/fs/selinux";
    /// 1 when SELinux enforces, 0 when it only reports.
    CURRENT_MODE = gauge "host_selinux_current_mode" [], Bool, "/sys/fs/selinux/enforce";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let enforce = state.read_optional(&state.sys("fs/selinux/enforce"))?;
    part.put(&ENABLED, [], f64::from(u8::from(enforce.is_some())));
    if let Some(mode) = enforce.as_deref().and_then(number) {
        part.put(&CURRENT_MODE, [], mode);
    }
    Ok(())
}
