//! The host's time of day, its zone, and the clock that the kernel counts by.

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Time of day.
    TIME = gauge "host_time_seconds" [], Timestamp, "clock_gettime(2)";
    /// Seconds that the host's time zone is ahead of UTC.
    ZONE_OFFSET = gauge "host_time_zone_offset_seconds" [time_zone], Seconds, "/etc/localtime";
    /// Clocks that the kernel could use.
    CLOCKSOURCE_AVAILABLE = gauge "host_time_clocksource_available_info" [device clocksource], Info, "/sys/devices/system/clocksource";
    /// Clock that the kernel uses.
    CLOCKSOURCE_CURRENT = gauge "host_time_clocksource_current_info" [device clocksource], Info, "/sys/devices/system/clocksource";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let now = state.clock.now();
    part.put(&TIME, [], now.seconds());
    let (zone, offset) = zone(state, now.millis());
    part.put(&ZONE_OFFSET, [&zone], offset);
    let folder = state.sys("devices/system/clocksource");
    for name in state.names(&folder) {
        let Some(device) = name.strip_prefix("clocksource") else { continue };
        let available = state.attribute(&folder.join(&name).join("available_clocksource")).unwrap_or_default();
        for clocksource in available.split_ascii_whitespace() {
            part.put(&CLOCKSOURCE_AVAILABLE, [device, clocksource], 1.0);
        }
        if let Some(current) = state.attribute(&folder.join(&name).join("current_clocksource")) {
            part.put(&CLOCKSOURCE_CURRENT, [device, &current], 1.0);
        }
    }
    Ok(())
}

/// Abbreviation and offset of the host's zone; UTC when it names none.
fn zone(state: &State, millis: i64) -> (String, f64) {
    let rules = std::fs::read(state.root("/etc/localtime")).ok();
    let zone = rules.and_then(|rules| jiff::tz::TimeZone::tzif("local", &rules).ok());
    let Some((zone, now)) = zone.zip(jiff::Timestamp::from_millisecond(millis).ok()) else {
        return ("UTC".to_owned(), 0.0);
    };
    let info = zone.to_offset_info(now);
    (info.abbreviation().to_owned(), f64::from(info.offset().seconds()))
}
