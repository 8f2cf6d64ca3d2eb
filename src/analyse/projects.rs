//! Projects: how full their quotas are, how they grow, when they are used up.
//!
//! Of the projects that the signal of quotas follows (those that use most of theirs, and all that are nearly full); the
//! others have no history, and are summed up. How much was promised in all is told with headroom.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::headroom::FactsAt;
use crate::model::id::Id;
use crate::model::inventory::project::Projects;
use crate::model::inventory::quota::ServiceQuotas;
use crate::model::metric::{GIB, MIB};
use crate::model::part::{Origin, PartBuilder};
use crate::model::prediction::{Prediction, Predictions};
use crate::model::project_use::{OTHER, ProjectUse, ProjectUses};
use crate::model::signal::{Scope, SeriesKey, Tick};
use crate::model::snapshot::Snapshot;

crate::metrics! {
    /// Share of a project's quota in use or reserved; of the 50 projects that use most of theirs (until rank 75), and of all above 90 %.
    UTILIZATION = gauge "stackcast_project_utilization_ratio" [entity resource], Ratio, "quotas of Nova, Cinder, Neutron";
    /// Growth of a project's use by the trend of its daily means over a window (7d, 30d), over what was in use before.
    GROWTH = gauge "stackcast_project_growth_ratio" [entity resource window], Ratio, "forecast of stackcast_project_utilization_ratio";
    /// Time until a project's quota is used up in half of the simulated futures; 0 = it is, +Inf = not inside the window.
    EXHAUSTION = gauge "stackcast_project_quota_exhaustion_seconds" [entity resource], Seconds, "forecast of stackcast_project_utilization_ratio";
}

/// Service, its word for what it limits, ours, and what one of its units is in ours.
const RESOURCES: [(&str, &str, &str, f64); 5] = [
    ("compute", "cores", "vcpu", 1.0),
    ("compute", "ram", "memory", MIB),
    ("compute", "instances", "instances", 1.0),
    ("volume", "gigabytes", "disk", GIB),
    ("network", "floatingip", "floating_ips", 1.0),
];

/// Our name of what a service limits, and its unit; none for what is not followed.
pub(super) fn resource(service: &str, word: &str) -> Option<(&'static str, f64)> {
    let known = RESOURCES.iter().find(|(of, name, ..)| *of == service && *name == word);
    known.map(|(_, _, name, unit)| (*name, *unit))
}

const WINDOWS: [(&str, f64); 2] = [("7d", 7.0), ("30d", 30.0)];

/// Gauges and table of every region with quotas.
pub fn follow(snapshot: &Snapshot, tick: &Tick) -> Vec<(Origin, PartBuilder)> {
    let mut origins: BTreeMap<&Origin, Vec<(&SeriesKey, f64)>> = BTreeMap::new();
    for (key, ratio) in &tick.readings {
        if key.scope == Scope::Project && key.basis.is_some() {
            origins.entry(&key.origin).or_default().push((key, *ratio));
        }
    }
    let parts = origins.into_iter().map(|(origin, readings)| {
        let uses = uses(&readings, snapshot, origin);
        let mut part = PartBuilder::new();
        emit(&mut part, &uses, tick.at.seconds());
        part.table(Arc::new(uses));
        part.table(Arc::new(FactsAt(tick.at)));
        (origin.clone(), part)
    });
    parts.collect()
}

