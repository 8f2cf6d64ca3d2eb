//! Both formats of a small snapshot with every kind of family, two clouds and every escape, as files
//! that a reviewer reads; and promtool's opinion on them, where it is installed.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use stackcast::expose::{CloudLabels, Format, Naming};
use stackcast::metrics;
use stackcast::model::histogram::HistogramValue;
use stackcast::model::metric::{Descriptor, Kind, Unit};
use stackcast::model::part::Origin;
use stackcast::model::snapshot::SnapshotStore;

use super::{exposition, publish, store, text};

metrics! {
    /// Agents and their state: 1 is up.
    AGENT_STATE = gauge "openstack_nova_agent_state" [id hostname], Bool, "test";
    /// Limits with a region of their own.
    LIMITS = gauge "openstack_nova_limits_vcpus_max" [tenant region], Count, "test";
    /// A counter of the drop-in set whose name does not say so.
    ODD_COUNTER = counter "openstack_nova_requests" [], Count, "test";
    /// Flavors.
    FLAVORS = gauge "openstack_nova_flavors" [], Count, "test";
    /// Nothing to see.
    EMPTY = gauge "openstack_nova_empty" [], Count, "test";
    /// Seconds the CPUs spent in each mode.
    CPU_SECONDS = counter "host_cpu_seconds_total" [cpu mode], Seconds, "test";
    /// What the kernel does not type.
    UNTYPED = untyped "host_netstat_Tcp_CurrEstab" [], Count, "test";
    /// How full it will be.
    FORECAST = gauge "stackcast_forecast_utilization_ratio" [entity horizon], Ratio, "test";
    /// Time a call took.
    CALL_SECONDS = histogram "stackcast_call_duration_seconds" [service], Seconds, "test";
}

fn fill(store: &SnapshotStore) {
    assert_eq!(METRICS.len(), 9);
    for (cloud, region, host) in [("alpha", "north", "cmp-1"), ("beta \"b\"\\\n", "south", "cmp-1")] {
        publish(store, "compute", Origin::new(cloud, region), "compute.agents", |part| {
            part.put(&AGENT_STATE, ["1", host], 1.0);
            part.put(&AGENT_STATE, ["2", ""], 0.0);
        });
        publish(store, "compute", Origin::new(cloud, region), "compute.rest", |part| {
            part.put(&LIMITS, ["admin", "RegionOne"], -1.0);
            part.put(&FLAVORS, [], 17_179_869_184.0);
            part.put(&ODD_COUNTER, [], 12.5);
        });
        publish(store, "forecast", Origin::new(cloud, region), "analyse", |part| {
            for (horizon, value) in [("1h", 0.1), ("24h", f64::INFINITY), ("7d", f64::NEG_INFINITY), ("30d", f64::NAN)]
            {
                part.put(&FORECAST, [host, horizon], value);
            }
            let value = HistogramValue { bounds: &[0.1, 2.5], counts: vec![3, 0, 1], sum: 30.25 };
            part.put_histogram(&CALL_SECONDS, ["no\\va"], value);
        });
    }
    publish(store, "host", Origin::LOCAL, "host", |part| {
        part.put(&CPU_SECONDS, ["0", "idle"], 1_234_567.89);
        part.put(&CPU_SECONDS, ["0", "user"], 42.0);
        part.put(&UNTYPED, [], 1e-9);
        let row = Arc::new(Descriptor {
            name: "backup_age".into(),
            help: "Said \"so\" in C:\\backup\nby a text file".into(),
            kind: Kind::Gauge,
            unit: Unit::None,
            labels: vec!["file".into()].into(),
            source: "text file".into(),
            slow: false,
            deprecated: false,
        });
        part.put_shared(&row, &["a\nb\\c\"d\"é"], -0.0);
    });
}

async fn page(naming: Naming, format: Format) -> String {
    let store = store();
    let exposition = exposition(&store, naming);
    fill(&store);
    let page = text(&exposition, format).await;
    // Behind this line are the server's own figures, which differ from run to run.
    let (stable, live) = page.split_once("# HELP stackcast_http_connections").unwrap();
    assert_eq!(live.ends_with("# EOF\n"), format == Format::OpenMetrics);
    assert_eq!(page.matches("# EOF").count(), usize::from(format == Format::OpenMetrics));
    stable.to_owned()
}

/// Compares with the file; `UPDATE_GOLDEN=1` writes it.
fn compare(name: &str, found: &str) {
    let path = format!("{}/tests/it/exposition/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, expected, "the page differs from {path}");
}

#[tokio::test]
async fn classic_text() {
    compare("classic", &page(Naming::default(), Format::Text).await);
}

#[tokio::test]
async fn openmetrics() {
    compare("openmetrics", &page(Naming::default(), Format::OpenMetrics).await);
}

#[tokio::test]
async fn other_names_and_no_cloud_labels() {
    let naming = Naming { prefix: "os".into(), host_prefix: "node".into(), cloud_labels: CloudLabels::Never };
    compare("renamed", &page(naming, Format::Text).await);
}

#[tokio::test]
async fn promtool_finds_no_fault_with_the_syntax() {
    for format in [Format::Text, Format::OpenMetrics] {
        let page = page(Naming::default(), format).await;
        // promtool reads the classic format only.
        if format == Format::OpenMetrics {
            continue;
        }
        let tool =
            Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let Ok(mut tool) = tool else {
            say!("SKIPPED: promtool is not installed (apt-get install prometheus)");
            return;
        };
        tool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
        let output = tool.wait_with_output().unwrap();
        let complaints = String::from_utf8(output.stderr).unwrap();
        // 1 is a fault in the text, 3 an opinion on names; the names here are odd on purpose.
        assert_ne!(output.status.code(), Some(1), "{complaints}");
    }
}
