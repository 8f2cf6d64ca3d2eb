//! A cloud of 10,000 hypervisors and 100,000 instances.

use std::time::Duration;

use super::{Client, START};
use crate::demo::Settings;

#[tokio::test]
async fn a_hundred_thousand_instances_are_paged_through_and_grow_older() {
    let settings = Settings { hypervisors: 10_000, instances: 100_000, projects: 200, ..Settings::default() };
    let client = Client::new(settings).await;
    let first = "compute/v2.1/servers/detail?all_tenants=1&limit=1000";
    let (_, page) = client.get(first, "compute 2.96").await;
    let bytes = |page: &serde_json::Value| page.to_string().len();
    let (servers, next) = (page["servers"].as_array().unwrap(), page["servers_links"][0]["href"].as_str().unwrap());
    assert_eq!(servers.len(), 1000);
    // What a page costs is that of its own servers, wherever in the list it is.
    let (_, second) = client.get(next, "compute 2.96").await;
    assert_ne!(second["servers"][0]["id"], servers[0]["id"]);
    assert!(bytes(&page).abs_diff(bytes(&second)) * 10 < bytes(&page), "{} and {}", bytes(&page), bytes(&second));
    client.clock.set(START.plus(Duration::from_secs(3600)));
    let world = client.demo.world(0).unwrap();
    let (changed, counts) = (world.changed(START).len(), world.counts());
    assert!((1..20_000).contains(&changed), "{changed} of {}", counts.servers);
    assert!(counts.servers > 99_000 && counts.hypervisors == 10_000);
    assert!(*counts.servers_by_status.get("ERROR").unwrap() < 4000, "{counts:?}");
}
