//! What there is to query: the table of metrics in docs/metrics.md, the recording rules, and what Prometheus adds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Labels by metric; None where they are a rule's business.
pub(crate) type Labels = BTreeMap<String, Option<BTreeSet<String>>>;

/// Families that Prometheus makes itself, with the labels that boards may name.
const OF_PROMETHEUS: [(&str, &[&str]); 8] = [
    ("ALERTS", &["alertname", "alertstate", "severity", "reaction", "scope", "entity", "resource", "service", "name"]),
    ("scrape_duration_seconds", &[]),
    ("prometheus_notifications_alertmanagers_discovered", &[]),
    ("prometheus_notifications_dropped_total", &[]),
    ("prometheus_notifications_errors_total", &["alertmanager"]),
    ("prometheus_rule_evaluation_failures_total", &["rule_group"]),
    ("prometheus_rule_group_last_duration_seconds", &["rule_group"]),
    ("prometheus_rule_group_iterations_missed_total", &["rule_group"]),
];

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Everything that a query may read.
pub(crate) fn all() -> Labels {
    let mut all = exported();
    let own = OF_PROMETHEUS.iter().map(|(name, labels)| (*name, labels.iter().copied()));
    all.extend(
        own.map(|(name, labels)| {
            (name.to_owned(), Some(labels.chain(["cloud", "region"]).map(str::to_owned).collect()))
        }),
    );
    all.extend(recorded().into_iter().map(|name| (name, None)));
    all
}

/// The exporter's own table; tests/it/reference.rs keeps it true.
fn exported() -> Labels {
    let text = std::fs::read_to_string(root("docs/metrics.md")).unwrap();
    let mut all = Labels::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (name, kind) = (cells[1].trim_matches('`'), cells[2]);
        let mut labels: BTreeSet<String> = cells[4].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        if name.starts_with("openstack_") || name.starts_with("stackcast_") {
            labels.extend(["cloud", "region"].map(str::to_owned));
        }
        let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        for suffix in suffixes {
            let more = (*suffix == "_bucket").then(|| "le".to_owned());
            all.insert(format!("{name}{suffix}"), Some(labels.iter().cloned().chain(more).collect()));
        }
    }
    assert!(all.len() > 400, "docs/metrics.md was not understood: {} families", all.len());
    all
}

/// Names of recording rules.
fn recorded() -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(root("prometheus/rules")) else {
        eprintln!("NOT CHECKED: recording rules, since prometheus/rules is not there");
        return KNOWN_RULES.map(str::to_owned).to_vec();
    };
    let texts = folder.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let names = |text: String| {
        let records = text.lines().filter_map(|line| line.trim().strip_prefix("- record: ").map(str::to_owned));
        records.collect::<Vec<_>>()
    };
    texts.flat_map(names).collect()
}

/// Those that boards may use, where the bundle's rules are not at hand.
const KNOWN_RULES: [&str; 7] = [
    "stackcast:agent:up",
    "stackcast:service:up",
    "stackcast:pool_written:ratio",
    "stackcast:pool_provisioned:ratio",
    "stackcast:addresses_used:ratio",
    "stackcast:openstack_request_duration_seconds:p95_5m",
    "stackcast:anomaly:value",
];
