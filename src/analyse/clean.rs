//! Makes a series of the history fit for models: counters become rates, nonsense and lone spikes are taken out, and
//! what lies before a lasting shift is moved to the level after it.
//!
//! Gaps stay gaps: models fill them their own way and count them as missing. Repeated and unordered readings, and jumps
//! of the clock, do not come this far: history answers on an even grid.

use std::collections::BTreeMap;

use super::anomaly::Changepoints;
use crate::history::Stretch;
use crate::model::signal::Signal;

/// Neighbours on each side that a spike is compared with.
const NEIGHBOURS: usize = 3;
/// A spike is so many times further from its neighbours' median than values usually are.
const SPIKE: f64 = 12.0;
/// More spikes than this share of the values are no spikes but how the series is.
const MOST_SPIKES: f64 = 0.02;
/// Values that must follow a shift, so that the level after it is known.
const AFTER_SHIFT: usize = 48;

/// What was taken out or changed, by reason.
pub type Rejected = BTreeMap<&'static str, u64>;

/// Cleans the values of a series in place and says what was rejected: `range`, `reset`, `outlier`, `shift` (moved, not
/// rejected).
pub fn clean(signal: &Signal, stretch: &mut Stretch) -> Rejected {
    let mut rejected = Rejected::new();
    let mut count = |reason, number: usize| {
        if number > 0 {
            rejected.insert(reason, number as u64);
        }
    };
    if signal.counter {
        count("reset", to_rates(&mut stretch.values, stretch.step.as_secs_f64()));
    }
    count("range", out_of_range(&mut stretch.values, signal));
    count("outlier", take_out_spikes(&mut stretch.values));
    let start = stretch.start.millis().div_euclid(1000);
    let step = i64::try_from(stretch.step.as_secs()).unwrap_or(i64::MAX);
    count("shift", level_out(&mut stretch.values, start, step));
    rejected
}

/// Increase per second; over a reset there is none.
fn to_rates(values: &mut Vec<f64>, step: f64) -> usize {
    let mut resets = 0;
    let mut last: Option<(usize, f64)> = None;
    let counts = std::mem::take(values);
    for (index, count) in counts.into_iter().enumerate() {
        let rate = match last {
            Some((before, was)) if count >= was => (count - was) / ((index - before) as f64 * step),
            Some(_) if count.is_finite() => {
                resets += 1;
                f64::NAN
            }
            _ => f64::NAN,
        };
        if count.is_finite() {
            last = Some((index, count));
        }
        values.push(rate);
    }
    resets
}

/// A utilisation of -5 or 1e30 is a fault of its source.
fn out_of_range(values: &mut [f64], signal: &Signal) -> usize {
    let (min, max) = (signal.min.unwrap_or(f64::MIN), signal.max.unwrap_or(f64::MAX));
    let mut rejected = 0;
    for value in values {
        if value.is_infinite() || *value < min || *value > max {
            *value = f64::NAN;
            rejected += 1;
        }
    }
    rejected
}

/// Values that jump away from both sides and come straight back.
fn take_out_spikes(values: &mut [f64]) -> usize {
    let off: Vec<f64> = (0..values.len()).map(|index| off_neighbours(values, index)).collect();
    let mut sizes: Vec<f64> = off.iter().filter(|off| off.is_finite()).map(|off| off.abs()).collect();
    let rank = sizes.len() * 9 / 10;
    let usual = if sizes.is_empty() { 0.0 } else { *sizes.select_nth_unstable_by(rank, f64::total_cmp).1 };
    let largest = values.iter().filter(|v| v.is_finite()).fold(0.0_f64, |m, v| m.max(v.abs()));
    // A series that never moves has no usual size: what is off by a tenth of its level then.
    let limit = (SPIKE * usual).max(largest * 1e-6);
    let spikes: Vec<usize> = off.iter().enumerate().filter(|(_, off)| off.abs() > limit).map(|(at, _)| at).collect();
    if spikes.len() as f64 > MOST_SPIKES * values.len() as f64 {
        return 0;
    }
    for index in &spikes {
        if let Some(value) = values.get_mut(*index) {
            *value = f64::NAN;
        }
    }
    spikes.len()
}

/// How far a value is from the median of its neighbours; NaN where neighbours lack on a side.
fn off_neighbours(values: &[f64], index: usize) -> f64 {
    // Each value of each series comes by here: no allocation. What is not filled lies behind.
    let mut near = [f64::INFINITY; 2 * NEIGHBOURS];
    let mut count = 0;
    for side in [index.saturating_sub(NEIGHBOURS)..index, index + 1..(index + 1 + NEIGHBOURS).min(values.len())] {
        let before = count;
        for value in values.get(side).into_iter().flatten().filter(|value| value.is_finite()) {
            if let Some(slot) = near.get_mut(count) {
                *slot = *value;
                count += 1;
            }
        }
        if count < before + 2 {
            return f64::NAN;
        }
    }
    near.sort_unstable_by(f64::total_cmp);
    let median = near.get(count / 2).copied().unwrap_or(f64::NAN);
    values.get(index).map_or(f64::NAN, |value| value - median)
}

