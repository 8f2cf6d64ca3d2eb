//! Recommendations out of risks and waste: for every resource at risk one, and for every zone's waste one a resource.
//!
//! What reclaiming brings is told in days: its amount over what is usable, over the growth per day. Nothing is decided
//! here that a risk or a class of waste does not say already.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::capacity::{self, Figures, Place, Resource};
use crate::model::clock::Timestamp;
use crate::model::headroom::FactsAt;
use crate::model::inventory::hypervisor::Hypervisors;
use crate::model::inventory::provider::Providers;
use crate::model::part::{Origin, PartBuilder};
use crate::model::recommendation::{Action, Recommendation, Recommendations};
use crate::model::risk::{Cause, Level, Risk, Risks};
use crate::model::signal::{Basis, Scope};
use crate::model::snapshot::Snapshot;
use crate::model::waste::{Amounts, InstanceClass, Waste};

crate::metrics! {
    /// What to do (add_capacity, rebalance, reclaim, resize, investigate) about a risk or waste, always 1; the 200 most urgent. Reason, amount and effect are in /api/analysis.
    RECOMMENDATION = gauge "stackcast_recommendation_info" [scope entity resource action severity], Info, "stackcast_risk_level, stackcast_waste_*";
}

const MOST: usize = 200;

/// Gauges and table of every region that has risks.
pub fn recommend(snapshot: &Snapshot, settings: &capacity::Settings, at: Timestamp) -> Vec<(Origin, PartBuilder)> {
    let assessed = snapshot.parts().filter_map(|part| Some((&part.key.origin, part.tables.get::<Risks>()?)));
    let parts = assessed.map(|(origin, risks)| {
        let mut rows: Vec<Recommendation> = risks.0.iter().filter_map(of_risk).collect();
        if let Some(waste) = snapshot.table::<Waste>(origin) {
            rows.extend(of_waste(&waste, &risks, &figures(snapshot, origin, settings)));
        }
        // Stable: of the same severity, places with many hosts come in the order of scopes.
        rows.sort_by_key(|row| Reverse(row.severity));
        rows.truncate(MOST);
        let mut part = PartBuilder::new();
        for row in &rows {
            let labels = [row.scope.as_str(), &row.entity, &row.resource, row.action.as_str(), row.severity.as_str()];
            part.put(&RECOMMENDATION, labels, 1.0);
        }
        part.table(Arc::new(Recommendations(rows)));
        part.table(Arc::new(FactsAt(at)));
        (origin.clone(), part)
    });
    parts.collect()
}

fn figures(snapshot: &Snapshot, origin: &Origin, settings: &capacity::Settings) -> Figures {
    let cloud = origin.cloud.clone().unwrap_or_default();
    let providers = snapshot.table::<Providers>(origin);
    let hypervisors = snapshot.table::<Hypervisors>(origin);
    let counted = providers.zip(hypervisors);
    counted.map(|(providers, hosts)| capacity::figures(&cloud, &providers, Some(&hosts), settings)).unwrap_or_default()
}

fn of_risk(risk: &Risk) -> Option<Recommendation> {
    if risk.level == Level::Low {
        return None;
    }
    let (resource, entity) = (&risk.resource, &risk.entity);
    let (action, advice) = match (risk.scope, risk.basis) {
        (Scope::Hypervisor, _) => {
            (Action::Rebalance, format!("move instances off {entity}, or give it more {resource}"))
        }
        (Scope::Project, _) => {
            (Action::AddCapacity, format!("raise the {resource} quota of {entity}, or have it give some back"))
        }
        (_, Basis::Demand) => (Action::Investigate, format!("find out what uses the {resource} of {entity}")),
        _ => (Action::AddCapacity, format!("add {resource} capacity to {entity}, or reclaim what is wasted")),
    };
    Some(Recommendation {
        scope: risk.scope,
        entity: Arc::clone(entity),
        resource: Arc::clone(resource),
        action,
        severity: risk.level,
        text: format!("{advice}: {}", reason(risk)),
        amount: None,
        days_gained: None,
    })
}

fn reason(risk: &Risk) -> String {
    let used = risk.utilization * 100.0;
    let full = risk.full_at.filter(|at| at.is_finite()).map(|at| Timestamp::from_seconds(at as i64));
    match (risk.cause, risk.day_ahead, full) {
        (Cause::Forecast, Some(ahead), _) => format!("{used:.0} % is used, {:.0} % in 24 hours", ahead * 100.0),
        (Cause::Runway, _, Some(at)) => format!("{used:.0} % is used, and it may be full on {at}"),
        (Cause::Runway, ..) => format!("{used:.0} % is used, and it may be full soon"),
        _ => format!("{used:.0} % is used"),
    }
}

