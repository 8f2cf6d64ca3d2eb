//! Anomalies in a cloud, planted and found: `cargo bench --bench anomaly_cloud` (20 seeds; `-- --seeds 3 --first 1`,
//! `--verbose` lists every false alarm of the ticket tier and what it missed; `--hosts`, `--days` and `--each` set the size;
//! `--sensitivity`, `--absolute` and `--relative` the floors of utilisations).
//!
//! Each seed is a simulated cloud of 20 hypervisors and 400 instances over four weeks, a reading of every series at
//! five minutes. Allocations, instances and services are the truth of `demo::World`; what hosts really use is resampled
//! from real machines in blocks of a day (`load`). Three times each, in a random order: a stuck agent, a runaway
//! project, a host that leaks memory, a host unlike its peers, a project that loses its instances; and each Sunday night
//! a batch that is normal. An alarm is a score above a threshold for some readings in a row.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "a bench may stop on a fault; its figures are printed"
)]

mod load;
mod plan;
mod score;
mod simulation;

use stackcast::analyse::watch::Settings;

const SIZE: plan::Size = plan::Size { hosts: 20, days: 28, each: 3 };
/// What the rules of the ticket tier wait for.
const TICKET: score::Rule = score::Rule { above: 1.0, readings: 2 };

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |flag: &str, default: u64| {
        let at = args.iter().position(|arg| arg == flag);
        at.and_then(|at| args.get(at + 1)).map_or(default, |text| text.parse().expect("a number"))
    };
    let (first, seeds) = (number("--first", 1), number("--seeds", 20));
    let of_size = |flag: &str, default: usize| number(flag, default as u64) as usize;
    let size = plan::Size {
        hosts: of_size("--hosts", SIZE.hosts),
        days: of_size("--days", SIZE.days),
        each: of_size("--each", SIZE.each),
    };
    let verbose = args.iter().any(|arg| arg == "--verbose");
    let decimal = |flag: &str, default: f64| {
        let at = args.iter().position(|arg| arg == flag);
        at.and_then(|at| args.get(at + 1)).map_or(default, |text| text.parse().expect("a number"))
    };
    let mut watching = Settings::default();
    watching.sensitivity = decimal("--sensitivity", watching.sensitivity);
    watching.floors.ratio_absolute = decimal("--absolute", watching.floors.ratio_absolute);
    watching.floors.ratio_relative = decimal("--relative", watching.floors.ratio_relative);
    let loads = load::Loads::read();
    let mut runs = Vec::new();
    for seed in first..first + seeds {
        let run = simulation::run(seed, size, &loads, &watching);
        println!("seed {seed}: {} series, {:.1} s", run.series.len(), run.seconds);
        runs.push(run);
    }
    println!("\n{}", score::HEADER);
    for above in [1.0, 1.25, 1.5, 2.0, 3.0] {
        for readings in [1, 2, 3] {
            let rule = score::Rule { above, readings };
            println!("{}", score::Tally::of(&runs, rule, false));
        }
    }
    println!("\nticket tier (score > {}, {} readings), by kind:", TICKET.above, TICKET.readings);
    print!("{}", score::Tally::of(&runs, TICKET, verbose).by_kind());
    println!("\nthe weekly batch: alarms on its hosts by its number: {:?}", score::batch_alarms(&runs, TICKET));
}
