//! A cloud of 10,000 hypervisors and 100,000 instances; prints what it measures, with wide bounds against regressions.

use std::time::{Duration, Instant};

use super::{Client, START};
use crate::demo::Settings;

#[tokio::test]
async fn a_hundred_thousand_instances_start_and_page_quickly() {
    let began = Instant::now();
    let settings = Settings { hypervisors: 10_000, instances: 100_000, projects: 200, ..Settings::default() };
    let client = Client::new(settings).await;
    let started = began.elapsed();
    let mut pages = Vec::new();
    let mut bytes = 0;
    for _ in 0..5 {
        let began = Instant::now();
        let page = client
            .request("compute/v2.1/servers/detail?all_tenants=1&limit=1000", "compute 2.96")
            .send()
            .await
            .unwrap();
        bytes = page.bytes().await.unwrap().len();
        pages.push(began.elapsed());
    }
    pages.sort_unstable();
    client.clock.set(START.plus(Duration::from_secs(3600)));
    let began = Instant::now();
    let changed = client.demo.world(0).unwrap().changed(START).len();
    let hour = began.elapsed();
    println!(
        "start {started:?}, page of 1000 ({bytes} bytes) {:?} over the socket, an hour ({changed} changed) {hour:?}",
        pages[2]
    );
    assert!(started < Duration::from_secs(20), "{started:?}");
    assert!(pages[2] < Duration::from_millis(200), "{:?}", pages[2]);
    let counts = client.demo.world(0).unwrap().counts();
    assert!(counts.servers > 99_000 && counts.hypervisors == 10_000);
    assert!(*counts.servers_by_status.get("ERROR").unwrap() < 4000, "{counts:?}");
}
