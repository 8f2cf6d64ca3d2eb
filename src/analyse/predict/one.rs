//! The prediction of one series.

use std::collections::BTreeMap;

use super::memory::Memory;
use super::settings::Settings;
use crate::analyse::forecast::{BacktestErrors, Engine, Fitted, ForecastError, Options, Series};
use crate::analyse::tiers::Tiers;
use crate::history::Stretch;
use crate::model::prediction::{Accuracy, Ahead, Band, Crossing, Horizon, Prediction, Rung};
use crate::model::signal::{Scope, Signal};

/// Hours that the short model looks ahead.
const SHORT_HOURS: usize = 24;
/// An accuracy is told only for horizons of which the history holds so many.
const HORIZONS_IN_HISTORY: f64 = 3.0;
/// Hypervisors are many: their curves end after so many days, and they have no horizon beyond.
const HYPERVISOR_DAYS: usize = 7;
const CURVE_DAYS: usize = 90;
/// Ratios of the ceiling whose crossing is told besides the tiers': what another capacity makes of full.
const RUNGS: [f64; 28] = [
    0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4,
    1.5, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0,
];
/// Days of the mean.
const MEAN_DAYS: i64 = 7;

/// A series to be forecast.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What its values are.
    pub signal: &'a Signal,
    /// They themselves, cleaned.
    pub stretch: &'a Stretch,
    /// How many of them cleaning has moved to the level after a lasting shift.
    pub shifted: u64,
}

/// What is said of a series, from its values at full hours; and what is worth remembering of it for the next time, where
/// models were fitted: with `memory` they are not, unless a fit is due.
///
/// The next day comes from the combination of models on the hours themselves, everything further from whole days.
///
/// # Errors
/// A series without two finite values, or of a step that no engine takes.
pub fn predict(
    subject: &Subject,
    settings: &Settings,
    tiers: &Tiers,
    memory: Option<&Memory>,
) -> Result<(Prediction, Option<Memory>), ForecastError> {
    let Subject { signal, stretch, shifted } = *subject;
    let step = i64::try_from(stretch.step.as_secs()).unwrap_or(i64::MAX);
    let start = stretch.start.millis().div_euclid(1000);
    let rows: Vec<(i64, f64)> =
        (0_i64..).zip(&stretch.values).map(|(index, value)| (start.saturating_add(index * step), *value)).collect();
    let series = Series::from_rows(&rows, step)?;
    let options = Options { horizon: SHORT_HOURS, min: signal.min, max: signal.max };
    let season =
        signal.season.and_then(|season| usize::try_from(season.as_secs() / stretch.step.as_secs().max(1)).ok());
    let renewed = match memory.filter(|memory| !memory.fit_due(subject, settings, season)) {
        Some(memory) => Engine::renew(&series, &options, &memory.learned)?,
        None => None,
    };
    let (near, memory) = match renewed {
        Some(renewed) => (renewed, None),
        None => {
            let fitted = Engine::fit_with_season(&series, &options, season)?;
            let memory = fitted.learned(settings.interval_level).map(|learned| Memory { learned, shifted });
            (fitted, memory)
        }
    };
    let next_day = near.forecast(SHORT_HOURS, settings.interval_level)?;
    let history_seconds = series.values().len() as f64 * step as f64;
    let mut prediction = Prediction {
        trained: series.last(),
        history_seconds,
        missing_ratio: series.missing_ratio(),
        ready: next_day.ready,
        model: next_day.leading.first().map_or(next_day.model, |leading| leading.0).to_owned(),
        season_seconds: if next_day.season.short > 1 { next_day.season.short as f64 * step as f64 } else { 0.0 },
        level: settings.interval_level,
        ahead: BTreeMap::new(),
        crossings: BTreeMap::new(),
        rungs: Vec::new(),
        window_seconds: 0.0,
        week_mean: mean_of_last(&stretch.values, MEAN_DAYS * 86_400 / step.max(1)),
        daily_growth: near.daily_growth().map(|(growth, _)| growth),
        hourly: next_day.steps.iter().map(band).collect(),
        daily: Vec::new(),
    };
    let (first, last) = (prediction.hourly.first().copied(), prediction.hourly.last().copied());
    put(&mut prediction, Horizon::Hour, first, next_day.backtest);
    put(&mut prediction, Horizon::Day, last, next_day.backtest);
    further(&mut prediction, &near, stretch.key.scope)?;
    if let Some(ceiling) = signal.ceiling {
        cross(&mut prediction, &near, ceiling, tiers, stretch.key.scope);
    }
    Ok((prediction, memory))
}

