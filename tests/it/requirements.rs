//! docs/requirements.md: no id is missing, and everything that it names exists in the program.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::support::process::Stackcast;
use serde_json::Value;

/// A row of the table.
struct Row {
    id: String,
    state: String,
    place: String,
}

fn repository(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn rows() -> Vec<Row> {
    let text = repository("docs/requirements.md");
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| S")?.trim_end_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{line}");
        Some(Row { id: format!("S{}", cells[0]), state: cells[2].to_owned(), place: cells[3].to_owned() })
    };
    text.lines().filter_map(row).collect()
}

/// What a row names in back quotes.
fn named(place: &str) -> impl Iterator<Item = &str> {
    place.split('`').skip(1).step_by(2)
}

/// What a name stands for.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Path,
    Command,
    Metric,
    File,
    Setting,
    Variable,
}

fn kind(name: &str) -> Kind {
    let family = |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| !rest.contains(['.', '/', ' ']));
    if name.starts_with('/') {
        Kind::Path
    } else if name.starts_with("stackcast ") {
        Kind::Command
    } else if ["stackcast_", "openstack_", "host_", "process_"].into_iter().any(family) {
        Kind::Metric
    } else if Path::new(env!("CARGO_MANIFEST_DIR")).join(name).exists() {
        Kind::File
    } else if name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
        Kind::Variable
    } else {
        Kind::Setting
    }
}

fn stackcast(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_stackcast")).args(arguments).env_clear().output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the schema of the settings has a key, or a section, of this dotted name.
fn has_setting(schema: &Value, name: &str) -> bool {
    fn resolve<'a>(schema: &'a Value, node: &'a Value) -> &'a Value {
        let reference = node.get("$ref").and_then(Value::as_str);
        let branch = || node.get("anyOf")?.as_array()?.iter().find(|branch| branch.get("$ref").is_some());
        match reference {
            Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap(),
            None => branch().map_or(node, |branch| resolve(schema, branch)),
        }
    }
    let step = |node: Option<&'_ Value>, name: &str| -> Option<Value> {
        let found = resolve(schema, node?).get("properties")?.get(name)?;
        Some(found.clone())
    };
    let mut node = Some(schema.clone());
    for name in name.split('.') {
        node = step(node.as_ref(), name);
    }
    node.is_some()
}

#[test]
fn no_id_is_missing_and_none_is_made_up() {
    let wanted = repository("tests/data/requirements.txt");
    let wanted: Vec<&str> = wanted.lines().collect();
    assert_eq!(wanted.len(), 196);
    let told: Vec<String> = rows().into_iter().map(|row| row.id).collect();
    assert_eq!(told, wanted);
}

#[test]
fn every_state_is_one_of_four_and_the_head_counts_them() {
    let rows = rows();
    let of = |state: &str| rows.iter().filter(|row| row.state == state).count();
    let states = ["met", "partly", "not yet", "not for us"];
    assert_eq!(states.map(of).iter().sum::<usize>(), rows.len(), "a state is none of {states:?}");
    let head = states.map(|state| format!("{} {state}", of(state))).join(", ");
    assert!(repository("docs/requirements.md").contains(&head), "the head should say: {head}");
    for row in rows.iter().filter(|row| row.state == "met") {
        assert!(named(&row.place).next().is_some(), "{} is met, and names nothing", row.id);
    }
}

#[test]
fn metrics_settings_variables_and_commands_exist() {
    let (_, metrics) = stackcast(&["reference", "metrics"]);
    let (_, schema) = stackcast(&["reference", "schema"]);
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let mut wrong = Vec::new();
    let mut commands = BTreeSet::new();
    for row in rows() {
        for name in named(&row.place) {
            let fine = match kind(name) {
                Kind::Metric => metrics.contains(&format!("`{name}`")) || metrics.contains(&format!("`{name}{{")),
                Kind::Setting => has_setting(&schema, name),
                Kind::Variable => sources.contains(&format!("\"{name}\"")),
                Kind::Command => {
                    commands.insert(name.to_owned());
                    true
                }
                Kind::Path | Kind::File => true,
            };
            if !fine {
                wrong.push(format!("{}: {:?} `{name}` is not there", row.id, kind(name)));
            }
        }
    }
    for command in commands {
        let words: Vec<&str> = command.split(' ').skip(1).chain(["--help"]).collect();
        if !stackcast(&words).0 {
            wrong.push(format!("`{command}` is no command"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!has_setting(&schema, "report.mail.password") && has_setting(&schema, "report.mail.tls"));
}

/// All sources in one text.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else {
            text.push_str(&std::fs::read_to_string(&path).unwrap_or_default());
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_is_answered() {
    let environment = [("STACKCAST_WORKLOAD__ENABLED", "true"), ("STACKCAST_WORKLOAD__COLLECTOR__ENABLED", "true")];
    let mut program =
        Stackcast::start(&["demo", "--history", "0", "--hypervisors", "2", "--instances", "4"], &environment);
    program.until(60, |_| Ok(())).await;
    let rows = rows();
    let paths: BTreeSet<&str> =
        rows.iter().flat_map(|row| named(&row.place)).filter(|name| kind(name) == Kind::Path).collect();
    assert!(paths.len() > 15, "{paths:?}");
    let mut wrong = Vec::new();
    for path in paths {
        // The head is enough: a stream has no end.
        let url = format!("http://{}{}", program.address, path.replace("{type}", "vm"));
        let status = reqwest::get(url).await.unwrap().status().as_u16();
        // A path may want parameters, a body, another protocol or time; what is not there is 404.
        if !matches!(status, 200 | 400 | 405 | 426 | 503) {
            wrong.push(format!("{path}: {status}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (status, _) = program.get("/api/v1/csv/plugins").await.unwrap();
    assert_eq!(status, 404, "S3-27");
}
