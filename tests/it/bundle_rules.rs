//! Rules and routes of the bundle: complete, about metrics that exist, and tested so that every comparison matters.
//!
//! The first half needs nothing. The second runs promtool and amtool where they are installed; CI has them, and sets
//! STACKCAST_REQUIRE_TOOLS=1. `cargo test --test it -- --ignored bundle_rules` negates each comparison in turn (minutes).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::bundle::promql::{mentions, negated};
use crate::bundle::table::Table;
use crate::bundle::{RuleFile, read, root, rule_files, run, tool, yaml};
use serde::Deserialize;

fn alerts(files: &[RuleFile]) -> impl Iterator<Item = (&RuleFile, &crate::bundle::Rule)> {
    files.iter().flat_map(|file| file.rules.iter().filter(|rule| !rule.alert.is_empty()).map(move |rule| (file, rule)))
}

#[test]
fn every_metric_and_label_in_a_rule_exists() {
    let files = rule_files();
    let table = Table::of(&files);
    for (file, rule) in files.iter().flat_map(|file| file.rules.iter().map(move |rule| (file, rule))) {
        let strangers = table.strangers(&rule.expr);
        assert!(strangers.is_empty(), "{}, {}{}: {strangers:?}", file.path, rule.alert, rule.record);
    }
    assert_eq!(table.strangers("sum by (nonesuch) (openstack_nova_up{colour=\"red\"}) + no_such_metric").len(), 3);
}

/// The file for plain openstack-exporter rests on nothing that only stackcast has.
#[test]
fn rules_for_openstack_exporter_need_its_families_only() {
    let table = read("tests/data/openstack-exporter-metrics.csv");
    let families: BTreeSet<&str> = table.lines().filter_map(|line| line.split(',').next()).collect();
    for file in rule_files().iter().filter(|file| file.path.contains("openstack-exporter")) {
        for selector in file.rules.iter().flat_map(|rule| mentions(&rule.expr).selectors) {
            let ours = ["up", "scrape_duration_seconds"].contains(&selector.metric.as_str());
            assert!(ours || families.contains(selector.metric.as_str()), "{}", selector.metric);
        }
    }
}

#[test]
fn every_label_in_a_message_exists() {
    let files = rule_files();
    let table = Table::of(&files);
    for (file, rule) in alerts(&files) {
        let known = table.reachable(&mentions(&rule.expr));
        for text in rule.annotations.values() {
            for label in text.split("$labels.").skip(1) {
                let label: String = label.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                assert!(known.contains(&label), "{}, {}: no label {label}", file.path, rule.alert);
            }
        }
    }
}

#[test]
fn every_alert_is_complete() {
    let files = rule_files();
    let runbooks = read("docs/runbooks.md");
    let sections: Vec<&str> = runbooks.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let mut named = BTreeSet::new();
    for (file, rule) in alerts(&files) {
        let place = format!("{}, {}", file.path, rule.alert);
        assert!(rule.wait.is_some(), "{place}: no `for`");
        let label = |name: &str| rule.labels.get(name).map_or("", String::as_str);
        let (severity, reaction) = (label("severity"), label("reaction"));
        match reaction {
            "page" => assert_eq!(severity, "critical", "{place}"),
            "ticket" => assert!(["critical", "warning"].contains(&severity), "{place}"),
            "digest" => assert_eq!(severity, "info", "{place}"),
            "heartbeat" => assert_eq!((severity, rule.alert.as_str()), ("none", "StackcastWatchdog"), "{place}"),
            other => panic!("{place}: reaction {other}"),
        }
        if file.group == "stackcast-capacity-forecast" || label("tier") == "anomaly" {
            assert_ne!(reaction, "page", "{place}: what is guessed never pages");
        }
        let text = |name: &str| rule.annotations.get(name).map_or("", String::as_str);
        assert!(text("summary").contains(": ") || text("summary").contains("unusual"), "{place}: summary");
        assert!(text("description").len() > 40 && text("description").ends_with('.'), "{place}: description");
        assert_eq!(text("runbook_url"), format!("docs/runbooks.md#{}", rule.alert.to_lowercase()), "{place}");
        assert!(sections.contains(&rule.alert.as_str()), "{place}: no section in docs/runbooks.md");
        named.insert(rule.alert.as_str());
    }
    for section in sections {
        assert!(named.contains(section), "docs/runbooks.md: {section} is no alert");
    }
    for part in runbooks.split("\n### ").skip(1) {
        for word in ["* **Means**: ", "* **Look**: ", "* **Do**: "] {
            assert!(part.contains(word), "docs/runbooks.md, {}: no {word}", part.lines().next().unwrap_or(""));
        }
    }
}

