//! How busy an instance is: daily shapes, resampled in blocks of a day.
//!
//! Each instance belongs to a class; for each of its days one shape of that class is drawn, by hash, so that any
//! moment can be asked for without replaying the past. The table is synthesised (office hours, evening web
//! traffic, nightly batch, steady); a later issue replaces it with blocks of real traces, behind the same
//! functions. It knows nothing of hosts or projects.

use super::seed::mix;

/// Hours of a day in percent of the allotted vCPUs: weekday shapes first, the last of each class for weekends.
type Day = [u8; 24];

const OFFICE: [Day; 4] = [
    [6, 5, 5, 5, 5, 6, 9, 18, 34, 48, 55, 54, 46, 50, 56, 53, 47, 36, 24, 16, 12, 10, 8, 7],
    [7, 6, 5, 5, 6, 7, 11, 22, 40, 52, 58, 57, 44, 53, 60, 58, 49, 33, 21, 15, 11, 9, 8, 7],
    [5, 5, 5, 4, 5, 6, 8, 15, 30, 43, 50, 52, 48, 47, 51, 50, 44, 38, 28, 18, 13, 10, 7, 6],
    [5, 5, 4, 4, 4, 5, 5, 6, 7, 9, 10, 11, 11, 10, 10, 9, 9, 8, 8, 7, 7, 6, 6, 5],
];
const WEB: [Day; 4] = [
    [22, 15, 11, 9, 8, 10, 16, 25, 31, 34, 36, 39, 43, 41, 40, 42, 46, 53, 61, 68, 71, 66, 51, 34],
    [24, 17, 12, 9, 9, 11, 18, 27, 33, 37, 38, 42, 46, 44, 42, 45, 49, 55, 64, 72, 74, 67, 53, 36],
    [20, 14, 10, 8, 8, 9, 15, 23, 29, 32, 35, 37, 41, 40, 39, 40, 44, 50, 58, 65, 68, 62, 48, 31],
    [30, 22, 16, 12, 10, 10, 12, 17, 26, 36, 45, 51, 55, 56, 55, 54, 55, 58, 64, 70, 72, 66, 52, 38],
];
const BATCH: [Day; 4] = [
    [88, 92, 94, 91, 83, 60, 24, 8, 5, 5, 5, 6, 6, 5, 5, 5, 6, 6, 7, 8, 10, 18, 40, 72],
    [80, 90, 95, 95, 90, 78, 41, 12, 6, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 7, 8, 12, 30, 65],
    [92, 94, 90, 74, 45, 19, 9, 6, 5, 5, 6, 7, 6, 5, 5, 5, 5, 6, 6, 7, 9, 22, 55, 85],
    [60, 66, 58, 36, 18, 9, 6, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 6, 9, 20, 41],
];
const STEADY: [Day; 4] = [
    [41, 40, 40, 39, 40, 41, 42, 44, 45, 46, 47, 47, 46, 46, 47, 46, 45, 45, 44, 43, 43, 42, 42, 41],
    [44, 43, 42, 42, 43, 43, 45, 47, 49, 51, 50, 49, 48, 49, 50, 50, 48, 47, 46, 46, 45, 45, 44, 44],
    [38, 38, 37, 37, 38, 39, 39, 41, 42, 43, 44, 43, 43, 43, 44, 43, 42, 42, 41, 40, 40, 39, 39, 38],
    [39, 38, 38, 38, 38, 38, 39, 39, 40, 40, 41, 41, 41, 41, 41, 41, 40, 40, 40, 40, 40, 39, 39, 39],
];

const DAY: u32 = 86_400;
const HOUR: u32 = 3600;

/// What an instance is used for, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadClass {
    /// Office hours.
    Office,
    /// Evening peak.
    Web,
    /// Nightly jobs.
    Batch,
    /// The same all day.
    Steady,
    /// Nothing runs on it.
    Idle,
    /// Far too big for what it does.
    Oversized,
}

/// The load of one instance: a class, and what tells it from the others of its class.
#[derive(Clone, Copy, Debug)]
pub struct LoadProfile {
    /// What it is used for.
    pub class: LoadClass,
    key: u64,
    /// Multiplies the shape; 1 leaves it.
    pub scale: f64,
}

