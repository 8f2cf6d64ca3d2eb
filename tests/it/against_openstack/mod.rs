//! stackcast against a real OpenStack.
//!
//! These run when STACKCAST_TEST_OPENSTACK names the clouds.yaml of a cloud started by tests/openstack/up.sh. The name of
//! this module has them begin first: they wait for the cloud most of the time, and everything else is tested meanwhile.

mod headroom;
mod values;

use std::path::Path;
use std::process::Command;

use tokio::sync::{Mutex, MutexGuard};

/// What changes the cloud is done by one test at a time.
static CLOUD: Mutex<()> = Mutex::const_new(());

/// The clouds.yaml of the real OpenStack; says so where there is none.
pub fn clouds_yaml() -> Option<String> {
    let path = std::env::var("STACKCAST_TEST_OPENSTACK").ok();
    if path.is_none() {
        say!("\n*** SKIPPED: no real OpenStack. Start one with tests/openstack/up.sh and set");
        say!("*** STACKCAST_TEST_OPENSTACK to its clouds.yaml.\n");
    }
    path
}

/// Until this is dropped no other test changes the cloud.
pub async fn alone() -> MutexGuard<'static, ()> {
    CLOUD.lock().await
}

/// Changes the cloud through its own API and waits until it has settled.
pub fn change(clouds: &str, arguments: &[&str]) {
    let said = python("change.py", clouds, arguments);
    say!("{}", said.trim_end());
}

/// What a script of tests/openstack says, run with the cloud's own Python.
fn python(script: &str, clouds: &str, arguments: &[&str]) -> String {
    let venv = std::env::var("STACKCAST_OS_VENV")
        .unwrap_or_else(|_| Path::new(clouds).with_file_name("venv").display().to_string());
    let path = format!("{}/tests/openstack/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(format!("{venv}/bin/python"));
    let output = command.args([&path, "--clouds", clouds]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
