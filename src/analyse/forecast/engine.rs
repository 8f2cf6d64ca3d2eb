//! The public face: fit once, ask for any horizon up to the fitted one and any level.

use super::error::ForecastError;
use super::history::History;
use super::learned::Learned;
use super::outlook::{Exhaustion, Outlook};
use super::season::{Seasons, detect, known};
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
    last: i64,
    step: i64,
    scale: f64,
    seasons: Seasons,
    options: Options,
    model: Model,
    outlook: Option<Outlook>,
    ready: bool,
    /// The only level that a renewed one has intervals for.
    level: Option<f64>,
}

impl Engine {
    /// Fits the models and backtests them.
    ///
    /// # Errors
    /// A [`ForecastError`] says why the series or the options allow no forecast.
    pub fn fit(series: &Series, options: &Options) -> Result<Fitted, ForecastError> {
        Self::fit_with_season(series, options, None)
    }

    /// The same, with a season that is known, in steps, in place of one that is found.
    ///
    /// # Errors
    /// As [`Engine::fit`].
    pub fn fit_with_season(series: &Series, options: &Options, season: Option<usize>) -> Result<Fitted, ForecastError> {
        let (min, max) = bounds(options)?;
        if series.values().len() < 2 {
            return Err(ForecastError::TooShort { have: series.values().len() });
        }
        // On a scale of 1, so that neither huge nor tiny values leave the range of the arithmetic.
        let largest = series.values().iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let values: Vec<f64> = series.values().iter().map(|v| v / scale).collect();
        let seasons =
            season.map_or_else(|| detect(&values, series.step()), |short| known(&values, series.step(), short));
        let history = History::new(&values, seasons);
        let two_seasons = values.len() >= 2 * history.short + 2 && values.len() >= 8;
        let outlook = Outlook::fit(&history, series.step(), None);
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
        let (last, step) = (series.last(), series.step());
        Ok(Fitted { values, last, step, scale, seasons, options: *options, model, outlook, ready, level: None })
    }

    /// A forecast from a series that has gone on, with what an earlier fit has learned of it (at the same options); none
    /// where it has changed so much that a fit is due.
    ///
    /// # Errors
    /// As [`Engine::fit`].
    pub fn renew(series: &Series, options: &Options, learned: &Learned) -> Result<Option<Fitted>, ForecastError> {
        let (min, max) = bounds(options)?;
        let Some(elapsed) = learned.elapsed(series) else { return Ok(None) };
        let (scale, seasons, step) = (learned.scale, learned.seasons, series.step());
        let values: Vec<f64> = series.values().iter().map(|v| v / scale).collect();
        let history = History::new(&values, seasons);
        let within = (min / scale, max / scale);
        let short = Short::renew(&history, options.horizon, within, &learned.short, elapsed);
        let outlook = Outlook::fit(&history, step, learned.outlook.as_ref());
        // Where there is an outlook by now, a fit has to test it first.
        let (Some(short), true) = (short, outlook.is_some() == learned.outlook.is_some()) else { return Ok(None) };
        let (model, last) = (Model::Short(Box::new(short)), series.last());
        let ready = series.missing_ratio() < MOST_MISSING;
        let level = Some(learned.level);
        Ok(Some(Fitted { values, last, step, scale, seasons, options: *options, model, outlook, ready, level }))
    }
}

/// The bounds, where the options make sense.
fn bounds(options: &Options) -> Result<(f64, f64), ForecastError> {
    let (min, max) = (options.min.unwrap_or(f64::NEG_INFINITY), options.max.unwrap_or(f64::INFINITY));
    if options.horizon == 0 || options.horizon > MAX_HORIZON {
        return Err(ForecastError::BadHorizon { asked: options.horizon, fitted: MAX_HORIZON });
    }
    if min.is_nan() || max.is_nan() || min > max {
        return Err(ForecastError::BadBounds { min, max });
    }
    Ok((min, max))
}

/// The longest horizon in steps: five years of hours.
pub const MAX_HORIZON: usize = 45_000;

impl Fitted {
    /// What was learned, for forecasts from newer values with intervals at this level; none of a series that is not ready.
    pub fn learned(&self, level: f64) -> Option<Learned> {
        let Model::Short(short) = &self.model else { return None };
        let history = History::new(&self.values, self.seasons);
        Some(Learned {
            last: self.last,
            step: self.step,
            steps: self.values.len(),
            scale: self.scale,
            seasons: self.seasons,
            level,
            short: short.keep(&history, level).filter(|_| self.ready)?,
            outlook: self.outlook.as_ref().map(Outlook::keep),
        })
    }

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
        if let Some(kept) = self.level.filter(|kept| *kept != level) {
            return Err(ForecastError::OtherLevel { asked: level, kept });
        }
        let (steps, model, leading, backtest) = match &self.model {
            Model::Short(short) => {
                (self.short_steps(short, horizon, level), "combination", short.leading.clone(), short.errors)
            }
            Model::Long => {
                let steps = self.outlook.as_ref().map(|o| o.steps(horizon, level)).unwrap_or_default();
                (steps, "outlook", Vec::new(), self.outlook.as_ref().and_then(|o| o.errors(horizon)))
            }
            Model::Simple => (simple(&self.values, horizon, level), "simple", Vec::new(), None),
        };
        let steps = steps.into_iter().map(|s| self.bounded(s)).collect();
        Ok(Forecast { steps, model, leading, season: self.seasons, backtest, ready: self.ready })
    }

    /// Steps beyond the fitted horizon, on whole days: what a fit for such a horizon would say, without another fit.
    ///
    /// # Errors
    /// As [`Fitted::forecast`].
    pub fn beyond(&self, horizon: usize, level: f64) -> Result<Vec<Step>, ForecastError> {
        if horizon == 0 || horizon > MAX_HORIZON {
            return Err(ForecastError::BadHorizon { asked: horizon, fitted: MAX_HORIZON });
        }
        if !(level > 0.0 && level < 1.0) {
            return Err(ForecastError::BadLevel(level));
        }
        // Without two seasons even the outlook is not asked, as in a fit.
        let steps = match (&self.outlook, &self.model) {
            (Some(outlook), Model::Short(_) | Model::Long) => outlook.steps(horizon, level),
            _ => simple(&self.values, horizon, level),
        };
        Ok(steps.into_iter().map(|step| self.bounded(step)).collect())
    }

    /// What the backtest says of forecasts beyond the fitted horizon, over the first so many steps.
    pub fn errors_beyond(&self, horizon: usize) -> Option<BacktestErrors> {
        let asked = matches!(self.model, Model::Short(_) | Model::Long);
        self.outlook.as_ref().filter(|_| asked)?.errors(horizon)
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
        self.exhaustions(&[threshold], level, seed)?.pop()
    }

    /// The same for several thresholds over the same futures, so that a higher one is never passed sooner.
    pub fn exhaustions(&self, thresholds: &[f64], level: f64, seed: u64) -> Option<Vec<Exhaustion>> {
        let scaled: Vec<f64> = thresholds.iter().map(|threshold| threshold / self.scale).collect();
        self.outlook.as_ref().map(|outlook| outlook.exhaustions(&scaled, level, seed))
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
mod tests;