#[derive(Debug, Deserialize)]
struct UnitTests {
    tests: Vec<UnitTest>,
}

#[derive(Debug, Deserialize)]
struct UnitTest {
    #[serde(default)]
    alert_rule_test: Vec<AlertTest>,
}

#[derive(Debug, Deserialize)]
struct AlertTest {
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<Expected>,
}

#[derive(Debug, Deserialize)]
struct Expected {
    exp_labels: BTreeMap<String, String>,
}

/// Quiet, firing, quiet again, in this order and in one test: for each alert in each severity.
#[test]
fn every_alert_has_a_unit_test_three_ways() {
    let files = rule_files();
    for (file, rule) in alerts(&files).filter(|(_, rule)| rule.alert != "StackcastWatchdog") {
        let fires = |test: &AlertTest| {
            let is = |labels: &BTreeMap<String, String>| {
                rule.labels.iter().all(|(name, value)| labels.get(name) == Some(value))
            };
            test.exp_alerts.iter().any(|expected| is(&expected.exp_labels))
        };
        let three = file.tests.iter().any(|path| {
            let tests: UnitTests = yaml(&read(path), path);
            tests.tests.iter().any(|test| {
                let course = test.alert_rule_test.iter().filter(|test| test.alertname == rule.alert).map(fires);
                course.collect::<Vec<bool>>() == [false, true, false]
            })
        });
        assert!(three, "{}: {} {:?} has no test that is quiet, fires and ends", file.path, rule.alert, rule.labels);
    }
}

#[test]
fn inhibition_and_routes_name_what_exists() {
    let files = rule_files();
    let names: Vec<&str> = alerts(&files).map(|(_, rule)| rule.alert.as_str()).collect();
    let tree: serde_json::Value = yaml(&read("alertmanager/alertmanager.yml"), "alertmanager.yml");
    let mut seen = 0;
    for rule in tree["inhibit_rules"].as_array().unwrap() {
        for matcher in ["source_matchers", "target_matchers"].iter().flat_map(|side| rule[side].as_array().unwrap()) {
            let Some((_, pattern)) =
                matcher.as_str().unwrap().split_once("alertname").filter(|(_, rest)| !rest.starts_with("!="))
            else {
                continue;
            };
            let pattern = pattern.trim_start_matches(['=', '~']).trim_matches('"');
            for branch in regex_branches(pattern) {
                let known =
                    |name: &&&str| branch.strip_suffix(".*").map_or(**name == branch, |start| name.starts_with(start));
                assert!(names.iter().any(|name| known(&name)), "alertmanager.yml: {branch} is no alert");
                seen += 1;
            }
        }
    }
    assert!(seen > 15, "{seen}");
}

/// `A(B|C)` and `A|B`, which is all that the file uses.
fn regex_branches(pattern: &str) -> Vec<String> {
    match pattern.split_once('(') {
        Some((start, rest)) => rest.trim_end_matches(')').split('|').map(|end| format!("{start}{end}")).collect(),
        None => pattern.split('|').map(str::to_owned).collect(),
    }
}

#[test]
fn prometheus_takes_configuration_and_rules() {
    let Some(promtool) = tool("promtool") else { return };
    let (sound, said) = run(
        &promtool,
        &["check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"],
        &root().join("prometheus"),
    );
    assert!(sound, "{said}");
    for file in rule_files() {
        let (sound, said) = run(&promtool, &["check", "rules", "--lint=all", "--lint-fatal", &file.path], root());
        assert!(sound, "{said}");
    }
}

#[test]
fn unit_tests_of_rules_pass() {
    let Some(promtool) = tool("promtool") else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("prometheus/tests")).unwrap() {
        let path = entry.unwrap().path();
        let (passed, said) = run(&promtool, &["test", "rules", path.to_str().unwrap()], root());
        assert!(passed, "{said}");
        count += 1;
    }
    assert!(count >= 12, "{count}");
}

#[test]
fn alertmanager_takes_the_configuration_and_routes_by_reaction() {
    let Some(amtool) = tool("amtool") else { return };
    let folder = root().join("alertmanager");
    let (sound, said) = run(&amtool, &["check-config", "alertmanager.yml"], &folder);
    assert!(sound && said.contains("1 templates") || said.contains("2 templates"), "{said}");
    for (reaction, receiver) in
        [("page", "page"), ("ticket", "ticket"), ("digest", "digest"), ("heartbeat", "heartbeat"), ("", "ticket")]
    {
        let label = format!("reaction={reaction}");
        let test = ["config", "routes", "test", "--config.file=alertmanager.yml", &label, "severity=critical"];
        let (sound, said) = run(&amtool, &test, &folder);
        assert!(sound && said.lines().any(|line| line == receiver), "{reaction}: {said}");
    }
}