/// Weeks to a quarter ahead.
fn further(prediction: &mut Prediction, fitted: &Fitted, scope: Scope) -> Result<(), ForecastError> {
    let days = if scope == Scope::Hypervisor { HYPERVISOR_DAYS } else { CURVE_DAYS };
    let steps = fitted.beyond(days * 24, prediction.level)?;
    let at = |hours: usize| steps.get(hours.saturating_sub(1)).map(band);
    prediction.daily = (2..=days).filter_map(|day| at(day * 24)).collect();
    for horizon in [Horizon::Week, Horizon::Month, Horizon::Quarter] {
        if scope != Scope::Hypervisor || horizon == Horizon::Week {
            let hours = horizon.hours() as usize;
            put(prediction, horizon, at(hours), fitted.errors_beyond(hours));
        }
    }
    Ok(())
}

fn put(prediction: &mut Prediction, horizon: Horizon, band: Option<Band>, errors: Option<BacktestErrors>) {
    let enough = prediction.history_seconds >= HORIZONS_IN_HISTORY * f64::from(horizon.hours()) * 3600.0;
    if let Some(band) = band {
        let accuracy = errors.filter(|_| enough).map(accuracy);
        prediction.ahead.insert(horizon, Ahead { band, accuracy });
    }
}

/// When each tier is crossed for good, and each rung.
fn cross(prediction: &mut Prediction, fitted: &Fitted, ceiling: f64, tiers: &Tiers, scope: Scope) {
    let tiers = tiers.predicted();
    let rungs: &[f64] = if matches!(scope, Scope::Cloud | Scope::Az | Scope::Aggregate) { &RUNGS } else { &[] };
    let ratios = || tiers.iter().map(|(_, ratio)| *ratio).chain(rungs.iter().copied());
    let thresholds: Vec<f64> = ratios().map(|ratio| ratio * ceiling).collect();
    // The same futures for every ratio, so that a higher one is never crossed sooner.
    let found = fitted.exhaustions(&thresholds, prediction.level, 0).unwrap_or_default();
    let at = |seconds: f64| prediction.trained as f64 + seconds;
    let mut crossings =
        found.iter().map(|found| Crossing { mid: at(found.mid), upper: at(found.upper), lower: at(found.lower) });
    let of_tiers = tiers.iter().map(|(tier, _)| (*tier).to_owned()).zip(crossings.by_ref().take(tiers.len()));
    let of_tiers: BTreeMap<String, Crossing> = of_tiers.collect();
    let of_rungs = rungs.iter().zip(crossings).map(|(ratio, crossing)| Rung { ratio: *ratio, crossing }).collect();
    (prediction.crossings, prediction.rungs) = (of_tiers, of_rungs);
    prediction.window_seconds = found.first().map_or(0.0, |found| found.window);
}

/// Mean of the last so many values that are there.
fn mean_of_last(values: &[f64], count: i64) -> Option<f64> {
    let last = values.iter().rev().take(usize::try_from(count).unwrap_or(0)).filter(|value| value.is_finite());
    let (sum, known) = last.fold((0.0, 0.0), |(sum, known), value| (sum + value, known + 1.0));
    (known > 0.0).then(|| sum / known)
}

fn band(step: &crate::analyse::forecast::Step) -> Band {
    Band { mean: step.mean, lower: step.lower, upper: step.upper }
}