fn uses(readings: &[(&SeriesKey, f64)], snapshot: &Snapshot, origin: &Origin) -> ProjectUses {
    let predictions = snapshot.table::<Predictions>(origin);
    let projects = snapshot.table::<Projects>(origin);
    let mut quotas = amounts(snapshot, origin);
    let mut rows: Vec<ProjectUse> = readings
        .iter()
        .map(|(key, ratio)| {
            let prediction = predictions.as_ref().and_then(|known| known.0.get(*key)).filter(|known| known.ready);
            let project = projects.as_ref().and_then(|known| known.0.get(&Id::new(&key.entity)));
            let amount = quotas.remove(&(Arc::clone(&key.entity), Arc::clone(&key.resource))).unwrap_or_default();
            ProjectUse {
                project: Arc::clone(&key.entity),
                name: project.map(|project| Arc::clone(&project.name)),
                resource: Arc::clone(&key.resource),
                projects: 1,
                used: amount.used,
                limit: amount.limit,
                utilization: *ratio,
                daily_growth: prediction.and_then(|known| known.daily_growth),
                exhausted_at: prediction.and_then(|known| exhausted_at(known, *ratio)),
            }
        })
        .collect();
    rows.sort_unstable_by(|a, b| (&a.project, &a.resource).cmp(&(&b.project, &b.resource)));
    rows.extend(others(&quotas));
    ProjectUses(rows)
}

/// When a quota is used up. One that is exceeded is used up, though the forecast may see it fall, and be full for good
/// only later.
fn exhausted_at(prediction: &Prediction, ratio: f64) -> Option<f64> {
    let full = prediction.crossings.get("full")?.mid;
    Some(if ratio >= 1.0 { full.min(prediction.trained as f64) } else { full })
}

/// A quota and its use, in bytes or pieces.
#[derive(Clone, Copy, Debug, Default)]
struct Amount {
    used: f64,
    /// 0 for none: nothing of it may be used, or as much as one likes.
    limit: f64,
}

/// Quotas by project and resource.
type Amounts = BTreeMap<(Arc<str>, Arc<str>), Amount>;

fn amounts(snapshot: &Snapshot, origin: &Origin) -> Amounts {
    let mut found = Amounts::new();
    for table in snapshot.tables::<ServiceQuotas>(origin) {
        for (id, project) in &table.projects {
            let id: Arc<str> = Arc::from(id.to_string());
            for (word, quota) in &project.resources {
                let Some((name, unit)) = resource(table.service, word) else { continue };
                let used = quota.in_use.saturating_add(quota.reserved) as f64 * unit;
                found.insert(
                    (Arc::clone(&id), Arc::from(name)),
                    Amount { used, limit: quota.limit.max(0) as f64 * unit },
                );
            }
        }
    }
    found
}

/// One row for each resource: what nobody follows, also of quotas without a limit.
fn others(left: &Amounts) -> Vec<ProjectUse> {
    let mut sums: BTreeMap<&Arc<str>, (u32, Amount, f64)> = BTreeMap::new();
    for ((_, resource), amount) in left {
        let (projects, sum, limited) = sums.entry(resource).or_default();
        *projects += 1;
        sum.used += amount.used;
        sum.limit += amount.limit;
        *limited += if amount.limit > 0.0 { amount.used } else { 0.0 };
    }
    let rows = sums.into_iter().map(|(resource, (projects, sum, limited))| ProjectUse {
        project: Arc::from(OTHER),
        name: None,
        resource: Arc::clone(resource),
        projects,
        used: sum.used,
        limit: sum.limit,
        utilization: if sum.limit > 0.0 { limited / sum.limit } else { 0.0 },
        daily_growth: None,
        exhausted_at: None,
    });
    rows.collect()
}

