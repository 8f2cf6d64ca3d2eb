//! Growth, flatness, weekends.

use super::super::season::detect;
use super::*;

fn outlook(value: impl Fn(usize) -> f64, days: usize) -> Outlook {
    let y: Vec<f64> = (0..days * 24).map(value).collect();
    Outlook::fit(&History::new(&y, detect(&y, 3600)), 3600, None).unwrap()
}

fn noise(i: usize) -> f64 {
    fastrand::Rng::with_seed(i as u64).f64() - 0.5
}

#[test]
fn a_steady_growth_reaches_the_threshold_when_it_should() {
    // 0.5 at the start, 0.005 a day, 60 days: 0.8 now, 0.9 in 20 days.
    let o = outlook(|i| 0.5 + 0.005 * i as f64 / 24.0 + 0.02 * noise(i) + 0.05 * ((i % 24) as f64 / 24.0 - 0.5), 60);
    let one = |threshold: f64| o.exhaustions(&[threshold], 0.8, 1)[0];
    let e = one(0.9);
    let days = e.mid / 86_400.0;
    assert!((15.0..26.0).contains(&days), "{days}");
    assert!(e.upper <= e.mid && e.mid <= e.lower);
    assert_eq!(one(0.2).mid, 0.0);
    assert!(one(50.0).upper.is_infinite());
    assert_eq!(o.exhaustions(&[0.2, 0.9, 50.0], 0.8, 1), [one(0.2), e, one(50.0)], "the same futures for all");
}

#[test]
fn a_flat_series_is_not_exhausted_and_uncertainty_grows() {
    let o = outlook(|i| 0.5 + 0.1 * noise(i), 45);
    assert!(o.exhaustions(&[0.9], 0.8, 1)[0].mid.is_infinite());
    let steps = o.steps(90 * 24, 0.8);
    let width = |i: usize| steps[i].2 - steps[i].1;
    assert!(width(89 * 24) > width(6 * 24));
}

#[test]
fn the_weekend_stays_at_the_weekend() {
    let o = outlook(|i| if (i / 24) % 7 >= 5 { 10.0 } else { 20.0 } + noise(i), 42);
    let day = |d: usize| o.steps(7 * 24, 0.8)[d * 24..(d + 1) * 24].iter().map(|s| s.0).sum::<f64>() / 24.0;
    assert!(day(0) - day(5) > 5.0, "{} {}", day(0), day(5));
    assert!(day(4) - day(6) > 5.0);
}
