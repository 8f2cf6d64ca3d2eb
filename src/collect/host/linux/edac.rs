//! Memory errors that the controllers found, corrected or not.

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Memory errors corrected.
    CORRECTABLE = counter "host_edac_correctable_errors_total" [controller], Count, "/sys/devices/system/edac/mc/mc*/ce_count";
    /// Memory errors not corrected.
    UNCORRECTABLE = counter "host_edac_uncorrectable_errors_total" [controller], Count, "/sys/devices/system/edac/mc/mc*/ue_count";
    /// Memory errors corrected, by row; `unknown` where the row could not be told.
    ROW_CORRECTABLE = counter "host_edac_csrow_correctable_errors_total" [controller csrow], Count, "/sys/devices/system/edac/mc/mc*/csrow*/ce_count";
    /// Memory errors not corrected, by row; `unknown` where the row could not be told.
    ROW_UNCORRECTABLE = counter "host_edac_csrow_uncorrectable_errors_total" [controller csrow], Count, "/sys/devices/system/edac/mc/mc*/csrow*/ue_count";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let folder = state.sys("devices/system/edac/mc");
    for entry in state.names(&folder) {
        let Some(controller) = entry.strip_prefix("mc").filter(|n| n.bytes().all(|b| b.is_ascii_digit())) else {
            continue;
        };
        let directory = folder.join(&entry);
        for (file, row) in [("ce_count", &CORRECTABLE), ("ue_count", &UNCORRECTABLE)] {
            if let Some(errors) = state.number(&directory.join(file)) {
                part.put(row, [controller], errors);
            }
        }
        for (file, row) in [("ce_noinfo_count", &ROW_CORRECTABLE), ("ue_noinfo_count", &ROW_UNCORRECTABLE)] {
            if let Some(errors) = state.number(&directory.join(file)) {
                part.put(row, [controller, "unknown"], errors);
            }
        }
        for name in state.names(&directory) {
            let Some(csrow) = name.strip_prefix("csrow") else { continue };
            for (file, row) in [("ce_count", &ROW_CORRECTABLE), ("ue_count", &ROW_UNCORRECTABLE)] {
                if let Some(errors) = state.number(&directory.join(&name).join(file)) {
                    part.put(row, [controller, csrow], errors);
                }
            }
        }
    }
    Ok(())
}
