//! Risk of every resource: the worst of what is used now, what will be tomorrow, and when it is full.
//!
//! All three are measured with the one table of tiers. Predictions count from the gate on only, and only those that may
//! be acted upon; without one, what is used now decides alone. What should be done about it is said elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::tiers::Tiers;
use crate::model::clock::Timestamp;
use crate::model::headroom::FactsAt;
use crate::model::part::{Origin, PartBuilder};
use crate::model::prediction::{Horizon, Prediction, Predictions};
use crate::model::risk::{Cause, Level, Risk, Risks};
use crate::model::signal::{Scope, SeriesKey, Tick};
use crate::model::snapshot::Snapshot;

crate::metrics! {
    /// Risk of a resource: 0 low, 1 medium, 2 high, 3 critical; resource="overall" is the greatest of an entity. Of hypervisors, resources are told from medium on.
    RISK = gauge "stackcast_risk_level" [scope entity resource], State, "utilisation now, its forecast, configuration analysis.tiers";
}

const OVERALL: &str = "overall";
const DAY: Duration = Duration::from_secs(86_400);

/// Which forecast dates are a risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is full within so many days is a risk: medium if only by the pessimistic date, high if by the expected one,
    /// critical if even by the optimistic one.
    pub runway_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { runway_days: 30 }
    }
}

/// Gauges and table of every region that has utilisations, and of the host.
pub fn assess(snapshot: &Snapshot, tick: &Tick, tiers: &Tiers, settings: &Settings) -> Vec<(Origin, PartBuilder)> {
    let mut origins: BTreeMap<&Origin, Vec<(&SeriesKey, f64)>> = BTreeMap::new();
    // Only utilisations have a basis.
    for (key, ratio) in tick.readings.iter().filter(|(key, _)| key.basis.is_some()) {
        origins.entry(&key.origin).or_default().push((key, *ratio));
    }
    let parts = origins.into_iter().map(|(origin, readings)| {
        let predictions = snapshot.table::<Predictions>(origin);
        let risks = risks(&readings, predictions.as_deref(), tick.at, tiers, settings);
        let mut part = PartBuilder::new();
        emit(&mut part, &risks);
        part.table(Arc::new(risks));
        part.table(Arc::new(FactsAt(tick.at)));
        (origin.clone(), part)
    });
    parts.collect()
}

fn risks(
    readings: &[(&SeriesKey, f64)],
    predictions: Option<&Predictions>,
    at: Timestamp,
    tiers: &Tiers,
    settings: &Settings,
) -> Risks {
    let mut worst: BTreeMap<(Scope, &str, &str), Risk> = BTreeMap::new();
    let runway_ends = at.plus(DAY * settings.runway_days).seconds();
    for (key, ratio) in readings {
        let prediction = predictions.and_then(|known| known.0.get(*key)).filter(|prediction| prediction.ready);
        let Some(risk) = risk(key, *ratio, prediction.map(|known| &**known), runway_ends, tiers) else { continue };
        let slot = worst.entry((key.scope, &key.entity, &key.resource));
        let kept = slot.or_insert_with(|| risk.clone());
        if (risk.level, risk.utilization) > (kept.level, kept.utilization) {
            *kept = risk;
        }
    }
    Risks(worst.into_values().collect())
}

fn risk(key: &SeriesKey, ratio: f64, prediction: Option<&Prediction>, runway_ends: f64, tiers: &Tiers) -> Option<Risk> {
    let day_ahead = prediction.and_then(|known| known.ahead.get(&Horizon::Day)).map(|ahead| ahead.band.mean);
    let full = prediction.and_then(|known| known.crossings.get("full"));
    let measured = if ratio > tiers.measured(&key.resource) { Level::High } else { Level::Low };
    let mut found = vec![(tier(tiers, ratio).max(measured), Cause::Level)];
    if ratio >= tiers.gate {
        found.extend(day_ahead.map(|ratio| (tier(tiers, ratio), Cause::Forecast)));
        // The more of the futures agree, the worse.
        let agreed = full.map(|full| [full.upper, full.mid, full.lower].map(|date| date <= runway_ends));
        let agreed = agreed.map(|agreed| agreed.into_iter().take_while(|before| *before).count());
        found.extend(agreed.and_then(|agreed| Level::ALL.get(agreed)).map(|level| (*level, Cause::Runway)));
    }
    let first = |best: (Level, Cause), next: (Level, Cause)| if next.0 > best.0 { next } else { best };
    let (level, cause) = found.into_iter().reduce(first)?;
    Some(Risk {
        scope: key.scope,
        entity: Arc::clone(&key.entity),
        resource: Arc::clone(&key.resource),
        basis: key.basis?,
        level,
        cause,
        utilization: ratio,
        day_ahead,
        full_at: full.map(|full| full.mid),
        daily_growth: prediction.and_then(|known| known.daily_growth),
    })
}

/// The tier that a ratio is above.
fn tier(tiers: &Tiers, ratio: f64) -> Level {
    let above = [tiers.medium, tiers.high, tiers.critical].into_iter().filter(|begin| ratio > *begin).count();
    Level::ALL.get(above).copied().unwrap_or_default()
}

