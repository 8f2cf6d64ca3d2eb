//! Bonded network devices: how many of their members carry traffic.

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Members of the bond.
    SLAVES = gauge "host_bonding_slaves" [master], Count, "/sys/class/net/<master>/bonding/slaves";
    /// Members of the bond whose link is up.
    ACTIVE = gauge "host_bonding_active" [master], Count, "/sys/class/net/<master>/lower_*/bonding_slave/mii_status";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let folder = state.sys("class/net");
    let masters = state.attribute(&folder.join("bonding_masters")).unwrap_or_default();
    for master in masters.split_ascii_whitespace() {
        let directory = folder.join(master);
        let members = state.attribute(&directory.join("bonding/slaves")).unwrap_or_default();
        let (mut slaves, mut active) = (0u32, 0u32);
        for member in members.split_ascii_whitespace() {
            slaves += 1;
            // Kernels before 2.6.39 named the link `slave_`.
            let mut statuses = ["lower_", "slave_"].iter().filter_map(|link| {
                state.attribute(&directory.join(format!("{link}{member}")).join("bonding_slave/mii_status"))
            });
            active += u32::from(statuses.next().is_some_and(|status| status == "up"));
        }
        part.put(&SLAVES, [master], f64::from(slaves));
        part.put(&ACTIVE, [master], f64::from(active));
    }
    Ok(())
}
