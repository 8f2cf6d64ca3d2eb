//! Which server this is: the identity that the rest of stackcast joins by.

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Identity of the server: machine id, host name and, where it may be read, the firmware's UUID.
    MACHINE = gauge "host_machine_info" [machine_id product_uuid hostname], Info, "/etc/machine-id, /sys/class/dmi/id/product_uuid, /proc/sys/kernel/hostname";
}

/// systemd's file, then the older one of D-Bus.
const FILES: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let machine_id = FILES.iter().find_map(|file| {
        let path = state.root(file);
        state.attribute(&path).filter(|id| is_machine_id(id))
    });
    if machine_id.is_none() && state.first_time(&state.root("/etc/machine-id#missing")) {
        tracing::warn!(
            path = %state.root("/etc/machine-id").display(),
            "no machine id: the host's figures carry none (systemd-machine-id-setup makes one; in a container mount the host's file)"
        );
    }
    let product_uuid = state.attribute(&state.sys("class/dmi/id/product_uuid")).unwrap_or_default();
    let hostname = state.attribute(&state.proc("sys/kernel/hostname")).unwrap_or_default();
    part.put(&MACHINE, [&machine_id.unwrap_or_default(), &product_uuid, &hostname], 1.0);
    Ok(())
}

/// 32 hexadecimal digits; images ship the word `uninitialized` or nothing.
fn is_machine_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_without_an_identity_have_none() {
        assert!(is_machine_id("3d1219c7c4c5404aaa1f6d2a48adfda4"));
        assert!(!is_machine_id("uninitialized") && !is_machine_id(""));
    }
}