/// Moves what lies before lasting shifts to the level after them: hosts that were added are no growth. Says how many
/// values were moved.
fn level_out(values: &mut [f64], start: i64, step: i64) -> usize {
    let mut changes = Changepoints::default();
    let mut shifts: Vec<(usize, f64)> = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let at = start.saturating_add(i64::try_from(index).unwrap_or(i64::MAX).saturating_mul(step));
        if let Some(change) = changes.step(at, *value) {
            let began = usize::try_from((change.timestamp - start) / step.max(1)).unwrap_or(0);
            if values.len().saturating_sub(began) >= AFTER_SHIFT {
                shifts.push((began, change.after - change.before));
            }
        }
    }
    for (began, by) in &shifts {
        for value in values.iter_mut().take(*began) {
            *value += by;
        }
    }
    shifts.iter().map(|(began, _)| *began).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::analyse::signals::built_in;
    use crate::model::clock::Timestamp;
    use crate::model::part::Origin;
    use crate::model::signal::{Scope, SeriesKey};

    fn run(counter: bool, values: Vec<f64>) -> (Vec<f64>, Rejected) {
        let mut signal = built_in().into_iter().find(|signal| signal.name == "utilization").unwrap().clone();
        signal.counter = counter;
        let key = SeriesKey {
            signal: Arc::from("utilization"),
            origin: Origin::LOCAL,
            scope: Scope::Cloud,
            entity: Arc::from("c"),
            resource: Arc::from("vcpu"),
            basis: None,
        };
        let (start, step) = (Timestamp::from_seconds(0), Duration::from_secs(10));
        let mut stretch = Stretch { key: Arc::new(key), start, step, values };
        let rejected = clean(&signal, &mut stretch);
        (stretch.values, rejected)
    }

    /// A day's wave with a little noise.
    fn wave(hours: i32) -> Vec<f64> {
        let noise = |hour: i32| f64::from(hour * 7919 % 101) / 2000.0;
        (0..hours)
            .map(|hour| 0.5 + 0.1 * (f64::from(hour) * std::f64::consts::TAU / 24.0).sin() + noise(hour))
            .collect()
    }

    #[test]
    fn a_healthy_series_is_left_alone() {
        let (values, rejected) = run(false, wave(500));
        assert!(rejected.is_empty(), "{rejected:?}");
        assert_eq!(values, wave(500));
        let growing: Vec<f64> = wave(900).iter().zip(0..).map(|(v, i)| v + f64::from(i) * 0.0003).collect();
        assert_eq!(run(false, growing.clone()), (growing, Rejected::new()));
        assert!(run(false, vec![0.3; 100]).1.is_empty());
        assert!(run(false, Vec::new()).1.is_empty());
    }

    #[test]
    fn a_spike_and_what_cannot_be_are_taken_out() {
        let mut dirty = wave(500);
        (dirty[100], dirty[200], dirty[300]) = (40.0, -3.0, f64::INFINITY);
        let (values, rejected) = run(false, dirty);
        assert_eq!(rejected, Rejected::from([("outlier", 1), ("range", 2)]));
        for index in [100, 200, 300] {
            assert!(values[index].is_nan());
        }
        assert_eq!(values[101], wave(500)[101]);
    }

    #[test]
    fn a_counter_becomes_a_rate_without_its_resets() {
        let (values, rejected) = run(true, vec![0.0, 10.0, 30.0, f64::NAN, 70.0, 5.0, 15.0]);
        assert_eq!(rejected, Rejected::from([("reset", 1)]));
        assert!(values[0].is_nan() && values[3].is_nan() && values[5].is_nan());
        assert_eq!([values[1], values[2], values[4], values[6]], [1.0, 2.0, 2.0, 1.0]);
    }

    #[test]
    fn a_lasting_shift_is_levelled_out() {
        let shifted: Vec<f64> = wave(600).iter().enumerate().map(|(i, v)| if i < 300 { v + 2.0 } else { *v }).collect();
        let (values, rejected) = run(false, shifted);
        assert!(rejected["shift"].abs_diff(300) < 5, "{rejected:?}");
        let mean = |range: std::ops::Range<usize>| values[range].iter().sum::<f64>() / 240.0;
        assert!((mean(0..240) - mean(360..600)).abs() < 0.1, "{} {}", mean(0..240), mean(360..600));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics_and_the_length_stays(values in proptest::collection::vec(proptest::num::f64::ANY, 0..200), counter: bool) {
            let length = values.len();
            proptest::prop_assert_eq!(run(counter, values).0.len(), length);
        }
    }
}
