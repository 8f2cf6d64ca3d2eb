//! Temperatures, fans, voltages and power from /sys/class/hwmon. Of the thresholds and alarms that chips offer, the
//! common ones; the rest of node_exporter's open-ended set is left out.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::error::HostError;
use super::super::state::{State, number};
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Names of the chips.
    CHIP_NAMES = gauge "host_hwmon_chip_names" [chip chip_name], Info, "/sys/class/hwmon/*/name";
    /// What a sensor measures.
    SENSOR_LABEL = gauge "host_hwmon_sensor_label" [chip sensor label], Info, "/sys/class/hwmon/*/*_label";
    /// Temperature.
    TEMP = gauge "host_hwmon_temp_celsius" [chip sensor], None, "/sys/class/hwmon/*/temp*_input";
    /// Temperature that is still fine.
    TEMP_MAX = gauge "host_hwmon_temp_max_celsius" [chip sensor], None, "/sys/class/hwmon/*/temp*_max";
    /// Temperature below which it is too cold.
    TEMP_MIN = gauge "host_hwmon_temp_min_celsius" [chip sensor], None, "/sys/class/hwmon/*/temp*_min";
    /// Temperature that is critical.
    TEMP_CRIT = gauge "host_hwmon_temp_crit_celsius" [chip sensor], None, "/sys/class/hwmon/*/temp*_crit";
    /// 0.001 while the critical temperature is passed (node_exporter scales the flag like a temperature).
    TEMP_CRIT_ALARM = gauge "host_hwmon_temp_crit_alarm_celsius" [chip sensor], State, "/sys/class/hwmon/*/temp*_crit_alarm";
    /// 1 while the temperature is out of bounds.
    TEMP_ALARM = gauge "host_hwmon_temp_alarm" [chip sensor], Bool, "/sys/class/hwmon/*/temp*_alarm";
    /// Revolutions per minute.
    FAN = gauge "host_hwmon_fan_rpm" [chip sensor], None, "/sys/class/hwmon/*/fan*_input";
    /// Revolutions per minute below which the fan fails.
    FAN_MIN = gauge "host_hwmon_fan_min_rpm" [chip sensor], None, "/sys/class/hwmon/*/fan*_min";
    /// Highest revolutions per minute.
    FAN_MAX = gauge "host_hwmon_fan_max_rpm" [chip sensor], None, "/sys/class/hwmon/*/fan*_max";
    /// 1 while the fan is out of bounds.
    FAN_ALARM = gauge "host_hwmon_fan_alarm" [chip sensor], Bool, "/sys/class/hwmon/*/fan*_alarm";
    /// Fan control, 0 to 255.
    PWM = gauge "host_hwmon_pwm" [chip sensor], None, "/sys/class/hwmon/*/pwm*";
    /// Voltage.
    IN = gauge "host_hwmon_in_volts" [chip sensor], None, "/sys/class/hwmon/*/in*_input";
    /// Voltage below which it is too low.
    IN_MIN = gauge "host_hwmon_in_min_volts" [chip sensor], None, "/sys/class/hwmon/*/in*_min";
    /// Voltage above which it is too high.
    IN_MAX = gauge "host_hwmon_in_max_volts" [chip sensor], None, "/sys/class/hwmon/*/in*_max";
    /// 1 while the voltage is out of bounds.
    IN_ALARM = gauge "host_hwmon_in_alarm" [chip sensor], Bool, "/sys/class/hwmon/*/in*_alarm";
    /// Current.
    CURR = gauge "host_hwmon_curr_amps" [chip sensor], None, "/sys/class/hwmon/*/curr*_input";
    /// Power.
    POWER = gauge "host_hwmon_power_watt" [chip sensor], None, "/sys/class/hwmon/*/power*_input";
    /// Power, averaged by the chip.
    POWER_AVERAGE = gauge "host_hwmon_power_average_watt" [chip sensor], None, "/sys/class/hwmon/*/power*_average";
    /// Power above which the chip slows the system down.
    POWER_CAP = gauge "host_hwmon_power_cap_watt" [chip sensor], None, "/sys/class/hwmon/*/power*_cap";
    /// Energy used.
    ENERGY = counter "host_hwmon_energy_joule_total" [chip sensor], None, "/sys/class/hwmon/*/energy*_input";
    /// Relative humidity.
    HUMIDITY = gauge "host_hwmon_humidity" [chip sensor], Ratio, "/sys/class/hwmon/*/humidity*_input";
}

const MILLI: f64 = 0.001;
const MICRO: f64 = 0.000_001;