/// One for each zone, way to get it back and resource. As urgent as the zone's risk: waste of a zone with room is none.
fn of_waste(waste: &Waste, risks: &Risks, figures: &Figures) -> Vec<Recommendation> {
    let mut sums: BTreeMap<(&Arc<str>, Action), (u32, Amounts)> = BTreeMap::new();
    for row in waste.instances.iter().flatten().filter(|row| !row.zone.is_empty()) {
        let action = if row.class == InstanceClass::Oversized { Action::Resize } else { Action::Reclaim };
        let sum = sums.entry((&row.zone, action)).or_default();
        sum.0 += 1;
        sum.1 += row.amounts;
    }
    let mut rows = Vec::new();
    for ((zone, action), (instances, amounts)) in sums {
        let amounts = [(Resource::Vcpu, amounts.vcpus), (Resource::Memory, amounts.memory_bytes)];
        for (resource, amount) in amounts.into_iter().filter(|(_, amount)| *amount > 0.0) {
            let name: Arc<str> = Arc::from(resource.as_str());
            let of_zone = |risk: &&Risk| risk.scope == Scope::Az && risk.entity == *zone && risk.resource == name;
            let risk = risks.0.iter().find(of_zone);
            let usable = figures.amounts.get(&(Place { scope: Scope::Az, entity: Arc::clone(zone) }, resource));
            let usable = usable.map(|figure| figure.usable).filter(|usable| *usable > 0.0);
            let growth = risk.and_then(|risk| risk.daily_growth).filter(|growth| *growth > 0.0);
            let days_gained = usable.zip(growth).map(|(usable, growth)| amount / usable / growth);
            let how = if action == Action::Resize { "shrinking" } else { "deleting" };
            let share = usable.map(|usable| format!(", {:.1} % of what is usable", amount / usable * 100.0));
            let effect = days_gained.map(|days| format!("; it is full {days:.0} days later"));
            let text = format!(
                "reclaim {name} of {zone} by {how} {instances} wasted instances{}{}",
                share.unwrap_or_default(),
                effect.unwrap_or_default()
            );
            rows.push(Recommendation {
                scope: Scope::Az,
                entity: Arc::clone(zone),
                resource: name,
                action,
                severity: risk.map_or(Level::Low, |risk| risk.level),
                text,
                amount: Some(amount),
                days_gained,
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::capacity::Figure;
    use crate::model::id::Id;
    use crate::model::waste::WastedInstance;

    fn risk(scope: Scope, basis: Basis, level: Level, cause: Cause) -> Risk {
        Risk {
            scope,
            entity: "az".into(),
            resource: "memory".into(),
            basis,
            level,
            cause,
            utilization: 0.75,
            day_ahead: Some(0.82),
            full_at: Some(f64::INFINITY),
            daily_growth: Some(0.01),
        }
    }

    #[test]
    fn every_risk_has_its_action_and_reason() {
        let told = |scope, basis, cause| {
            let found = of_risk(&risk(scope, basis, Level::High, cause)).unwrap();
            (found.action, found.text.split_once(": ").unwrap().1.to_owned())
        };
        let (zone, allocation) = (Scope::Az, Basis::Allocation);
        assert_eq!(told(zone, allocation, Cause::Level), (Action::AddCapacity, "75 % is used".to_owned()));
        let forecast = "75 % is used, 82 % in 24 hours".to_owned();
        assert_eq!(told(Scope::Hypervisor, allocation, Cause::Forecast), (Action::Rebalance, forecast));
        let soon = "75 % is used, and it may be full soon".to_owned();
        assert_eq!(told(Scope::Host, Basis::Demand, Cause::Runway), (Action::Investigate, soon));
        assert_eq!(of_risk(&risk(zone, allocation, Level::Low, Cause::Level)), None);
    }

    #[test]
    fn reclaiming_is_told_in_days() {
        let instance = |class, memory_bytes| WastedInstance {
            id: Id::default(),
            name: "".into(),
            project: Id::default(),
            zone: "az".into(),
            flavor: "f".into(),
            class,
            since: Timestamp::default(),
            amounts: Amounts { vcpus: 0.0, memory_bytes, disk_bytes: 0.0 },
            used: None,
        };
        let instances =
            [(InstanceClass::PoweredOff, 30.0), (InstanceClass::Idle, 20.0), (InstanceClass::Oversized, 10.0)];
        let waste = Waste {
            instances: Some(instances.map(|(class, bytes)| instance(class, bytes)).into()),
            ..Waste::default()
        };
        let risks = Risks(vec![risk(Scope::Az, Basis::Allocation, Level::High, Cause::Level)]);
        let mut figures = Figures::default();
        let place = Place { scope: Scope::Az, entity: "az".into() };
        figures.amounts.insert((place, Resource::Memory), Figure { usable: 1000.0, used: 0.0 });
        let rows = of_waste(&waste, &risks, &figures);
        let told: Vec<_> =
            rows.iter().map(|row| (row.action, row.amount, row.days_gained.map(f64::round), row.severity)).collect();
        let expected = [
            (Action::Reclaim, Some(50.0), Some(5.0), Level::High),
            (Action::Resize, Some(10.0), Some(1.0), Level::High),
        ];
        assert_eq!(told, expected);
        let text =
            "reclaim memory of az by deleting 2 wasted instances, 5.0 % of what is usable; it is full 5 days later";
        assert_eq!(rows[0].text, text);
        assert_eq!(of_waste(&waste, &risks, &Figures::default())[0].days_gained, None, "of what is not known");
    }
}
