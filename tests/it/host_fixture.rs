//! All samples of the host collectors over a small fake host (tests/fixtures/host), against a golden list.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it host_fixture` writes the list anew; read its diff before you commit it.
use stackcast::collect::host::{Host, SubsystemName};
use stackcast::model::clock::{Clock, Timestamp};
use stackcast::model::part::PartBuilder;

use crate::host_samples::{fixture, fixture_settings, samples};

/// Of these the answers come from the kernel that runs the test, not from files.
const ASKED_OF_THE_KERNEL: [&str; 2] = ["filesystem", "uname"];

fn host() -> Host {
    let mut settings = fixture_settings();
    settings.disabled = ASKED_OF_THE_KERNEL.iter().map(|name| SubsystemName::find(name).unwrap()).collect();
    Host::with_clock(&settings, Clock::manual(Timestamp::from_millis(1_795_298_179_932)))
}

#[test]
fn the_fake_host_gives_the_golden_samples() {
    let mut host = host();
    let mut part = PartBuilder::new();
    let outcomes = host.collect(&mut part);
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let mut lines: Vec<String> = samples(part)
        .into_iter()
        .filter(|sample| !sample.name.starts_with("host_scrape_collector_duration"))
        .map(|sample| sample.to_string())
        .collect();
    lines.sort_unstable();
    let found = lines.join("\n") + "\n";
    let golden = fixture().join("golden.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found, expected);
}

#[test]
fn a_second_run_repeats_what_is_read_less_often() {
    let mut host = host();
    let run = |host: &mut Host| {
        let mut part = PartBuilder::new();
        let outcomes = host.collect(&mut part);
        let count: usize = outcomes.iter().map(|outcome| *outcome.result.as_ref().unwrap()).sum();
        (count, samples(part).len())
    };
    assert_eq!(run(&mut host), run(&mut host));
}

#[test]
fn a_host_without_proc_fails_where_it_must_and_nowhere_else() {
    let mut settings = fixture_settings();
    settings.procfs = fixture().join("nowhere");
    let mut host = Host::new(&settings);
    let mut part = PartBuilder::new();
    let outcomes = host.collect(&mut part);
    let failed: Vec<&str> =
        outcomes.iter().filter(|outcome| outcome.result.is_err()).map(|outcome| outcome.collector).collect();
    for needed in ["host.cpu", "host.stat", "host.meminfo", "host.loadavg", "host.diskstats", "host.netdev"] {
        assert!(failed.contains(&needed), "{needed} must fail: {failed:?}");
    }
    for independent in ["host.hwmon", "host.os", "host.uname", "host.netclass", "host.conntrack"] {
        assert!(!failed.contains(&independent), "{independent} must not fail: {failed:?}");
    }
    let samples = samples(part);
    assert!(samples.iter().any(|sample| sample.name == "host_hwmon_temp_celsius"));
    assert!(samples.iter().any(|sample| sample.to_string() == "host_scrape_collector_success{collector=\"cpu\"} 0"));
}
