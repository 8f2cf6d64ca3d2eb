//! The public face: fit once, ask for any horizon up to the fitted one and any level.

use super::error::ForecastError;
use super::history::History;
use super::outlook::{Exhaustion, Outlook};
use super::season::{Seasons, detect};
use super::series::Series;
use super::short::{BacktestErrors, Short, simple};

/// Horizons of more than so many short seasons are predicted on a grid of whole seasons (days).
const SHORT_SEASONS: usize = 4;
/// A series with more missing than this is not ready.
const MOST_MISSING: f64 = 0.2;
/// Fewer past origins than this are no backtest.
const FEWEST_ORIGINS: usize = 3;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The longest horizon that will be asked, in steps.
    pub horizon: usize,
    /// The value never goes below.
    pub min: Option<f64>,
    /// The value never goes above.
    pub max: Option<f64>,
}

/// One predicted step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The forecast.
    pub mean: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
}

/// A forecast with what is needed to judge it.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// A step per lead; the first one lies one step after the last value.
    pub steps: Vec<Step>,
    /// Which model answered: `combination`, `outlook` (whole days) or `simple`.
    pub model: &'static str,
    /// The experts of the combination with the most weight, heaviest first.
    pub leading: Vec<(&'static str, f64)>,
    /// The seasons found, in steps.
    pub season: Seasons,
    /// What the backtest says.
    pub backtest: Option<BacktestErrors>,
    /// Two full seasons, less than 20 % missing, backtested.
    pub ready: bool,
}

/// The forecaster. It has no state: everything is in what [`Engine::fit`] answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Engine;

#[derive(Clone, Debug)]
enum Model {
    Short(Box<Short>),
    Long,
    Simple,
}

/// A fitted forecaster.
#[derive(Clone, Debug)]
pub struct Fitted {
    values: Vec<f64>,
    scale: f64,
    seasons: Seasons,
    options: Options,
    model: Model,
    outlook: Option<Outlook>,
    ready: bool,
}

impl Engine {
    /// Fits the models and backtests them.
    ///
    /// # Errors
    /// A [`ForecastError`] says why the series or the options allow no forecast.
    pub fn fit(series: &Series, options: &Options) -> Result<Fitted, ForecastError> {
        let (min, max) = (options.min.unwrap_or(f64::NEG_INFINITY), options.max.unwrap_or(f64::INFINITY));
        if options.horizon == 0 {
            return Err(ForecastError::BadHorizon { asked: 0, fitted: MAX_HORIZON });
        }
        if options.horizon > MAX_HORIZON {
            return Err(ForecastError::BadHorizon { asked: options.horizon, fitted: MAX_HORIZON });
        }
        if min.is_nan() || max.is_nan() || min > max {
            return Err(ForecastError::BadBounds { min, max });
        }
        if series.values().len() < 2 {
            return Err(ForecastError::TooShort { have: series.values().len() });
        }
        // On a scale of 1, so that neither huge nor tiny values leave the range of the arithmetic.
        let largest = series.values().iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let values: Vec<f64> = series.values().iter().map(|v| v / scale).collect();
        let seasons = detect(&values, series.step());
        let history = History::new(&values, seasons);
        let two_seasons = values.len() >= 2 * history.short + 2 && values.len() >= 8;
        let outlook = Outlook::fit(&history, series.step());
        let model = if !two_seasons {
            Model::Simple
        } else if options.horizon <= SHORT_SEASONS * history.short.max(24) {
            Model::Short(Box::new(Short::fit(&history, options.horizon, (min / scale, max / scale))))
        } else if outlook.is_some() {
            Model::Long
        } else {
            Model::Simple
        };
        let tested = match &model {
            Model::Short(short) => short.spread.is_some() && short.errors.is_some_and(|e| e.origins >= FEWEST_ORIGINS),
            Model::Long => outlook.as_ref().is_some_and(Outlook::tested),
            Model::Simple => false,
        };
        let ready = two_seasons && tested && series.missing_ratio() < MOST_MISSING;
        Ok(Fitted { values, scale, seasons, options: *options, model, outlook, ready })
    }
}

/// The longest horizon in steps: five years of hours.
pub const MAX_HORIZON: usize = 45_000;

