//! Kernel and node name, from the uname system call (not below /proc, so a container reports the host's kernel and
//! its own node name).

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Kernel and node name as `uname -a` prints them.
    UNAME = gauge "host_uname_info" [sysname release version machine nodename domainname], Info, "uname(2)";
}

pub(super) fn collect(_: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let uname = rustix::system::uname();
    let fields =
        [uname.sysname(), uname.release(), uname.version(), uname.machine(), uname.nodename(), uname.domainname()]
            .map(|field| field.to_string_lossy());
    part.put(&UNAME, fields.each_ref().map(|field| field.as_ref()), 1.0);
    Ok(())
}
