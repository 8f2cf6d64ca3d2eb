//! What is kept over a restart: an entry per series, and one for what all share.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::groups::Kinds;
use super::onsets::{Onset, Onsets};
use super::watched::Watched;
use super::Watch;
use crate::model::part::Origin;
use crate::model::signal::{Basis, Scope, SeriesKey};

/// Key of what all series share; no series is called so.
const SHARED: &str = "shared";

/// A series as text: signal, cloud, region, scope, entity, resource, basis.
type Name = (String, Option<String>, Option<String>, String, String, String, Option<String>);

/// What all series share.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Shared {
    last: Option<i64>,
    kinds_day: i64,
    kinds: Vec<(Option<String>, Option<String>, String, usize)>,
    onsets: Vec<(Name, i64, Option<i64>, f64)>,
}

impl Watch {
    /// All that was learned, by key; `share` of `shares` of the series, so that saving can be spread.
    pub fn save(&self, share: usize, shares: usize) -> Vec<(String, Vec<u8>)> {
        let of_share = self.series.iter().enumerate().filter(|(at, _)| at % shares.max(1) == share);
        let entry = |(_, (key, watched)): (usize, (&Arc<SeriesKey>, &Watched))| Some((text(key)?, watched.save()));
        let mut entries: Vec<(String, Vec<u8>)> = of_share.filter_map(entry).collect();
        entries.extend(self.shared().map(|bytes| (SHARED.to_owned(), bytes)));
        entries
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
            let restored = serde_json::from_str(&name).ok().and_then(key).zip(Watched::restore(bytes));
            match restored {
                Some((key, watched)) => _ = self.series.insert(Arc::new(key), watched),
                None => unread += 1,
            }
        }
        // What was saved in shares may hold what is long gone.
        let last = self.last;
        self.series.retain(|_, watched| !watched.gone(last));
        unread
    }

    fn shared(&self) -> Option<Vec<u8>> {
        let kinds = self.kinds.of.iter().map(|((origin, host), kind)| {
            (origin.cloud.as_deref().map(str::to_owned), origin.region.as_deref().map(str::to_owned), host.to_string(), *kind)
        });
        let onsets = self.onsets.0.iter().map(|(key, onset)| (name(key), onset.since, onset.ended, onset.peak));
        let shared = Shared {
            last: (self.last != i64::MIN).then_some(self.last),
            kinds_day: self.kinds.day,
            kinds: kinds.collect(),
            onsets: onsets.collect(),
        };
        serde_json::to_vec(&shared).ok()
    }

    fn take_shared(&mut self, shared: Shared) {
        self.last = shared.last.unwrap_or(i64::MIN);
        let kinds = shared.kinds.into_iter().map(|(cloud, region, host, kind)| {
            let origin = Origin { cloud: cloud.map(Arc::from), region: region.map(Arc::from) };
            ((origin, Arc::from(host)), kind)
        });
        self.kinds = Kinds { day: shared.kinds_day, of: kinds.collect() };
        let onsets = shared.onsets.into_iter().filter_map(|(name, since, ended, peak)| {
            Some((Arc::new(key(name)?), Onset { since, ended, peak }))
        });
        self.onsets = Onsets(onsets.collect::<BTreeMap<_, _>>());
    }
}

fn text(key: &SeriesKey) -> Option<String> {
    serde_json::to_string(&name(key)).ok()
}

fn name(key: &SeriesKey) -> Name {
    (
        key.signal.to_string(),
        key.origin.cloud.as_deref().map(str::to_owned),
        key.origin.region.as_deref().map(str::to_owned),
        key.scope.as_str().to_owned(),
        key.entity.to_string(),
        key.resource.to_string(),
        key.basis.map(|basis| basis.as_str().to_owned()),
    )
}

fn key((signal, cloud, region, scope, entity, resource, basis): Name) -> Option<SeriesKey> {
    let basis = match basis {
        Some(basis) => Some(Basis::parse(&basis)?),
        None => None,
    };
    Some(SeriesKey {
        signal: Arc::from(signal),
        origin: Origin { cloud: cloud.map(Arc::from), region: region.map(Arc::from) },
        scope: Scope::parse(&scope)?,
        entity: Arc::from(entity),
        resource: Arc::from(resource),
        basis,
    })
}
