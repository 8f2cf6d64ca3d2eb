//! Milliseconds per fit: 700 hourly points with the backtest, 24 steps ahead, beside a seasonal naive with the
//! same backtest in the same run; and 15-minute points, a long outlook, and a read-out at another level.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros, and a bench may stop at once")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use stackcast::analyse::forecast::{Engine, Options, Series};

const HOUR: i64 = 3600;

/// A machine as they are: a day, a week, noise, and now and then a job.
fn series(n: usize, step: i64) -> Series {
    let day = (86_400 / step) as f64;
    let mut random = fastrand::Rng::with_seed(1);
    let mut wander = 0.0;
    let mut value = |i: usize| {
        wander = 0.95 * wander + random.f64() - 0.5;
        let weekend = if (i as f64 / day) as usize % 7 >= 5 { -8.0 } else { 0.0 };
        let job = if random.f64() < 0.01 { 30.0 } else { 0.0 };
        40.0 + 15.0 * (i as f64 / day * std::f64::consts::TAU).sin() + weekend + 3.0 * wander + job
    };
    let values: Vec<f64> = (0..n).map(&mut value).collect();
    Series::from_values(&values, 1_700_000_000, step).unwrap()
}

fn options(horizon: usize) -> Options {
    Options { horizon, min: Some(0.0), max: Some(100.0) }
}

/// The seasonal naive, its error over 24 origins and the quantile of its residuals.
fn seasonal_naive(y: &[f64], season: usize, horizon: usize) -> (Vec<f64>, f64) {
    let last = y.get(y.len() - season..).unwrap_or_default();
    let path = last.iter().cycle().take(horizon).copied().collect();
    let mut errors: Vec<f64> = (0..24)
        .flat_map(|k| {
            let origin = y.len() - 6 - 19 * k;
            let past = y.get(origin - season..).unwrap_or_default();
            let future = y.get(origin..).unwrap_or_default();
            future.iter().zip(past).take(horizon).map(|(a, b)| (a - b).abs())
        })
        .collect();
    errors.sort_unstable_by(f64::total_cmp);
    (path, errors.get(errors.len() * 4 / 5).copied().unwrap_or_default())
}

fn bench(c: &mut Criterion) {
    let hourly = series(700, HOUR);
    let mut group = c.benchmark_group("forecast");
    group.sample_size(50);
    group.bench_function("seasonal naive, 700 h, backtest, 24 ahead", |b| {
        b.iter(|| seasonal_naive(black_box(hourly.values()), 24, 24));
    });
    group.bench_function("fit, 700 h, backtest, 24 ahead", |b| {
        b.iter(|| Engine::fit(black_box(&hourly), &options(24)).unwrap().forecast(24, 0.8).unwrap());
    });
    group.bench_function("fit, 700 h, 7 days ahead (outlook)", |b| {
        b.iter(|| Engine::fit(black_box(&hourly), &options(168)).unwrap().forecast(168, 0.8).unwrap());
    });
    let quarter = series(2_700, 900);
    group.bench_function("fit, 2,700 quarters of an hour, 96 ahead", |b| {
        b.iter(|| Engine::fit(black_box(&quarter), &options(96)).unwrap().forecast(96, 0.8).unwrap());
    });
    let fitted = Engine::fit(&hourly, &options(24)).unwrap();
    group.bench_function("another level of a fitted one", |b| b.iter(|| fitted.forecast(24, black_box(0.95)).unwrap()));
    group.bench_function("time to exhaustion, 400 futures", |b| b.iter(|| fitted.exhaustion(black_box(90.0), 0.8, 1)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
