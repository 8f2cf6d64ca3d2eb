//! Thermal zones and cooling devices.

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Temperature of the zone in degrees Celsius.
    ZONE = gauge "host_thermal_zone_temp" [zone type], None, "/sys/class/thermal/thermal_zone*/temp";
    /// Present level of cooling; the levels are the driver's own.
    COOLING_CURRENT = gauge "host_cooling_device_cur_state" [name type], State, "/sys/class/thermal/cooling_device*/cur_state";
    /// Highest level of cooling.
    COOLING_MAX = gauge "host_cooling_device_max_state" [name type], State, "/sys/class/thermal/cooling_device*/max_state";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let folder = state.sys("class/thermal");
    for entry in state.names(&folder) {
        let directory = folder.join(&entry);
        let kind = state.attribute(&directory.join("type")).unwrap_or_default();
        if let Some(zone) = entry.strip_prefix("thermal_zone") {
            if let Some(millidegrees) = state.number(&directory.join("temp")) {
                part.put(&ZONE, [zone, &kind], millidegrees / 1000.0);
            }
        } else if let Some(name) = entry.strip_prefix("cooling_device") {
            for (file, row) in [("cur_state", &COOLING_CURRENT), ("max_state", &COOLING_MAX)] {
                if let Some(level) = state.number(&directory.join(file)) {
                    part.put(row, [name, &kind], level);
                }
            }
        }
    }
    Ok(())
}
