//! What still fits: how many more instances of each flavor, and what of the free capacity no instance can use; what
//! survives when hosts fail, and what projects were promised.
//!
//! ```text
//! providers, hypervisors, aggregates ─► Ground ─┬─► count       headroom per flavor, zone and host
//! flavors ─► Demand ────────────────────────────┤
//! servers ─► Load (which demands run where) ────┼─► stranded    what the mix of flavors leaves over
//!                                               └─► evacuation  how many hosts may fail
//! quotas, projects, figures of capacity ────────────► commitments
//! ```
//! Computed offline from what the collectors have: Placement is never asked per flavor. The rules are Placement's own;
//! where Nova's filters decide later (NUMA, huge pages, PCI devices), the figure is an upper bound and says so.
//! Neither buffer nor failure reserve is taken off: headroom is what the scheduler would do now.

mod aggregates;
mod commitments;
mod count;
mod cpus;
mod demand;
mod efficiency;
mod emit;
mod evacuation;
mod facts;
mod fit;
mod ground;
mod load;
mod names;
mod packing;
mod search;
mod stranded;
#[cfg(test)]
mod tests;
mod what_if;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use what_if::what_if;

use facts::Facts;
use ground::Ground;
use load::Load;

use super::capacity;
use crate::model::headroom::{Commitments, FactsAt, Headroom, Resilience, Stranded};
use crate::model::metric::Descriptor;
use crate::model::part::{Origin, PartBuilder};
use crate::model::signal::SeriesKey;
use crate::model::snapshot::Snapshot;

/// The families of this folder.
pub(super) static METRICS: &[&Descriptor] = emit::METRICS;

/// What was found out of a region.
#[derive(Clone, Debug, Default)]
struct Findings {
    headroom: Arc<Headroom>,
    stranded: Option<Arc<Stranded>>,
    resilience: Option<Arc<Resilience>>,
    commitments: Option<Arc<Commitments>>,
}

/// Finds all of it, and does so anew only for regions whose facts have changed.
#[derive(Debug, Default)]
pub struct Surveyor(BTreeMap<Origin, (Facts, Findings)>);

impl Surveyor {
    /// Gauges and tables of every region; empty where providers, hypervisors or flavors are not known.
    pub fn survey(
        &mut self,
        snapshot: &Snapshot,
        readings: &[(Arc<SeriesKey>, f64)],
        settings: &capacity::Settings,
    ) -> Vec<(Origin, PartBuilder)> {
        let origins = snapshot.parts().map(|part| &part.key.origin).filter(|origin| origin.cloud.is_some());
        let origins: BTreeSet<&Origin> = origins.collect();
        self.0.retain(|origin, _| origins.contains(origin));
        let parts =
            origins.into_iter().map(|origin| (origin.clone(), self.region(snapshot, origin, readings, settings)));
        parts.collect()
    }

    fn region(
        &mut self,
        snapshot: &Snapshot,
        origin: &Origin,
        readings: &[(Arc<SeriesKey>, f64)],
        settings: &capacity::Settings,
    ) -> PartBuilder {
        let mut part = PartBuilder::new();
        let Some((facts, at)) = Facts::of(snapshot, origin) else {
            self.0.remove(origin);
            return part;
        };
        let known = self.0.remove(origin).filter(|(before, _)| before.are(&facts));
        let findings = match known {
            Some((_, findings)) => findings,
            None => find(origin, &facts, settings),
        };
        emit::emit(&mut part, &findings);
        efficiency::emit(&mut part, origin, &facts.providers, readings);
        part.table(Arc::clone(&findings.headroom));
        if let Some(stranded) = &findings.stranded {
            part.table(Arc::clone(stranded));
        }
        if let Some(resilience) = &findings.resilience {
            part.table(Arc::clone(resilience));
        }
        if let Some(commitments) = &findings.commitments {
            part.table(Arc::clone(commitments));
        }
        part.table(Arc::new(FactsAt(at)));
        self.0.insert(origin.clone(), (facts, findings));
        part
    }
}

fn find(origin: &Origin, facts: &Facts, settings: &capacity::Settings) -> Findings {
    let cloud = origin.cloud.clone().unwrap_or_default();
    let mut ground = Ground::new(&facts.providers, &facts.hypervisors, facts.aggregates.as_deref());
    let load = facts.servers.as_deref().map(|servers| Load::new(servers, &facts.flavors, &mut ground));
    let figures = || capacity::figures(&cloud, &facts.providers, Some(&facts.hypervisors), settings);
    let commitments = facts
        .quotas
        .as_deref()
        .map(|quotas| Arc::new(commitments::commitments(&cloud, quotas, facts.projects.as_deref(), &figures())));
    Findings {
        headroom: Arc::new(count::headroom(&mut ground, &facts.flavors)),
        stranded: load.as_ref().map(|load| Arc::new(stranded::stranded(&cloud, &ground, load))),
        resilience: load.as_ref().map(|load| Arc::new(evacuation::resilience(&ground, load))),
        commitments,
    }
}
