//! Make and model of the machine. Serial numbers are readable by root only; without them the labels are empty.

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Firmware, board, chassis and product.
    DMI = gauge "host_dmi_info" [bios_date bios_release bios_vendor bios_version board_asset_tag board_name board_serial board_vendor board_version chassis_asset_tag chassis_serial chassis_vendor chassis_version product_family product_name product_serial product_sku product_uuid product_version system_vendor], Info, "/sys/class/dmi/id";
}

/// The files, in the order of the labels.
const FILES: [&str; 20] = [
    "bios_date",
    "bios_release",
    "bios_vendor",
    "bios_version",
    "board_asset_tag",
    "board_name",
    "board_serial",
    "board_vendor",
    "board_version",
    "chassis_asset_tag",
    "chassis_serial",
    "chassis_vendor",
    "chassis_version",
    "product_family",
    "product_name",
    "product_serial",
    "product_sku",
    "product_uuid",
    "product_version",
    "sys_vendor",
];

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let folder = state.sys("class/dmi/id");
    if !folder.is_dir() {
        return Ok(());
    }
    let values = FILES.map(|file| state.attribute(&folder.join(file)).unwrap_or_default());
    part.put(&DMI, values.each_ref().map(String::as_str), 1.0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_in_the_order_of_the_labels() {
        for (file, label) in FILES.iter().zip(DMI.descriptor.labels.iter()) {
            assert_eq!(file.replace("sys_vendor", "system_vendor"), label.as_ref());
        }
    }
}
