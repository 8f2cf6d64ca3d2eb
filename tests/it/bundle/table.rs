//! Which metrics and labels there are: docs/metrics.md, which tests/it/reference.rs keeps true, what recording rules add, and
//! the few families of Prometheus and Alertmanager that rules read.

use std::collections::{BTreeMap, BTreeSet};

use super::promql::{Mentions, mentions};
use super::{RuleFile, read};

/// Labels by metric.
#[derive(Debug, Default)]
pub struct Table(BTreeMap<String, BTreeSet<String>>);

/// Labels that any series may have: of the target, and of the cloud.
const EVERYWHERE: [&str; 4] = ["job", "instance", "cloud", "region"];

/// Families of other programs that are scraped along.
const FOREIGN: [(&str, &[&str]); 4] = [
    ("up", &[]),
    ("scrape_duration_seconds", &[]),
    ("prometheus_rule_evaluation_failures_total", &["rule_group"]),
    ("alertmanager_notifications_failed_total", &["integration"]),
];

impl Table {
    /// Of the exporter, and of the rules.
    pub fn of(files: &[RuleFile]) -> Self {
        let mut table = Self::default();
        for (name, labels) in FOREIGN {
            table.add(name, labels.iter().map(|label| (*label).to_owned()));
        }
        for line in read("docs/metrics.md").lines().filter(|line| line.starts_with("| `")) {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            let name = columns[1].trim_matches('`');
            let labels: Vec<String> = columns[4].split('`').skip(1).step_by(2).map(str::to_owned).collect();
            if columns[2] == "histogram" {
                for suffix in ["bucket", "sum", "count"] {
                    let le = (suffix == "bucket").then(|| "le".to_owned());
                    table.add(&format!("{name}_{suffix}"), labels.iter().cloned().chain(le));
                }
            }
            table.add(name, labels.into_iter());
        }
        assert!(table.0.len() > 500, "docs/metrics.md was not understood");
        // Recorded families have the labels of what they are made of. Some are made of recorded ones: twice is enough.
        for _ in 0..2 {
            for rule in files.iter().flat_map(|file| &file.rules).filter(|rule| !rule.record.is_empty()) {
                let labels = table.reachable(&mentions(&rule.expr));
                table.add(&rule.record, labels.into_iter().chain(rule.labels.keys().cloned()));
            }
        }
        table
    }

    fn add(&mut self, name: &str, labels: impl Iterator<Item = String>) {
        self.0.entry(name.to_owned()).or_default().extend(labels);
    }

    /// Labels that a query's result can have.
    pub fn reachable(&self, found: &Mentions) -> BTreeSet<String> {
        let known = found.selectors.iter().filter_map(|selector| self.0.get(&selector.metric)).flatten();
        let everywhere = EVERYWHERE.iter().map(|label| (*label).to_owned());
        known.chain(&found.made).cloned().chain(everywhere).collect()
    }

    /// What a query mentions that does not exist.
    pub fn strangers(&self, query: &str) -> Vec<String> {
        let found = mentions(query);
        let mut strangers = Vec::new();
        for selector in &found.selectors {
            let Some(labels) = self.0.get(&selector.metric) else {
                strangers.push(format!("metric {}", selector.metric));
                continue;
            };
            let unknown = |label: &&String| !labels.contains(*label) && !EVERYWHERE.contains(&label.as_str());
            strangers
                .extend(selector.labels.iter().filter(unknown).map(|label| format!("{}{{{label}}}", selector.metric)));
        }
        let reachable = self.reachable(&found);
        strangers.extend(found.groupings.iter().filter(|label| !reachable.contains(*label)).cloned());
        strangers
    }
}
