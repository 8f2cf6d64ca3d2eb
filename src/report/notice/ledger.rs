//! What has been told, what is to be told, and when: pure, and kept over restarts.
//!
//! A problem is told when it has lasted for the hold, and again only at a higher level; it is told to be over when it
//! has been gone for the quiet time. Between two messages lies the interval, and a day has so many at most: what
//! happens meanwhile comes with the next one. What came and went untold is never told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Finding;
use crate::model::clock::Timestamp;
use crate::report::settings::{Notices, Topic};

const DAY_MILLIS: i64 = 86_400_000;
/// Problems that are remembered at most: an explosion is told of by its first ones.
const ENTRIES_MAX: usize = 10_000;

/// All that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::report) struct Ledger {
    entries: BTreeMap<String, Entry>,
    /// When messages of the last day were tried, in milliseconds.
    tried: Vec<i64>,
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    topic: Topic,
    text: String,
    level: u8,
    /// When this level was reached, in milliseconds.
    since: i64,
    /// When it was last there.
    seen: i64,
    /// The highest level that was told.
    told: Option<u8>,
}

/// What a message tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::report) struct Notice {
    pub(super) began: Vec<Told>,
    pub(super) over: Vec<Told>,
}

/// A problem in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    key: String,
    level: u8,
    pub(super) topic: Topic,
    pub(super) text: String,
    pub(super) since: String,
}

impl Ledger {
    /// Takes in what is wrong now of a topic; none, if that cannot be said: then nothing of it begins or ends.
    pub(in crate::report) fn observe(&mut self, topic: Topic, findings: Option<Vec<Finding>>, at: Timestamp) {
        let at = at.millis();
        let Some(findings) = findings else {
            for entry in self.entries.values_mut().filter(|entry| entry.topic == topic && entry.told.is_some()) {
                entry.seen = at;
            }
            return;
        };
        for Finding { key, level, text, .. } in findings {
            if let Some(entry) = self.entries.get_mut(&key) {
                if level > entry.level {
                    entry.since = at;
                }
                (entry.level, entry.text, entry.seen) = (level, text, at);
            } else if self.entries.len() < ENTRIES_MAX {
                self.entries.insert(key, Entry { topic, text, level, since: at, seen: at, told: None });
            }
        }
        // Gone before it was told: as if it had not been.
        self.entries.retain(|_, entry| entry.topic != topic || entry.told.is_some() || entry.seen == at);
    }

    /// What is to be told now, if a message may be sent now.
    pub(in crate::report) fn due(&self, settings: &Notices, at: Timestamp) -> Option<Notice> {
        let now = at.millis();
        let minutes = |minutes: u32| i64::from(minutes) * 60_000;
        let day = self.tried.iter().filter(|tried| now - **tried < DAY_MILLIS).count();
        let recent = self.tried.last().is_some_and(|last| now - last < minutes(settings.interval_minutes));
        if recent || day >= usize::try_from(settings.per_day).unwrap_or(usize::MAX) {
            return None;
        }
        let mut notice = Notice::default();
        for (key, entry) in &self.entries {
            let gone = now - entry.seen;
            if entry.told < Some(entry.level) && gone == 0 && now - entry.since >= minutes(settings.hold_minutes) {
                notice.began.push(entry.told(key));
            } else if entry.told.is_some() && gone > 0 && gone >= minutes(settings.quiet_minutes) {
                notice.over.push(entry.told(key));
            }
        }
        // The gravest first; those of one level in the order of their keys.
        notice.began.sort_by_key(|told| std::cmp::Reverse(told.level));
        (!notice.began.is_empty() || !notice.over.is_empty()).then_some(notice)
    }

    /// Notes that a message was tried; what it told is told only if somebody has it.
    pub(in crate::report) fn tried(&mut self, notice: &Notice, arrived: bool, at: Timestamp) {
        self.tried.retain(|tried| at.millis() - tried < DAY_MILLIS);
        self.tried.push(at.millis());
        if !arrived {
            return;
        }
        for told in &notice.began {
            if let Some(entry) = self.entries.get_mut(&told.key) {
                entry.told = entry.told.max(Some(told.level));
            }
        }
        for told in &notice.over {
            self.entries.remove(&told.key);
        }
    }

    /// How many problems have been told and are not over, by topic.
    pub(in crate::report) fn open(&self) -> BTreeMap<&'static str, usize> {
        let mut open: BTreeMap<&'static str, usize> = Topic::ALL.iter().map(|topic| (topic.name(), 0)).collect();
        for entry in self.entries.values().filter(|entry| entry.told.is_some()) {
            *open.entry(entry.topic.name()).or_default() += 1;
        }
        open
    }

    /// Forgets topics that are not told any more.
    pub(in crate::report) fn keep(&mut self, topics: &[Topic]) {
        self.entries.retain(|_, entry| topics.contains(&entry.topic));
    }
}

impl Entry {
    fn told(&self, key: &str) -> Told {
        Told {
            key: key.to_owned(),
            level: self.level,
            topic: self.topic,
            text: self.text.clone(),
            since: Timestamp::from_millis(self.since).to_string(),
        }
    }
}

