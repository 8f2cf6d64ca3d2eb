//! Every bad configuration is a file in tests/config/bad with the message it must give beside it (.txt).
//! `UPDATE_EXPECTED=1 cargo test --test it config` rewrites the messages; read the difference before you commit it.

use std::path::{Path, PathBuf};

use stackcast::config::Sources;

fn bad_files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/bad");
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending != "txt"))
        .collect();
    files.sort();
    files
}

fn message(file: &Path) -> String {
    let sources = Sources { file: Some(file.to_owned()), ..Default::default() };
    let Err(error) = sources.load() else { panic!("{} is accepted", file.display()) };
    let directory = format!("{}/", file.parent().unwrap().display());
    let mut text = String::new();
    for fault in error.faults {
        text.push_str(&format!("error: {fault}\n"));
        if let Some(hint) = fault.hint {
            text.push_str(&format!("hint: {hint}\n"));
        }
    }
    text.replace(&directory, "")
}

#[test]
fn every_bad_file_gives_its_message() {
    let files = bad_files();
    assert!(files.len() >= 10, "only {} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let found = message(&file);
        let mut expected_file = file.clone().into_os_string();
        expected_file.push(".txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&expected_file, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&expected_file).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- found\n{found}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn toml_and_yaml_say_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let load = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        let sources = Sources { file: Some(path), ..Default::default() };
        serde_json::to_value(sources.load().unwrap().settings).unwrap()
    };
    let toml = "[clouds]\nnames = [\"a\"]\n[collect.services.load-balancer]\nenabled = false\n[openstack]\nrequests_per_second = 1.5\n";
    let yaml = "clouds:\n  names: [a]\ncollect:\n  services:\n    load-balancer:\n      enabled: false\nopenstack:\n  requests_per_second: 1.5\n";
    assert_eq!(load("a.toml", toml), load("a.yaml", yaml));
}
