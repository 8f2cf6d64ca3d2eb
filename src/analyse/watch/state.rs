//! What is kept over a restart: an entry per series, and one for what all share.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Watch;
use super::echo::Wake;
use super::groups::Kinds;
use super::onsets::{Onset, Onsets};
use super::watched::Watched;
use crate::model::part::Origin;
use crate::model::signal::SeriesKey;

/// Key of what all series share; no series is called so.
const SHARED: &str = "shared";

/// What all series share. Lists, since JSON has no other keys than text.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Shared {
    last: Option<i64>,
    kinds_day: i64,
    kinds: Vec<(Origin, Arc<str>, usize)>,
    onsets: Vec<(Arc<SeriesKey>, Onset)>,
    moved: Vec<(Arc<SeriesKey>, (i64, f64))>,
    wakes: Vec<(Arc<SeriesKey>, Wake)>,
}

impl Watch {
    /// All that was learned, by key; `share` of `shares` of the series, so that saving can be spread.
    pub fn save(&self, share: usize, shares: usize) -> Vec<(String, Vec<u8>)> {
        let of_share = self.series.iter().enumerate().filter(|(at, _)| at % shares.max(1) == share);
        let entry = of_share.map(|(_, (key, watched))| Some((serde_json::to_string(key).ok()?, watched.save())));
        let shared = serde_json::to_vec(&self.shared()).ok().map(|bytes| (SHARED.to_owned(), bytes));
        entry.chain([shared]).flatten().collect()
    }

    /// Takes in what was saved; says how many entries could not be read (damaged, or of another version).
    pub fn restore(&mut self, entries: impl IntoIterator<Item = (String, Vec<u8>)>) -> usize {
        let mut unread = 0;
        for (name, bytes) in entries {
            if name == SHARED {
                match serde_json::from_slice(&bytes) {
                    Ok(shared) => self.take_shared(shared),
                    Err(_) => unread += 1,
                }
                continue;
            }
            match serde_json::from_str(&name).ok().zip(Watched::restore(bytes)) {
                Some((key, watched)) => _ = self.series.insert(Arc::new(key), watched),
                None => unread += 1,
            }
        }
        // What was kept in shares may hold what is long gone.
        let last = self.last;
        self.series.retain(|_, watched| !watched.gone(last));
        unread
    }

    fn shared(&self) -> Shared {
        let kinds = self.kinds.of.iter().map(|((origin, host), kind)| (origin.clone(), Arc::clone(host), *kind));
        Shared {
            last: (self.last != i64::MIN).then_some(self.last),
            kinds_day: self.kinds.day,
            kinds: kinds.collect(),
            onsets: self.onsets.0.iter().map(|(key, onset)| (Arc::clone(key), *onset)).collect(),
            moved: self.moved.iter().map(|(key, moved)| (Arc::clone(key), *moved)).collect(),
            wakes: self.wakes.iter().map(|(key, wake)| (Arc::clone(key), *wake)).collect(),
        }
    }

    fn take_shared(&mut self, shared: Shared) {
        self.last = shared.last.unwrap_or(i64::MIN);
        let kinds = shared.kinds.into_iter().map(|(origin, host, kind)| ((origin, host), kind));
        self.kinds = Kinds { day: shared.kinds_day, of: kinds.collect() };
        self.moved = shared.moved.into_iter().collect();
        self.wakes = shared.wakes.into_iter().collect();
        self.onsets = Onsets(shared.onsets.into_iter().collect());
    }
}
