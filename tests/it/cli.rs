//! The program as a user meets it: exit codes, what goes where, and that no secret is printed.

use std::process::{Command, Output, Stdio};

const SECRET: &str = "correct-horse-battery";

fn stackcast(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_stackcast"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_bad_flag_value_is_one_line_with_the_flag_and_exit_code_2() {
    let output = stackcast(&["--prefix", "9x"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "error: flag --prefix: expose.naming.prefix: `9x` is no metric prefix; letters, digits and _, not a digit first\n"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn a_flag_of_the_wrong_form_says_which_form_it_has() {
    let output = stackcast(&["--nova.metadata-extra-labels", "team"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("LABEL=KEY,LABEL=KEY"), "{}", text(&output.stderr));
}

#[test]
fn an_unknown_variable_is_named_with_the_one_that_was_meant() {
    let output = stackcast(&["once"], &[("STACKCAST_LOG__LEVL", SECRET)]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "error: environment variable STACKCAST_LOG__LEVL: sets no known key\nhint: did you mean `STACKCAST_LOG__LEVEL`?\n";
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn no_secret_of_the_environment_is_printed() {
    let variables = [
        ("OS_AUTH_URL", "http://127.0.0.1:9/v3"),
        ("OS_USERNAME", "admin"),
        ("OS_PASSWORD", SECRET),
        ("OS_PROJECT_NAME", "admin"),
        ("OS_USER_DOMAIN_NAME", "Default"),
        ("OS_PROJECT_DOMAIN_NAME", "Default"),
        ("STACKCAST_OPENSTACK__RETRIES", "0"),
        ("STACKCAST_COLLECT__HOST__ENABLED", "false"),
    ];
    let output = stackcast(&["check", "--patience", "5", "--log.level", "trace"], &variables);
    for bytes in [&output.stdout, &output.stderr] {
        assert!(!text(bytes).contains(SECRET), "{}", text(bytes));
    }
}

#[test]
fn debug_output_of_settings_holds_no_secret() {
    let environment = [("STACKCAST_OPENSTACK__PASSWORD", SECRET), ("OS_PASSWORD", SECRET)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let sources = stackcast::config::Sources { environment, ..Default::default() };
    let outcome = sources.load();
    assert!(outcome.is_err());
    assert!(!format!("{outcome:?}").contains(SECRET));
}

#[test]
fn help_names_the_flags_of_openstack_exporter() {
    let output = stackcast(&["--help"], &[]);
    assert!(output.status.success());
    let help = text(&output.stdout);
    for flag in [
        "--os-client-config",
        "--web.listen-address",
        "--web.config.file",
        "--disable-metric",
        "--disable-service.compute",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
}

#[test]
fn a_pipe_that_closes_early_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stackcast"))
        .args(["reference", "schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}
