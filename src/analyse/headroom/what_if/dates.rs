//! What a change of capacity and use makes of a forecast: when a place is full then, and how full it is at a date.
//!
//! A place is full after the change when its use of now reaches another ratio: (usable after - used more) / usable before.
//! The dates at which the simulated futures cross that ratio are kept with the forecast; nothing is extended by a line.

use crate::analyse::capacity::Figure;
use crate::model::clock::Timestamp;
use crate::model::prediction::{Band, Crossing, Prediction};
use crate::model::what_if::{Dates, Expected, When};

/// One resource of one place under change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    pub(super) before: Figure,
    pub(super) after: Figure,
    pub(super) now: Timestamp,
    /// When the change happens; none for now.
    pub(super) at: Option<Timestamp>,
}

/// What becomes of the forecast.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Told {
    pub(super) full_before: Option<Dates>,
    pub(super) full_after: Option<Dates>,
    pub(super) short_from: Option<When>,
    pub(super) forecast_before: Option<Expected>,
    pub(super) forecast_after: Option<Expected>,
    /// The expected dates, infinite for never; none where they are not known.
    pub(super) mid: [Option<f64>; 2],
}

impl Shift {
    /// From a forecast that may be acted upon.
    pub(super) fn tell(&self, prediction: &Prediction) -> Told {
        let Some(old) = prediction.crossings.get("full") else { return Told::default() };
        let mut told = Told { full_before: Some(self.dates(old)), mid: [Some(old.mid), None], ..Told::default() };
        let new = self.full_ratio().and_then(|ratio| prediction.crossing_of(ratio));
        if let Some(new) = new {
            let met = Crossing {
                mid: self.met(old.mid, new.mid),
                upper: self.met(old.upper, new.upper),
                lower: self.met(old.lower, new.lower),
            };
            told.full_after = Some(self.dates(&met));
            told.mid[1] = Some(met.mid);
            let too_late = self.at.map(Timestamp::seconds).filter(|at| old.mid < *at && new.mid >= *at);
            told.short_from = too_late.and(self.when(old.mid));
        }
        if let Some(band) = self.at.and_then(|at| expected(prediction, at)) {
            told.forecast_before = Some(Expected { mean: band.mean, lower: band.lower, upper: band.upper });
            told.forecast_after = self.shifted(band);
        }
        told
    }

    /// The ratio of now at which the place is full after the change; none where nothing is usable now.
    fn full_ratio(&self) -> Option<f64> {
        let more = self.after.used - self.before.used;
        (self.before.usable > 0.0).then(|| (self.after.usable - more) / self.before.usable)
    }

    fn shifted(&self, band: Band) -> Option<Expected> {
        let more = self.after.used - self.before.used;
        let ratio = |ratio: f64| ((ratio * self.before.usable + more) / self.after.usable).max(0.0);
        let expected = || Expected { mean: ratio(band.mean), lower: ratio(band.lower), upper: ratio(band.upper) };
        (self.after.usable > 0.0).then(expected)
    }

    /// When it is full for good, if what counts until the change is the old date, and from then on the new one.
    fn met(&self, old: f64, new: f64) -> f64 {
        match self.at.map(Timestamp::seconds) {
            Some(at) if new < at => old.min(at),
            _ => new,
        }
    }

    fn dates(&self, crossing: &Crossing) -> Dates {
        Dates {
            pessimistic: self.when(crossing.upper),
            mid: self.when(crossing.mid),
            optimistic: self.when(crossing.lower),
        }
    }

    /// What has happened already happens now.
    fn when(&self, seconds: f64) -> Option<When> {
        let at = seconds.is_finite().then(|| Timestamp::from_millis((seconds * 1000.0) as i64))?;
        Some(When(at.max(self.now)))
    }
}

