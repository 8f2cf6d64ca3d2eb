//! Measured thresholds as a detector of its own: a full disk is an incident however usual it is. No history, no learning.

use serde::{Deserialize, Serialize};

use super::archive::Archive;

/// When a measured ratio is too high: fires at `limit`, ends below `limit - hysteresis`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// The ratio (0 to 1) at which it fires.
    pub limit: f64,
    /// How far it must fall again.
    pub hysteresis: f64,
    /// Readings in a row that must be above.
    pub readings: u32,
}

impl Limit {
    /// The measured tiers: cpu 80 %, memory 90 %, disk 85 %; none for any other resource.
    pub fn of(resource: &str) -> Option<Self> {
        let limit = match resource {
            "cpu" | "vcpu" | "pcpu" => 0.80,
            "memory" => 0.90,
            "disk" => 0.85,
            _ => return None,
        };
        Some(Self { limit, hysteresis: 0.02, readings: 3 })
    }
}

/// State of one series against its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    above: u32,
    since: i64,
    firing: bool,
}

impl Threshold {
    /// Takes a reading; the score is above 1 while it fires, and the share of the limit that is used otherwise.
    pub fn step(&mut self, limit: &Limit, timestamp: i64, ratio: f64) -> f64 {
        if !ratio.is_finite() || limit.limit <= 0.0 {
            return 0.0;
        }
        let score = ratio / limit.limit;
        if self.firing {
            self.firing = ratio >= limit.limit - limit.hysteresis;
        } else if ratio >= limit.limit {
            if self.above == 0 {
                self.since = timestamp;
            }
            self.above = self.above.saturating_add(1);
            self.firing = self.above >= limit.readings;
        }
        if self.firing {
            return score.max(1.0 + f64::EPSILON);
        }
        if ratio < limit.limit {
            self.above = 0;
        }
        score.min(1.0)
    }

    /// Shows every field to an archive.
    pub(in crate::analyse) fn fields(&mut self, archive: &mut Archive) {
        let (mut above, mut firing) = (i64::from(self.above), i64::from(self.firing));
        archive.i64(&mut above);
        archive.i64(&mut self.since);
        archive.i64(&mut firing);
        (self.above, self.firing) = (u32::try_from(above).unwrap_or(0), firing != 0);
    }

    /// Since when it fires, seconds since the epoch.
    pub const fn since(&self) -> Option<i64> {
        if self.firing { Some(self.since) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires_after_three_readings_and_ends_below_the_hysteresis() {
        let limit = Limit::of("cpu").unwrap();
        let mut threshold = Threshold::default();
        let ratios = [0.85, 0.7, 0.81, 0.82, 0.83, 0.79, 0.77, 0.81];
        let fired: Vec<bool> = ratios.iter().zip(0..).map(|(r, t)| threshold.step(&limit, t, *r) > 1.0).collect();
        assert_eq!(fired, [false, false, false, false, true, true, false, false]);
        assert_eq!(threshold.since(), None);
        assert_eq!(threshold.step(&limit, 9, f64::NAN), 0.0);
    }

    #[test]
    fn only_the_measured_resources_have_a_tier() {
        assert_eq!(Limit::of("memory").map(|l| l.limit), Some(0.9));
        assert_eq!(Limit::of("addresses"), None);
    }
}
