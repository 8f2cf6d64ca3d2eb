//! One alarm per episode: a person is woken once, and again only when it gets much worse or goes on for long.

use super::archive::Archive;

/// Readings of silence after an alarm.
const REFRACTORY: f64 = 150.0;
/// Within that time, only this many times the strength of the last alarm counts as news.
const ESCALATION: f64 = 2.0;
/// What is left of a strength that is no news.
const DAMPING: f64 = 0.1;

/// State of the alarms of one series.
#[derive(Clone, Debug, Default)]
pub(super) struct Episodes {
    /// Strength that the next alarm must reach; 0 when the last one is forgotten.
    bar: f64,
    /// Readings since the last alarm.
    quiet: f64,
    /// Start of the open episode.
    since: i64,
    open: f64,
    count: i64,
}

/// An episode that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Episode {
    /// When it began, seconds since the epoch.
    pub since: i64,
    /// Number of episodes of this series, this one included.
    pub number: i64,
}

impl Episodes {
    /// The score of a reading of this strength, and the episode it belongs to.
    pub(super) fn judge(&mut self, timestamp: i64, strength: f64) -> (f64, Option<Episode>) {
        let score = if strength > 1.0 && strength >= self.bar {
            if self.open == 0.0 {
                self.open = 1.0;
                self.since = timestamp;
                self.count = self.count.saturating_add(1);
            }
            self.quiet = 0.0;
            self.bar = self.bar.max(strength * ESCALATION);
            strength
        } else if self.bar > 0.0 {
            self.quiet += 1.0;
            if self.quiet > REFRACTORY {
                self.bar = 0.0;
            }
            DAMPING * strength.min(1.0)
        } else {
            self.open = 0.0;
            strength
        };
        (score, (self.open > 0.0).then_some(Episode { since: self.since, number: self.count }))
    }

    /// How many there were.
    pub(super) const fn count(&self) -> i64 {
        self.count
    }

    pub(super) fn fields(&mut self, archive: &mut Archive) {
        archive.f64(&mut self.bar);
        archive.f64(&mut self.quiet);
        archive.f64(&mut self.open);
        archive.i64(&mut self.since);
        archive.i64(&mut self.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alarm_an_escalation_and_a_reminder() {
        let mut episodes = Episodes::default();
        let alarms: Vec<i64> = (0..400)
            .filter(|t| {
                let strength = if (10..200).contains(t) { if *t >= 50 { 3.0 } else { 1.2 } } else { 0.5 };
                episodes.judge(*t, strength).0 > 1.0
            })
            .collect();
        assert_eq!(alarms, [10, 50]);
        assert_eq!(episodes.judge(400, 0.5), (0.5, None));
        assert_eq!(episodes.count(), 1);
    }
}