/// Whatever is set, Alertmanager takes what `stackcast render alertmanager` writes, and secrets are where they belong.
#[test]
fn alertmanager_takes_what_is_rendered() {
    let amtool = tool("amtool");
    let mail = [("SMTP_SERVER", "mx.acme.example"), ("EMAIL_USER", "robot@acme.example")];
    let password = [("EMAIL_PASSWORD", "hunter2-hunter2")];
    let slack =
        [("SLACK_WEBHOOK_URL", "https://hooks.slack.example/T0/s3cr3t"), ("RUNBOOKS_URL", "https://wiki.example/x")];
    for parts in 0..8 {
        let chosen = [(1, &mail[..]), (2, &password[..]), (4, &slack[..])];
        let environment = chosen.iter().filter(|(bit, _)| parts & bit != 0).flat_map(|(_, variables)| variables.iter());
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().to_str().unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stackcast"));
        command.args(["render", "alertmanager", "--out", out]).env_clear().envs(environment.copied());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let everything = format!("{output:?}{}", read_all(directory.path()));
        assert!(!everything.contains("hunter2") && !everything.contains("s3cr3t"), "{parts}");
        let secret = |name: &str| std::fs::read_to_string(directory.path().join("secrets").join(name)).ok();
        assert_eq!(secret("email_password").as_deref(), (parts & 3 == 3).then_some("hunter2-hunter2"), "{parts}");
        assert_eq!(secret("slack_webhook_url").is_some(), parts & 4 != 0, "{parts}");
        if let Some(amtool) = &amtool {
            let (sound, said) = run(amtool, &["check-config", "alertmanager.yml"], directory.path());
            assert!(sound, "{parts}: {said}");
        }
    }
}

/// All rendered files but the secrets.
fn read_all(directory: &Path) -> String {
    let files = ["alertmanager.yml", "templates/stackcast.tmpl", "templates/links.tmpl"];
    files.iter().map(|file| std::fs::read_to_string(directory.join(file)).unwrap()).collect()
}

