//! Planted secrets appear nowhere: log at trace level, page, landing page, errors, process list, `check`, files.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::exposition::value;
use crate::support::process::Stackcast;
use secrecy::ExposeSecret;
use stackcast::demo::{Demo, Effect, Fault, Settings};
use stackcast::model::clock::Clock;

const WRONG_PASSWORD: &str = "wr0ng-p4ssword-planted";

/// clouds.yaml with a good password, a good application credential, and a password that Keystone refuses.
fn clouds_yaml(demo: &Demo) -> String {
    let refused = format!(
        "  refused:\n    auth:\n      auth_url: {}\n      username: admin\n      password: {WRONG_PASSWORD}\n      \
         user_domain_name: Default\n      project_name: admin\n      project_domain_name: Default\n",
        demo.auth_url()
    );
    demo.clouds_yaml() + &refused
}

fn secrets(demo: &Demo) -> Vec<String> {
    let credentials = demo.credentials();
    vec![
        credentials.password.expose_secret().to_owned(),
        credentials.application_credential_secret.expose_secret().to_owned(),
        WRONG_PASSWORD.to_owned(),
    ]
}

fn assert_clean(what: &str, text: &str, secrets: &[String]) {
    assert!(!text.is_empty(), "{what} is empty: nothing was checked");
    for secret in secrets {
        assert!(secret.len() >= 8, "a secret too short to search for");
        assert!(!text.contains(secret.as_str()), "{what} holds a planted secret");
    }
}

fn assert_files_clean(folder: &Path, secrets: &[String]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_files_clean(&path, secrets);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            assert_clean(&path.display().to_string(), &format!(".{}", String::from_utf8_lossy(&bytes)), secrets);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_appear_nowhere() {
    let settings = Settings { hypervisors: 4, instances: 20, projects: 3, ..Settings::default() };
    let demo = Demo::start(settings, Clock::system()).await.unwrap();
    // Errors quote what services say; this makes some.
    demo.faults().add(Fault::of("nova", Effect::Status { code: 500, retry_after: None }).at("v2.1/os-services"));
    let secrets = secrets(&demo);
    let folder = tempfile::tempdir().unwrap();
    let clouds = folder.path().join("clouds.yaml").display().to_string();
    std::fs::write(&clouds, clouds_yaml(&demo)).unwrap();
    let data = folder.path().join("state");
    let data_text = data.display().to_string();
    let environment = [
        ("OS_CLIENT_CONFIG_FILE", clouds.as_str()),
        ("STACKCAST_DATA__DIRECTORY", data_text.as_str()),
        ("STACKCAST_COLLECT__INTERVAL__FAST_SECONDS", "1"),
        ("RUST_LOG", "trace"),
    ];

    let mut stackcast = Stackcast::start(&[], &environment);
    stackcast
        .until(30, |page| {
            let good = |cloud| value(page, "openstack_identity_up", &[("cloud", cloud)]);
            let states = [good("demo"), good("demo-credential"), good("refused")];
            if states == [Some(1.0), Some(1.0), Some(0.0)] { Ok(()) } else { Err(format!("{states:?}")) }
        })
        .await;
    for path in ["/metrics", "/", "/-/ready", "/-/healthy"] {
        let (_, text) = stackcast.get(path).await.unwrap();
        assert_clean(path, &text, &secrets);
    }
    assert_clean("the process list", &stackcast.process_list(), &secrets);
    let log = stackcast.log();
    assert!(log.contains("TRACE") && log.contains("login refused"), "the log is not at trace level");
    assert_clean("the log", &log, &secrets);
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    assert_files_clean(&data, &secrets);

    for arguments in [&["check"][..], &["once"], &["reference", "config"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackcast"));
        command.args(arguments).env_clear().env("HOME", "/nonexistent").envs(environment);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_clean(&arguments.join(" "), &text, &secrets);
    }
}
