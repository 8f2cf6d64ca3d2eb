//! Headroom against a real OpenStack: every flavor's equals what Placement says when it is asked again and again with
//! more instances allocated, and what Nova lets in until NoValidHost.
//!
//! The truth is taken by tests/openstack/headroom.py from Placement's allocation candidates and from Nova, never through stackcast's own code.

use std::collections::BTreeMap;

use super::{alone, clouds_yaml, python};
use crate::support::exposition::Page;
use crate::support::process::Stackcast;

const SCRIPT: &str = "headroom.py";

/// Instances by flavor and zone.
type Rooms = BTreeMap<(String, String), u64>;

/// What the script says: flavor, zone and instances, a line each.
fn truth(clouds: &str, what: &[&str]) -> Rooms {
    let text = python(SCRIPT, clouds, what);
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
#[ignore = "four minutes: cargo test --test it -- --ignored headroom"]
async fn headroom_is_what_placement_and_the_scheduler_say() {
    let Some(clouds) = clouds_yaml() else { return };
    let _alone = alone().await;
    python(SCRIPT, &clouds, &["prepare"]);
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
    say!("{} rows of {} flavors equal Placement's", placement.len(), placement.len() / 2);
    for flavor in ["stackcast.custom", "stackcast.group"] {
        let booted = truth(&clouds, &["boot", flavor]);
        for (row, count) in &booted {
            assert_eq!(placement[row], *count, "booted until NoValidHost: {row:?}");
            say!("{row:?}: {count} booted, the next found no host");
        }
    }
    python(SCRIPT, &clouds, &["clean"]);
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
