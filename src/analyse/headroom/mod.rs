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
use std::time::Duration;

pub use what_if::what_if;

use facts::Facts;
use ground::Ground;
use load::Load;

use super::capacity;
use crate::model::clock::Timestamp;
use crate::model::headroom::{FactsAt, Headroom};
use crate::model::metric::Descriptor;
use crate::model::part::{Origin, PartBuilder};
use crate::model::signal::SeriesKey;
use crate::model::snapshot::Snapshot;

/// The families of this folder.
pub(super) static METRICS: &[&Descriptor] = emit::METRICS;

/// How often plans are made anew. What is stranded, what survives and what was promised is a matter of days, and every host
/// has to be filled and emptied for it.
const PLANS_EVERY: Duration = Duration::from_secs(300);

/// What was found out of a region.
#[derive(Debug)]
pub struct Survey {
    /// Which one.
    pub origin: Origin,
    /// What still fits.
    pub headroom: PartBuilder,
    /// What is stranded, survives and was promised; none while what was said before is young enough.
    pub plans: Option<PartBuilder>,
}

/// What is remembered of a region.
#[derive(Debug)]
struct Known {
    facts: Facts,
    headroom: Arc<Headroom>,
    /// When plans were made last.
    planned: Timestamp,
}

/// Finds all of it, and does so anew only for regions whose facts have changed.
#[derive(Debug, Default)]
pub struct Surveyor(BTreeMap<Origin, Known>);

impl Surveyor {
    /// Gauges and tables of every region; empty where providers, hypervisors or flavors are not known.
    pub fn survey(
        &mut self,
        snapshot: &Snapshot,
        readings: &[(Arc<SeriesKey>, f64)],
        settings: &capacity::Settings,
        at: Timestamp,
    ) -> Vec<Survey> {
        let origins = snapshot.parts().map(|part| &part.key.origin).filter(|origin| origin.cloud.is_some());
        let origins: BTreeSet<&Origin> = origins.collect();
        self.0.retain(|origin, _| origins.contains(origin));
        let surveys = origins.into_iter().map(|origin| self.region(snapshot, origin, readings, settings, at));
        surveys.collect()
    }

    fn region(
        &mut self,
        snapshot: &Snapshot,
        origin: &Origin,
        readings: &[(Arc<SeriesKey>, f64)],
        settings: &capacity::Settings,
        at: Timestamp,
    ) -> Survey {
        let before = self.0.remove(origin);
        let mut survey = Survey { origin: origin.clone(), headroom: PartBuilder::new(), plans: None };
        let Some((facts, facts_at)) = Facts::of(snapshot, origin) else {
            survey.plans = Some(PartBuilder::new());
            return survey;
        };
        let mut ground = None;
        let mut ground = || {
            let new = || Ground::new(&facts.providers, &facts.hypervisors, facts.aggregates.as_deref());
            ground.get_or_insert_with(new).clone()
        };
        let headroom = match &before {
            Some(before) if before.facts.are(&facts) => Arc::clone(&before.headroom),
            _ => Arc::new(count::headroom(&mut ground(), &facts.flavors)),
        };
        let young = |before: &&Known| at.since(before.planned) < PLANS_EVERY && before.facts.are_as_many(&facts);
        let planned = before.as_ref().filter(young).map(|before| before.planned);
        if planned.is_none() {
            let mut plans = plan(origin, &facts, ground(), settings);
            plans.table(Arc::new(FactsAt(facts_at)));
            survey.plans = Some(plans);
        }
        emit::headroom(&mut survey.headroom, &headroom);
        efficiency::emit(&mut survey.headroom, origin, &facts.providers, readings);
        survey.headroom.table(Arc::clone(&headroom));
        survey.headroom.table(Arc::new(FactsAt(facts_at)));
        self.0.insert(origin.clone(), Known { facts, headroom, planned: planned.unwrap_or(at) });
        survey
    }
}

/// What is stranded, survives and was promised.
fn plan(origin: &Origin, facts: &Facts, mut ground: Ground, settings: &capacity::Settings) -> PartBuilder {
    let mut part = PartBuilder::new();
    let cloud = origin.cloud.clone().unwrap_or_default();
    if let Some(servers) = &facts.servers {
        let load = Load::new(servers, &facts.flavors, &mut ground);
        let stranded = stranded::stranded(&cloud, &ground, &load);
        let resilience = evacuation::resilience(&ground, &load);
        emit::plans(&mut part, &stranded, &resilience);
        part.table(Arc::new(stranded));
        part.table(Arc::new(resilience));
    }
    if let Some(quotas) = &facts.quotas {
        let figures = capacity::figures(&cloud, &facts.providers, Some(&facts.hypervisors), settings);
        part.table(Arc::new(commitments::commitments(&cloud, quotas, facts.projects.as_deref(), &figures)));
    }
    part
}
