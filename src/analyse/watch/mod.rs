//! Watching: a detector per series, fed by every tick, and what their readings mean together.
//!
//! ```text
//!  tick ─► watched (detector, evidence, limit, changepoints) ─► verdicts ─► groups (peers) ─► fleet ─► echo ─► onsets
//!                              ▲                                               ▲                                 │
//!                pool (once a day: how far is far)              clusters (daily profiles)                 gauges, table
//! ```
//! Pure: time is the tick's, and keeping the state ([`Watch::save`]) is `app`'s business. One series' mathematics is
//! [`super::anomaly`]'s.

mod clusters;
mod days;
mod echo;
mod evidence;
mod fleet;
mod groups;
mod hosts;
mod onsets;
mod pool;
mod relation;
mod report;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod verdict;
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use groups::Kinds;
use hosts::Hosts;
use onsets::Onsets;
use report::Findings;
pub use settings::{Floor, Floors, OfSignal, Settings, Silence};
use verdict::Verdict;
use watched::Watched;

use super::anomaly::Limit;
use super::tiers::Tiers;
use crate::model::anomaly::signal_label;
use crate::model::metric::{Descriptor, Unit};
use crate::model::part::{Origin, PartBuilder};
use crate::model::signal::{Basis, Scope, SeriesKey, Signal, Tick};
use crate::model::snapshot::Snapshot;

/// The families of anomalies.
pub(super) static METRICS: &[&Descriptor] = report::METRICS;

/// How far a measured ratio must fall below its limit again.
const HYSTERESIS: f64 = 0.02;
/// Readings in a row that must be above a limit.
const READINGS: u32 = 3;

/// Every watched series, and what is known of all of them together.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Unit, and whether it counts, by name of the signal.
    signals: BTreeMap<String, (Unit, bool)>,
    series: BTreeMap<Arc<SeriesKey>, Watched>,
    onsets: Onsets,
    kinds: Kinds,
    moved: fleet::Moved,
    wakes: echo::Wakes,
    /// The day that limits were set for, counted from the epoch; none after a start.
    calibrated: Option<i64>,
    events: BTreeMap<(Origin, Scope, String), u64>,
    /// Time of the last tick, seconds since the epoch.
    last: i64,
    left_out: u64,
}

/// What a reading is judged by.
#[derive(Clone, Copy)]
struct Rules<'a> {
    settings: &'a Settings,
    tiers: &'a Tiers,
    hosts: &'a Hosts,
    now: i64,
}

