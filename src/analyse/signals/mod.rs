//! Signals: which figures are followed over time, and their readings of this moment.
//!
//! A source reads one kind of fact from the snapshot; what it finds becomes gauges at once, and a [`Tick`] for history
//! at every point of the grid. Adding one is a file with its `SOURCE` and one word in `sources!`. A source whose
//! collector does not run reads nothing; nothing is ever made up.

mod rates;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rates::Rates;

use super::Settings;
use super::capacity::{self, Place, Sightings};
use crate::model::clock::Timestamp;
use crate::model::part::{Origin, PartBuilder, PartKey};
use crate::model::signal::{Basis, Scope, SeriesKey, Signal, Tick};
use crate::model::snapshot::Snapshot;

crate::metrics! {
    /// The present value of a signal without a ceiling, as it is kept, forecast and watched.
    VALUE = gauge "stackcast_signal_value" [scope entity signal], None, "see docs/capacity.md";
    /// A signal that is followed, its unit and which way it gets worse (up, down, both), always 1; to join on.
    INFO = gauge "stackcast_signal_info" [signal unit direction], Info, "built in, or configuration signals";
}

/// Groups of the gauges.
const CAPACITY: &str = "analysis.capacity";
const VALUES: &str = "analysis.signals";

/// One kind of fact.
struct Source {
    /// The collector whose facts it reads.
    collector: &'static str,
    /// The signals that it gives.
    signals: &'static [&'static Signal],
    /// Reads a region of a cloud, or this host.
    read: fn(&mut Reader<'_>),
}

/// A signal without a ceiling, published as [`VALUE`] and thus found by its name.
macro_rules! value_signal {
    ($name:literal, $help:literal, $unit:ident, $direction:ident) => {
        $crate::model::signal::Signal {
            name: ::std::borrow::Cow::Borrowed($name),
            help: ::std::borrow::Cow::Borrowed($help),
            unit: $crate::model::metric::Unit::$unit,
            min: Some(0.0),
            max: None,
            ceiling: None,
            counter: false,
            season: None,
            direction: $crate::model::signal::Direction::$direction,
            query: $crate::model::signal::Query {
                expression: ::std::borrow::Cow::Borrowed(concat!("stackcast_signal_value{signal=\"", $name, "\"}")),
                scope: None,
                entity_label: ::std::borrow::Cow::Borrowed("entity"),
                resource: None,
                basis: None,
            },
        }
    };
}

/// Declares the registry of sources.
macro_rules! sources {
    ($($source:ident),+ $(,)?) => {
        $(mod $source;)+
        static SOURCES: &[Source] = &[$($source::SOURCE),+];
    };
}

sources![compute, instances, services, agents, pools, volumes, addresses, balancers, quotas, apis, host];

/// Every built-in signal, each once.
pub fn built_in() -> Vec<&'static Signal> {
    let mut seen = BTreeSet::new();
    SOURCES.iter().flat_map(|source| source.signals).copied().filter(|signal| seen.insert(&signal.name)).collect()
}

/// Collectors that signals read, with those signals' names.
pub fn sources() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    SOURCES.iter().map(|source| (source.collector, source.signals.iter().map(|signal| &*signal.name).collect()))
}

/// What a source reads from, and where it puts what it found.
struct Reader<'a> {
    snapshot: &'a Snapshot,
    origin: &'a Origin,
    at: Timestamp,
    settings: &'a Settings,
    rates: &'a mut Rates,
    followed: &'a mut quotas::Followed,
    sightings: &'a mut Sightings,
    capacity: PartBuilder,
    values: PartBuilder,
    readings: Vec<(Arc<SeriesKey>, f64)>,
}

impl Reader<'_> {
    /// The region as a whole.
    fn whole(&self) -> Place {
        Place { scope: Scope::Cloud, entity: self.origin.cloud.clone().unwrap_or_default() }
    }

    /// A utilisation: a gauge of its own family, and a reading.
    fn utilization(&mut self, place: &Place, resource: &str, basis: Basis, ratio: f64) {
        capacity::put_utilization(&mut self.capacity, place, resource, basis, ratio);
        self.read(&compute::UTILIZATION, place, resource, Some(basis), ratio);
    }

    /// Any other value.
    fn value(&mut self, signal: &Signal, place: &Place, value: f64) {
        self.values.put(&VALUE, [place.scope.as_str(), &place.entity, &signal.name], value);
        self.read(signal, place, "", None, value);
    }

    fn read(&mut self, signal: &Signal, place: &Place, resource: &str, basis: Option<Basis>, value: f64) {
        if !value.is_finite() {
            return;
        }
        let key = SeriesKey {
            signal: Arc::from(&*signal.name),
            origin: self.origin.clone(),
            scope: place.scope,
            entity: Arc::clone(&place.entity),
            resource: Arc::from(resource),
            basis,
        };
        self.readings.push((Arc::new(key), value));
    }
}

