//! What instances used, by day: fed with guests' counters, asked for what each used lately, kept by the store.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::sketch::{DAYS_KEPT, Reading, Sketch};
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::guest::{Guest, Guests};
use crate::model::part::Origin;
use crate::model::waste::Use;

const DAY_MILLIS: i64 = 86_400_000;
/// Two readings further apart say nothing about a day's peaks.
const APART_SECONDS_MAX: f64 = 6.0 * 3600.0;
/// A rate over less is mostly noise of the clocks.
const APART_SECONDS_MIN: f64 = 1.0;

/// The use of one region's instances.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// By day since 1970.
    days: BTreeMap<i64, HashMap<Id, Sketch>>,
    /// The reading that rates count from, with the last rates.
    last: HashMap<Id, (Guest, Option<Reading>)>,
    /// Days that are not kept yet as they are.
    unkept: BTreeSet<i64>,
}

impl Usage {
    /// Takes in what was read of every guest; of those not read anew there is nothing to say.
    pub(super) fn observe(&mut self, guests: &Guests) {
        for (id, guest) in &guests.0 {
            let Some((before, _)) = self.last.get(id).filter(|(before, _)| before.at < guest.at) else {
                self.last.entry(id.clone()).or_insert((*guest, None));
                continue;
            };
            let reading = reading(before, guest);
            self.last.insert(id.clone(), (*guest, reading));
            if let Some(reading) = reading {
                let day = guest.at.millis().div_euclid(DAY_MILLIS);
                self.days.entry(day).or_default().entry(id.clone()).or_default().add(reading);
                self.unkept.insert(day);
            }
        }
        self.last.retain(|id, _| guests.0.contains_key(id));
        let newest = self.days.keys().next_back().copied().unwrap_or_default();
        self.days.retain(|day, _| *day > newest - i64::from(DAYS_KEPT));
        self.unkept.retain(|day| self.days.contains_key(day));
    }

    /// Whether anything was ever measured.
    pub(super) fn is_empty(&self) -> bool {
        self.days.is_empty() && self.last.is_empty()
    }

    /// What an instance used over the last days, if it was measured on so many of them.
    pub(super) fn used(&self, id: &Id, at: Timestamp, days: u32) -> Option<Use> {
        let today = at.millis().div_euclid(DAY_MILLIS);
        let lately = self.days.range(today - i64::from(DAYS_KEPT) + 1..=today);
        let sketches: Vec<&Sketch> = lately.filter_map(|(_, day)| day.get(id)).collect();
        if sketches.len() < days as usize {
            return None;
        }
        let mut all = Sketch::default();
        sketches.into_iter().for_each(|sketch| all.merge(sketch));
        all.used()
    }

    /// What an instance uses now.
    pub(super) fn now(&self, id: &Id) -> Option<(Guest, Reading)> {
        self.last.get(id).and_then(|(guest, reading)| Some((*guest, (*reading)?)))
    }

    /// Days that have changed since this was asked last, as the store keeps them, by key.
    pub(super) fn save(&mut self, origin: &Origin) -> Vec<(String, Vec<u8>)> {
        let days = std::mem::take(&mut self.unkept).into_iter();
        days.filter_map(|day| Some((key(origin, day), write(self.days.get(&day)?)))).collect()
    }

    /// Everything.
    pub(super) fn save_all(&mut self, origin: &Origin) -> Vec<(String, Vec<u8>)> {
        self.unkept.extend(self.days.keys());
        self.save(origin)
    }

    /// Takes a day back in; a damaged one as far as it can be read.
    pub(super) fn restore(&mut self, day: i64, bytes: &[u8]) {
        self.days.insert(day, read(bytes));
    }
}

/// What was used between two readings; none where that cannot be told.
fn reading(before: &Guest, now: &Guest) -> Option<Reading> {
    let apart = now.at.since(before.at).as_secs_f64();
    if !(APART_SECONDS_MIN..=APART_SECONDS_MAX).contains(&apart) {
        return None;
    }
    // Counters begin anew when the guest does.
    let rate = |of: fn(&Guest) -> Option<f64>| Some((of(now)? - of(before)?) / apart).filter(|rate| *rate >= 0.0);
    let cpus = now.cpus.filter(|cpus| *cpus > 0.0)?;
    let (received, sent) = (rate(|guest| guest.received_bytes), rate(|guest| guest.sent_bytes));
    Some(Reading {
        cpu: rate(|guest| guest.cpu_seconds)? / cpus,
        memory: now.memory_ratio,
        network: received.into_iter().chain(sent).reduce(f64::max),
    })
}

