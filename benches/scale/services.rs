//! All services, at three sizes: how long a first collection takes, and what an hour of the steady state costs.

use std::collections::BTreeMap;

use super::child::{Cloud, Scope, Size};
use super::{CHURN_PER_MINUTE, HASTE, answers, first_collection, memory, peer, steady};

/// A tenth, the size that is aimed at, twice that.
const SIZES: [Size; 3] = [
    Size { hypervisors: 100, instances: 5_000, projects: 100 },
    Size { hypervisors: 1_000, instances: 50_000, projects: 1_000 },
    Size { hypervisors: 2_000, instances: 100_000, projects: 2_000 },
];
/// Milliseconds that each answer of the cloud takes at least.
const DELAY_MS: u64 = 30;
/// A whole round of what is read least often but once an hour.
const MINUTES: u64 = 15;

pub fn all_sizes() {
    let only = super::argument("--hypervisors", 0);
    for size in SIZES.into_iter().filter(|size| only == 0 || size.hypervisors == only) {
        one(size);
    }
}

fn one(size: Size) {
    let cloud = Cloud::start(size, CHURN_PER_MINUTE * HASTE as f64, DELAY_MS);
    println!();
    let exporter = first_collection(&cloud, Scope::All);
    let things = peer::Things::of(&exporter);
    println!("{things}");
    let before = cloud.requests_by_path();
    let cost = steady(&cloud, &exporter, MINUTES, "steady state");
    most_asked(&before, &cloud.requests_by_path());
    // The one thing that a quarter of an hour does not show.
    let ours = cost.requests * 60.0 + things.pages_of_servers();
    let theirs = things.requests_per_scrape() * 60.0;
    println!(
        "requests an hour: {ours:.0}; openstack-exporter scraped once a minute: {theirs:.0}; {:.2} %",
        100.0 * ours / theirs
    );
    memory(&exporter, "page read compressed");
    answers(&exporter);
    memory(&exporter, "page read plain too");
}

fn most_asked(before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) {
    let asked = |(path, count): (&String, &u64)| (count - before.get(path).unwrap_or(&0), path.clone());
    let mut paths: Vec<(u64, String)> = now.iter().map(asked).collect();
    paths.sort_unstable_by(|a, b| b.cmp(a));
    for (count, path) in paths.iter().take(8) {
        println!("    {:.1} a minute: {path}", *count as f64 / MINUTES as f64);
    }
}
