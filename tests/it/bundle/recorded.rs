//! Pages that stackcast itself served, as input of promtool: rules are proven on what the exporter says, not only on what
//! their authors expect it to say. Each page is an extract, and its first line says when it was recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use super::{read, rule_files, run};

/// Steps that a page is held for.
const STEPS: u32 = 180;

/// What Prometheus adds to every series.
const TARGET: &str = r#"job="stackcast",instance="stackcast:9180""#;

/// Series and values of a page, with the time it was recorded at.
fn page(name: &str) -> (f64, BTreeMap<String, f64>) {
    let text = read(&format!("tests/it/bundle/recorded/{name}.prom"));
    let at = text.lines().next().and_then(|line| line.strip_prefix("# recorded at ")).unwrap().parse().unwrap();
    let series = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    });
    (at, series.collect())
}

/// The alerts that fire, as `Name severity`, when the page `last` is what stackcast says from now on. Counters go on as
/// from the page `first` to it.
pub fn firing(promtool: &Path, first: &str, last: &str, interval_seconds: u32) -> BTreeSet<String> {
    let ((_, before), (at, now)) = (page(first), page(last));
    let mut series = String::new();
    for (name, value) in &now {
        let (metric, labels) = name.split_once('{').unwrap_or((name, "}"));
        let course = if metric.ends_with("_timestamp_seconds") {
            // Tests begin at the epoch, and things stay as old as they were.
            format!("{}+{interval_seconds}x{STEPS}", value - at)
        } else if metric.ends_with("_total") && before.contains_key(name) {
            format!("{value}+{}x{STEPS}", value - before[name])
        } else if value.is_infinite() {
            vec!["Inf"; STEPS as usize].join(" ")
        } else {
            format!("{value}x{STEPS}")
        };
        let comma = if labels == "}" { "" } else { "," };
        let _ = writeln!(series, "      - {{series: '{metric}{{{TARGET}{comma}{labels}', values: '{course}'}}");
    }
    let rules = rule_files().into_iter().filter(|file| file.path.contains("/rules/") && !file.path.contains("aliases"));
    let (rules, groups): (Vec<String>, Vec<String>) =
        rules.map(|file| (super::root().join(file.path).display().to_string(), file.group)).unzip();
    // What is recorded comes first: promtool takes a group that is not in the list whenever it likes.
    let (first, then): (Vec<String>, Vec<String>) =
        groups.into_iter().partition(|group| group == "stackcast-recording");
    let order = [first, then].concat();
    let text = format!(
        "rule_files: {rules:?}\nevaluation_interval: {interval_seconds}s\ngroup_eval_order: {order:?}\ntests:\n  - interval: {interval_seconds}s\n    \
         input_series:\n      - {{series: 'up{{{TARGET}}}', values: '1x{STEPS}'}}\n{series}    promql_expr_test:\n      \
         - expr: 'group by (alertname, severity) (ALERTS{{alertstate=\"firing\"}})'\n        eval_time: {}s\n        \
         exp_samples: []\n",
        interval_seconds * (STEPS - 1),
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("recorded.yml");
    std::fs::write(&file, text).unwrap();
    // Nothing is expected, so promtool fails and tells what there is.
    let (_, said) = run(promtool, &["test", "rules", file.to_str().unwrap()], directory.path());
    let got = said.split_once("got:").unwrap_or_else(|| panic!("{last}: {said}")).1;
    let label = |text: &str, name: &str| {
        text.split_once(&format!("{name}=\"")).map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
    };
    let alerts = got.split('{').skip(1);
    alerts.filter_map(|text| Some(format!("{} {}", label(text, "alertname")?, label(text, "severity")?))).collect()
}