/// What stackcast said while something was wrong in the demo, group by group: these alerts and no others.
#[test]
fn the_exporters_own_pages_raise_the_alerts() {
    let Some(promtool) = tool("promtool") else { return };
    let mut wrong = Vec::new();
    for (first, last, interval, expected) in RECORDED {
        let mut fired = crate::bundle::recorded::firing(&promtool, first, last, interval);
        assert!(fired.remove("StackcastWatchdog none"), "{last}: {fired:?}");
        let expected: BTreeSet<String> = expected.iter().map(|alert| (*alert).to_owned()).collect();
        if fired != expected {
            wrong.push(format!("{last}: {fired:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_group_of_alerts_is_proven_on_a_page_of_the_exporter() {
    for file in rule_files().iter().filter(|file| file.path.contains("/rules/")) {
        let names: Vec<&str> =
            file.rules.iter().map(|rule| rule.alert.as_str()).filter(|name| !name.is_empty()).collect();
        let fires =
            |name: &&str| RECORDED.iter().flat_map(|page| page.3).any(|fired| fired.split(' ').next() == Some(*name));
        assert!(
            names.is_empty() || names.iter().any(fires),
            "{}: no recorded page raises any of its alerts",
            file.path
        );
    }
}

/// The page before, the page, seconds between evaluations, and what fires.
const RECORDED: [(&str, &str, u32, &[&str]); 8] = [
    (
        "outage-1",
        "outage-2",
        60,
        &[
            "OpenStackApiErrorBudgetBurn critical",
            "OpenStackApiErrorBudgetBurn warning",
            "OpenStackEndpointDown critical",
            "OpenStackRequestsFailing warning",
            "OpenStackServiceDown critical",
            "StackcastCollectorBlind info",
            "StackcastCollectorFailing warning",
        ],
    ),
    ("stuck-agent", "stuck-agent", 60, &["OpenStackAgentDown warning", "OpenStackHostLost critical"]),
    (
        "crowded",
        "crowded",
        60,
        &[
            "OpenStackCapacityNearlyFull warning",
            "OpenStackCapacityPredicted info",
            "OpenStackCapacityPredicted warning",
            "OpenStackFailureDomainRisk warning",
        ],
    ),
    // The same for a week, with what waits for hours and days.
    (
        "crowded",
        "crowded",
        3600,
        &[
            "OpenStackCapacityNearlyFull warning",
            "OpenStackCapacityPredicted info",
            "OpenStackCapacityPredicted warning",
            "OpenStackFailureDomainRisk warning",
            "OpenStackReclaimBeforeBuying warning",
        ],
    ),
    ("anomalies", "anomalies", 60, &["AnomalySustained info", "AnomalySustained warning", "AnomalyViolent warning"]),
    (
        "broken",
        "broken",
        60,
        &[
            "OpenStackAmphoraCertificateExpiring warning",
            "OpenStackAmphoraErrors warning",
            "OpenStackLoadBalancerErrors warning",
            "OpenStackPortBindingFailed warning",
            "OpenStackShareErrors info",
            "OpenStackVolumeErrors info",
            "OpenStackVolumePoolNearlyFull warning",
        ],
    ),
    // Alerts of the group reclaim wait for a day.
    ("small", "small", 3600, &["OpenStackFloatingIpsIdle info", "OpenStackVolumesUnattached info"]),
    ("host", "host", 60, &["HostResourceHigh warning"]),
];

/// Negates each comparison of each rule in turn: some unit test must fail, or the comparison might as well not be there.
#[test]
#[ignore = "runs promtool some 330 times: minutes"]
fn every_comparison_matters() {
    let Some(promtool) = tool("promtool") else { return };
    let files = rule_files();
    let directory = tempfile::tempdir().unwrap();
    for folder in ["rules", "tests", "openstack-exporter"] {
        let copy = directory.path().join(folder);
        std::fs::create_dir(&copy).unwrap();
        for entry in std::fs::read_dir(root().join("prometheus").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
        }
    }
    let (mut tried, mut survivors) = (0, Vec::new());
    for file in &files {
        let text = read(&file.path);
        let place = directory.path().join(file.path.strip_prefix("prometheus/").unwrap());
        // A query begins behind `expr:` and ends before the next key of the rule.
        for range in comparisons(&text) {
            let name = rule_at(&text, range.start);
            let mutant = format!("{}{}{}", &text[..range.start], negated(&text[range.clone()]), &text[range.end..]);
            std::fs::write(&place, mutant).unwrap();
            let killed = file.tests.iter().any(|test| {
                // Only the tests of this rule, which is a hundred times quicker.
                let Some(tests) = only(&read(test), name) else { return false };
                std::fs::write(directory.path().join("tests/only.yml"), tests).unwrap();
                !run(&promtool, &["test", "rules", "tests/only.yml"], directory.path()).0
            });
            tried += 1;
            if !killed {
                let line = text[..range.start].lines().count();
                survivors.push(format!("{}:{line}: {}", file.path, text.lines().nth(line - 1).unwrap().trim()));
            }
        }
        std::fs::write(&place, text).unwrap();
    }
    eprintln!("{tried} comparisons negated");
    assert!(survivors.is_empty(), "no test notices:\n{}", survivors.join("\n"));
}

/// The rule that this place of a file belongs to.
fn rule_at(text: &str, place: usize) -> &str {
    let line = text[..place]
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("- alert: ").or(line.trim().strip_prefix("- record: ")));
    line.unwrap()
}

/// The head of a file of tests, and those of its tests that name a rule.
fn only(text: &str, name: &str) -> Option<String> {
    let (head, tests) = text.split_once("  - name: ")?;
    let chosen: String = tests
        .split("\n  - name: ")
        .filter(|test| test.contains(name))
        .map(|test| format!("  - name: {test}\n"))
        .collect();
    (!chosen.is_empty()).then(|| format!("{head}{chosen}"))
}

/// Where comparisons stand in the text of a file of rules.
fn comparisons(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find("expr:").map(|start| at + start + "expr:".len()) {
        let rest = &text[start..];
        let key = |line: &str| {
            ["for:", "labels:", "- record:", "- alert:", "# ", "- name:"]
                .iter()
                .any(|key| line.trim_start().starts_with(key))
        };
        let mut end = 0;
        for line in rest.split_inclusive('\n') {
            if end > 0 && key(line) {
                break;
            }
            end += line.len();
        }
        let query = &rest[..end];
        let skip = query.len() - query.trim_start().trim_start_matches('|').len();
        found.extend(
            mentions(&query[skip..])
                .comparisons
                .into_iter()
                .map(|range| start + skip + range.start..start + skip + range.end),
        );
        at = start + end;
    }
    found
}
