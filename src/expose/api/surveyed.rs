//! What was surveyed of every region: tables of one kind, of the regions asked for.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::Now;
use super::asked::{Asked, CLOUD, Parameter, REGION};
use super::problem::Problem;
use crate::model::clock::Timestamp;
use crate::model::headroom::FactsAt;
use crate::model::part::Origin;

/// Tables by region.
pub(super) struct Surveyed<T> {
    regions: Vec<(Origin, Arc<T>)>,
    /// When the oldest facts behind them were collected.
    pub(super) oldest: Option<Timestamp>,
}

impl<T: Any + Send + Sync> Surveyed<T> {
    /// Those asked for; a cloud or region that is not there is a problem, unless nothing is there yet.
    pub(super) fn of(now: &Now, asked: &Asked) -> Result<Self, Problem> {
        let parts = now.snapshot.parts();
        let all =
            parts.filter_map(|part| Some((&part.key.origin, part.tables.get::<T>()?, part.tables.get::<FactsAt>())));
        let all: Vec<_> = all.collect();
        let named = |of: fn(&Origin) -> Option<&str>| all.iter().filter_map(move |(origin, ..)| of(origin));
        let (clouds, regions) = (named(|origin| origin.cloud.as_deref()), named(|origin| origin.region.as_deref()));
        known(asked, &CLOUD, clouds)?;
        known(asked, &REGION, regions)?;
        let wanted = |name: Option<&str>, parameter| asked.text(parameter).is_none_or(|wanted| name == Some(wanted));
        let mut surveyed = Self { regions: Vec::new(), oldest: None };
        for (origin, table, at) in &all {
            if wanted(origin.cloud.as_deref(), &CLOUD) && wanted(origin.region.as_deref(), &REGION) {
                let at = at.as_ref().map(|facts| facts.0);
                surveyed.oldest = surveyed.oldest.into_iter().chain(at).min();
                surveyed.regions.push(((*origin).clone(), Arc::clone(table)));
            }
        }
        Ok(surveyed)
    }

    /// Rows of all tables, each with its region.
    pub(super) fn rows<'a, R: 'a>(&'a self, of: fn(&'a T) -> &'a [R]) -> impl Iterator<Item = (&'a Origin, &'a R)> {
        self.iter().flat_map(move |(origin, table)| of(table).iter().map(move |row| (origin, row)))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Origin, &T)> {
        self.regions.iter().map(|(origin, table)| (origin, &**table))
    }

    /// Whether this may be acted upon.
    pub(super) fn ready(&self, now: &Now) -> bool {
        now.status.ready.is_ok() && !self.regions.is_empty()
    }
}

/// Where a row is from.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct Whence<'a> {
    cloud: Option<&'a str>,
    region: Option<&'a str>,
}

impl<'a> From<&'a Origin> for Whence<'a> {
    fn from(origin: &'a Origin) -> Self {
        Self { cloud: origin.cloud.as_deref(), region: origin.region.as_deref() }
    }
}

/// Whether a row of this name is asked for.
pub(super) fn wants(asked: &Asked, parameter: &Parameter, name: &str) -> bool {
    asked.text(parameter).is_none_or(|wanted| wanted == name)
}

/// A name that is asked for has to be one of these; while there are none, nothing can be told from a slip of the pen.
pub(super) fn known<'a>(
    asked: &Asked,
    parameter: &Parameter,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), Problem> {
    let Some(wanted) = asked.text(parameter) else { return Ok(()) };
    let names: BTreeSet<&str> = names.collect();
    if names.is_empty() || names.contains(wanted) {
        return Ok(());
    }
    Err(Problem::unknown(parameter.name, wanted).allowing(names))
}