/// What is so now.
#[derive(Debug)]
pub struct Observation {
    /// Readings of every signal.
    pub tick: Tick,
    /// The same and more as gauges, by slot.
    pub parts: BTreeMap<PartKey, PartBuilder>,
}

impl Observation {
    /// Adds readings of a signal that is read elsewhere. Where a built-in one tells the same utilisation, that stays.
    pub fn take_in(&mut self, signal: &Signal, readings: Vec<(Arc<SeriesKey>, f64)>) {
        let place =
            |key: &SeriesKey| (key.origin.clone(), key.scope, Arc::clone(&key.entity), Arc::clone(&key.resource));
        let utilizations = self.tick.readings.iter().filter_map(|(key, _)| Some((place(key), key.basis?)));
        let known: BTreeSet<_> = utilizations.collect();
        for (key, value) in readings {
            if key.basis.is_some_and(|basis| known.contains(&(place(&key), basis))) {
                continue;
            }
            let about = Place { scope: key.scope, entity: Arc::clone(&key.entity) };
            match key.basis {
                Some(basis) => {
                    let part = self.part(CAPACITY, &key.origin);
                    capacity::put_utilization(part, &about, &key.resource, basis, value);
                }
                None => {
                    let labels = [about.scope.as_str(), &about.entity, &signal.name];
                    self.part(VALUES, &key.origin).put(&VALUE, labels, value);
                }
            }
            self.tick.readings.push((key, value));
        }
    }

    /// The part of a group and region, made where there is none yet.
    fn part(&mut self, group: &'static str, origin: &Origin) -> &mut PartBuilder {
        let key = PartKey { group, origin: origin.clone(), source: group.into() };
        self.parts.entry(key).or_default()
    }
}

/// What signals are, for people and rules.
pub fn describe<'a>(part: &mut PartBuilder, signals: impl IntoIterator<Item = &'a Signal>) {
    for signal in signals {
        let unit = format!("{:?}", signal.unit).to_lowercase();
        part.put(&INFO, [&signal.name, &unit, signal.direction.as_str()], 1.0);
    }
}

/// Reads all signals; remembers counters, whose rates need two looks, which projects are followed, and which regions have
/// hypervisors.
#[derive(Debug, Default)]
pub struct Observer {
    rates: Rates,
    followed: quotas::Followed,
    sightings: Sightings,
}

impl Observer {
    /// Whether a signal of this name is read here, so that no other one may have it.
    pub fn reads(name: &str) -> bool {
        built_in().iter().any(|signal| signal.name == name)
    }

    /// Reads every signal of every region in the snapshot, and of this host.
    pub fn observe(&mut self, snapshot: &Snapshot, settings: &Settings, at: Timestamp) -> Observation {
        let origins: BTreeSet<&Origin> = snapshot.parts().map(|part| &part.key.origin).collect();
        let mut observation = Observation { tick: Tick { at, readings: Vec::new() }, parts: BTreeMap::new() };
        for origin in origins {
            let mut reader = Reader {
                snapshot,
                origin,
                at,
                settings,
                rates: &mut self.rates,
                followed: &mut self.followed,
                sightings: &mut self.sightings,
                capacity: PartBuilder::new(),
                values: PartBuilder::new(),
                readings: Vec::new(),
            };
            for source in SOURCES {
                (source.read)(&mut reader);
            }
            observation.tick.readings.append(&mut reader.readings);
            for (group, part) in [(CAPACITY, reader.capacity), (VALUES, reader.values)] {
                let key = PartKey { group, origin: origin.clone(), source: group.into() };
                observation.parts.insert(key, part);
            }
        }
        self.rates.forget_before(at);
        observation
    }
}

#[cfg(test)]
mod tests;
