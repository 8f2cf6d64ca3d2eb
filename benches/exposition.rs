//! Rendering a page of 50,000 instances with 13 labels (22 MB) and one of 500,000 samples:
//! bytes per second for each format, and for gzip.

#![allow(clippy::unwrap_used, missing_docs, reason = "criterion's macros; a bench may fail")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stackcast::expose::{Encoding, Exposition, Format, Naming};
use stackcast::metrics;
use stackcast::model::clock::Timestamp;
use stackcast::model::part::{Origin, PartBuilder, PartKey};
use stackcast::model::snapshot::{SeriesLimits, SnapshotStore};

metrics! {
    /// Server status.
    SERVER_STATUS = gauge "openstack_nova_server_status" [id status name tenant_id user_id address_ipv4 address_ipv6 host_id hypervisor_hostname uuid availability_zone flavor_id instance_libvirt], State, "bench";
    /// Provider usage.
    USAGE = gauge "openstack_placement_resource_usage" [hostname resourcetype], Count, "bench";
}

fn servers(part: &mut PartBuilder) {
    for n in 0..50_000u128 {
        let id = format!("{:08x}-7c1d-4b2e-9f3a-{:012x}", n * 7_919, n * 104_729);
        let host = format!("compute-{:04}.cloud.example.org", n % 1000);
        let tenant = format!("{:032x}", n * 15_485_863);
        part.put(
            &SERVER_STATUS,
            [
                &id,
                "ACTIVE",
                &format!("web-frontend-{n:06}"),
                &tenant,
                &tenant,
                &format!("10.{}.{}.{}", n / 65_536, n / 256 % 256, n % 256),
                "",
                &format!("{:056x}", n * 32_452_843),
                &host,
                &id,
                "nova",
                "m1.large-8c-32g",
                "instance-0000a1b2",
            ],
            (n % 16) as f64,
        );
    }
}

fn usages(part: &mut PartBuilder) {
    const RESOURCES: [&str; 5] = ["VCPU", "PCPU", "MEMORY_MB", "DISK_GB", "CUSTOM_GPU"];
    for n in 0..100_000 {
        for resource in RESOURCES {
            part.put(&USAGE, [&format!("compute-{n:06}.cloud.example.org"), resource], f64::from(n) * 1.37);
        }
    }
}

fn publish(store: &SnapshotStore, fill: fn(&mut PartBuilder)) {
    let mut builder = PartBuilder::new();
    fill(&mut builder);
    let key = PartKey { group: "compute", origin: Origin::new("c", "r"), source: "bench".into() };
    let (part, dropped) = builder.seal(key, Timestamp::default(), usize::MAX);
    store.publish(part, dropped);
}

fn rendering(criterion: &mut Criterion) {
    assert_eq!(METRICS.len(), 2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    for (name, fill) in [("servers_50k_13_labels", servers as fn(&mut PartBuilder)), ("usages_500k_2_labels", usages)] {
        let store = SnapshotStore::new(SeriesLimits { per_family: usize::MAX, total: usize::MAX });
        publish(&store, fill);
        let fresh = || Exposition::new(Arc::clone(&store), Naming::default(), Arc::new(Vec::new));
        let bytes = runtime.block_on(fresh().page(Format::Text, Encoding::Identity)).bytes();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes)).sample_size(10);
        for (label, format, encoding) in [
            ("classic", Format::Text, Encoding::Identity),
            ("openmetrics", Format::OpenMetrics, Encoding::Identity),
            ("classic_gzip", Format::Text, Encoding::Gzip),
        ] {
            // A new exposition has nothing cached: everything is rendered in each turn.
            group.bench_function(label, |bench| {
                bench.iter(|| black_box(runtime.block_on(fresh().page(format, encoding))).bytes());
            });
        }
        let warm = fresh();
        group.bench_function("cached", |bench| {
            bench.iter(|| black_box(runtime.block_on(warm.page(Format::Text, Encoding::Identity))).bytes());
        });
        group.finish();
    }
}

criterion_group!(benches, rendering);
criterion_main!(benches);