/// The forecast for a time, where its curve reaches so far.
fn expected(prediction: &Prediction, at: Timestamp) -> Option<Band> {
    let trained = Timestamp::from_seconds(prediction.trained);
    let hours = usize::try_from(at.since(trained).as_secs().div_ceil(3600)).ok()?;
    match hours.checked_sub(1) {
        None => None,
        Some(hour) if hour < prediction.hourly.len() => prediction.hourly.get(hour).copied(),
        // The first day of the daily part is the second one.
        Some(_) => prediction.daily.get(hours.div_ceil(24).checked_sub(2)?).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::prediction::Rung;

    const DAY: f64 = 86_400.0;

    /// Half full and growing by 1 % of what is usable a day.
    fn prediction() -> Prediction {
        let crossing = |day: f64| Crossing { mid: day * DAY, upper: day * DAY - 1.0, lower: day * DAY + 1.0 };
        let rung = |percent: i32| {
            let ratio = f64::from(percent) / 100.0;
            Rung { ratio, crossing: crossing(((ratio - 0.5) * 100.0).max(0.0)) }
        };
        let band = |day: f64| Band { mean: 0.5 + day / 100.0, lower: 0.4 + day / 100.0, upper: 0.6 + day / 100.0 };
        let mut prediction: Prediction = serde_json::from_str(
            r#"{"trained": 0, "history_seconds": 0, "missing_ratio": 0, "ready": true, "model": "", "season_seconds": 0,
                "level": 0.8, "ahead": {}, "crossings": {}, "window_seconds": 0, "daily_growth": null, "hourly": [], "daily": []}"#,
        )
        .unwrap();
        prediction.crossings.insert("full".to_owned(), crossing(50.0));
        prediction.rungs = (10..=40).map(|step| rung(step * 5)).collect();
        prediction.hourly = (1..=24).map(|hour| band(f64::from(hour) / 24.0)).collect();
        prediction.daily = (2..=90).map(|day| band(f64::from(day))).collect();
        prediction
    }

    fn told(before: (f64, f64), after: (f64, f64), day: Option<f64>) -> Told {
        let figure = |(usable, used)| Figure { usable, used };
        let at = day.map(|day| Timestamp::from_seconds((day * DAY) as i64));
        Shift { before: figure(before), after: figure(after), now: Timestamp::default(), at }.tell(&prediction())
    }

    fn days(told: &Told) -> [Option<f64>; 2] {
        told.mid.map(|mid| mid.map(|mid| (mid / DAY * 10.0).round() / 10.0))
    }

    #[test]
    fn capacity_moves_the_date_along_the_futures() {
        let same = told((100.0, 50.0), (100.0, 50.0), None);
        assert_eq!((days(&same), same.full_before), ([Some(50.0), Some(50.0)], same.full_after));
        assert_eq!(days(&told((100.0, 50.0), (120.0, 50.0), None))[1], Some(70.0), "20 more last 20 days longer");
        assert_eq!(days(&told((100.0, 50.0), (100.0, 70.0), None))[1], Some(30.0), "20 more used");
        assert_eq!(days(&told((100.0, 50.0), (120.0, 70.0), None))[1], Some(50.0), "both");
        let full = told((100.0, 50.0), (40.0, 50.0), None);
        assert_eq!(full.full_after.unwrap().mid, Some(When(Timestamp::default())), "full at once");
        assert_eq!(told((100.0, 50.0), (900.0, 50.0), None).full_after.unwrap().mid, None, "not inside the window");
        assert_eq!(told((0.0, 0.0), (40.0, 0.0), None).full_after, None, "no ratio of nothing");
    }

    #[test]
    fn until_the_change_the_old_date_holds() {
        let late = told((100.0, 50.0), (120.0, 50.0), Some(60.0));
        assert_eq!(days(&late)[1], Some(70.0));
        assert_eq!(late.short_from.unwrap().0.seconds(), 50.0 * DAY, "ten days too late");
        assert_eq!(told((100.0, 50.0), (120.0, 50.0), Some(10.0)).short_from, None);
        assert_eq!(days(&told((100.0, 50.0), (55.0, 50.0), Some(30.0)))[1], Some(30.0), "full when hosts are gone");
        let far = told((100.0, 50.0), (200.0, 60.0), Some(10.0));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(far.forecast_before.unwrap().mean, 0.6) && near(far.forecast_after.unwrap().mean, 0.35));
        assert_eq!(told((100.0, 50.0), (200.0, 60.0), Some(91.0)).forecast_before, None);
    }
}
