//! The detector as a whole: what it must find, what it must not, and what it must survive.
use super::*;
use proptest::prelude::*;

/// Deterministic noise in -1..1.
fn noise(i: i64) -> f64 {
    let mut x = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234_5678;
    x ^= x >> 31;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^= x >> 29;
    (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// CPU-like load: daily cycle and noise, five-minute steps.
fn load(i: i64) -> f64 {
    30.0 + 10.0 * (i as f64 * std::f64::consts::TAU / 288.0).sin() + 2.0 * noise(i)
}

/// Readings with a score above 1.
fn alarms(n: i64, value: impl Fn(i64) -> f64) -> Vec<(i64, Reading)> {
    let mut detector = Detector::new(&Options::default());
    (0..n).map(|i| (i, detector.step(i * 300, value(i)))).filter(|(_, r)| r.score > 1.0).collect()
}

#[test]
fn a_healthy_fortnight_has_no_alarm_in_its_second_week() {
    let late: Vec<_> = alarms(4032, load).into_iter().filter(|(i, _)| *i > 2016).collect();
    assert!(late.len() <= 1, "{late:?}");
}

#[test]
fn a_level_shift_is_one_episode_found_early_and_learned() {
    let shifted = |i: i64| load(i) + if i >= 3000 { 25.0 } else { 0.0 };
    let found = alarms(9000, shifted);
    let first = found.iter().find(|(i, _)| *i >= 3000).expect("the shift is found");
    assert!(first.0 < 3030, "found after {} readings", first.0 - 3000);
    assert_eq!(first.1.direction, 1);
    assert!(first.1.expected.is_some_and(|(_, high)| high < 60.0), "{first:?}");
    let late: Vec<_> = found.iter().filter(|(i, _)| *i > 6000).collect();
    assert!(late.len() <= 2, "after ten days the new level is usual: {late:?}");
}

#[test]
fn a_drop_to_zero_is_low_and_found_within_half_an_hour() {
    let found = alarms(3300, |i| if i >= 3000 { 0.0 } else { load(i) });
    let first = found.iter().find(|(i, _)| *i >= 3000).expect("the drop is found");
    assert!(first.0 <= 3006, "found after {} readings", first.0 - 3000);
    assert_eq!(first.1.direction, -1);
    assert!(found.iter().filter(|(i, _)| *i >= 3000).count() <= 4, "{found:?}");
}

#[test]
fn a_frozen_series_is_found_as_flat() {
    let found = alarms(3400, |i| if i >= 3100 { 31.5 } else { load(i) });
    let first = found.iter().find(|(i, _)| *i >= 3100).expect("the flat line is found");
    assert!(first.0 < 3180, "found after {} readings", first.0 - 3100);
}

#[test]
fn one_alarm_per_episode() {
    let found = alarms(3100, |i| load(i) + if i >= 3000 { 60.0 } else { 0.0 });
    assert!((1..=3).contains(&found.iter().filter(|(i, _)| *i >= 3000).count()), "{found:?}");
    let numbers: Vec<_> = found.iter().filter(|(i, _)| *i >= 3000).map(|(_, r)| r.episode.unwrap().number).collect();
    assert!(numbers.windows(2).all(|w| w[0] == w[1]), "one episode: {numbers:?}");
}

#[test]
fn a_constant_series_is_quiet_and_its_first_change_is_not() {
    assert!(alarms(5000, |_| 7.0).is_empty());
    assert!(!alarms(5000, |i| if i > 4000 { 8.0 } else { 7.0 }).is_empty());
}

#[test]
fn floors_keep_small_deviations_quiet() {
    let options = Options { absolute_floor: 5.0, ..Options::default() };
    let mut detector = Detector::new(&options);
    for i in 0..5000 {
        let reading = detector.step(i * 300, if i > 4000 { 8.0 } else { 7.0 });
        let flat = matches!(reading.feature, Some(Feature::Flat));
        assert!(reading.score <= 1.0 || flat, "{i}: {reading:?}");
    }
}

#[test]
fn no_number_gaps_duplicates_and_clock_jumps_are_survived() {
    let mut detector = Detector::new(&Options::default());
    for i in 0..3000i64 {
        let (timestamp, value) = match i {
            500..520 => (i * 300, f64::NAN),
            600 => (i * 300, f64::INFINITY),
            700 => (i * 300, f64::MAX),
            800..810 => (800 * 300, load(i)),
            900 => (-5, load(i)),
            1000 => (i64::MAX, load(i)),
            1001 => (i64::MIN + 1, load(i)),
            _ => (i * 300, load(i)),
        };
        let reading = detector.step(timestamp, value);
        assert!(reading.score.is_finite() && reading.strength.is_finite());
        if !value.is_finite() {
            assert_eq!(reading.score, 0.0, "no value is no anomaly of the value");
        }
    }
    let after: Vec<_> = (3000..4000).filter(|i| detector.step(i * 300, load(*i)).score > 1.0).collect();
    assert!(after.len() <= 1, "{after:?}");
}

#[test]
fn a_missing_series_becomes_overdue_and_its_return_names_the_gap() {
    let mut detector = Detector::new(&Options::default());
    (0..1000).for_each(|i| _ = detector.step(i * 300, load(i)));
    assert!(detector.overdue(1000 * 300) < 0.5);
    assert!(detector.overdue(1015 * 300) > 1.0);
    let reading = detector.step(1100 * 300, load(1100));
    assert!(reading.strength.is_finite());
}

#[test]
fn a_change_to_daylight_saving_does_not_wake_anyone_for_long() {
    // The load follows local time: from reading 4032 on it comes an hour (12 readings) earlier.
    let found = alarms(6048, |i| load(if i >= 4032 { i + 12 } else { i }));
    assert!(found.iter().filter(|(i, _)| *i >= 4032).count() <= 3, "{found:?}");
}

#[test]
fn a_counter_reset_is_no_anomaly() {
    let mut detector = Detector::new(&Options { counter: true, ..Options::default() });
    let mut total = 0.0;
    for i in 0..4000i64 {
        total = if i % 1500 == 0 { 0.0 } else { total + 1000.0 + 100.0 * noise(i) };
        let reading = detector.step(i * 60, total);
        assert!(reading.score <= 1.0 || i % 1500 > 50, "reset at {i}: {reading:?}");
    }
}

#[test]
fn a_weekly_batch_is_normal_from_its_third_time_on() {
    let batch = |i: i64| load(i) + if (i % 2016) / 24 == 40 { 40.0 } else { 0.0 };
    let found = alarms(2016 * 6, batch);
    let late: Vec<_> = found.iter().filter(|(i, _)| *i >= 2016 * 4).map(|(i, r)| (i, r.score, r.feature)).collect();
    assert!(late.len() <= 1, "{late:?}");
}

#[test]
fn maintenance_is_silent_and_teaches_nothing() {
    let mut detector = Detector::new(&Options::default());
    (0..3000).for_each(|i| _ = detector.step(i * 300, load(i)));
    detector.set_silent(true);
    assert!((3000..3100).all(|i| detector.step(i * 300, 0.0) == Reading::QUIET));
    detector.set_silent(false);
    assert!((3100..3400).filter(|i| detector.step(i * 300, load(*i)).score > 1.0).count() <= 1);
}

#[test]
fn the_saved_state_is_small_and_restores_exactly() {
    let options = Options::default();
    let mut detector = Detector::new(&options);
    (0..4000).for_each(|i| _ = detector.step(i * 300, load(i)));
    let json = serde_json::to_string(&Saved(detector.save())).unwrap();
    assert!(json.len() <= 16_000, "{} bytes as text", json.len());
    let Saved(bytes) = serde_json::from_str(&json).unwrap();
    let mut restored = Detector::restore(&options, bytes).unwrap();
    for i in 4000..5000 {
        let value = if i > 4500 { 99.0 } else { load(i) };
        assert_eq!(detector.step(i * 300, value), restored.step(i * 300, value), "{i}");
    }
    assert!(Detector::restore(&options, detector.save()[1..].to_vec()).is_none());
    assert!(Detector::restore(&options, Vec::new()).is_none());
    assert!(serde_json::from_str::<Saved>("\"!\"").is_err());
}

/// Real series, each split in the middle: `STACKCAST_SERIES=FOLDER cargo test --lib real_series -- --ignored`, where the
/// folder holds `timestamp,value` files (`score_anomaly.py export` writes such).
#[test]
#[ignore = "needs STACKCAST_SERIES, a folder of series"]
fn real_series_split_in_the_middle() {
    let folder = std::env::var("STACKCAST_SERIES").expect("STACKCAST_SERIES names a folder");
    let options = Options::default();
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let rows: Vec<(i64, f64)> = (0..)
            .zip(text.lines().skip(1))
            .map(|(i, line)| (i * 300, line.split(',').nth(1).unwrap().parse().unwrap()))
            .collect();
        let (mut whole, mut split) = (Detector::new(&options), Detector::new(&options));
        for (i, (timestamp, value)) in rows.iter().enumerate() {
            if i == rows.len() / 2 {
                let saved = serde_json::to_string(&Saved(split.save())).unwrap();
                assert!(saved.len() <= 16_000, "{} bytes", saved.len());
                let Saved(bytes) = serde_json::from_str(&saved).unwrap();
                split = Detector::restore(&options, bytes).unwrap();
            }
            assert_eq!(whole.step(*timestamp, *value), split.step(*timestamp, *value));
        }
        files += 1;
    }
    assert!(files > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any series, split anywhere: scores are finite, and a restart changes none of them.
    #[test]
    fn a_restart_changes_nothing(
        values in proptest::collection::vec(prop_oneof![4 => -1e3..1e3f64, 1 => any::<f64>(), 1 => Just(0.0)], 300..800),
        steps in proptest::collection::vec(-10i64..2000, 800),
        at in 0usize..300,
    ) {
        let options = Options::default();
        let (mut whole, mut split) = (Detector::new(&options), Detector::new(&options));
        let mut timestamp = 1_700_000_000;
        for (i, (value, step)) in values.iter().zip(&steps).enumerate() {
            timestamp += step;
            if i == at || i == 2 * at {
                split = Detector::restore(&options, split.save()).unwrap();
            }
            let (a, b) = (whole.step(timestamp, *value), split.step(timestamp, *value));
            prop_assert!(a.score.is_finite() && a.strength.is_finite());
            prop_assert_eq!(a, b);
        }
    }
}