impl Fitted {
    /// The next `horizon` steps with intervals that hold what happens with probability `level` (0 to 1).
    ///
    /// # Errors
    /// [`ForecastError::BadHorizon`] beyond the fitted horizon, [`ForecastError::BadLevel`] outside (0, 1).
    pub fn forecast(&self, horizon: usize, level: f64) -> Result<Forecast, ForecastError> {
        if horizon == 0 || horizon > self.options.horizon {
            return Err(ForecastError::BadHorizon { asked: horizon, fitted: self.options.horizon });
        }
        if !(level > 0.0 && level < 1.0) {
            return Err(ForecastError::BadLevel(level));
        }
        let (steps, model, leading, backtest) = match &self.model {
            Model::Short(short) => {
                (self.short_steps(short, horizon, level), "combination", short.leading.clone(), short.errors)
            }
            Model::Long => {
                let steps = self.outlook.as_ref().map(|o| o.steps(horizon, level)).unwrap_or_default();
                (steps, "outlook", Vec::new(), self.outlook.as_ref().and_then(Outlook::errors))
            }
            Model::Simple => (simple(&self.values, horizon, level), "simple", Vec::new(), None),
        };
        let steps = steps.into_iter().map(|s| self.bounded(s)).collect();
        Ok(Forecast { steps, model, leading, season: self.seasons, backtest, ready: self.ready })
    }

    /// Whether the forecast may be acted upon: two full seasons, less than 20 % missing, backtested.
    pub fn ready(&self) -> bool {
        self.ready
    }

    /// The seasons found, in steps.
    pub fn season(&self) -> Seasons {
        self.seasons
    }

    /// `count` possible futures over the fitted horizon, by adding whole residual paths of the backtest to
    /// the forecast; empty when the model keeps none.
    pub fn paths(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        let Model::Short(short) = &self.model else { return Vec::new() };
        let (Some(spread), false) = (&short.spread, short.residual_paths.is_empty()) else { return Vec::new() };
        let mut random = fastrand::Rng::with_seed(seed);
        let season = self.seasons.short.max(1);
        let one = |_| {
            let residuals = short.residual_paths.get(random.usize(..short.residual_paths.len()));
            let residuals = residuals.map(Vec::as_slice).unwrap_or_default();
            let path = short.point.iter().zip(residuals).enumerate();
            path.map(|(lead, (point, r))| {
                let scale = spread.scale(lead, (self.values.len() + lead) % season);
                self.clip((point + r * scale) * self.scale)
            })
            .collect()
        };
        (0..count).map(one).collect()
    }

    /// When the value passes `threshold` and stays above it, by simulated paths of daily means over
    /// min(4 x history, 365 days); `None` with less than two weeks of history.
    pub fn exhaustion(&self, threshold: f64, level: f64, seed: u64) -> Option<Exhaustion> {
        self.outlook.as_ref().map(|o| o.exhaustion(threshold / self.scale, level, seed))
    }

    /// Growth per day in units of the value, and its standard error; `None` with less than two weeks of history.
    pub fn daily_growth(&self) -> Option<(f64, f64)> {
        self.outlook.as_ref().map(|o| {
            let (growth, error) = o.growth();
            (growth * self.scale, error * self.scale)
        })
    }

    fn short_steps(&self, short: &Short, horizon: usize, level: f64) -> Vec<(f64, f64, f64)> {
        let Some(spread) = &short.spread else {
            // Too few residuals: the combination's point, the simple model's spread.
            let wide = simple(&self.values, horizon, level);
            return short.point.iter().zip(wide).map(|(p, w)| (*p, p + w.1 - w.0, p + w.2 - w.0)).collect();
        };
        let (low, high) = spread.reach(level);
        let season = self.seasons.short.max(1);
        let step = |(lead, point): (usize, &f64)| {
            let scale = spread.scale(lead, (self.values.len() + lead) % season);
            (*point, point + low * scale, point + high * scale)
        };
        short.point.iter().enumerate().take(horizon).map(step).collect()
    }

    fn clip(&self, value: f64) -> f64 {
        // Inverse order of `clamp`, which panics on NaN bounds; they were checked, values are finite.
        let value = value.clamp(f64::MIN, f64::MAX);
        value.max(self.options.min.unwrap_or(f64::MIN)).min(self.options.max.unwrap_or(f64::MAX))
    }

    fn bounded(&self, (mean, lower, upper): (f64, f64, f64)) -> Step {
        let mean = self.clip(mean * self.scale);
        // Rounding may put a forecast beyond the end of an interval without width.
        let lower = self.clip(lower * self.scale).min(mean);
        Step { mean, lower, upper: self.clip(upper * self.scale).max(mean) }
    }
}

#[cfg(test)]
mod tests {
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
}
