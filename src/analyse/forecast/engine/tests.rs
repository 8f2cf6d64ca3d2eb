//! The engine as a whole: waves, odd series, too little history, and whatever proptest thinks of.

use super::*;
use proptest::prelude::*;

const HOUR: i64 = 3600;

fn options(horizon: usize) -> Options {
    Options { horizon, min: None, max: None }
}

fn fit(values: &[f64], horizon: usize) -> Result<Fitted, ForecastError> {
    Engine::fit(&Series::from_values(values, 1_700_000_000, HOUR)?, &options(horizon))
}

fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..n).map(|_| random.f64() - 0.5).collect()
}

fn daily(n: usize, height: f64) -> Vec<f64> {
    let wave = |i: usize| 50.0 + height * (i as f64 * std::f64::consts::TAU / 24.0).sin();
    noise(n, 5).iter().enumerate().map(|(i, e)| wave(i) + 4.0 * e).collect()
}

/// Ordered, finite, inside the bounds.
fn sane(forecast: &Forecast, min: f64, max: f64) {
    for step in &forecast.steps {
        assert!(step.lower <= step.mean && step.mean <= step.upper, "{step:?}");
        assert!(step.lower >= min && step.upper <= max && step.mean.is_finite(), "{step:?}");
    }
}

#[test]
fn a_daily_wave_is_continued_and_its_error_known() {
    let f = fit(&daily(700, 20.0), 24).unwrap().forecast(24, 0.8).unwrap();
    assert!(f.ready && f.model == "combination");
    for (lead, step) in f.steps.iter().enumerate() {
        let truth = 50.0 + 20.0 * ((700 + lead) as f64 * std::f64::consts::TAU / 24.0).sin();
        assert!((step.mean - truth).abs() < 2.5, "{lead}: {} for {truth}", step.mean);
        assert!((2.0..5.0).contains(&(step.upper - step.lower)), "{step:?}");
    }
    let errors = f.backtest.unwrap();
    assert!(errors.mase < errors.naive_mase && (0.7..0.9).contains(&errors.coverage), "{errors:?}");
}

#[test]
fn odd_series_get_a_sane_answer() {
    let mut step = vec![10.0; 400];
    step.extend(vec![90.0; 300]);
    let mut spike = vec![1.0; 700];
    spike[650] = 1e9;
    let tiny: Vec<f64> = daily(700, 20.0).iter().map(|v| v * 1e-300).collect();
    let huge: Vec<f64> = daily(700, 20.0).iter().map(|v| v * 1e305).collect();
    let negative: Vec<f64> = daily(700, 20.0).iter().map(|v| -v).collect();
    for values in [&step, &spike, &tiny, &huge, &negative, &vec![0.0; 700], &vec![-7.5; 60]] {
        let f = fit(values, 48).unwrap().forecast(48, 0.95).unwrap();
        assert_eq!(f.steps.len(), 48);
        sane(&f, f64::MIN, f64::MAX);
    }
    let level = |v: &[f64]| fit(v, 24).unwrap().forecast(24, 0.8).unwrap().steps[12].mean;
    assert!((level(&step) - 90.0).abs() < 1.0);
    assert!((level(&spike) - 1.0).abs() < 1e-6);
    assert!((level(&[3.0; 700]) - 3.0).abs() < 1e-12);
}

#[test]
fn too_little_is_said_and_little_is_not_ready() {
    assert_eq!(fit(&[], 24).unwrap_err(), ForecastError::NoData { rows: 0 });
    assert_eq!(fit(&[f64::NAN; 50], 24).unwrap_err(), ForecastError::NoData { rows: 50 });
    assert_eq!(fit(&[1.0], 24).unwrap_err(), ForecastError::TooShort { have: 1 });
    for n in [2, 5, 24, 49] {
        let f = fit(&daily(n, 20.0), 24).unwrap().forecast(24, 0.8).unwrap();
        assert!(!f.ready && f.model == "simple", "{n}: {}", f.model);
        sane(&f, f64::MIN, f64::MAX);
        assert!(f.steps[23].upper > f.steps[23].lower);
    }
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let series = Series::from_values(&daily(700, 20.0), 0, HOUR).unwrap();
    let crossed = Options { min: Some(2.0), max: Some(1.0), ..options(24) };
    assert!(matches!(Engine::fit(&series, &crossed), Err(ForecastError::BadBounds { .. })));
    assert!(matches!(Engine::fit(&series, &options(0)), Err(ForecastError::BadHorizon { .. })));
    let fitted = Engine::fit(&series, &options(24)).unwrap();
    assert!(matches!(fitted.forecast(25, 0.8), Err(ForecastError::BadHorizon { asked: 25, fitted: 24 })));
    assert!(matches!(fitted.forecast(24, 80.0), Err(ForecastError::BadLevel(_))));
}

