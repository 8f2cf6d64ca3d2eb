//! The dashboards of grafana/, without a Grafana: they are what the generator writes, whole, described, linked, and ask for
//! nothing that does not exist; and each query answers over a recorded page of the demo what follows from that page and from
//! what the cloud's APIs said. How they look is judged by tools/dashboards/render (docs/dashboards.md).

mod facts;
mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use stackcast::analyse::tiers::Tiers;

const KINDS: [&str; 5] = ["stat", "timeseries", "table", "bargauge", "text"];
/// Variables that every board has, in this order.
const STANDARD: [&str; 4] = ["datasource", "cloud", "region", "aggregate"];
const BOARDS: usize = 14;

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn boards() -> Vec<Value> {
    let files = std::fs::read_dir(folder("grafana/dashboards")).unwrap();
    let read = |path: PathBuf| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    files.map(|entry| read(entry.unwrap().path())).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Panels that are not rows, those of collapsed rows included.
fn panels(board: &Value) -> Vec<&Value> {
    let all = list(board, "panels").iter().flat_map(|panel| std::iter::once(panel).chain(list(panel, "panels")));
    all.filter(|panel| text(panel, "type") != "row").collect()
}

fn variables(board: &Value) -> Vec<&str> {
    list(&board["templating"], "list").iter().map(|variable| text(variable, "name")).collect()
}

/// Each panel's queries, and the board's annotations.
fn expressions(board: &Value) -> Vec<(String, &str)> {
    let uid = text(board, "uid");
    let of_panels = panels(board).into_iter().flat_map(|panel| {
        let place = move |target: &Value| format!("{uid}, {}, {}", text(panel, "title"), text(target, "refId"));
        list(panel, "targets").iter().map(move |target| (place(target), text(target, "expr")))
    });
    let annotations = list(&board["annotations"], "list").iter().filter(|annotation| annotation["expr"].is_string());
    let of_annotations = annotations.map(|one| (format!("{uid}, annotation {}", text(one, "name")), text(one, "expr")));
    of_panels.chain(of_annotations).collect()
}

#[test]
fn they_are_what_the_generator_writes() {
    let checked = Command::new("python3").arg(folder("grafana/generate.py")).arg("--check").output();
    let checked = checked.expect("python3 runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn each_has_its_uid_the_tag_and_the_standard_variables() {
    let mut seen = BTreeSet::new();
    for board in boards() {
        let uid = text(&board, "uid").to_owned();
        assert!(uid.starts_with("stackcast-") && seen.insert(uid.clone()), "{uid} is a fixed uid of its own");
        assert_eq!(list(&board, "tags"), ["stackcast"], "{uid}");
        assert_eq!(board["schemaVersion"], 39, "{uid}");
        assert_eq!(board["editable"], true, "{uid}: the provider refuses to save, copies may be edited");
        assert_eq!(variables(&board)[..4], STANDARD, "{uid}");
        assert!(!text(&board, "description").is_empty() && board["id"].is_null(), "{uid}");
        let menu = &board["links"][0];
        assert!(menu["keepTime"] == true && menu["includeVars"] == true && menu["tags"][0] == "stackcast", "{uid}");
    }
    assert_eq!(seen.len(), BOARDS);
}

#[test]
fn every_panel_says_what_it_is() {
    for board in boards() {
        let mut titles = BTreeSet::new();
        for panel in panels(&board) {
            let (uid, title, kind) = (text(&board, "uid"), text(panel, "title"), text(panel, "type"));
            assert!(KINDS.contains(&kind), "{uid}, {title}: {kind} is not drawn by the tests");
            assert!(!title.is_empty() && titles.insert(title), "{uid}: `{title}` twice, or none");
            let described = text(panel, "description").len();
            assert!((30..420).contains(&described), "{uid}, {title}: a description of {described} letters");
            if kind == "text" {
                continue;
            }
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(!text(defaults, "unit").is_empty(), "{uid}, {title}: no unit");
            assert!(!list(&defaults["thresholds"], "steps").is_empty(), "{uid}, {title}: no thresholds");
            assert!(!list(panel, "targets").is_empty(), "{uid}, {title}: asks nothing");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{uid}, {title}");
        }
    }
}

#[test]
fn panels_lie_beside_each_other() {
    for board in boards() {
        let mut taken = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for panel in list(&board, "panels") {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}: an id twice", text(&board, "uid"));
            let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            let (left, top, width, height) = (side("x"), side("y"), side("w"), side("h"));
            assert!(left + width <= 24, "{} is too wide", text(panel, "title"));
            for cell in (left..left + width).flat_map(|x| (top..top + height).map(move |y| (x, y))) {
                let other = taken.insert(cell, text(panel, "title"));
                assert_eq!(other, None, "{} lies over it", text(panel, "title"));
            }
        }
    }
}

/// An instant query at the end of a range that lies in the future finds nothing.
#[test]
fn numbers_are_of_the_present() {
    for board in boards() {
        let ends_now = board["time"]["to"] == "now";
        for panel in panels(&board) {
            let instant = list(panel, "targets").iter().any(|target| target["instant"] == true);
            let fixed = panel["timeFrom"].is_string() && panel["hideTimeOverride"] == true;
            assert!(!instant || ends_now || fixed, "{}, {}", text(&board, "uid"), text(panel, "title"));
        }
    }
}

#[test]
fn queries_name_what_there_is() {
    let facts = facts::all();
    let mut wrong = Vec::new();
    for board in boards() {
        for (place, expression) in expressions(&board) {
            let read = promql::named(expression);
            let mut known: BTreeSet<&str> = read.made.iter().map(String::as_str).collect();
            known.extend(["cloud", "region", "instance", "job", "le", "__name__"]);
            let mut loose = false;
            for (metric, matched) in &read.selectors {
                let Some(labels) = facts.get(metric) else {
                    wrong.push(format!("{place}: {metric} does not exist"));
                    continue;
                };
                let Some(labels) = labels else {
                    loose = true;
                    continue;
                };
                known.extend(labels.iter().map(String::as_str));
                // Matches by the absence of the label: see `of_aggregate` in grafana/generator/query.py.
                let absent = |label: &str| metric == "stackcast_hypervisor_info" && label == "aggregate";
                let scraped = |label: &str| ["instance", "job"].contains(&label);
                let strange =
                    matched.iter().filter(|label| !labels.contains(*label) && !absent(label) && !scraped(label));
                wrong.extend(strange.map(|label| format!("{place}: {metric} has no label {label}")));
            }
            if !loose {
                let strange = read.grouped.iter().filter(|label| !known.contains(label.as_str()));
                wrong.extend(strange.map(|label| format!("{place}: nothing in it has the label {label}")));
            }
            assert!(!expression.contains("vector("), "{place}: a made-up value");
            assert!(!read.selectors.is_empty(), "{place}: reads nothing: {expression}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn variables_are_there_and_used() {
    for board in boards() {
        let uid = text(&board, "uid");
        let defined: BTreeSet<&str> = variables(&board).into_iter().collect();
        let whole = board.to_string();
        for (place, expression) in expressions(&board) {
            for piece in expression.split('$').skip(1) {
                let name: String = piece.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let label = name.parse::<u8>().is_ok();
                assert!(
                    label || name.starts_with("__") || defined.contains(name.as_str()),
                    "{place}: ${name} is not defined"
                );
            }
        }
        for name in defined.iter().filter(|name| !STANDARD.contains(*name)) {
            assert!(whole.contains(&format!("${name}")), "{uid}: the variable {name} changes nothing");
        }
    }
}

#[test]
fn links_lead_to_boards_and_set_variables_that_these_have() {
    let boards = boards();
    let by_uid: BTreeMap<&str, &Value> = boards.iter().map(|board| (text(board, "uid"), board)).collect();
    let mut count = 0;
    for board in &boards {
        let whole = board.to_string();
        for link in whole.split("\"/d/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let (uid, query) = link.split_once('?').unwrap();
            let target = by_uid.get(uid).unwrap_or_else(|| panic!("{}: no board {uid}", text(board, "uid")));
            assert!(
                query.starts_with("${__url_time_range}&${datasource:queryparam}"),
                "{link}: time and variables are kept"
            );
            for name in query.split("&var-").skip(1).map(|rest| rest.split('=').next().unwrap()) {
                assert!(variables(target).contains(&name), "{link}: {uid} has no variable {name}");
            }
            // Columns are named in links as they are called in the table.
            for field in query.split("${__data.fields.").skip(1).map(|rest| rest.split('}').next().unwrap()) {
                assert!(whole.contains(&format!("\"options\":\"{field}\"")), "{link}: no column {field}");
            }
            count += 1;
        }
    }
    assert!(count > 8, "{count} links");
}

#[test]
fn colours_change_where_the_default_tiers_begin() {
    let tiers = Tiers::default();
    let steps = |uid: &str, title: &str| -> Vec<f64> {
        let board = boards().into_iter().find(|board| text(board, "uid") == uid).unwrap();
        let panel = panels(&board).into_iter().find(|panel| text(panel, "title") == title).cloned().unwrap();
        let steps = list(&panel["fieldConfig"]["defaults"]["thresholds"], "steps").iter();
        steps.filter_map(|step| step["value"].as_f64()).collect()
    };
    assert_eq!(steps("stackcast-home", "Highest utilisation"), [tiers.medium, tiers.high, tiers.critical]);
    assert_eq!(steps("stackcast-system", "CPU")[1..], [tiers.measured_cpu]);
    assert_eq!(steps("stackcast-system", "Memory")[1..], [tiers.measured_memory]);
    assert_eq!(steps("stackcast-system", "Fullest file system")[1..], [tiers.measured_disk]);
    assert_eq!(steps("stackcast-anomalies", "Highest score")[1..], [tiers.anomaly]);
}

/// Without a program of Prometheus' package a test says so and passes, unless STACKCAST_REQUIRE_TOOLS is set.
fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        assert!(std::env::var_os("STACKCAST_REQUIRE_TOOLS").is_none(), "{program} is wanted, and not installed");
        eprintln!("NOT CHECKED: queries, for want of {program} (Debian: prometheus)");
    }
    found
}

/// Asks a real Prometheus; the expected values are in tools/dashboards/expected and truth.py.
#[test]
fn queries_answer_what_the_cloud_says() {
    if !(installed("promtool") && installed("prometheus")) {
        return;
    }
    let checked = Command::new("python3")
        .arg(folder("tools/dashboards/check.py"))
        .arg("--recorded")
        .output()
        .expect("python3 runs");
    let said = [checked.stdout, checked.stderr].concat();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// promtool reads every query, as rules of one file, with the variables filled in.
#[test]
fn queries_are_promql() {
    if !installed("promtool") {
        return;
    }
    let boards = boards();
    let mut rules = String::from("groups:\n- name: queries\n  rules:\n");
    for (number, (_, expression)) in boards.iter().flat_map(expressions).enumerate() {
        let durations =
            expression.replace("$__rate_interval", "5m").replace("$__range", "7d").replace("- $lead", "- 1");
        rules += &format!("  - record: query:{number}\n    expr: {}\n", Value::from(durations));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), rules).unwrap();
    let checked = Command::new("promtool").args(["check", "rules", "--lint=none"]).arg(file.path()).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn provisioning_names_what_boards_expect_and_no_password() {
    let read = |path: &str| std::fs::read_to_string(folder(path)).unwrap();
    let provider = read("grafana/provisioning/dashboards/stackcast.yaml");
    assert!(provider.contains("\n    allowUiUpdates: false\n") && provider.contains("folderUid: stackcast"));
    assert!(read("grafana/provisioning/datasources/prometheus.yaml").contains("\n    uid: stackcast-prometheus\n"));
    let settings = read("grafana/grafana.ini");
    let password = settings.lines().find(|line| line.starts_with("admin_password")).unwrap();
    assert_eq!(password, "admin_password = $__file{/run/secrets/grafana_admin_password}");
}
