//! What one tick means for one series, from all that looks at it.

use std::sync::Arc;

use super::evidence::Rare;
use super::pool;
use super::watched::Watched;
use crate::analyse::anomaly::Reading;
use crate::model::anomaly::Watching;

/// What is said of a series.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) state: Watching,
    pub(super) score: f64,
    pub(super) direction: i8,
    pub(super) cause: &'static str,
    pub(super) reason: &'static str,
    pub(super) value: Option<f64>,
    pub(super) expected: Option<(f64, f64)>,
    pub(super) rarity: f64,
    pub(super) group: Option<Arc<str>>,
    pub(super) peer_score: Option<f64>,
    /// Since when it is unlike its peers.
    pub(super) unlike_since: Option<i64>,
}

impl Verdict {
    /// What the series itself says at `now`.
    pub(super) fn of(watched: &Watched, now: i64) -> Self {
        let state = match watched {
            _ if watched.silent => Watching::Silent,
            Watched { reading: None, .. } => Watching::Missing,
            _ if watched.is_ready() => Watching::Watched,
            _ => Watching::Learning,
        };
        let mut verdict = Self::quiet(state);
        if state == Watching::Silent {
            return verdict;
        }
        if let Some(reading) = &watched.reading {
            verdict.value = Some(watched.value);
            verdict.expected = reading.expected;
            verdict.read(reading, watched.rare);
        }
        if watched.limit > 1.0 && watched.limit >= verdict.score {
            verdict.raise(watched.limit, 1, "threshold", "above its limit");
        }
        let missing = watched.missing(now);
        if missing > verdict.score {
            verdict.raise(missing, 0, "missing", "readings are missing");
        }
        verdict
    }

    /// What a reading and its day say. Once enough days are known, the day has the word: of a thousand readings with one
    /// cause, each by itself is rare.
    fn read(&mut self, reading: &Reading, rare: Option<Rare>) {
        if let Some(rare) = rare {
            self.raise(rare.score, rare.direction, rare.test.name(), rare.test.describe());
            self.rarity = pool::rarity(rare.score);
            return;
        }
        self.rarity = reading.rarity;
        let (cause, reason) = reading.feature.map_or((self.cause, self.reason), |f| (f.name(), f.describe()));
        self.raise(reading.strength, reading.direction, cause, reason);
    }

    /// Nothing unusual.
    pub(super) const fn quiet(state: Watching) -> Self {
        Self {
            state,
            score: 0.0,
            direction: 0,
            cause: "none",
            reason: "as usual",
            value: None,
            expected: None,
            rarity: 1.0,
            group: None,
            peer_score: None,
            unlike_since: None,
        }
    }

    /// Another reason, that outweighs what was said before.
    pub(super) const fn raise(&mut self, score: f64, direction: i8, cause: &'static str, reason: &'static str) {
        self.score = score;
        self.direction = direction;
        self.cause = cause;
        self.reason = reason;
    }
}
