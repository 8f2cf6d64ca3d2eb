//! Every family of openstack-exporter (as listed in tests/data, taken from its sources) is in our tables, with the same
//! labels in the same order, the same type and the same flags.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::process::once;
use stackcast::demo::{Demo, Settings};
use stackcast::model::clock::{Clock, Timestamp};
use stackcast::model::metric::{Descriptor, Kind};

/// A row of the reference: `metric,type,labels,service,slow,deprecated,api_call`.
struct Row<'a> {
    name: &'a str,
    kind: &'a str,
    labels: Vec<&'a str>,
    slow: bool,
    deprecated: bool,
}

fn reference() -> Vec<Row<'static>> {
    let lines = include_str!("../data/openstack-exporter-metrics.csv").lines().skip(1);
    let rows = lines.filter_map(|line| {
        let fields: Vec<&str> = line.splitn(7, ',').collect();
        let [name, kind, labels, service, slow, deprecated, _] = *fields else { return None };
        let labels = labels.split_whitespace().collect();
        let row = Row { name, kind, labels, slow: slow == "yes", deprecated: deprecated == "yes" };
        // `exporter` are the two families that it has about itself.
        let collected = service == "exporter" || stackcast::collect::SERVICES.iter().any(|known| known.name == service);
        collected.then_some(row)
    });
    rows.collect()
}

fn tables() -> BTreeMap<String, &'static Descriptor> {
    let descriptors = stackcast::collect::tables().into_iter().flatten();
    descriptors.map(|descriptor| (descriptor.name.to_string(), *descriptor)).collect()
}

#[test]
fn every_family_of_openstack_exporter_is_there_and_alike() {
    let (rows, tables) = (reference(), tables());
    assert!(rows.len() >= 38 + 8 + 7 + 2, "the reference has lost rows");
    let mut faults = Vec::new();
    for row in rows {
        let Some(descriptor) = tables.get(row.name) else {
            faults.push(format!("{} is missing", row.name));
            continue;
        };
        let labels: Vec<&str> = descriptor.labels.iter().map(|label| &**label).collect();
        let kind = match descriptor.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Untyped => "untyped",
        };
        let found = (labels, kind, descriptor.slow, descriptor.deprecated);
        let expected = (row.labels, row.kind, row.slow, row.deprecated);
        if found != expected {
            faults.push(format!("{}: {found:?} instead of {expected:?}", row.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn names_are_told_once_and_helps_are_sentences() {
    let descriptors: Vec<_> = stackcast::collect::tables().into_iter().flatten().collect();
    assert_eq!(descriptors.len(), tables().len(), "a name occurs twice");
    for descriptor in descriptors {
        assert!(descriptor.help.ends_with('.'), "{}", descriptor.name);
        assert!(!descriptor.source.is_empty(), "{}", descriptor.name);
        let counter = descriptor.kind == Kind::Counter;
        let total = descriptor.name.ends_with("_total");
        // These gauges are the peer's, and stay what they are.
        let kept = ["openstack_placement_", "openstack_neutron_subnets_", "openstack_neutron_network_ip_"];
        let kept = kept.iter().any(|start| descriptor.name.starts_with(start));
        assert!(counter == total || kept, "{} and its type disagree", descriptor.name);
    }
}

/// Families that need what the simulated cloud does not have.
const ABSENT_MAX: usize = 15;

/// Whatever of the catalogue the simulated cloud has a sample of is printed with its type and just its labels. against_openstack/values.rs
/// compares the same, and the values, on a real cloud.
#[tokio::test]
async fn the_page_of_the_simulated_cloud_is_as_the_catalogue_says() {
    let settings = Settings { hypervisors: 40, instances: 200, projects: 15, ..Settings::default() };
    let demo = Demo::start(settings, Clock::manual(Timestamp::from_seconds(1_795_293_909))).await.unwrap();
    let page = once(&demo.clouds_yaml(), "demo", &[("STACKCAST_COLLECT__COMPAT", "true")]).await;
    let (mut faults, mut absent) = (Vec::new(), Vec::new());
    for row in reference() {
        let Some(family) = page.get(row.name) else {
            absent.push(row.name);
            continue;
        };
        let labels: BTreeSet<&str> = row.labels.iter().copied().collect();
        let alike =
            |found: &BTreeMap<String, String>| found.keys().map(String::as_str).collect::<BTreeSet<_>>() == labels;
        if family.kind != row.kind || !family.samples.keys().all(|(_, found)| alike(found)) {
            faults.push(row.name);
        }
    }
    assert!(faults.is_empty() && absent.len() <= ABSENT_MAX, "{faults:?} differ; {absent:?} are absent");
}