/// Kind and property of a sensor file, its row and the factor to its unit.
type Reading = (&'static str, &'static str, &'static Metric<2>, f64);
static READINGS: [Reading; 21] = [
    ("temp", "input", &TEMP, MILLI),
    ("temp", "max", &TEMP_MAX, MILLI),
    ("temp", "min", &TEMP_MIN, MILLI),
    ("temp", "crit", &TEMP_CRIT, MILLI),
    ("temp", "crit_alarm", &TEMP_CRIT_ALARM, MILLI),
    ("temp", "alarm", &TEMP_ALARM, 1.0),
    ("fan", "input", &FAN, 1.0),
    ("fan", "min", &FAN_MIN, 1.0),
    ("fan", "max", &FAN_MAX, 1.0),
    ("fan", "alarm", &FAN_ALARM, 1.0),
    ("pwm", "", &PWM, 1.0),
    ("in", "input", &IN, MILLI),
    ("in", "min", &IN_MIN, MILLI),
    ("in", "max", &IN_MAX, MILLI),
    ("in", "alarm", &IN_ALARM, 1.0),
    ("curr", "input", &CURR, MILLI),
    ("power", "input", &POWER, MICRO),
    ("power", "average", &POWER_AVERAGE, MICRO),
    ("power", "cap", &POWER_CAP, MICRO),
    ("energy", "input", &ENERGY, MICRO),
    ("humidity", "input", &HUMIDITY, MICRO),
];

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let folder = state.sys("class/hwmon");
    for entry in state.names(&folder) {
        let directory = folder.join(&entry);
        if !directory.is_dir() {
            continue;
        }
        let chip_name = state.attribute(&directory.join("name")).map(|name| clean(&name)).unwrap_or_default();
        let chip = chip(&directory, &chip_name, &entry);
        if !chip_name.is_empty() {
            part.put(&CHIP_NAMES, [&chip, &chip_name], 1.0);
        }
        put_sensors(state, part, &chip, &directory);
    }
    Ok(())
}

fn put_sensors(state: &mut State, part: &mut PartBuilder, chip: &str, directory: &Path) {
    // Old drivers put the files beside the device instead.
    let mut files = BTreeMap::new();
    for place in [directory.to_owned(), directory.join("device")] {
        for name in state.names(&place) {
            let path = place.join(&name);
            files.insert(name, path);
        }
    }
    for (name, path) in files {
        let Some((sensor, kind, property)) = sensor_file(&name) else { continue };
        if property == "label" {
            let label = state.attribute(&path).unwrap_or_default();
            if !label.is_empty() {
                part.put(&SENSOR_LABEL, [chip, sensor, &label], 1.0);
            }
            continue;
        }
        let reading = READINGS.iter().find(|reading| (reading.0, reading.1) == (kind, property));
        if let Some((_, _, row, factor)) = reading
            && let Some(value) = state.attribute(&path).as_deref().and_then(number)
        {
            part.put(row, [chip, sensor], value * factor);
        }
    }
}

/// `temp1_input` is sensor `temp1`, kind `temp`, property `input`.
fn sensor_file(name: &str) -> Option<(&str, &str, &str)> {
    let (sensor, property) = name.split_once('_').unwrap_or((name, ""));
    let kind = sensor.trim_end_matches(|character: char| character.is_ascii_digit());
    (kind.len() < sensor.len() && !kind.is_empty()).then_some((sensor, kind, property))
}

/// A name that survives reboots: bus and device where the chip has one, since hwmon numbers change.
fn chip(directory: &Path, chip_name: &str, entry: &str) -> String {
    if let Ok(device) = directory.join("device").canonicalize() {
        let name_of = |path: Option<&Path>| {
            path.and_then(Path::file_name).and_then(|name| name.to_str()).map(clean).unwrap_or_default()
        };
        let (bus, name) = (name_of(device.parent()), name_of(Some(&device)));
        match (bus.is_empty(), name.is_empty()) {
            (false, false) => return format!("{bus}_{name}"),
            (true, false) => return name,
            _ => {}
        }
    }
    if chip_name.is_empty() { clean(entry) } else { chip_name.to_owned() }
}

/// Lower case, everything else than letters, digits, `:` and `_` as `_`.
fn clean(name: &str) -> String {
    let name: String = name
        .trim()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == ':' { c } else { '_' })
        .collect();
    name.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(sensor_file("temp1_crit_alarm"), Some(("temp1", "temp", "crit_alarm")));
        assert_eq!(sensor_file("pwm2"), Some(("pwm2", "pwm", "")));
        assert_eq!(sensor_file("name"), None);
        assert_eq!(sensor_file("12"), None);
        assert_eq!(clean(" Package id 0\n"), "package_id_0");
        assert_eq!(clean("applesmc.768"), "applesmc_768");
    }
}