fn emit(part: &mut PartBuilder, risks: &Risks) {
    let mut overall: BTreeMap<(Scope, &str), Level> = BTreeMap::new();
    for risk in &risks.0 {
        let level = overall.entry((risk.scope, &risk.entity)).or_default();
        *level = risk.level.max(*level);
        // There are thousands of hypervisors, and most of their resources are at no risk.
        if risk.scope != Scope::Hypervisor || risk.level > Level::Low {
            put(part, risk.scope, &risk.entity, &risk.resource, risk.level);
        }
    }
    for ((scope, entity), level) in overall {
        put(part, scope, entity, OVERALL, level);
    }
}

fn put(part: &mut PartBuilder, scope: Scope, entity: &str, resource: &str, level: Level) {
    part.put(&RISK, [scope.as_str(), entity, resource], level.number().into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::part::PartKey;
    use crate::model::prediction::{Ahead, Band, Crossing};
    use crate::model::signal::Basis;

    fn key(scope: Scope, resource: &str, basis: Basis) -> SeriesKey {
        SeriesKey {
            signal: Arc::from("utilization"),
            origin: Origin::new("c", "r"),
            scope,
            entity: Arc::from("e"),
            resource: Arc::from(resource),
            basis: Some(basis),
        }
    }

    /// Full on these days: by the pessimistic, expected and optimistic date.
    fn prediction(day_ahead: f64, days: [f64; 3]) -> Prediction {
        let band = Band { mean: day_ahead, lower: 0.0, upper: 2.0 };
        let [upper, mid, lower] = days.map(|day| day * 86_400.0);
        Prediction {
            trained: 0,
            history_seconds: 0.0,
            missing_ratio: 0.0,
            ready: true,
            model: String::new(),
            season_seconds: 0.0,
            level: 0.8,
            ahead: [(Horizon::Day, Ahead { band, accuracy: None })].into(),
            crossings: [("full".to_owned(), Crossing { mid, upper, lower })].into(),
            rungs: Vec::new(),
            window_seconds: 0.0,
            week_mean: None,
            daily_growth: None,
            hourly: Vec::new(),
            daily: Vec::new(),
        }
    }

    fn level(ratio: f64, prediction: Option<&Prediction>) -> (Level, Cause) {
        let key = key(Scope::Az, "memory", Basis::Allocation);
        let risk = risk(&key, ratio, prediction, 30.0 * 86_400.0, &Tiers::default()).unwrap();
        (risk.level, risk.cause)
    }

    #[test]
    fn the_worst_of_level_forecast_and_runway_counts() {
        const NEVER: f64 = f64::INFINITY;
        let never = [NEVER; 3];
        for (ratio, ahead, days, expected) in [
            (0.5, 0.5, never, (Level::Low, Cause::Level)),
            (0.75, 0.75, never, (Level::Medium, Cause::Level)),
            (0.75, 0.85, never, (Level::High, Cause::Forecast)),
            (0.95, 0.5, never, (Level::Critical, Cause::Level)),
            (0.65, 0.66, [20.0, 40.0, 90.0], (Level::Medium, Cause::Runway)),
            (0.65, 0.66, [9.0, 20.0, NEVER], (Level::High, Cause::Runway)),
            (0.65, 0.66, [9.0, 20.0, 29.0], (Level::Critical, Cause::Runway)),
            // Below the gate no prediction counts.
            (0.59, 0.99, [9.0, 20.0, 29.0], (Level::Low, Cause::Level)),
        ] {
            assert_eq!(level(ratio, Some(&prediction(ahead, days))), expected, "{ratio} {ahead} {days:?}");
        }
        assert_eq!(level(0.85, None), (Level::High, Cause::Level), "without a forecast the level decides");
    }

    #[test]
    fn a_measured_limit_is_high_whatever_the_tiers_say() {
        let tiers = Tiers { medium: 0.9, high: 0.95, critical: 0.99, ..Tiers::default() };
        let of = |resource| risk(&key(Scope::Host, resource, Basis::Demand), 0.82, None, 0.0, &tiers).unwrap().level;
        assert_eq!((of("vcpu"), of("disk")), (Level::High, Level::Low), "0.8 of CPUs, 0.85 of disks");
    }

    #[test]
    fn hypervisors_tell_overall_and_what_is_at_risk() {
        let tick = Tick {
            at: Timestamp::default(),
            readings: vec![
                (Arc::new(key(Scope::Hypervisor, "vcpu", Basis::Allocation)), 0.2),
                (Arc::new(key(Scope::Hypervisor, "vcpu", Basis::Demand)), 0.75),
                (Arc::new(key(Scope::Hypervisor, "disk", Basis::Allocation)), 0.2),
                (Arc::new(key(Scope::Cloud, "disk", Basis::Allocation)), 0.2),
            ],
        };
        let mut parts = assess(&Snapshot::default(), &tick, &Tiers::default(), &Settings::default());
        let (origin, part) = parts.remove(0);
        let (part, _) = part.seal(PartKey { group: "test", origin, source: "test".into() }, tick.at, 99);
        let told: Vec<(String, f64)> = part.families[0]
            .samples()
            .map(|sample| (sample.labels().collect::<Vec<_>>().join(" "), sample.number()))
            .collect();
        let expected = [
            ("cloud e disk", 0.0),
            ("hypervisor e vcpu", 1.0),
            ("cloud e overall", 0.0),
            ("hypervisor e overall", 1.0),
        ];
        assert_eq!(told, expected.map(|(labels, level)| (labels.to_owned(), level)));
        let risks = part.tables.get::<Risks>().unwrap();
        assert_eq!((risks.0.len(), risks.0[2].basis), (3, Basis::Demand), "the worse basis of the two");
    }
}
