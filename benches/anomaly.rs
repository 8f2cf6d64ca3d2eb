//! CPU time of the anomaly detector per reading, learned and learning: `cargo bench --bench anomaly`.
//! The bars: 10 us a reading, and 10,000 series at 60 s in 1 % of a core, which is 60 us each; the group `series` is
//! one such round, with states that do not fit in the cache together.
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stackcast::analyse::anomaly::{Detector, Options, Saved};

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

fn save(c: &mut Criterion) {
    let detector = learned(8064);
    c.bench_function("save", |b| b.iter(|| Saved(black_box(&detector).save())));
}

criterion_group!(benches, step, series, save);
criterion_main!(benches);
