//! A change costs its own group only, and no combination of parts makes an invalid page.

use std::sync::Arc;
use std::time::Duration;

use stackcast::expose::{CloudLabels, Encoding, Exposition, Format, Naming};
use stackcast::metrics;
use stackcast::model::clock::Timestamp;
use stackcast::model::part::{Origin, PartBuilder, PartKey};
use stackcast::model::snapshot::SnapshotStore;

use super::parser::parse;
use super::{exposition, publish, store, text};

metrics! {
    /// Instances.
    SERVERS = gauge "openstack_nova_server_status" [id], State, "test";
    /// Load.
    LOAD = gauge "host_load1" [], None, "test";
    /// In the live piece.
    LIVE = gauge "stackcast_live" [], None, "test";
}

fn servers(store: &SnapshotStore, group: &'static str, cloud: &str, count: usize) {
    publish(store, group, Origin::new(cloud, "r"), "servers", |part| {
        for id in 0..count {
            part.put(&SERVERS, [&format!("server-{id}")], 1.0);
        }
    });
}

fn load(store: &SnapshotStore, value: f64) {
    publish(store, "host", Origin::LOCAL, "host", |part| part.put(&LOAD, [], value));
}

fn rendered(exposition: &Exposition, group: &str) -> u64 {
    exposition.stats().get(group).map_or(0, |stats| stats.bytes)
}

#[tokio::test]
async fn a_host_tick_renders_less_than_a_hundredth() {
    assert_eq!(METRICS.len(), 3);
    let store = store();
    let exposition = exposition(&store, Naming::default());
    servers(&store, "compute", "a", 10_000);
    load(&store, 1.0);
    let first = text(&exposition, Format::Text).await;
    let (compute, host) = (rendered(&exposition, "compute"), rendered(&exposition, "host"));
    for tick in 0..10 {
        load(&store, f64::from(tick) + 0.25);
        let page = text(&exposition, Format::Text).await;
        assert!(page.contains(&format!("host_load1 {tick}.25\n")));
    }
    assert_eq!(rendered(&exposition, "compute"), compute);
    assert!((rendered(&exposition, "host") - host) / 10 < first.len() as u64 / 100);
}

#[tokio::test]
async fn concurrent_scrapes_render_once() {
    let store = store();
    let exposition = exposition(&store, Naming::default());
    servers(&store, "compute", "a", 20_000);
    let scrapes: Vec<_> = (0..8)
        .map(|_| {
            let exposition = Arc::clone(&exposition);
            tokio::spawn(async move { exposition.page(Format::Text, Encoding::Gzip).await.bytes() })
        })
        .collect();
    for scrape in scrapes {
        assert!(scrape.await.unwrap() > 1000);
    }
    assert_eq!(exposition.stats()["compute"].renders, 1);
}

#[tokio::test]
async fn a_second_cloud_adds_labels_and_its_end_takes_them_away() {
    let store = store();
    let exposition = exposition(&store, Naming::default());
    servers(&store, "compute", "a", 2);
    assert!(text(&exposition, Format::Text).await.contains("status{id=\"server-0\"} 1"));
    servers(&store, "compute", "b", 2);
    let both = text(&exposition, Format::Text).await;
    for cloud in ["a", "b"] {
        assert!(both.contains(&format!("status{{cloud=\"{cloud}\",region=\"r\",id=\"server-0\"}} 1")), "{both}");
    }
    store.withdraw(&PartKey { group: "compute", origin: Origin::new("b", "r"), source: "servers".into() });
    assert!(text(&exposition, Format::Text).await.contains("status{id=\"server-0\"} 1"));
}

