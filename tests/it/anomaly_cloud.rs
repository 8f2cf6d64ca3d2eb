//! Anomalies of a small cloud, planted and found: the bench `anomaly_cloud` with one seed, half the hosts and sixteen days, and
//! what must hold even so. Prints the bench's tables. Bounds are those of the large runs (docs/anomalies.md: fewer than one
//! false alarm per 100 series and week, all found, 98 % in time), with room for one late and two false alarms, which is as fine as
//! five planted anomalies and 96 series and weeks can tell.

#[path = "../../benches/anomaly_cloud/load.rs"]
mod load;
#[path = "../../benches/anomaly_cloud/plan.rs"]
mod plan;
#[path = "../../benches/anomaly_cloud/score.rs"]
mod score;
#[path = "../../benches/anomaly_cloud/simulation.rs"]
mod simulation;

use std::io::Write as _;

use stackcast::analyse::watch::Settings;

#[test]
fn planted_anomalies_are_found_without_much_noise() {
    let size = plan::Size { hosts: 10, days: 16, each: 1 };
    let loads = load::Loads::read();
    let runs = [simulation::run(1, size, &loads, &Settings::default())];
    let ticket = score::Tally::of(&runs, score::Rule { above: 1.0, readings: 2 }, false);
    // Past the test runner, which keeps the output of tests that pass.
    let _ = write!(std::io::stderr(), "{}\n{ticket}\n{}", score::HEADER, ticket.by_kind());
    assert!(ticket.recall() >= 1.0, "recall {}", ticket.recall());
    assert!(ticket.in_time() >= 0.8, "in time {}", ticket.in_time());
    assert!(ticket.false_alarms() <= 2.5, "{} false alarms per 100 series and week", ticket.false_alarms());
}