fn accuracy(errors: BacktestErrors) -> Accuracy {
    Accuracy {
        mase: errors.mase,
        naive_mase: errors.naive_mase,
        wape: errors.wape,
        bias: errors.bias,
        coverage: errors.coverage,
        origins: errors.origins,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::analyse::signals::built_in;
    use crate::model::clock::Timestamp;
    use crate::model::part::Origin;
    use crate::model::signal::SeriesKey;

    fn utilization() -> &'static Signal {
        built_in().into_iter().find(|signal| signal.name == "utilization").unwrap()
    }

    fn stretch(scope: Scope, values: Vec<f64>) -> Stretch {
        let key = SeriesKey {
            signal: Arc::from("utilization"),
            origin: Origin::new("c", "r"),
            scope,
            entity: Arc::from("x"),
            resource: Arc::from("vcpu"),
            basis: None,
        };
        let (start, step) = (Timestamp::from_seconds(1_700_000_000 / 3600 * 3600), Duration::from_secs(3600));
        Stretch { key: Arc::new(key), start, step, values }
    }

    /// Grows by 0.005 a day from 0.3, with a daily wave.
    fn growing(hours: i32) -> Vec<f64> {
        let wave = |hour: i32| 0.05 * (f64::from(hour % 24) / 24.0 * std::f64::consts::TAU).sin();
        let noise = |hour: i32| f64::from(hour * 7919 % 101) / 10_000.0;
        (0..hours).map(|hour| 0.3 + 0.005 * f64::from(hour) / 24.0 + wave(hour) + noise(hour)).collect()
    }

    fn ask(scope: Scope, values: Vec<f64>) -> Prediction {
        let subject = Subject { signal: utilization(), stretch: &stretch(scope, values), shifted: 0 };
        predict(&subject, &Settings::default(), &Tiers::default(), None).unwrap().0
    }

    #[test]
    fn a_growing_cloud_runs_full_when_the_growth_says() {
        let said = ask(Scope::Cloud, growing(60 * 24));
        assert!(said.ready);
        assert_eq!((said.hourly.len(), said.daily.len(), said.season_seconds), (24, 89, 86_400.0));
        assert!((said.daily_growth.unwrap() - 0.005).abs() < 0.001, "{:?}", said.daily_growth);
        // 0.6 now; full at 0.005 a day is 80 days away.
        let full = said.crossings["full"];
        let days = |at: f64| (at - said.trained as f64) / 86_400.0;
        assert!((60.0..100.0).contains(&days(full.mid)), "{}", days(full.mid));
        assert!(full.upper <= full.mid && full.mid <= full.lower);
        let tiers = ["medium", "high", "critical", "full"].map(|tier| said.crossings[tier].mid);
        assert!(tiers.is_sorted(), "{tiers:?}");
        assert_eq!(said.crossing_of(1.0), Some(full), "a rung is the tier of the same ratio");
        assert!(
            said.rungs.is_sorted_by_key(|rung| rung.crossing.mid) && said.rungs.is_sorted_by_key(|rung| rung.ratio)
        );
        let week = &growing(60 * 24)[53 * 24..];
        assert!((said.week_mean.unwrap() - week.iter().sum::<f64>() / week.len() as f64).abs() < 1e-9);
        for horizon in Horizon::ALL {
            let band = said.ahead[&horizon].band;
            assert!(band.lower <= band.mean && band.mean <= band.upper);
        }
        assert!(said.ahead[&Horizon::Day].accuracy.unwrap().mase < 1.5);
        assert!(said.ahead[&Horizon::Quarter].accuracy.is_none(), "60 days are no three quarters");
    }

    #[test]
    fn models_are_fitted_once_a_day_and_when_something_has_changed() {
        let all = growing(60 * 24 + 30);
        let (settings, tiers) = (Settings::default(), Tiers::default());
        let at = |hours: usize| {
            let mut part = stretch(Scope::Cloud, all[hours..60 * 24 + hours].to_vec());
            part.start = part.start.plus(part.step * u32::try_from(hours).unwrap());
            part
        };
        let ask = |hours: usize, shifted: u64, settings: &Settings, memory: Option<&Memory>| {
            let subject = Subject { signal: utilization(), stretch: &at(hours), shifted };
            predict(&subject, settings, &tiers, memory).unwrap()
        };
        let (first, memory) = ask(0, 0, &settings, None);
        let memory = memory.unwrap();
        let fitted: Vec<usize> =
            (1..=24).filter(|hours| ask(*hours, 0, &settings, Some(&memory)).1.is_some()).collect();
        assert!(fitted.len() <= 2 && fitted.contains(&24), "its own hour of the day, and a day later: {fitted:?}");
        let between = (1..24).find(|hours| !fitted.contains(hours)).unwrap();
        let (next, none) = ask(between, 0, &settings, Some(&memory));
        assert_eq!((next.trained - first.trained, none), (3600 * between as i64, None));
        assert_eq!(next.ahead[&Horizon::Day].accuracy, first.ahead[&Horizon::Day].accuracy, "until the next fit");
        assert!(ask(between, 1, &settings, Some(&memory)).1.is_some(), "a shift was found");
        let wider = Settings { interval_level: 0.9, ..settings.clone() };
        assert!(ask(between, 0, &wider, Some(&memory)).1.is_some(), "another level is asked for");
        let hourly = Settings { fit_hours: 1, ..settings };
        assert!(ask(between, 0, &hourly, Some(&memory)).1.is_some());
    }

    #[test]
    fn a_hypervisor_is_told_a_week_ahead() {
        let said = ask(Scope::Hypervisor, growing(30 * 24));
        assert_eq!(said.ahead.keys().copied().collect::<Vec<_>>(), [Horizon::Hour, Horizon::Day, Horizon::Week]);
        assert_eq!((said.daily.len(), said.rungs.len()), (6, 0), "there are many of them");
    }

    #[test]
    fn little_history_is_not_ready_and_nothing_panics() {
        assert!(!ask(Scope::Cloud, growing(30)).ready);
        let odd: [Vec<f64>; 6] = [
            vec![0.5; 800],
            vec![0.0; 40],
            vec![1e300, -1e300, 0.0, 1e-300],
            [vec![0.1; 400], vec![0.9; 400]].concat(),
            [vec![f64::NAN; 700], vec![0.2; 30]].concat(),
            (0..900).map(|hour| if hour == 450 { 1e9 } else { 0.1 }).collect(),
        ];
        for values in odd {
            let said = ask(Scope::Cloud, values);
            assert!(said.hourly.iter().all(|band| band.mean.is_finite() && band.mean >= 0.0));
        }
        let nothing = stretch(Scope::Cloud, vec![f64::NAN; 50]);
        let subject = Subject { signal: utilization(), stretch: &nothing, shifted: 0 };
        assert!(predict(&subject, &Settings::default(), &Tiers::default(), None).is_err());
    }
}
