//! Hypervisors against their group at the same instant.
//!
//! A group is what has the same zone, aggregates and CPU model; within it, where days are unlike, what has alike days
//! ([`super::clusters`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::clusters::{Profile, cluster};
use super::hosts::Hosts;
use super::verdict::Verdict;
use super::watched::Watched;
use crate::analyse::anomaly::peers;
use crate::model::anomaly::{Peer, PeerGroup, Watching, signal_label};
use crate::model::part::Origin;
use crate::model::signal::{Basis, Scope, SeriesKey};

type Series = BTreeMap<Arc<SeriesKey>, Watched>;
/// Daily profiles by host, and whether they are of what is really used.
type Days = BTreeMap<Arc<str>, (bool, Profile)>;
type Verdicts = BTreeMap<Arc<SeriesKey>, Verdict>;

/// Peers differ more from each other than a host from itself: so many times the floor of its own deviations.
const FLOOR: f64 = 2.0;
/// How much an outlier among its peers adds to what the host itself says, at most.
const WITNESS: f64 = 0.3;
const DAY: i64 = 86_400;

/// Kinds of days by host, found once a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    /// The day they were found on, counted from the epoch.
    pub(super) day: i64,
    /// Number of the kind by region and host; absent where all of a group are alike.
    pub(super) of: BTreeMap<(Origin, Arc<str>), usize>,
}

impl Kinds {
    /// Looks for kinds anew on another day.
    pub(super) fn renew(&mut self, series: &Series, hosts: &Hosts, now: i64) {
        let day = now.div_euclid(DAY);
        if day == self.day {
            return;
        }
        *self = Self { day, of: BTreeMap::new() };
        let mut groups: BTreeMap<(Origin, Arc<str>), Days> = BTreeMap::new();
        for (key, watched) in series {
            let Some(host) = hosts.of_series(key).filter(|_| &*key.resource == "vcpu") else { continue };
            let Some(profile) = watched.daily_profile() else { continue };
            let group = groups.entry((key.origin.clone(), Arc::clone(&host.group))).or_default();
            // What is really used tells more of a host's day than what was given away.
            let demand = key.basis == Some(Basis::Demand);
            if demand || !group.get(&key.entity).is_some_and(|(better, _)| *better) {
                group.insert(Arc::clone(&key.entity), (demand, profile));
            }
        }
        for ((origin, _), members) in groups {
            let profiles: Vec<Profile> = members.values().map(|(_, profile)| *profile).collect();
            let Some(labels) = cluster(&profiles) else { continue };
            let named = members.into_keys().zip(labels);
            self.of.extend(named.map(|(host, label)| ((origin.clone(), host), label)));
        }
    }
}

/// Compares all groups, tells verdicts and series of it, and answers with the groups by region.
pub(super) fn compare(
    series: &mut Series,
    verdicts: &mut Verdicts,
    hosts: &Hosts,
    kinds: &Kinds,
    floor: impl Fn(&SeriesKey) -> f64,
    now: i64,
) -> BTreeMap<Origin, Vec<PeerGroup>> {
    let mut members: BTreeMap<(Origin, Arc<str>, String), Vec<Arc<SeriesKey>>> = BTreeMap::new();
    for (key, verdict) in verdicts.iter() {
        let Some(host) = hosts.of_series(key) else { continue };
        if key.scope != Scope::Hypervisor || verdict.value.is_none() || verdict.state == Watching::Silent {
            continue;
        }
        let group = match kinds.of.get(&(key.origin.clone(), Arc::clone(&key.entity))) {
            Some(kind) => Arc::from(format!("{}#{}", host.group, kind + 1)),
            None => Arc::clone(&host.group),
        };
        members.entry((key.origin.clone(), group, signal_label(key))).or_default().push(Arc::clone(key));
    }
    let mut found: BTreeMap<Origin, Vec<PeerGroup>> = BTreeMap::new();
    for ((origin, group, signal), keys) in members {
        let values: Vec<f64> =
            keys.iter().map(|key| verdicts.get(key).and_then(|v| v.value).unwrap_or(f64::NAN)).collect();
        let least = keys.first().map_or(0.0, |key| floor(key));
        let Some(compared) = peers::compare(&values, FLOOR * least) else { continue };
        let mut list = Vec::with_capacity(keys.len());
        for ((key, value), score) in keys.iter().zip(&values).zip(&compared.scores) {
            let (Some(score), Some(verdict), Some(watched)) = (*score, verdicts.get_mut(key), series.get_mut(key))
            else {
                continue;
            };
            watched.among_peers(score > 1.0, now);
            verdict.group = Some(Arc::clone(&group));
            verdict.peer_score = Some(score);
            verdict.unlike_since = watched.unlike_since();
            verdict.score *= 1.0 + WITNESS * (score - 1.0).clamp(0.0, 1.0);
            list.push(Peer { entity: Arc::clone(&key.entity), value: *value, score });
        }
        list.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.entry(origin).or_default().push(PeerGroup { group, signal, median: compared.median, members: list });
    }
    found
}
