//! Milliseconds per fit: 700 hourly points with the backtest, 24 steps ahead, beside a seasonal naive with the
//! same backtest in the same run; and 15-minute points, a long outlook, and a read-out at another level. Then what a run
//! over a fleet takes, in CPU time: the bar is 3,000 series x 2 horizons in <= 15 s on two cores.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "criterion's macros, and a bench may stop at once"
)]

use std::hint::black_box;

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group};
use stackcast::analyse::forecast::{Engine, Options, Series};
use stackcast::analyse::{predict, signals, tiers};
use stackcast::history::Stretch;
use stackcast::model::clock::Timestamp;
use stackcast::model::part::Origin;
use stackcast::model::signal::{Basis, Scope, SeriesKey};

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

/// What predictions of a fleet's series take: both models, all horizons, curves and times to exhaustion.
fn fleet() {
    const SERIES: usize = 3000;
    const TRIED: usize = 150;
    let signal = signals::built_in().into_iter().find(|signal| signal.name == "utilization").unwrap();
    let (settings, tiers) = (predict::Settings::default(), tiers::Tiers::default());
    for days in [30, settings.history_days as usize] {
        let started = cpu();
        for number in 0..TRIED {
            let key = SeriesKey {
                signal: "utilization".into(),
                origin: Origin::new("c", "r"),
                scope: Scope::Hypervisor,
                entity: format!("n{number}").into(),
                resource: "vcpu".into(),
                basis: Some(Basis::Allocation),
            };
            let series = series(days * 24 - number, HOUR);
            let values = series.values().iter().map(|value| value / 100.0).collect();
            let start = Timestamp::from_seconds(1_700_000_000 / HOUR * HOUR);
            let stretch = Stretch { key: Arc::new(key), start, step: Duration::from_secs(3600), values };
            let subject = predict::Subject { signal, stretch: &stretch, shifted: 0 };
            black_box(predict::predict(&subject, &settings, &tiers, None).unwrap());
        }
        let each = (cpu() - started).as_secs_f64() / TRIED as f64;
        let all = each * SERIES as f64 / 2.0;
        println!("{days} days: {:.2} ms CPU a series; {SERIES} series on two cores: {all:.1} s", each * 1e3);
    }
}

/// Time on a core of this thread.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

criterion_group!(benches, bench);

fn main() {
    benches();
    fleet();
    Criterion::default().configure_from_args().final_summary();
}
