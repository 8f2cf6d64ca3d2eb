//! Quotas of the projects that use most of theirs.
//!
//! A cloud has thousands of projects, and most are far from any limit: the top are followed, and stay for a while when
//! others pass them, so that a series does not come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::compute::UTILIZATION;
use super::{Reader, Source};
use crate::analyse::capacity::Place;
use crate::analyse::projects::resource;
use crate::model::id::Id;
use crate::model::inventory::quota::ServiceQuotas;
use crate::model::part::Origin;
use crate::model::signal::{Basis, Scope};

/// Quotas of other services are read with these, where they are there.
pub(super) const SOURCE: Source = Source { collector: "compute.quotas", signals: &[&UTILIZATION], read };

/// A project is followed from this rank on, and until it has fallen behind that one.
const RANK_IN: usize = 50;
const RANK_OUT: usize = 75;
/// From this use of a quota on, a project is followed whatever its rank; it has to fall below the second again.
const FULL_IN: f64 = 0.9;
const FULL_OUT: f64 = 0.85;

/// Projects that are followed, by region.
#[derive(Debug, Default)]
pub(super) struct Followed(BTreeMap<Origin, BTreeSet<Id>>);

impl Followed {
    /// Which of the projects, with the use of their fullest quota, are followed now.
    fn choose(&mut self, origin: &Origin, fullest: &BTreeMap<Id, f64>) -> &BTreeSet<Id> {
        let mut order: Vec<(&Id, f64)> = fullest.iter().map(|(id, ratio)| (id, *ratio)).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let followed = self.0.entry(origin.clone()).or_default();
        let stays = |(rank, (id, ratio)): (usize, (&Id, f64))| {
            let (least, ratio_least) = if followed.contains(id) { (RANK_OUT, FULL_OUT) } else { (RANK_IN, FULL_IN) };
            (rank < least || ratio >= ratio_least).then(|| id.clone())
        };
        let chosen: BTreeSet<Id> = order.into_iter().enumerate().filter_map(stays).collect();
        *followed = chosen;
        followed
    }
}

fn read(reader: &mut Reader<'_>) {
    let tables: Vec<Arc<ServiceQuotas>> = reader.snapshot.tables(reader.origin).collect();
    let mut used: BTreeMap<Id, Vec<(&'static str, f64)>> = BTreeMap::new();
    for table in &tables {
        for (id, project) in &table.projects {
            for (word, quota) in &project.resources {
                // 0 forbids, and -1 is without limit: neither can be used up.
                if let Some((name, _)) = resource(table.service, word).filter(|_| quota.limit > 0) {
                    let ratio = (quota.in_use + quota.reserved) as f64 / quota.limit as f64;
                    used.entry(id.clone()).or_default().push((name, ratio));
                }
            }
        }
    }
    if used.is_empty() {
        return;
    }
    let fullest = |ratios: &Vec<(&str, f64)>| ratios.iter().map(|(_, ratio)| *ratio).fold(0.0, f64::max);
    let fullest: BTreeMap<Id, f64> = used.iter().map(|(id, ratios)| (id.clone(), fullest(ratios))).collect();
    let chosen = reader.followed.choose(reader.origin, &fullest).clone();
    for (id, ratios) in used.into_iter().filter(|(id, _)| chosen.contains(id)) {
        let place = Place { scope: Scope::Project, entity: Arc::from(id.to_string()) };
        for (resource, ratio) in ratios {
            reader.utilization(&place, resource, Basis::Allocation, ratio);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_comes_at_50_and_goes_at_75_unless_it_is_nearly_full() {
        let origin = Origin::new("c", "r");
        let id = |number: usize| Id::new(&format!("p{number:03}"));
        // Project 0 uses most.
        let mut fullest: BTreeMap<Id, f64> = (0..200).map(|n| (id(n), 0.8 - n as f64 / 1000.0)).collect();
        let mut followed = Followed::default();
        assert_eq!(followed.choose(&origin, &fullest).len(), 50);
        fullest.insert(id(49), 0.8 - 0.0705);
        assert!(followed.choose(&origin, &fullest).contains(&id(49)), "rank 70");
        assert!(!followed.choose(&origin, &fullest).contains(&id(51)));
        fullest.insert(id(49), 0.1);
        fullest.insert(id(150), 0.95);
        let chosen = followed.choose(&origin, &fullest);
        assert!(!chosen.contains(&id(49)) && chosen.contains(&id(150)));
        let all: BTreeMap<Id, f64> = (0..200).map(|n| (id(n), 0.95)).collect();
        assert_eq!(followed.choose(&origin, &all).len(), 200, "all above 90 % are in");
    }
}
