//! The bundle as tests see it: rules and their unit tests, the table of metrics, and the tools that judge them.

pub mod promql;
pub mod recorded;
pub mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository.
pub fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// YAML as a structure of ours.
pub fn yaml<T: serde::de::DeserializeOwned>(text: &str, name: &str) -> T {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[serde(default)]
    pub alert: String,
    #[serde(default)]
    pub record: String,
    pub expr: String,
    #[serde(rename = "for")]
    pub wait: Option<String>,
    #[expect(dead_code, reason = "known, so that a key that is not is refused")]
    pub keep_firing_for: Option<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

/// One file of rules.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// Path in the repository.
    pub path: String,
    /// Name of its last group.
    pub group: String,
    pub rules: Vec<Rule>,
    /// Its unit tests, by path; recording rules that only have other tools' names have none of their own.
    pub tests: Vec<String>,
}

/// All files of rules; those of prometheus/rules first.
pub fn rule_files() -> Vec<RuleFile> {
    let mut paths: Vec<(String, String)> = std::fs::read_dir(root().join("prometheus/rules"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .map(|name| (format!("prometheus/rules/{name}.yml"), name))
        .collect();
    paths.sort();
    paths.push(("prometheus/openstack-exporter/rules.yml".to_owned(), "openstack-exporter".to_owned()));
    paths.into_iter().map(|(path, name)| rule_file(path, &name)).collect()
}

fn rule_file(path: String, name: &str) -> RuleFile {
    let groups: Groups = yaml(&read(&path), &path);
    let tests = [format!("prometheus/tests/{name}.yml"), format!("prometheus/tests/{name}-days.yml")];
    let tests = tests.into_iter().filter(|test| root().join(test).exists()).collect();
    let group = groups.groups.last().map(|group| group.name.clone()).unwrap();
    RuleFile { path, group, rules: groups.groups.into_iter().flat_map(|group| group.rules).collect(), tests }
}

/// A program of Prometheus' packages. Without it a test that needs it says so and passes, unless
/// STACKCAST_REQUIRE_TOOLS=1, which CI sets.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        let required = std::env::var("STACKCAST_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
        assert!(!required, "{name} is not installed, and STACKCAST_REQUIRE_TOOLS=1");
        eprintln!("SKIPPED: {name} is not installed (packages prometheus, prometheus-alertmanager)");
    }
    found
}

/// Runs a command in a folder; success, and all it said.
pub fn run(program: &Path, arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