#[test]
fn long_horizons_come_from_whole_days_and_widen() {
    let f = fit(&daily(58 * 24, 20.0), 90 * 24).unwrap().forecast(90 * 24, 0.8).unwrap();
    assert_eq!((f.model, f.steps.len(), f.ready), ("outlook", 2160, true));
    sane(&f, f64::MIN, f64::MAX);
    let width = |day: usize| f.steps[day * 24 + 3].upper - f.steps[day * 24 + 3].lower;
    assert!(width(89) >= width(1));
    assert!((f.steps[30 * 24 + 6].mean - f.steps[30 * 24 + 18].mean).abs() > 20.0, "the day is still there");
}

#[test]
fn futures_spread_as_the_interval_says() {
    let fitted = fit(&daily(700, 20.0), 24).unwrap();
    let paths = fitted.paths(400, 1);
    let steps = fitted.forecast(24, 0.8).unwrap().steps;
    let inside = |lead: usize| {
        let step = steps[lead];
        paths.iter().filter(|p| (step.lower..=step.upper).contains(&p[lead])).count() as f64 / 400.0
    };
    let mean = (0..24).map(inside).sum::<f64>() / 24.0;
    assert!((0.7..0.95).contains(&mean), "{mean}");
    assert_eq!(paths, fitted.paths(400, 1), "the same seed, the same futures");
}

#[test]
fn scaling_and_the_past_only() {
    let values = daily(700, 20.0);
    let a = fit(&values, 24).unwrap().forecast(24, 0.8).unwrap();
    let scaled: Vec<f64> = values.iter().map(|v| v * 1024.0).collect();
    let b = fit(&scaled, 24).unwrap().forecast(24, 0.8).unwrap();
    for (x, y) in a.steps.iter().zip(&b.steps) {
        assert!((x.mean * 1024.0 - y.mean).abs() < 1e-6 * y.mean.abs());
        assert!((x.upper * 1024.0 - y.upper).abs() < 1e-6 * y.upper.abs());
    }
}

#[test]
fn a_new_level_is_followed_within_half_a_day_and_a_spike_is_not() {
    let stepped = |hours: usize| {
        let mut values = daily(700, 2.0);
        values.iter_mut().rev().take(hours).for_each(|v| *v += 40.0);
        fit(&values, 24).unwrap().forecast(24, 0.8).unwrap().steps[11].mean
    };
    assert!((stepped(12) - 90.0).abs() < 6.0, "{}", stepped(12));
    assert!((stepped(1) - 50.0).abs() < 3.0, "{}", stepped(1));
}

