//! Puts before and after side by side: every place, flavor and zone that either of the two has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::State;
use super::dates::{Shift, Told};
use crate::analyse::capacity::{Figure, Figures, Place, Resource};
use crate::model::clock::Timestamp;
use crate::model::headroom::{Headroom, Resilience, Stop};
use crate::model::part::Origin;
use crate::model::prediction::{Prediction, Predictions};
use crate::model::signal::{Basis, Scope, SeriesKey};
use crate::model::what_if::{Amounts, Fits, LimitChange, Outcome, PlaceChange, RoomChange, SurvivalChange, Survives};

/// The signal whose forecasts are asked.
const SIGNAL: &str = "utilization";

/// What is known of the future of a region.
pub(super) struct Foresight<'a> {
    pub(super) origin: &'a Origin,
    /// None while nothing is forecast.
    pub(super) predictions: Option<Arc<Predictions>>,
    pub(super) now: Timestamp,
}

impl Foresight<'_> {
    /// The forecast of a place's allocation, if it may be acted upon.
    fn forecast(&self, (place, resource): &(Place, Resource)) -> Option<&Prediction> {
        let key = SeriesKey {
            signal: Arc::from(SIGNAL),
            origin: self.origin.clone(),
            scope: place.scope,
            entity: Arc::clone(&place.entity),
            resource: Arc::from(resource.as_str()),
            basis: Some(Basis::Allocation),
        };
        self.predictions.as_ref()?.0.get(&key).map(|known| &**known).filter(|known| known.ready)
    }
}

/// Fills the rows of an outcome.
pub(super) fn tell(outcome: &mut Outcome, before: &State, after: &State, foresight: &Foresight<'_>) {
    let keys: BTreeSet<&(Place, Resource)> =
        before.figures.amounts.keys().chain(after.figures.amounts.keys()).collect();
    let told = keys.into_iter().filter(|(place, _)| place.scope != Scope::Hypervisor);
    let mut limits: BTreeMap<&Place, [Limit<'_>; 2]> = BTreeMap::new();
    for key in told {
        let of = |figures: &Figures| figures.amounts.get(key).copied().unwrap_or_default();
        let shift = Shift {
            before: of(&before.figures),
            after: of(&after.figures),
            now: foresight.now,
            at: outcome.at.map(|at| at.0),
        };
        let told = foresight.forecast(key).map(|known| shift.tell(known)).unwrap_or_default();
        let [first, second] = limits.entry(&key.0).or_default();
        first.take(key.1.as_str(), shift.before, told.mid[0]);
        second.take(key.1.as_str(), shift.after, told.mid[1]);
        outcome.places.push(place(key, &shift, told));
    }
    outcome.limits = limits
        .into_iter()
        .map(|(place, limits)| {
            let [before, after] = limits.map(|limit| limit.resource.map(str::to_owned));
            LimitChange { scope: place.scope, entity: place.entity.to_string(), before, after }
        })
        .collect();
    outcome.headroom = rooms(&before.headroom, &after.headroom);
    outcome.resilience = survivals(before.resilience.as_ref(), after.resilience.as_ref());
}

fn place((place, resource): &(Place, Resource), shift: &Shift, told: Told) -> PlaceChange {
    PlaceChange {
        scope: place.scope,
        entity: place.entity.to_string(),
        resource: resource.as_str().to_owned(),
        before: amounts(shift.before),
        after: amounts(shift.after),
        full_before: told.full_before,
        full_after: told.full_after,
        short_from: told.short_from,
        forecast_before: told.forecast_before,
        forecast_after: told.forecast_after,
    }
}

fn amounts(figure: Figure) -> Amounts {
    Amounts { usable: figure.usable, used: figure.used, free: figure.free(), utilization_ratio: figure.utilization() }
}

/// What a place runs out of first, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
struct Limit<'a> {
    resource: Option<&'a str>,
    /// When, in seconds since the epoch, and how full it is.
    rank: (f64, f64),
}

impl<'a> Limit<'a> {
    /// The soonest date counts; of equal ones, and without any, the fullest.
    fn take(&mut self, resource: &'a str, figure: Figure, full_at: Option<f64>) {
        // What is wanted where nothing is usable is short at once.
        let utilization = figure.utilization().unwrap_or(if figure.used > 0.0 { f64::INFINITY } else { 0.0 });
        let rank = (full_at.unwrap_or(f64::INFINITY), utilization);
        let (date, fullness) = self.rank;
        let first = rank.0 < date || (rank.0 == date && utilization > fullness);
        if utilization > 0.0 && (self.resource.is_none() || first) {
            *self = Self { resource: Some(resource), rank };
        }
    }
}

/// Instances by flavor and zone.
fn rooms(before: &Headroom, after: &Headroom) -> Vec<RoomChange> {
    let (before, after) = (fits(before), fits(after));
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let none = || Fits { instances: 0, limited_by: Stop::Unavailable.resource().to_owned(), exact: true };
    let of = |rooms: &BTreeMap<(Arc<str>, Arc<str>), Fits>, key| rooms.get(key).cloned().unwrap_or_else(none);
    let rows = keys.into_iter().map(|key| RoomChange {
        flavor: key.0.to_string(),
        az: key.1.to_string(),
        before: of(&before, key),
        after: of(&after, key),
    });
    rows.collect()
}

fn fits(headroom: &Headroom) -> BTreeMap<(Arc<str>, Arc<str>), Fits> {
    let mut fits = BTreeMap::new();
    for flavor in &headroom.flavors {
        for (zone, room) in headroom.zones.iter().zip(&flavor.local.zones) {
            let limited_by = headroom.stops.get(usize::from(room.stop)).map_or("", Stop::resource).to_owned();
            let told = Fits { instances: room.instances, limited_by, exact: !room.upper_bound };
            fits.insert((Arc::clone(&flavor.name), Arc::clone(zone)), told);
        }
    }
    fits
}

fn survivals(before: Option<&Resilience>, after: Option<&Resilience>) -> Vec<SurvivalChange> {
    let by_place = |resilience: Option<&Resilience>| -> BTreeMap<(Scope, Arc<str>), Survives> {
        let rows = resilience.into_iter().flat_map(|table| &table.rows);
        let told = rows.map(|row| {
            let survives = Survives { hosts: row.hosts, evacuation_hosts: row.evacuation_hosts };
            ((row.scope, Arc::clone(&row.entity)), survives)
        });
        told.collect()
    };
    let (before, after) = (by_place(before), by_place(after));
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let rows = keys.into_iter().map(|key| SurvivalChange {
        scope: key.0,
        entity: key.1.to_string(),
        before: before.get(key).copied(),
        after: after.get(key).copied(),
    });
    rows.collect()
}
