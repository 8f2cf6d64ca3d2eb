//! Predictions as gauges. What is not ready is absent but for its `_ready` 0: no made-up numbers.

use crate::model::clock::Timestamp;
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;
use crate::model::prediction::{Accuracy, Band, Crossing, Prediction, Predictions};
use crate::model::signal::{Basis, Scope, SeriesKey};

crate::metrics! {
    /// Forecast of a utilisation at the end of the horizon.
    UTILIZATION = gauge "stackcast_forecast_utilization_ratio" [scope entity resource basis horizon], Ratio, "forecast of stackcast_capacity_utilization_ratio";
    /// Lower end of the forecast's interval (stackcast_forecast_interval_level_ratio).
    UTILIZATION_LOWER = gauge "stackcast_forecast_utilization_lower_ratio" [scope entity resource basis horizon], Ratio, "forecast of stackcast_capacity_utilization_ratio";
    /// Upper end of the forecast's interval (stackcast_forecast_interval_level_ratio).
    UTILIZATION_UPPER = gauge "stackcast_forecast_utilization_upper_ratio" [scope entity resource basis horizon], Ratio, "forecast of stackcast_capacity_utilization_ratio";
    /// Forecast of a signal without a ceiling at the end of the horizon, in the signal's unit.
    VALUE = gauge "stackcast_forecast_value" [scope entity signal horizon], None, "forecast of stackcast_signal_value";
    /// Lower end of the forecast's interval, in the signal's unit.
    VALUE_LOWER = gauge "stackcast_forecast_lower_value" [scope entity signal horizon], None, "forecast of stackcast_signal_value";
    /// Upper end of the forecast's interval, in the signal's unit.
    VALUE_UPPER = gauge "stackcast_forecast_upper_value" [scope entity signal horizon], None, "forecast of stackcast_signal_value";
    /// When a tier is crossed and stays crossed; +Inf = not inside the window. bound: mid, upper = pessimistic (soonest), lower = latest.
    EXHAUSTION_AT = gauge "stackcast_forecast_exhaustion_timestamp_seconds" [scope entity resource basis tier bound], Timestamp, "simulated paths of the forecast";
    /// Time until a tier is crossed and stays crossed; 0 = it is, +Inf = not inside the window.
    EXHAUSTION = gauge "stackcast_forecast_exhaustion_seconds" [scope entity resource basis tier bound], Seconds, "simulated paths of the forecast";
    /// How far ahead exhaustion is looked for: min(4 x history, 365 days).
    WINDOW = gauge "stackcast_forecast_window_seconds" [scope entity resource basis], Seconds, "length of the history";
    /// Growth of a utilisation per day.
    GROWTH = gauge "stackcast_forecast_daily_growth_ratio" [scope entity resource basis], Ratio, "trend of the daily means";
    /// Probability that the value lies inside the forecast's interval.
    LEVEL = gauge "stackcast_forecast_interval_level_ratio" [], Ratio, "configuration analysis.forecast.interval_level";
    /// Whether a series has enough history for a forecast: two seasons, less than 20 % missing, backtested.
    READY = gauge "stackcast_forecast_ready" [scope entity resource basis signal], Bool, "history";
    /// Length of the history that the forecast rests on.
    HISTORY = gauge "stackcast_forecast_history_seconds" [scope entity resource basis signal], Seconds, "history";
    /// Time of the last value that the forecast rests on.
    TRAINED = gauge "stackcast_forecast_trained_timestamp_seconds" [scope entity resource basis signal], Timestamp, "history";
    /// Which model has the most weight for the next day, and the season in seconds, always 1.
    MODEL = gauge "stackcast_forecast_model_info" [scope entity resource basis signal model season], Info, "backtest";
    /// Mean absolute scaled error of such forecasts in a rolling-origin backtest; below 1 beats the seasonal naive.
    MASE = gauge "stackcast_forecast_error_mase" [scope entity resource basis signal horizon], None, "rolling-origin backtest";
    /// Sum of absolute errors over the sum of absolute values in the backtest.
    WAPE = gauge "stackcast_forecast_error_wape_ratio" [scope entity resource basis signal horizon], Ratio, "rolling-origin backtest";
    /// Mean error over the mean absolute value in the backtest; above 0 says too much.
    BIAS = gauge "stackcast_forecast_error_bias_ratio" [scope entity resource basis signal horizon], Ratio, "rolling-origin backtest";
    /// Share of what happened in the backtest that lay inside the 80 % interval.
    COVERAGE = gauge "stackcast_forecast_coverage_ratio" [scope entity resource basis signal horizon], Ratio, "rolling-origin backtest";
}

/// The interval's level, told once.
pub(super) fn emit_level(part: &mut PartBuilder, level: f64) {
    part.put(&LEVEL, [], level);
}