#[tokio::test]
async fn a_family_in_two_groups_or_in_live_is_printed_once_and_counted() {
    let store = store();
    let live = Arc::new(|| {
        let mut builder = PartBuilder::new();
        builder.put(&LIVE, [], 1.0);
        builder.put(&LOAD, [], 9.0);
        let key = PartKey { group: "live", origin: Origin::LOCAL, source: "live".into() };
        vec![builder.seal(key, Timestamp::default(), 10).0]
    });
    let exposition = Exposition::new(Arc::clone(&store), Naming::default(), live);
    servers(&store, "compute", "a", 2);
    servers(&store, "later", "a", 3);
    load(&store, 1.0);
    for format in [Format::Text, Format::OpenMetrics] {
        let page = text(&exposition, format).await;
        let samples = parse(&page, format == Format::OpenMetrics);
        let count = |name: &str| samples.iter().filter(|(found, _, _)| found == name).count();
        assert_eq!(count("openstack_nova_server_status"), 2);
        assert_eq!((count("host_load1"), count("stackcast_live")), (1, 1));
    }
    let dropped = exposition.dropped();
    assert!(dropped.contains(&("openstack_nova_server_status".to_owned(), "conflict", 3)), "{dropped:?}");
    assert!(dropped.contains(&("host_load1".to_owned(), "conflict", 2)), "once per scrape: {dropped:?}");
    // With the first group gone, the second one may print.
    store.withdraw(&PartKey { group: "compute", origin: Origin::new("a", "r"), source: "servers".into() });
    assert_eq!(text(&exposition, Format::Text).await.matches("openstack_nova_server_status{").count(), 3);
}

#[tokio::test]
async fn clouds_without_labels_lose_what_is_there_already() {
    let store = store();
    let naming = Naming { cloud_labels: CloudLabels::Never, ..Naming::default() };
    let exposition = exposition(&store, naming);
    servers(&store, "compute", "a", 2);
    servers(&store, "compute", "b", 5);
    let page = text(&exposition, Format::Text).await;
    assert_eq!(parse(&page, false).iter().filter(|(name, _, _)| name == "openstack_nova_server_status").count(), 5);
    assert_eq!(exposition.dropped(), [("openstack_nova_server_status".to_owned(), "duplicate", 2)]);
    text(&exposition, Format::OpenMetrics).await;
    assert_eq!(exposition.dropped()[0].2, 2, "counted per change, not per scrape");
}

#[tokio::test]
async fn what_was_asked_for_is_kept_warm() {
    let store = store();
    let exposition = exposition(&store, Naming::default());
    servers(&store, "compute", "a", 10);
    exposition.page(Format::OpenMetrics, Encoding::Gzip).await;
    let warm = tokio::spawn(Arc::clone(&exposition).keep_warm());
    tokio::task::yield_now().await;
    servers(&store, "compute", "a", 20);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if exposition.stats()["compute"].renders == 2 {
            break;
        }
    }
    assert_eq!(exposition.stats()["compute"].renders, 2, "one variant was asked for, one is rendered");
    exposition.page(Format::OpenMetrics, Encoding::Gzip).await;
    assert_eq!(exposition.stats()["compute"].renders, 2);
    warm.abort();
}

/// A reader does not wait for the page to be rendered anew, where that is being done; nor is it told old news for long.
#[tokio::test]
async fn while_a_page_is_rendered_the_one_before_is_answered_with() {
    let store = store();
    let exposition = exposition(&store, Naming::default());
    let rows = async || {
        let page = text(&exposition, Format::Text).await;
        page.lines().filter(|line| line.starts_with("openstack_nova_server_status{")).count()
    };
    servers(&store, "compute", "a", 10);
    assert_eq!(rows().await, 10);
    servers(&store, "compute", "a", 11);
    assert_eq!(rows().await, 11, "nobody else renders: this reader waits");
    let warm = tokio::spawn(Arc::clone(&exposition).keep_warm());
    tokio::time::sleep(Duration::from_millis(50)).await;
    servers(&store, "compute", "a", 19);
    assert_eq!(rows().await, 11);
    servers(&store, "compute", "b", 1);
    assert_eq!(rows().await, 20, "a part that was not there is waited for");
    servers(&store, "compute", "a", 20);
    assert_eq!(rows().await, 20);
    let start = std::time::Instant::now();
    while rows().await == 20 {
        assert!(start.elapsed() < Duration::from_secs(5), "old news");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(rows().await, 21);
    warm.abort();
    assert!(warm.await.is_err());
    servers(&store, "compute", "a", 30);
    assert_eq!(rows().await, 31, "nobody else renders any more");
}
