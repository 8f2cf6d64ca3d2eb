//! Series that something is told of: found, filtered, named.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::Now;
use super::asked::{Asked, BASIS, CLOUD, ENTITY, Parameter, REGION, RESOURCE, SCOPE, SIGNAL};
use super::problem::Problem;
use crate::model::anomaly::signal_label;
use crate::model::clock::Timestamp;
use crate::model::metric::Unit;
use crate::model::prediction::{Prediction, Predictions};
use crate::model::signal::{Basis, SeriesKey};
use crate::model::snapshot::Snapshot;

/// What a row is about.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Labels<'a> {
    /// Cloud; null for the host that stackcast runs on.
    cloud: Option<&'a str>,
    /// Region of the cloud.
    region: Option<&'a str>,
    /// What kind of thing: cloud, az, aggregate, hypervisor, project, pool, network, host, custom.
    scope: &'static str,
    /// Its name.
    entity: &'a str,
    /// Resource; null where the signal has none.
    resource: Option<&'a str>,
    /// allocation (given away) or demand (really used); null where the signal knows no difference.
    basis: Option<&'static str>,
    /// Name of the signal.
    signal: &'a str,
}

impl<'a> Labels<'a> {
    pub(super) fn of(key: &'a SeriesKey) -> Self {
        Self {
            cloud: key.origin.cloud.as_deref(),
            region: key.origin.region.as_deref(),
            scope: key.scope.as_str(),
            entity: &key.entity,
            resource: resource(key),
            basis: key.basis.map(Basis::as_str),
            signal: &key.signal,
        }
    }
}

fn resource(key: &SeriesKey) -> Option<&str> {
    Some(&*key.resource).filter(|resource| !resource.is_empty())
}

/// Reads one name off a series.
type Name = fn(&SeriesKey) -> Option<&str>;

/// A series with what is said of it.
pub(super) type Told<'a> = (&'a Arc<SeriesKey>, &'a Prediction);

/// The forecasts of every region and of the host.
pub(super) struct Known(Vec<Arc<Predictions>>);

impl Known {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        Self(snapshot.parts().filter_map(|part| part.tables.get::<Predictions>()).collect())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Told<'_>> {
        self.0.iter().flat_map(|table| &table.0).map(|(key, prediction)| (key, &**prediction))
    }

    /// What is said of one series.
    pub(super) fn find(&self, key: &SeriesKey) -> Option<&Prediction> {
        self.0.iter().find_map(|table| table.0.get(key)).map(|found| &**found)
    }

    /// The series asked for, as [`select`] tells them.
    pub(super) fn select(&self, asked: &Asked) -> Result<Vec<Told<'_>>, Problem> {
        select(self.all().collect(), |(key, _)| key, asked)
    }
}

const NAMES: [(Parameter, Name); 5] = [
    (CLOUD, |key| key.origin.cloud.as_deref()),
    (REGION, |key| key.origin.region.as_deref()),
    (ENTITY, |key| Some(&key.entity)),
    (RESOURCE, resource),
    (SIGNAL, |key| Some(&key.signal)),
];

/// Whether a series is asked for. A signal may be called as in the gauges of anomalies, too: with resource and basis.
pub(super) fn wants(asked: &Asked, key: &SeriesKey) -> bool {
    let named = |(parameter, name): &(Parameter, Name)| {
        asked.text(parameter).is_none_or(|wanted| {
            name(key) == Some(wanted) || parameter.name == SIGNAL.name && signal_label(key) == wanted
        })
    };
    NAMES.iter().all(named)
        && asked.text(&SCOPE).is_none_or(|scope| key.scope.as_str() == scope)
        && asked.text(&BASIS).is_none_or(|basis| key.basis.map(Basis::as_str) == Some(basis))
}

/// Of rows about series, those asked for. A name that no series has is a problem; names that no series has together, an
/// empty list.
pub(super) fn select<'a, T>(
    mut rows: Vec<T>,
    key: impl Fn(&T) -> &'a SeriesKey,
    asked: &Asked,
) -> Result<Vec<T>, Problem> {
    if !rows.iter().any(|row| wants(asked, key(row))) {
        for (parameter, name) in NAMES {
            let Some(value) = asked.text(&parameter) else { continue };
            let known: BTreeSet<&str> = rows.iter().filter_map(|row| name(key(row))).collect();
            let label = || parameter.name == SIGNAL.name && rows.iter().any(|row| signal_label(key(row)) == value);
            // Before there is anything, nothing can be told from a slip of the pen.
            if !known.is_empty() && !known.contains(value) && !label() {
                return Err(Problem::unknown(parameter.name, value).allowing(known));
            }
        }
    }
    rows.retain(|row| wants(asked, key(row)));
    Ok(rows)
}

/// The time of the oldest last value that forecasts rest on.
pub(super) fn oldest<'a>(told: impl IntoIterator<Item = &'a Told<'a>>) -> Option<Timestamp> {
    told.into_iter().map(|(_, prediction)| prediction.trained).min().map(Timestamp::from_seconds)
}

/// Whether anything of this may be acted upon.
pub(super) fn any_ready(now: &Now, told: &[Told<'_>]) -> bool {
    now.status.ready.is_ok() && told.iter().any(|(_, prediction)| prediction.ready)
}

/// The unit of a signal's values; none for a signal that is not known any more.
pub(super) fn unit(now: &Now, signal: &str) -> Option<&'static str> {
    Some(match now.signal(signal)?.unit {
        Unit::Bytes => "bytes",
        Unit::Mebibytes => "mebibytes",
        Unit::Gibibytes => "gibibytes",
        Unit::Seconds => "seconds",
        Unit::Timestamp => "seconds since 1970",
        Unit::Ratio => "ratio",
        Unit::Count | Unit::Info | Unit::State | Unit::Bool | Unit::None => "count",
    })
}