impl Watch {
    /// Watches nothing yet; of signals that it does not know, values have no unit.
    pub fn new<'a>(signals: impl IntoIterator<Item = &'a Signal>) -> Self {
        let signals = signals.into_iter().map(|s| (s.name.to_string(), (s.unit, s.counter))).collect();
        Self {
            signals,
            series: BTreeMap::new(),
            onsets: Onsets::default(),
            kinds: Kinds::default(),
            moved: fleet::Moved::new(),
            wakes: echo::Wakes::new(),
            calibrated: None,
            events: BTreeMap::new(),
            last: i64::MIN,
            left_out: 0,
        }
    }

    /// Takes the readings of a point of the grid. The snapshot tells which hosts exist, and which are in maintenance.
    /// Answers with gauges and a [table](crate::model::anomaly::Anomalies) for each region.
    pub fn step(
        &mut self,
        tick: &Tick,
        snapshot: &Snapshot,
        settings: &Settings,
        tiers: &Tiers,
    ) -> Vec<(Origin, PartBuilder)> {
        let now = tick.at.millis().div_euclid(1000);
        if now == self.last {
            return Vec::new();
        }
        self.last = now;
        let hosts = Hosts::of(snapshot);
        let rules = Rules { settings, tiers, hosts: &hosts, now };
        self.calibrate(settings, now);
        self.take(tick, rules);
        self.miss(tick, rules);
        let mut verdicts: BTreeMap<Arc<SeriesKey>, Verdict> =
            self.series.iter().map(|(key, watched)| (Arc::clone(key), Verdict::of(watched, now))).collect();
        if settings.clustering {
            self.kinds.renew(&self.series, &hosts, now);
        } else {
            self.kinds = Kinds::default();
        }
        let signals = &self.signals;
        let floor = |key: &SeriesKey| floor(settings, signals, key);
        let groups = groups::compare(&mut self.series, &mut verdicts, &hosts, &self.kinds, floor, now);
        fleet::join(&mut verdicts, &hosts, &mut self.moved, now);
        echo::silence(&mut verdicts, &mut self.wakes, |key| kind(signals, key).0 == Unit::Count, now);
        for (key, verdict) in &verdicts {
            if self.onsets.step(key, verdict.score, now) {
                *self.events.entry((key.origin.clone(), key.scope, signal_label(key))).or_default() += 1;
            }
        }
        self.onsets.forget(now);
        self.report(tick, &verdicts, groups)
    }

    /// How many series are watched.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether no series is watched.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Readings that were left out since the start, because too many series were watched already.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Once a day: how far each series must go to be news.
    fn calibrate(&mut self, settings: &Settings, now: i64) {
        let day = now.div_euclid(86_400);
        if self.calibrated.replace(day) == Some(day) {
            return;
        }
        let signals = &self.signals;
        pool::calibrate(&mut self.series, now, |key| floor(settings, signals, key));
    }

    fn take(&mut self, tick: &Tick, rules: Rules<'_>) {
        let cpu: BTreeMap<&SeriesKey, f64> =
            tick.readings.iter().filter(|(key, _)| is_cpu(key)).map(|(key, value)| (&**key, *value)).collect();
        for (key, value) in &tick.readings {
            let label = signal_label(key);
            let (unit, counter) = kind(&self.signals, key);
            let options = rules.settings.options(&label, unit, counter);
            if options.sensitivity <= 0.0 {
                self.series.remove(key);
                continue;
            }
            if !self.series.contains_key(key) {
                if self.series.len() >= rules.settings.series_max {
                    self.left_out = self.left_out.saturating_add(1);
                    continue;
                }
                self.series.insert(Arc::clone(key), Watched::new(&options, rules.now));
            }
            let (limit, silent) = (rules.limit(key, &label), rules.silent(key));
            if let Some(watched) = self.series.get_mut(key) {
                let reference = cpu_of(key).and_then(|cpu_key| cpu.get(&cpu_key).copied());
                watched.step(&options, limit.as_ref(), silent, rules.now, (*value, reference));
            }
        }
    }

    /// Looks after the series without a reading.
    fn miss(&mut self, tick: &Tick, rules: Rules<'_>) {
        let live: BTreeSet<&Arc<SeriesKey>> = tick.readings.iter().map(|(key, _)| key).collect();
        let sources: BTreeSet<(&Origin, &Arc<str>)> = live.iter().map(|key| (&key.origin, &key.signal)).collect();
        let signals = &self.signals;
        self.series.retain(|key, watched| !watched.gone(rules.now) || live.contains(key));
        for (key, watched) in self.series.iter_mut().filter(|(key, _)| !live.contains(key)) {
            let (unit, counter) = kind(signals, key);
            let alive = sources.contains(&(&key.origin, &key.signal));
            if unit == Unit::Count && alive {
                // A place or project that is not counted any more has none: that is a value.
                let (options, seen) = (rules.settings.options(&signal_label(key), unit, counter), watched.seen);
                watched.step(&options, None, rules.silent(key), rules.now, (0.0, None));
                watched.seen = seen;
            } else {
                watched.skip(rules.silent(key) || rules.hosts.removed(key));
            }
        }
    }

    fn report(
        &self,
        tick: &Tick,
        verdicts: &BTreeMap<Arc<SeriesKey>, Verdict>,
        mut groups: BTreeMap<Origin, Vec<crate::model::anomaly::PeerGroup>>,
    ) -> Vec<(Origin, PartBuilder)> {
        let mut found: BTreeMap<&Origin, Findings<'_>> = BTreeMap::new();
        for (key, verdict) in verdicts {
            found.entry(&key.origin).or_default().verdicts.push((key, verdict));
        }
        for (key, watched) in &self.series {
            found.entry(&key.origin).or_default().change(key, watched, self.last);
        }
        for ((origin, scope, signal), count) in &self.events {
            found.entry(origin).or_default().events.push((*scope, signal, *count));
        }
        let parts = found.into_iter().map(|(origin, mut findings)| {
            findings.groups = groups.remove(origin).unwrap_or_default();
            (origin.clone(), findings.part(&self.onsets, tick.at))
        });
        parts.collect()
    }
}

impl Rules<'_> {
    /// Whether a series is in maintenance.
    fn silent(&self, key: &SeriesKey) -> bool {
        self.hosts.of_series(key).is_some_and(|host| host.maintenance) || self.settings.silenced(key)
    }

    /// The limit of a series: its own, or of what is really used, the measured tier.
    fn limit(&self, key: &SeriesKey, label: &str) -> Option<Limit> {
        let own = self.settings.limit(label);
        let measured = || (key.basis == Some(Basis::Demand)).then(|| self.tiers.measured(&key.resource));
        let limit = own.or_else(measured)?;
        Some(Limit { limit, hysteresis: HYSTERESIS * limit, readings: READINGS })
    }
}

/// Unit of a series' values, and whether they count.
fn kind(signals: &BTreeMap<String, (Unit, bool)>, key: &SeriesKey) -> (Unit, bool) {
    signals.get(&*key.signal).copied().unwrap_or((Unit::None, false))
}

/// The absolute floor of a series' deviations.
fn floor(settings: &Settings, signals: &BTreeMap<String, (Unit, bool)>, key: &SeriesKey) -> f64 {
    let (unit, counter) = kind(signals, key);
    settings.options(&signal_label(key), unit, counter).absolute_floor
}

/// Resource whose use explains other measurements of the same entity.
const CPU: &str = "vcpu";

/// Whether a series is the CPU that an entity really uses.
fn is_cpu(key: &SeriesKey) -> bool {
    key.basis == Some(Basis::Demand) && &*key.resource == CPU
}

/// The CPU series of the entity that a measurement is another one of.
fn cpu_of(key: &SeriesKey) -> Option<SeriesKey> {
    let measured = key.basis == Some(Basis::Demand) && !is_cpu(key);
    measured.then(|| SeriesKey { resource: Arc::from(CPU), ..key.clone() })
}
