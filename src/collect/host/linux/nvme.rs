//! NVMe devices.

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Model, serial number, firmware and state of the device.
    NVME = gauge "host_nvme_info" [device firmware_revision model serial state], Info, "/sys/class/nvme";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let folder = state.sys("class/nvme");
    for device in state.names(&folder) {
        let [firmware, model, serial, now] = ["firmware_rev", "model", "serial", "state"]
            .map(|file| state.attribute(&folder.join(&device).join(file)).unwrap_or_default());
        part.put(&NVME, [&device, &firmware, &model, &serial, &now], 1.0);
    }
    Ok(())
}
