//! Predictions: what forecasting says of one series, as gauges and API tell it.
//!
//! Times are absolute, so that a prediction keeps its meaning while it is shown; how it was made is analysis' business.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::signal::SeriesKey;

/// How far ahead a gauge looks: the `horizon` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Horizon {
    /// One hour.
    #[serde(rename = "1h")]
    Hour,
    /// 24 hours.
    #[serde(rename = "24h")]
    Day,
    /// 7 days.
    #[serde(rename = "7d")]
    Week,
    /// 30 days.
    #[serde(rename = "30d")]
    Month,
    /// 90 days.
    #[serde(rename = "90d")]
    Quarter,
}

impl Horizon {
    /// Every horizon, nearest first.
    pub const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    /// In hours.
    pub const fn hours(self) -> u32 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
            Self::Quarter => 90 * 24,
        }
    }
}

/// A value with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// The forecast.
    pub mean: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
}

/// How far off forecasts of this series were, from rolling origins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Mean absolute scaled error; below 1 beats the seasonal naive inside the history. Infinite where that is never wrong.
    #[serde(with = "finite")]
    pub mase: f64,
    /// The same of the seasonal naive, over the same origins.
    #[serde(with = "finite")]
    pub naive_mase: f64,
    /// Sum of absolute errors over the sum of absolute values.
    #[serde(with = "finite")]
    pub wape: f64,
    /// Mean error over the mean absolute value; above 0 says too much.
    pub bias: f64,
    /// Share of what happened inside the 80 % interval.
    pub coverage: f64,
    /// Past origins tried.
    pub origins: usize,
}

/// What is said of one horizon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ahead {
    /// The value then.
    pub band: Band,
    /// How far off such forecasts were; none while the history is shorter than three horizons.
    pub accuracy: Option<Accuracy>,
}

/// When a threshold is crossed for good: seconds since the epoch; infinite when not inside the window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// Half of the simulated futures cross before.
    #[serde(with = "finite")]
    pub mid: f64,
    /// The pessimistic, soonest time.
    #[serde(with = "finite")]
    pub upper: f64,
    /// The optimistic, latest time.
    #[serde(with = "finite")]
    pub lower: f64,
}

/// When a ratio of the ceiling is crossed for good.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// The ratio: 1 is the ceiling itself.
    pub ratio: f64,
    /// When.
    pub crossing: Crossing,
}

/// What is said of one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Time of the last value it rests on, seconds since the epoch.
    pub trained: i64,
    /// Length of that history in seconds.
    pub history_seconds: f64,
    /// Share of it that was missing.
    pub missing_ratio: f64,
    /// Two full seasons, little missing, backtested: may be acted upon. Gauges show nothing else.
    pub ready: bool,
    /// Which model answered for the next day.
    pub model: String,
    /// The season found, in seconds; 0 for none.
    pub season_seconds: f64,
    /// Probability that the interval holds.
    pub level: f64,
    /// By horizon.
    pub ahead: BTreeMap<Horizon, Ahead>,
    /// By tier (medium, high, critical, full), where the signal has a ceiling.
    pub crossings: BTreeMap<String, Crossing>,
    /// The same for other ratios of the ceiling, rising, from the same simulated futures; only of zones, aggregates and
    /// regions, whose capacity may be thought to change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rungs: Vec<Rung>,
    /// How far ahead crossings are looked for, in seconds.
    pub window_seconds: f64,
    /// Mean of the last seven days of history, in the signal's unit.
    #[serde(default)]
    pub week_mean: Option<f64>,
    /// Growth per day in the signal's unit, where two weeks of history tell it.
    pub daily_growth: Option<f64>,
    /// The next hours, one value each.
    pub hourly: Vec<Band>,
    /// The days after, one value each at their end.
    pub daily: Vec<Band>,
}

impl Prediction {
    /// When a ratio of the ceiling is crossed for good, between the dates of the two nearest ratios that were simulated;
    /// none where no ratios were. Beyond the highest of them is never, below the lowest is no later than that.
    pub fn crossing_of(&self, ratio: f64) -> Option<Crossing> {
        let (first, last) = (self.rungs.first()?, self.rungs.last()?);
        if ratio <= first.ratio {
            return Some(first.crossing);
        }
        if ratio > last.ratio {
            return Some(Crossing { mid: f64::INFINITY, upper: f64::INFINITY, lower: f64::INFINITY });
        }
        let above = self.rungs.iter().find(|rung| rung.ratio >= ratio)?;
        let below = self.rungs.iter().rev().find(|rung| rung.ratio < ratio)?;
        let share = (ratio - below.ratio) / (above.ratio - below.ratio);
        // Between a date and never lies never: nobody is told a date that no future came to.
        let between = |low: f64, high: f64| if high.is_finite() { low + share * (high - low) } else { high };
        Some(Crossing {
            mid: between(below.crossing.mid, above.crossing.mid),
            upper: between(below.crossing.upper, above.crossing.upper),
            lower: between(below.crossing.lower, above.crossing.lower),
        })
    }
}

/// All predictions, by series.
#[derive(Clone, Debug, Default)]
pub struct Predictions(pub BTreeMap<Arc<SeriesKey>, Arc<Prediction>>);

/// JSON knows no infinity: it is null there.
pub(crate) mod finite {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_survives_json() {
        let crossing = Crossing { mid: 5.0, upper: 1.0, lower: f64::INFINITY };
        let text = serde_json::to_string(&crossing).unwrap();
        assert_eq!(text, r#"{"mid":5.0,"upper":1.0,"lower":null}"#);
        assert_eq!(serde_json::from_str::<Crossing>(&text).unwrap(), crossing);
    }

    #[test]
    fn dates_between_rungs_are_between_their_dates() {
        let rung =
            |ratio: f64, mid: f64| Rung { ratio, crossing: Crossing { mid, upper: mid - 1.0, lower: f64::INFINITY } };
        let mut prediction: Prediction = serde_json::from_str(
            r#"{"trained": 0, "history_seconds": 0, "missing_ratio": 0, "ready": true, "model": "", "season_seconds": 0,
                "level": 0.8, "ahead": {}, "crossings": {}, "window_seconds": 0, "daily_growth": null, "hourly": [], "daily": []}"#,
        )
        .expect("what an earlier release kept is read");
        assert_eq!(prediction.crossing_of(1.0), None);
        prediction.rungs = vec![rung(0.5, 10.0), rung(1.0, 110.0), rung(2.0, f64::INFINITY)];
        let mid = |ratio| prediction.crossing_of(ratio).unwrap().mid;
        assert_eq!((mid(0.1), mid(0.5), mid(0.75), mid(1.0)), (10.0, 10.0, 60.0, 110.0));
        assert!(mid(1.5).is_infinite() && mid(9.0).is_infinite());
        assert_eq!(prediction.crossing_of(0.75).unwrap().upper, 59.0);
    }

    #[test]
    fn horizons_are_in_order() {
        assert!(Horizon::ALL.is_sorted_by_key(|horizon| horizon.hours()));
        let text = serde_json::to_string(&BTreeMap::from([(Horizon::Quarter, 1)])).unwrap();
        assert_eq!(text, r#"{"90d":1}"#);
    }
}
