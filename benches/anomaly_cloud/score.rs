//! Alarms against what was planted.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;

use stackcast::demo::{Anomaly, AnomalyKind};
use stackcast::model::anomaly::signal_label;
use stackcast::model::signal::{Scope, SeriesKey};

use super::load::DAY;
use super::plan::{FIRST, KINDS, point};
use super::simulation::{Run, batch};

/// When an alarm fires: a score above a threshold for some readings in a row, as a rule with a `for`.
#[derive(Clone, Copy)]
pub struct Rule {
    pub above: f64,
    pub readings: usize,
}

/// Points after the end of an anomaly in which alarms are still its own: what it leaves has to be unlearned.
const AFTERMATH: usize = DAY / 2;
/// Points (30 minutes) after its effect in which it must be found.
const IN_TIME: usize = 6;
/// An alarm that pauses for so many points is the same one (as `keep_firing_for`, and Alertmanager's grouping).
const PAUSE: usize = 12;

/// First points of the alarms of a series: the reading that completes the `for`.
fn alarms(scores: &BTreeMap<usize, (f64, &'static str)>, rule: Rule) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    let (mut run, mut before, mut last_firing) = (0, None, None::<usize>);
    for (at, (score, cause)) in scores {
        if *score <= rule.above {
            continue;
        }
        run = if before == Some(at - 1) { run + 1 } else { 1 };
        before = Some(*at);
        if run >= rule.readings {
            if last_firing.is_none_or(|last| at - last > PAUSE) {
                found.push((*at, *cause));
            }
            last_firing = Some(*at);
        }
    }
    found
}

/// Whether an alarm of a series may come from an anomaly.
fn related(key: &SeriesKey, anomaly: &Anomaly, run: &Run) -> bool {
    match anomaly.kind {
        AnomalyKind::RunawayProject | AnomalyKind::LostInstances => match key.scope {
            Scope::Project => *key.entity == *run.projects[anomaly.target as usize],
            // Instances that come and go are on all hosts.
            _ => key.basis != Some(stackcast::model::signal::Basis::Demand),
        },
        AnomalyKind::StuckAgent | AnomalyKind::OddHost | AnomalyKind::MemoryLeak => match key.scope {
            Scope::Hypervisor => host_row(&key.entity) == Some(anomaly.target),
            Scope::Project => false,
            _ => true,
        },
    }
}

/// Row of a host by its name, `cmp-LETTER-NUMBER...`.
fn host_row(name: &str) -> Option<u32> {
    let zone = u32::from(name.as_bytes().get(4)? - b'a');
    let number: u32 = name.get(6..10)?.parse().ok()?;
    Some((number - 1) * 3 + zone)
}

/// The series in which an anomaly shows.
fn shows(key: &SeriesKey, anomaly: &Anomaly, run: &Run) -> bool {
    let label = signal_label(key);
    related(key, anomaly, run)
        && match anomaly.kind {
            AnomalyKind::StuckAgent => label == "compute_services_down",
            AnomalyKind::RunawayProject | AnomalyKind::LostInstances => key.scope == Scope::Project,
            AnomalyKind::OddHost => key.scope == Scope::Hypervisor && label == "vcpu_demand_utilization",
            AnomalyKind::MemoryLeak => key.scope == Scope::Hypervisor && label == "memory_demand_utilization",
        }
}

/// When an anomaly first leaves the 99 % band of the same hour in the 7 days before it.
fn effect(anomaly: &Anomaly, run: &Run) -> Option<usize> {
    let (_, trace) = run.series.iter().find(|(key, _)| shows(key, anomaly, run))?;
    let from = point(anomaly.from);
    (from..point(anomaly.to) + DAY).find(|at| {
        let hour = at % DAY / 12;
        let same = (from - 7 * DAY..from).filter(|before| before % DAY / 12 == hour);
        let mut values: Vec<f32> = same.filter_map(|before| trace.values.get(&before).copied()).collect();
        values.sort_unstable_by(f32::total_cmp);
        let quantile = |q: f64| values[((values.len() - 1) as f64 * q).round() as usize];
        let value = trace.values.get(at);
        value.is_some_and(|v| !values.is_empty() && (*v > quantile(0.995) || *v < quantile(0.005)))
    })
}

#[derive(Default)]
struct OfKind {
    planted: usize,
    found: usize,
    in_time: usize,
    delays: Vec<i64>,
}

/// Figures of a rule over all runs.
pub struct Tally {
    rule: Rule,
    alarms: usize,
    right: usize,
    weeks: f64,
    kinds: Vec<(AnomalyKind, OfKind)>,
}

impl Tally {
    pub fn of(runs: &[Run], rule: Rule, verbose: bool) -> Self {
        let kinds = KINDS.iter().map(|kind| (*kind, OfKind::default())).collect();
        let mut tally = Self { rule, alarms: 0, right: 0, weeks: 0.0, kinds };
        for run in runs {
            tally.add(run, verbose);
        }
        tally
    }

    fn add(&mut self, run: &Run, verbose: bool) {
        self.weeks += run.series.len() as f64 * (run.size.points() - FIRST) as f64 / (7 * DAY) as f64;
        let mut first: Vec<Option<usize>> = vec![None; run.planted.len()];
        for (key, trace) in &run.series {
            for (at, cause) in alarms(&trace.scores, self.rule).into_iter().filter(|(at, _)| *at >= FIRST) {
                self.alarms += 1;
                let mut right = false;
                for (slot, anomaly) in first.iter_mut().zip(&run.planted) {
                    let during = point(anomaly.from) <= at && at < point(anomaly.to) + AFTERMATH;
                    if during && related(key, anomaly, run) {
                        right = true;
                        *slot = Some(slot.map_or(at, |before| before.min(at)));
                    }
                }
                self.right += usize::from(right);
                if verbose && !right {
                    let place = format!("{} {}", key.scope.as_str(), key.entity);
                    let (day, hour) = (at / DAY, at % DAY / 12);
                    println!("false: seed {} day {day} hour {hour} {place} {} {cause}", run.seed, signal_label(key));
                }
            }
        }
        for (anomaly, at) in run.planted.iter().zip(first) {
            let of = self.kinds.iter_mut().find(|(kind, _)| *kind == anomaly.kind).map(|(_, of)| of).unwrap();
            of.planted += 1;
            // Without an effect there is nothing to find.
            let Some(effect) = effect(anomaly, run) else {
                of.planted -= 1;
                continue;
            };
            if verbose && at.is_none_or(|at| at > effect + IN_TIME) {
                let late = at.map(|at| (at - effect) * 5);
                let (day, minutes) = (effect / DAY, (effect - point(anomaly.from)) * 5);
                println!(
                    "missed: seed {} {:?} on row {} day {day}, effect after {minutes} minutes, found after {late:?} of effect",
                    run.seed, anomaly.kind, anomaly.target
                );
            }
            if let Some(at) = at {
                of.found += 1;
                of.in_time += usize::from(at <= effect + IN_TIME);
                of.delays.push((at as i64 - effect as i64) * 5);
            }
        }
    }

    /// Recall and delay of each kind.
    pub fn by_kind(&self) -> String {
        let mut text =
            String::from("kind             planted  found  in 30 min  median delay  90 % within (minutes of effect)\n");
        for (kind, of) in &self.kinds {
            let mut delays = of.delays.clone();
            delays.sort_unstable();
            let quantile = |q: f64| delays.get(((delays.len().max(1) - 1) as f64 * q) as usize).copied().unwrap_or(-1);
            let _ = writeln!(
                text,
                "{:<16} {:>7}  {:>5}  {:>9}  {:>12}  {:>11}",
                format!("{kind:?}"),
                of.planted,
                of.found,
                of.in_time,
                quantile(0.5),
                quantile(0.9)
            );
        }
        text
    }
}

/// What the columns of a tally are.
pub const HEADER: &str =
    "score  readings  alarms  true  precision  false/100 series and week  recall  in 30 min of effect";

impl Tally {
    fn sum(&self, of: fn(&OfKind) -> usize) -> f64 {
        self.kinds.iter().map(|(_, kind)| of(kind)).sum::<usize>() as f64
    }

    /// Share of what was planted, and had an effect, that was found.
    pub fn recall(&self) -> f64 {
        self.sum(|of| of.found) / self.sum(|of| of.planted)
    }

    /// Share of what was planted, and had an effect, that was found within half an hour of it.
    pub fn in_time(&self) -> f64 {
        self.sum(|of| of.in_time) / self.sum(|of| of.planted)
    }

    /// False alarms per 100 series and week.
    pub fn false_alarms(&self) -> f64 {
        100.0 * (self.alarms - self.right) as f64 / self.weeks
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>5}  {:>8}  {:>6}  {:>4}  {:>9.2}  {:>25.2}  {:>6.2}  {:>19.2}",
            self.rule.above,
            self.rule.readings,
            self.alarms,
            self.right,
            self.right as f64 / self.alarms.max(1) as f64,
            self.false_alarms(),
            self.recall(),
            self.in_time()
        )
    }
}

/// Alarms on the hosts of the weekly batch while it runs, by its number (the second is the first that counts).
pub fn batch_alarms(runs: &[Run], rule: Rule) -> [usize; 4] {
    let mut found = [0; 4];
    for run in runs {
        for (key, trace) in &run.series {
            if key.scope != Scope::Hypervisor || !host_row(&key.entity).is_some_and(batch) {
                continue;
            }
            for (at, _) in alarms(&trace.scores, rule) {
                let hour = at % (7 * DAY) / 12;
                if (6 * 24 + 2..6 * 24 + 6).contains(&hour) {
                    found[at / (7 * DAY)] += 1;
                }
            }
        }
    }
    found
}
