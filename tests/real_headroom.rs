//! Headroom against a real OpenStack: every flavor's equals what Placement says when it is asked again and again with
//! more instances allocated, and what Nova lets in until NoValidHost.
//!
//! Runs when STACKCAST_TEST_OPENSTACK names the clouds.yaml of a cloud started by tests/openstack/up.sh. The truth is taken
//! by tests/openstack/headroom.py from Placement's allocation candidates and from Nova, never through stackcast's own code.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_in_result,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a test may fail; what it compared is printed"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use support::exposition::Page;
use support::process::Stackcast;

/// Instances by flavor and zone.
type Rooms = BTreeMap<(String, String), u64>;

fn script(clouds: &str, arguments: &[&str]) -> String {
    let venv = std::env::var("STACKCAST_OS_VENV")
        .unwrap_or_else(|_| Path::new(clouds).with_file_name("venv").display().to_string());
    let path = format!("{}/tests/openstack/headroom.py", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(format!("{venv}/bin/python"));
    let output = command.args([&path, "--clouds", clouds]).args(arguments).output().unwrap();
    assert!(output.status.success(), "headroom.py: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the script says: flavor, zone and instances, a line each.
fn truth(clouds: &str, what: &[&str]) -> Rooms {
    let text = script(clouds, what);
    let rows = text.lines().map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        ((columns[0].to_owned(), columns[1].to_owned()), columns[2].parse().unwrap())
    });
    rows.collect()
}

fn told(page: &Page) -> Rooms {
    let family = page.get("stackcast_capacity_flavor_headroom_instances");
    let samples = family.into_iter().flat_map(|family| &family.samples);
    let label = |labels: &BTreeMap<String, String>, name: &str| labels.get(name).cloned().unwrap_or_default();
    samples.map(|((_, labels), value)| ((label(labels, "flavor"), label(labels, "az")), *value as u64)).collect()
}

#[tokio::test]
#[ignore = "four minutes: cargo test --test real_headroom -- --ignored --nocapture"]
async fn headroom_is_what_placement_and_the_scheduler_say() {
    let Ok(clouds) = std::env::var("STACKCAST_TEST_OPENSTACK") else {
        eprintln!("\n*** SKIPPED: no real OpenStack. Start one with tests/openstack/up.sh and set");
        eprintln!("*** STACKCAST_TEST_OPENSTACK to its clouds.yaml.\n");
        return;
    };
    script(&clouds, &["prepare"]);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let environment = [
        ("OS_CLIENT_CONFIG_FILE", clouds.as_str()),
        ("STACKCAST_DATA__DIRECTORY", data.to_str().unwrap()),
        ("STACKCAST_COLLECT__INTERVAL__FAST_SECONDS", "6"),
        ("STACKCAST_COLLECT__INTERVAL__MEDIUM_SECONDS", "6"),
        ("STACKCAST_COLLECT__INTERVAL__SLOW_SECONDS", "6"),
    ];
    let mut stackcast = Stackcast::start(&["admin"], &environment);
    let placement = truth(&clouds, &["placement"]);
    agrees(&mut stackcast, &placement).await;
    for wanted in ["stackcast.required", "stackcast.forbidden", "stackcast.custom", "stackcast.diskless"] {
        let rows: Vec<_> = placement.iter().filter(|((flavor, _), _)| flavor == wanted).collect();
        assert!(rows.iter().any(|(_, count)| **count > 0), "{wanted} fits nowhere: nothing is shown by {rows:?}");
    }
    println!("{} rows of {} flavors equal Placement's", placement.len(), placement.len() / 2);
    for flavor in ["stackcast.custom", "stackcast.group"] {
        let booted = truth(&clouds, &["boot", flavor]);
        for (row, count) in &booted {
            assert_eq!(placement[row], *count, "booted until NoValidHost: {row:?}");
            println!("{row:?}: {count} booted, the next found no host");
        }
    }
    script(&clouds, &["clean"]);
}

/// Waits until the page tells what the truth is; analysis looks each minute.
async fn agrees(stackcast: &mut Stackcast, truth: &Rooms) {
    let compare = |page: &Page| {
        let told = told(page);
        let wrong: Vec<String> = truth
            .iter()
            .filter(|(row, count)| told.get(row) != Some(count))
            .map(|(row, count)| format!("{row:?}: Placement {count}, stackcast {:?}", told.get(row)))
            .collect();
        if wrong.is_empty() && told.len() == truth.len() {
            Ok(())
        } else {
            Err(format!("{} rows\n{}", told.len(), wrong.join("\n")))
        }
    };
    stackcast.until(150, compare).await;
}