fn emit(part: &mut PartBuilder, uses: &ProjectUses, now: f64) {
    for row in uses.0.iter().filter(|row| *row.project != *OTHER) {
        let (project, resource) = (&*row.project, &*row.resource);
        let labels = [project, resource];
        part.put(&UTILIZATION, labels, row.utilization);
        for (window, days) in WINDOWS {
            if let Some(growth) = row.growth(days) {
                part.put(&GROWTH, [project, resource, window], growth);
            }
        }
        if let Some(at) = row.exhausted_at {
            part.put(&EXHAUSTION, labels, (at - now).max(0.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::model::clock::Timestamp;
    use crate::model::inventory::quota::{ProjectQuotas, Quota};
    use crate::model::part::PartKey;
    use crate::model::prediction::Crossing;
    use crate::model::signal::Basis;
    use crate::model::snapshot::{SeriesLimits, SnapshotStore};

    #[test]
    fn quotas_are_told_with_what_is_forecast_of_them() {
        let origin = Origin::new("c", "r");
        let key = |scope, entity: &str| {
            let (signal, resource) = (Arc::from("utilization"), Arc::from("vcpu"));
            let entity = Arc::from(entity);
            Arc::new(SeriesKey {
                signal,
                origin: origin.clone(),
                scope,
                entity,
                resource,
                basis: Some(Basis::Allocation),
            })
        };
        let prediction = Prediction {
            trained: 0,
            history_seconds: 0.0,
            missing_ratio: 0.0,
            ready: true,
            model: String::new(),
            season_seconds: 0.0,
            level: 0.8,
            ahead: BTreeMap::new(),
            crossings: [("full".to_owned(), Crossing { mid: 500.0, upper: 1.0, lower: 900.0 })].into(),
            rungs: Vec::new(),
            window_seconds: 0.0,
            week_mean: None,
            daily_growth: Some(0.25 / 7.0),
            hourly: Vec::new(),
            daily: Vec::new(),
        };
        assert_eq!([0.9, 1.2].map(|ratio| exhausted_at(&prediction, ratio)), [Some(500.0), Some(0.0)]);
        let store = SnapshotStore::new(SeriesLimits::default());
        let seal = |part: PartBuilder, group: &'static str| {
            let key = PartKey { group, origin: origin.clone(), source: group.into() };
            part.seal(key, Timestamp::default(), 100).0
        };
        let mut part = PartBuilder::new();
        part.table(Arc::new(Predictions([(key(Scope::Project, "a"), Arc::new(prediction))].into())));
        let quota = |limit, in_use| (Cow::Borrowed("cores"), Quota { limit, in_use, reserved: 1 });
        let of = |quota| ProjectQuotas { name: Arc::from("x"), resources: vec![quota] };
        let projects = [("a", quota(8, 5)), ("b", quota(8, 3)), ("d", quota(10, 1)), ("e", quota(-1, 6))];
        let projects = projects.map(|(id, quota)| (Id::new(id), of(quota))).into();
        part.table(Arc::new(ServiceQuotas { service: "compute", projects }));
        store.publish(seal(part, "forecast"), Vec::new());
        let readings =
            vec![(key(Scope::Project, "b"), 0.5), (key(Scope::Project, "a"), 0.75), (key(Scope::Cloud, "c"), 0.9)];
        let tick = Tick { at: Timestamp::from_seconds(100), readings };
        let (_, part) = follow(&store.load(), &tick).remove(0);
        let part = seal(part, "test");
        let rows = |name: &str| -> Vec<String> {
            let family = part.families.iter().find(|family| family.descriptor().name == name).unwrap();
            let told =
                family.samples().map(|s| format!("{} {:.2}", s.labels().collect::<Vec<_>>().join(" "), s.number()));
            told.collect()
        };
        assert_eq!(rows("stackcast_project_utilization_ratio"), ["a vcpu 0.75", "b vcpu 0.50"]);
        assert_eq!(rows("stackcast_project_growth_ratio"), ["a vcpu 7d 0.50"], "30 days ago there was nothing");
        assert_eq!(rows("stackcast_project_quota_exhaustion_seconds"), ["a vcpu 400.00"]);
        let told = part.tables.get::<ProjectUses>().unwrap();
        let told: Vec<_> =
            told.0.iter().map(|row| (&*row.project, row.projects, row.used, row.limit, row.utilization)).collect();
        let other = (OTHER, 2, 9.0, 10.0, 0.2);
        assert_eq!(told, [("a", 1, 6.0, 8.0, 0.75), ("b", 1, 4.0, 8.0, 0.5), other], "19 are in use, by whomever");
    }
}