/// Cloud, region and day in one text; names may hold anything, so JSON separates them.
fn key(origin: &Origin, day: i64) -> String {
    serde_json::to_string(&(origin, day)).unwrap_or_default()
}

/// What [`key`] wrote.
pub(super) fn parse_key(text: &str) -> Option<(Origin, i64)> {
    serde_json::from_str(text).ok()
}

fn write(day: &HashMap<Id, Sketch>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (id, sketch) in day {
        let id = id.to_string();
        // Longer ids than any API allows are not worth a wider length.
        let Ok(length) = u8::try_from(id.len()) else { continue };
        bytes.push(length);
        bytes.extend(id.as_bytes());
        sketch.write(&mut bytes);
    }
    bytes
}

fn read(mut bytes: &[u8]) -> HashMap<Id, Sketch> {
    let mut day = HashMap::new();
    while let Some((id, sketch)) = entry(&mut bytes) {
        day.insert(id, sketch);
    }
    day
}

fn entry(bytes: &mut &[u8]) -> Option<(Id, Sketch)> {
    let length = usize::from(*bytes.split_off_first()?);
    let id = Id::new(str::from_utf8(bytes.split_off(..length)?).ok()?);
    Some((id, Sketch::read(bytes)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn guests(at: i64, cpu_seconds: f64, sent: f64) -> Guests {
        let guest = Guest {
            at: Timestamp::from_seconds(at),
            cpu_seconds: Some(cpu_seconds),
            cpus: Some(2.0),
            memory_ratio: Some(0.4),
            received_bytes: None,
            sent_bytes: Some(sent),
        };
        Guests([(Id::new("a"), guest)].into())
    }

    #[test]
    fn rates_need_two_readings_and_no_restart_between() {
        let mut usage = Usage::default();
        let id = Id::new("a");
        for (at, cpu, sent, expected) in [
            (0, 0.0, 0.0, None),
            (100, 20.0, 5000.0, Some((0.1, Some(50.0)))),
            // The same answer again says nothing new.
            (100, 20.0, 5000.0, Some((0.1, Some(50.0)))),
            (200, 10.0, 5000.0, None),
            (300, 60.0, 0.0, Some((0.25, None))),
            (100_000, 70.0, 0.0, None),
        ] {
            usage.observe(&guests(at, cpu, sent));
            let now = usage.now(&id).map(|(_, reading)| (reading.cpu, reading.network));
            assert_eq!(now, expected, "{at}");
        }
        usage.observe(&Guests::default());
        assert!(usage.now(&id).is_none(), "it is gone");
        assert!(!usage.is_empty(), "its days stay");
    }

    #[test]
    fn days_are_needed_kept_and_forgotten() {
        let (mut usage, id, origin) = (Usage::default(), Id::new("a"), Origin::new("c", "r"));
        let day = |day: i64| Timestamp::from_seconds(day * 86_400 + 7200);
        for at in 0..20 {
            for hour in 0..2 {
                usage.observe(&guests(at * 86_400 + hour * 3600, (at * 100 + hour * 20) as f64, 0.0));
            }
        }
        assert_eq!(usage.days.len(), DAYS_KEPT as usize);
        assert!(usage.used(&id, day(19), 15).is_some());
        assert!(usage.used(&id, day(21), 14).is_none(), "two of the last fifteen days are missing");
        let saved = usage.save(&origin);
        assert_eq!((saved.len(), usage.save(&origin).len()), (15, 0), "each day once");
        let mut again = Usage::default();
        for (key, bytes) in &saved {
            let (from, day) = parse_key(key).unwrap();
            assert_eq!(from, origin);
            again.restore(day, bytes);
        }
        assert_eq!(again.days, usage.days);
    }

    proptest! {
        #[test]
        fn damaged_days_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
