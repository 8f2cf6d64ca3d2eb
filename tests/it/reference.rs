//! Documents that the program prints are committed; these tests fail when they differ, and say how to renew them.

use std::path::Path;
use std::process::Command;

fn print(what: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_stackcast")).args(["reference", what]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn committed(what: &str, file: &str) {
    let printed = print(what);
    let stored = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default();
    if printed == stored {
        return;
    }
    let differing = printed.lines().zip(stored.lines()).position(|(new, old)| new != old);
    let line = differing.unwrap_or_else(|| printed.lines().count().min(stored.lines().count()));
    panic!(
        "{file} is out of date from line {}:\n  stored:  {:?}\n  printed: {:?}\nrun `cargo run -- reference {what} > {file}`",
        line + 1,
        stored.lines().nth(line),
        printed.lines().nth(line),
    );
}

#[test]
fn the_metrics_reference_is_current() {
    committed("metrics", "docs/metrics.md");
}

#[test]
fn the_reference_configuration_is_current() {
    committed("config", "examples/stackcast.toml");
}

#[test]
fn the_schema_is_current() {
    committed("schema", "examples/stackcast.schema.json");
}

#[test]
fn the_committed_configuration_loads() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/stackcast.toml");
    let sources = stackcast::config::Sources { file: Some(file), ..Default::default() };
    sources.load().unwrap();
}