impl LoadProfile {
    /// The profile of an instance, by its id: 12 % idle, 15 % oversized, the rest spread.
    pub fn of(id: u128) -> Self {
        let key = mix(id as u64, (id >> 64) as u64);
        let class = match key % 100 {
            0..12 => LoadClass::Idle,
            12..27 => LoadClass::Oversized,
            27..50 => LoadClass::Office,
            50..72 => LoadClass::Web,
            72..84 => LoadClass::Batch,
            _ => LoadClass::Steady,
        };
        Self { class, key, scale: 0.6 + (key >> 32 & 0xff) as f64 / 320.0 }
    }

    /// Fraction of its vCPUs that is busy at a moment, 0 to 1.
    pub fn cpu(&self, at: u32) -> f64 {
        let hour = self.hour(at / DAY, at % DAY / HOUR);
        let next = self.hour((at + HOUR) / DAY, (at + HOUR) % DAY / HOUR);
        let part = f64::from(at % HOUR) / f64::from(HOUR);
        (hour + (next - hour) * part).clamp(0.0, 1.0)
    }

    /// Seconds of one vCPU that were used from one moment to another, as if there were one vCPU.
    pub fn cpu_seconds(&self, from: u32, to: u32) -> f64 {
        let (mut sum, mut at) = (0.0, from);
        while at < to {
            let end = (at - at % HOUR + HOUR).min(to);
            // The straight line between two hours, so the middle is the mean.
            sum += self.cpu(at + (end - at) / 2) * f64::from(end - at);
            at = end;
        }
        sum
    }

    /// Fraction of its memory in use; follows the load a little, and is steady otherwise.
    pub fn memory(&self, at: u32) -> f64 {
        let base = 0.25 + (self.key >> 40 & 0xff) as f64 / 512.0;
        match self.class {
            LoadClass::Idle => 0.08,
            LoadClass::Oversized => 0.2 + 0.1 * self.cpu(at),
            _ => (base + 0.15 * self.cpu(at)).min(0.97),
        }
    }

    fn hour(&self, day: u32, hour: u32) -> f64 {
        let draw = mix(self.key, u64::from(day));
        // 1970-01-01 was a Thursday.
        let weekend = (day + 3) % 7 >= 5;
        let pick = if weekend { 3 } else { (draw % 3) as usize };
        let table = match self.class {
            LoadClass::Web => &WEB,
            LoadClass::Batch => &BATCH,
            LoadClass::Steady => &STEADY,
            LoadClass::Office | LoadClass::Idle | LoadClass::Oversized => &OFFICE,
        };
        let percent = table.get(pick).and_then(|shape| shape.get(hour as usize)).copied().unwrap_or(0);
        let noise = 0.9 + (mix(draw, u64::from(hour)) & 0xff) as f64 / 1280.0;
        let share = f64::from(percent) / 100.0 * self.scale * noise;
        match self.class {
            LoadClass::Idle => 0.004 + share * 0.01,
            LoadClass::Oversized => 0.01 + share * 0.15,
            _ => share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY: u32 = 1_795_392_000;

    fn of_class(class: LoadClass) -> LoadProfile {
        (0..).map(LoadProfile::of).find(|profile| profile.class == class).unwrap()
    }

    #[test]
    fn office_hours_are_busier_than_nights_and_weekends() {
        let office = of_class(LoadClass::Office);
        let (noon, night, sunday) = (MONDAY + 11 * HOUR, MONDAY + 3 * HOUR, MONDAY + 6 * DAY + 11 * HOUR);
        assert!(office.cpu(noon) > 3.0 * office.cpu(night));
        assert!(office.cpu(noon) > 2.0 * office.cpu(sunday));
        assert!(of_class(LoadClass::Idle).cpu(noon) < 0.03);
        let day = of_class(LoadClass::Oversized).cpu_seconds(MONDAY, MONDAY + DAY);
        assert!(day < 0.2 * f64::from(DAY));
    }

    #[test]
    fn used_seconds_add_up_and_never_fall() {
        for id in 0..50 {
            let profile = LoadProfile::of(id);
            let (a, b, c) = (MONDAY + 17, MONDAY + 5 * HOUR + 5, MONDAY + 3 * DAY + 99);
            let whole = profile.cpu_seconds(a, c);
            let parts = profile.cpu_seconds(a, b) + profile.cpu_seconds(b, c);
            assert!((whole - parts).abs() < 0.05 * whole.max(1.0), "{whole} {parts}");
            assert!(parts >= profile.cpu_seconds(a, b));
        }
    }
}