impl Notice {
    /// How many problems it tells of.
    pub(in crate::report) fn len(&self) -> usize {
        self.began.len() + self.over.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_800_000_000;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_seconds(START + minute * 60)
    }

    fn finding(key: &str, level: u8) -> Finding {
        Finding { key: key.to_owned(), topic: Topic::Risk, level, text: format!("{key} at {level}") }
    }

    /// Looks each minute; tells the minutes of messages with what they told.
    fn run(
        minutes: i64,
        wrong: impl Fn(i64) -> Option<Vec<Finding>>,
        settings: &Notices,
    ) -> Vec<(i64, Vec<String>, Vec<String>)> {
        let mut ledger = Ledger::default();
        let mut sent = Vec::new();
        for minute in 0..minutes {
            ledger.observe(Topic::Risk, wrong(minute), at(minute));
            if let Some(notice) = ledger.due(settings, at(minute)) {
                let keys = |told: &[Told]| told.iter().map(|told| told.key.clone()).collect::<Vec<_>>();
                sent.push((minute, keys(&notice.began), keys(&notice.over)));
                ledger.tried(&notice, true, at(minute));
                // As over a restart.
                ledger = serde_json::from_str(&serde_json::to_string(&ledger).unwrap()).unwrap();
            }
        }
        sent
    }

    #[test]
    fn a_problem_is_told_once_when_it_lasts_and_once_when_it_is_over() {
        let wrong = |minute| Some(if (5..50).contains(&minute) { vec![finding("a", 2)] } else { Vec::new() });
        let sent = run(200, wrong, &Notices::default());
        assert_eq!(sent, [(15, vec!["a".to_owned()], vec![]), (79, vec![], vec!["a".to_owned()])]);
    }

    #[test]
    fn what_comes_and_goes_is_not_told_and_what_flaps_is_told_once() {
        let brief = |minute: i64| Some(if minute % 20 < 9 { vec![finding("a", 2)] } else { Vec::new() });
        assert!(run(300, brief, &Notices::default()).is_empty(), "it never lasts ten minutes");
        let flapping =
            |minute: i64| Some(if minute < 20 || minute % 20 < 5 { vec![finding("a", 2)] } else { Vec::new() });
        assert_eq!(run(300, flapping, &Notices::default()).len(), 1, "it is never gone for half an hour");
    }

    #[test]
    fn a_higher_level_is_told_and_a_lower_one_is_not() {
        let wrong =
            |minute: i64| Some(vec![finding("a", if (40..80).contains(&minute) || minute >= 120 { 3 } else { 2 })]);
        let minutes: Vec<i64> = run(200, wrong, &Notices::default()).iter().map(|sent| sent.0).collect();
        assert_eq!(minutes, [10, 50]);
    }

    #[test]
    fn many_come_in_one_message_and_messages_are_few() {
        let wrong = |minute: i64| Some((0..minute.min(100)).map(|n| finding(&format!("{n:03}"), 2)).collect());
        let settings = Notices { per_day: 3, ..Notices::default() };
        let sent = run(600, wrong, &settings);
        assert_eq!(sent.len(), 3, "no more than so many a day");
        assert!(sent.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 15), "{sent:?}");
        assert!(sent[1].1.len() > 10, "what began meanwhile came together: {sent:?}");
    }

    #[test]
    fn what_cannot_be_seen_neither_begins_nor_ends() {
        let wrong = |minute: i64| if minute < 20 { Some(vec![finding("a", 2)]) } else { None };
        assert_eq!(run(300, wrong, &Notices::default()).len(), 1);
    }

    #[test]
    fn what_did_not_arrive_is_told_again_after_the_interval() {
        let mut ledger = Ledger::default();
        let settings = Notices { hold_minutes: 0, ..Notices::default() };
        ledger.observe(Topic::Risk, Some(vec![finding("a", 2)]), at(0));
        let notice = ledger.due(&settings, at(0)).unwrap();
        ledger.tried(&notice, false, at(0));
        ledger.observe(Topic::Risk, Some(vec![finding("a", 2)]), at(14));
        assert_eq!(ledger.due(&settings, at(14)), None);
        ledger.observe(Topic::Risk, Some(vec![finding("a", 2)]), at(15));
        assert_eq!(ledger.due(&settings, at(15)).map(|notice| notice.len()), Some(1));
    }

    proptest! {
        #[test]
        fn began_and_over_take_turns(pattern in proptest::collection::vec(any::<bool>(), 1..400)) {
            let wrong = |minute: i64| {
                let on = usize::try_from(minute).ok().and_then(|at| pattern.get(at)).copied().unwrap_or(false);
                Some(if on { vec![finding("a", 2)] } else { Vec::new() })
            };
            let settings = Notices { hold_minutes: 2, quiet_minutes: 3, interval_minutes: 1, per_day: 1000, ..Notices::default() };
            let sent = run(i64::try_from(pattern.len()).unwrap() + 50, wrong, &settings);
            let mut open = false;
            for (_, began, over) in &sent {
                prop_assert!(began.len() + over.len() == 1);
                prop_assert_eq!(open, !over.is_empty());
                open = !began.is_empty();
            }
            prop_assert!(!open, "all ends, for it was gone for fifty minutes");
        }
    }
}
