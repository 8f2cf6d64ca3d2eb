//! CPU time of the anomaly detector per reading, learned and learning: `cargo bench --bench anomaly`.
//! The bars: 10 us a reading, and 10,000 series at 60 s in 1 % of a core, which is 60 us each; the group `series` is
//! one such round, with states that do not fit in the cache together. `watch` is all that the exporter does with a reading:
//! detector, tests, limits, peers, fleets, gauges.
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stackcast::analyse::anomaly::{Detector, Options, Saved};
use stackcast::analyse::signals::built_in;
use stackcast::analyse::tiers::Tiers;
use stackcast::analyse::watch::{Settings, Watch};
use stackcast::model::clock::Timestamp;
use stackcast::model::part::Origin;
use stackcast::model::signal::{Basis, Scope, SeriesKey, Tick};
use stackcast::model::snapshot::{SeriesLimits, SnapshotStore};

fn load(i: i64) -> f64 {
    let noise = ((i.wrapping_mul(0x9E37_79B9) >> 7) & 1023) as f64 / 1023.0;
    30.0 + 10.0 * (i as f64 * std::f64::consts::TAU / 288.0).sin() + 4.0 * noise
}

fn learned(readings: i64) -> Detector {
    let mut detector = Detector::new(&Options::default());
    for i in 0..readings {
        detector.step(i * 300, load(i));
    }
    detector
}

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("step");
    group.throughput(Throughput::Elements(1));
    for (name, readings) in [("learning", 100), ("learned", 8064)] {
        let (mut detector, mut i) = (learned(readings), readings);
        group.bench_function(name, |b| {
            b.iter(|| {
                i += 1;
                black_box(detector.step(i * 300, load(i)))
            });
        });
    }
    group.finish();
}

/// One round over many series, whose states do not fit in the cache together.
fn series(c: &mut Criterion) {
    let (prototype, mut i) = (learned(4032), 4032);
    let mut detectors = vec![prototype; 10_000];
    let mut group = c.benchmark_group("series");
    group.throughput(Throughput::Elements(detectors.len() as u64)).sample_size(10);
    group.bench_function("10000", |b| {
        b.iter(|| {
            i += 1;
            detectors.iter_mut().map(|d| d.step(i * 300, load(i)).score).sum::<f64>()
        });
    });
    group.finish();
}

/// A point of the grid with 400 series of 200 hosts, after a week.
fn watch(c: &mut Criterion) {
    let key = |host: i64, resource: &str| SeriesKey {
        signal: Arc::from("utilization"),
        origin: Origin::new("cloud", "region"),
        scope: Scope::Hypervisor,
        entity: Arc::from(format!("host-{host:03}")),
        resource: Arc::from(resource),
        basis: Some(Basis::Demand),
    };
    let keys: Vec<(i64, Arc<SeriesKey>)> =
        (0..200).flat_map(|n| ["vcpu", "memory"].map(|resource| (n, Arc::new(key(n, resource))))).collect();
    let tick = |i: i64| Tick {
        at: Timestamp::from_seconds(i * 300),
        readings: keys.iter().map(|(n, key)| (Arc::clone(key), 0.01 * load(i + 17 * n))).collect(),
    };
    let (store, settings, tiers) = (SnapshotStore::new(SeriesLimits::default()), Settings::default(), Tiers::default());
    let (mut watch, mut i) = (Watch::new(built_in()), 0);
    let mut step = || {
        i += 1;
        watch.step(&tick(i), &store.load(), &settings, &tiers).len()
    };
    (0..2100).for_each(|_| _ = step());
    let mut group = c.benchmark_group("watch");
    group.throughput(Throughput::Elements(keys.len() as u64)).sample_size(20);
    group.bench_function("400", |b| b.iter(&mut step));
    group.finish();
}

fn save(c: &mut Criterion) {
    let detector = learned(8064);
    c.bench_function("save", |b| b.iter(|| Saved(black_box(&detector).save())));
}

criterion_group!(benches, step, series, watch, save);
criterion_main!(benches);