#[test]
fn exhaustion_of_a_growing_series() {
    let values: Vec<f64> = daily(1440, 2.0).iter().enumerate().map(|(i, v)| v + i as f64 / 48.0).collect();
    let fitted = fit(&values, 24).unwrap();
    // 50 + 30 now, half a point a day: 90 in about 20 days.
    let e = fitted.exhaustion(90.0, 0.8, 3).unwrap();
    assert!((14.0..28.0).contains(&(e.mid / 86_400.0)), "{e:?}");
    assert!(e.upper <= e.mid && e.mid <= e.lower);
    let (growth, error) = fitted.daily_growth().unwrap();
    assert!((growth - 0.5).abs() < 0.15 && error > 0.0, "{growth} {error}");
    assert!(fit(&daily(200, 1.0), 24).unwrap().exhaustion(90.0, 0.8, 3).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_series_is_answered_or_refused_without_a_panic(
        values in prop::collection::vec(prop_oneof![
            8 => -1e3..1e3f64, 1 => Just(0.0), 1 => Just(f64::NAN), 1 => prop::num::f64::ANY,
        ], 0..260),
        horizon in 1..120_usize,
        step in prop_oneof![Just(300_i64), Just(3600), Just(86_400), Just(7000), Just(604_800), 1..200_000_i64],
        level in 0.01..0.999f64,
        min in prop::option::of(-10.0..0.0f64),
        max in prop::option::of(0.0..10.0f64),
    ) {
        let Ok(series) = Series::from_values(&values, 1_700_000_000, step) else { return Ok(()) };
        let Ok(fitted) = Engine::fit(&series, &Options { horizon, min, max }) else { return Ok(()) };
        let f = fitted.forecast(horizon, level).unwrap();
        prop_assert_eq!(f.steps.len(), horizon);
        sane(&f, min.unwrap_or(f64::MIN), max.unwrap_or(f64::MAX));
        for path in fitted.paths(3, 1) {
            prop_assert!(path.iter().all(|v| v.is_finite()));
        }
        if let Some(e) = fitted.exhaustion(1.0, level, 1) {
            prop_assert!(e.upper <= e.mid && e.mid <= e.lower && e.upper >= 0.0);
        }
    }

    #[test]
    fn short_cycles_and_few_values_do_not_panic(n in 2..80_usize, period in 1..12_usize, horizon in 1..40_usize) {
        let values: Vec<f64> = (0..n).map(|i| (i % period) as f64).collect();
        let series = Series::from_values(&values, 0, 86_400).unwrap();
        let f = Engine::fit(&series, &options(horizon)).unwrap().forecast(horizon, 0.9).unwrap();
        sane(&f, f64::MIN, f64::MAX);
    }
}

#[test]
fn what_is_beyond_is_what_a_fit_so_far_would_say() {
    for (hours, horizon) in [(60 * 24, 90 * 24), (10 * 24, 30 * 24), (30, 30 * 24)] {
        let values = daily(hours, 20.0);
        let near = fit(&values, 24).unwrap();
        let far = fit(&values, horizon).unwrap().forecast(horizon, 0.8).unwrap();
        let beyond = (near.beyond(horizon, 0.8).unwrap(), near.errors_beyond(horizon));
        assert_eq!(beyond, (far.steps, far.backtest), "{hours} hours");
    }
    assert!(fit(&daily(700, 1.0), 24).unwrap().beyond(0, 0.8).is_err());
}

/// A day that leans on the weekday, with noise.
fn weekly(n: usize) -> Vec<f64> {
    let weekend = |i: usize| if i / 24 % 7 >= 5 { -8.0 } else { 0.0 };
    daily(n, 20.0).iter().enumerate().map(|(i, v)| v + weekend(i)).collect()
}

/// The series ended so many hours after the epoch's 470,000th.
fn ending(values: &[f64], hours: i64) -> Series {
    Series::from_values(values, (470_000 + hours) * HOUR, HOUR).unwrap()
}

#[test]
fn from_the_same_values_a_renewed_forecast_is_the_fitted_one() {
    let values = weekly(1000);
    let series = ending(&values, 0);
    let fitted = Engine::fit(&series, &options(24)).unwrap();
    let learned = fitted.learned(0.8).unwrap();
    let kept: Learned = serde_json::from_str(&serde_json::to_string(&learned).unwrap()).unwrap();
    // JSON may cost the last bit.
    assert_eq!(format!("{kept:.9?}"), format!("{learned:.9?}"), "it survives a restart");
    let renewed = Engine::renew(&series, &options(24), &learned).unwrap().unwrap();
    let (a, b) = (fitted.forecast(24, 0.8).unwrap(), renewed.forecast(24, 0.8).unwrap());
    assert_eq!((a.leading, a.backtest, a.ready), (b.leading, b.backtest, b.ready));
    let far = |fitted: &Fitted| fitted.beyond(30 * 24, 0.8).unwrap();
    for (x, y) in a.steps.iter().chain(&far(&fitted)).zip(b.steps.iter().chain(&far(&renewed))) {
        let near = |p: f64, q: f64| (p - q).abs() < 1e-9;
        assert!(near(x.mean, y.mean) && near(x.lower, y.lower) && near(x.upper, y.upper), "{x:?} {y:?}");
    }
    assert_eq!(fitted.exhaustion(90.0, 0.8, 1), renewed.exhaustion(90.0, 0.8, 1));
    assert!(matches!(renewed.forecast(24, 0.9), Err(ForecastError::OtherLevel { .. })));
}

#[test]
fn a_renewed_forecast_is_as_good_as_a_fit() {
    let values = weekly(1500);
    let window = |hours: usize| ending(&values[hours..1000 + hours], i64::try_from(hours).unwrap());
    let learned = Engine::fit(&window(0), &options(24)).unwrap().learned(0.8).unwrap();
    let (mut anew, mut renewed, mut held) = (0.0, 0.0, [0_u32; 2]);
    for hours in 1..24 {
        let truth = &values[1000 + hours..1024 + hours];
        let series = window(hours);
        let fit = Engine::fit(&series, &options(24)).unwrap().forecast(24, 0.8).unwrap();
        let other = Engine::renew(&series, &options(24), &learned).unwrap().unwrap().forecast(24, 0.8).unwrap();
        let error = |f: &Forecast| f.steps.iter().zip(truth).map(|(s, t)| (s.mean - t).abs()).sum::<f64>();
        anew += error(&fit);
        renewed += error(&other);
        for (held, forecast) in held.iter_mut().zip([&fit, &other]) {
            let inside = forecast.steps.iter().zip(truth).filter(|(s, t)| (s.lower..=s.upper).contains(*t));
            *held += u32::try_from(inside.count()).unwrap();
        }
    }
    assert!(renewed < 1.05 * anew, "{renewed} {anew}");
    // Of 23 forecasts of 24 hours.
    assert!(held[0].abs_diff(held[1]) < 23, "{held:?}");
}

#[test]
fn what_was_learned_of_another_series_is_not_used() {
    let values = weekly(1000);
    let learned = Engine::fit(&ending(&values, 0), &options(24)).unwrap().learned(0.8).unwrap();
    let renewed = |series: &Series| Engine::renew(series, &options(24), &learned).unwrap().is_some();
    assert!(renewed(&ending(&values, 5)));
    assert!(!renewed(&ending(&values, -1)), "an older one");
    assert!(!renewed(&ending(&weekly(1080), 80)), "much has come on top");
    assert!(!renewed(&ending(&values[..300], 0)), "most is gone");
    assert!(!renewed(&Series::from_values(&values, 470_000 * HOUR, 1800).unwrap()), "another step");
    assert!(fit(&daily(49, 20.0), 24).unwrap().learned(0.8).is_none(), "nothing is learned of what is not ready");
}