/// Puts every prediction; times to exhaustion count from `now`.
pub fn emit(part: &mut PartBuilder, predictions: &Predictions, now: Timestamp) {
    for (key, prediction) in &predictions.0 {
        let row = Row::of(key);
        row.about(part, prediction);
        if prediction.ready {
            row.ahead(part, prediction);
            row.exhaustion(part, prediction, now);
        }
    }
    if let Some(prediction) = predictions.0.values().next() {
        emit_level(part, prediction.level);
    }
}

/// Labels of a series.
struct Row<'a> {
    scope: Scope,
    entity: &'a str,
    resource: &'a str,
    basis: &'a str,
    signal: &'a str,
}

impl<'a> Row<'a> {
    fn of(key: &'a SeriesKey) -> Self {
        let (entity, resource, signal) = (&*key.entity, &*key.resource, &*key.signal);
        Self { scope: key.scope, entity, resource, basis: key.basis.map_or("", Basis::as_str), signal }
    }

    /// Only series with a basis are utilisations.
    fn is_utilization(&self) -> bool {
        !self.basis.is_empty()
    }

    fn about(&self, part: &mut PartBuilder, prediction: &Prediction) {
        let labels = [self.scope.as_str(), self.entity, self.resource, self.basis, self.signal];
        part.put(&READY, labels, f64::from(u8::from(prediction.ready)));
        // There are many hypervisors: of them only what a rule needs.
        if self.scope == Scope::Hypervisor {
            return;
        }
        part.put(&HISTORY, labels, prediction.history_seconds);
        part.put(&TRAINED, labels, prediction.trained as f64);
        if prediction.ready {
            let [scope, entity, resource, basis, signal] = labels;
            let season = format!("{}", prediction.season_seconds);
            part.put(&MODEL, [scope, entity, resource, basis, signal, &prediction.model, &season], 1.0);
        }
    }

    fn ahead(&self, part: &mut PartBuilder, prediction: &Prediction) {
        let hypervisor = self.scope == Scope::Hypervisor;
        for (horizon, ahead) in &prediction.ahead {
            if hypervisor && horizon.hours() == 1 {
                continue;
            }
            let horizon = horizon.as_str();
            self.band(part, ahead.band, horizon);
            if let Some(accuracy) = ahead.accuracy {
                self.accuracy(part, accuracy, horizon, hypervisor);
            }
        }
    }

    fn band(&self, part: &mut PartBuilder, band: Band, horizon: &str) {
        let (scope, entity) = (self.scope.as_str(), self.entity);
        let values = [band.mean, band.lower, band.upper];
        if self.is_utilization() {
            for (metric, value) in [&UTILIZATION, &UTILIZATION_LOWER, &UTILIZATION_UPPER].into_iter().zip(values) {
                part.put(metric, [scope, entity, self.resource, self.basis, horizon], value);
            }
        } else {
            for (metric, value) in [&VALUE, &VALUE_LOWER, &VALUE_UPPER].into_iter().zip(values) {
                part.put(metric, [scope, entity, self.signal, horizon], value);
            }
        }
    }

    fn accuracy(&self, part: &mut PartBuilder, accuracy: Accuracy, horizon: &str, only_mase: bool) {
        let labels = [self.scope.as_str(), self.entity, self.resource, self.basis, self.signal, horizon];
        part.put(&MASE, labels, accuracy.mase);
        if only_mase {
            return;
        }
        let rest: [(&'static Metric<6>, f64); 3] =
            [(&WAPE, accuracy.wape), (&BIAS, accuracy.bias), (&COVERAGE, accuracy.coverage)];
        for (metric, value) in rest {
            part.put(metric, labels, value);
        }
    }

    fn exhaustion(&self, part: &mut PartBuilder, prediction: &Prediction, now: Timestamp) {
        let labels = [self.scope.as_str(), self.entity, self.resource, self.basis];
        if prediction.crossings.is_empty() {
            return;
        }
        let hypervisor = self.scope == Scope::Hypervisor;
        if !hypervisor {
            part.put(&WINDOW, labels, prediction.window_seconds);
            if let Some(growth) = prediction.daily_growth {
                part.put(&GROWTH, labels, growth);
            }
        }
        for (tier, crossing) in &prediction.crossings {
            if hypervisor && tier != "full" {
                continue;
            }
            for (bound, at) in bounds(crossing, hypervisor) {
                let [scope, entity, resource, basis] = labels;
                let labels = [scope, entity, resource, basis, tier, bound];
                part.put(&EXHAUSTION_AT, labels, at);
                part.put(&EXHAUSTION, labels, (at - now.seconds()).max(0.0));
            }
        }
    }
}

/// Bounds of a crossing; the optimistic one is left out where there are many.
fn bounds(crossing: &Crossing, few: bool) -> Vec<(&'static str, f64)> {
    let mut bounds = vec![("mid", crossing.mid), ("upper", crossing.upper)];
    if !few {
        bounds.push(("lower", crossing.lower));
    }
    bounds
}
