//! Lists over several pages, in the form of each service.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use stackcast::openstack::Settings;
use stackcast::openstack::client::{Listed, Request};
use stackcast::openstack::error::{Error, ErrorKind};

use super::fake::{Fake, Reply, Seen, json_reply, quick, reply, with_headers};

const ITEMS: usize = 23;

#[derive(Debug, Deserialize)]
struct Item {
    id: u32,
}

/// A page of [`ITEMS`] items behind `marker`: the items, and the query of the next page if there is one.
fn page(seen: &Seen) -> (Vec<Value>, Option<String>) {
    let limit = seen.param("limit").map_or(usize::MAX, |limit| limit.parse().unwrap());
    let start: usize = seen.param("marker").map_or(0, |marker| marker.parse::<usize>().unwrap() + 1);
    let end = start.saturating_add(limit).min(ITEMS);
    let items = (start..end).map(|id| json!({"id": id, "name": format!("n{id}")})).collect();
    let next = (end < ITEMS).then(|| format!("limit={limit}&marker={}", end - 1));
    (items, next)
}

async fn listed(fake: &Fake, service: &str, request: Request<'_>, key: &str) -> Result<(Vec<u32>, Listed), Error> {
    let cloud = fake.cloud_with(&Settings { page_size: 5, pages_max: 50, ..quick() });
    let client = cloud.service(&[service], "one").await.unwrap();
    let mut ids = Vec::new();
    let listed = client.list(request, key, |item: Item| ids.push(item.id)).await?;
    Ok((ids, listed))
}

fn all() -> Vec<u32> {
    (0..ITEMS as u32).collect()
}

#[tokio::test]
async fn absolute_links_relative_links_and_no_links() {
    let fake = Fake::plain(|_, seen| {
        let (items, next) = page(seen);
        let body = match seen.path.as_str() {
            // As behind a proxy: links name a host that we cannot reach, and another path.
            "/v2.1/servers/detail" => {
                let links = next.map(|next| json!([{"rel": "next", "href": format!("http://10.255.255.1:8774/v2.1/servers/detail?{next}")}]));
                json!({"servers": items, "servers_links": links})
            }
            "/image/v2/images" => json!({"images": items, "next": next.map(|next| format!("/v2/images?{next}"))}),
            "/network/v2.0/ports" => {
                let mut links = vec![json!({"rel": "previous", "href": "http://x/v2.0/ports?page_reverse=True"})];
                links.extend(next.map(|next| json!({"rel": "next", "href": format!("http://x/v2.0/ports?{next}")})));
                json!({"ports": items, "ports_links": links})
            }
            "/heat/v1/p1/stacks" => json!({"stacks": items}),
            _ => json!({"things": items, "links": {"next": next, "self": "x"}}),
        };
        json_reply(200, &body)
    })
    .await;
    for (service, path, key) in [
        ("compute", "servers/detail", "servers"),
        ("image", "images", "images"),
        ("network", "ports", "ports"),
        ("orchestration", "stacks", "stacks"),
    ] {
        let request = Request::new(path).query("all_tenants", "1");
        let (ids, listed) = listed(&fake, service, request, key).await.unwrap();
        assert_eq!(ids, all(), "{service}");
        assert_eq!((listed.items, listed.pages, listed.rejected.len()), (ITEMS, 5, 0));
        assert!(listed.server_time.is_some());
    }
    for seen in fake.requests("/v2.1/servers") {
        assert_eq!((seen.param("limit"), seen.param("all_tenants")), (Some("5"), Some("1")), "kept on every page");
    }
    // Keystone and Placement are not asked for pages, but a link would be followed.
    let (ids, listed) = listed(&fake, "placement", Request::new("things"), "things").await.unwrap();
    assert_eq!((ids, listed.pages), (all(), 1));
    assert_eq!(fake.requests("/placement")[0].query, "");
    let (ids, listed) = listed_with_limit(&fake).await;
    assert_eq!((ids, listed.pages), (all(), 12));
}

/// The caller's own limit is left alone, and links are followed nevertheless.
async fn listed_with_limit(fake: &Fake) -> (Vec<u32>, Listed) {
    let answer = listed(fake, "compute", Request::new("servers/detail").query("limit", "2"), "servers").await.unwrap();
    assert!(fake.requests("/v2.1").iter().rev().take(12).all(|seen| seen.param("limit") == Some("2")));
    answer
}

#[tokio::test]
async fn manila_is_paged_by_offset_as_its_links_lead_nowhere() {
    // Pages are cut at 3 although 5 are asked for, and the link's marker is one that the service ignores.
    let fake = Fake::plain(|_, seen| {
        let start = seen.param("offset").map_or(0, |offset| offset.parse::<usize>().unwrap());
        let items: Vec<_> = (start..ITEMS.min(start + 3)).map(|id| json!({"id": id})).collect();
        json_reply(
            200,
            &json!({"shares": items, "shares_links": [{"rel": "next", "href": "http://x/v2/shares?marker=2"}]}),
        )
    })
    .await;
    let request = Request::new("shares/detail").query("all_tenants", "1");
    let (ids, listed) = listed(&fake, "sharev2", request, "shares").await.unwrap();
    assert_eq!((ids, listed.pages), (all(), 9));
    let seen = fake.requests("/share/v2/shares/detail");
    assert!(seen.iter().all(|seen| seen.param("limit") == Some("5") && seen.param("all_tenants") == Some("1")));
}

#[tokio::test]
async fn a_client_of_another_projects_account() {
    let fake = Fake::plain(|_, seen| {
        let status = if seen.path == "/swift/v1/AUTH_p2/" { 200 } else { 403 };
        with_headers(reply(status, "[]"), &[("x-account-bytes-used", "42")])
    })
    .await;
    let own = fake.cloud().service(&["object-store"], "one").await.unwrap();
    let other = own.at_project("p1", "p2").unwrap();
    let names = ["x-account-bytes-used", "x-account-meta-quota-bytes"];
    let values = other.headers(Request::new("").query("limit", "1"), names).await.unwrap();
    assert_eq!(values, [Some("42".to_owned()), None]);
    assert_eq!(own.headers(Request::new(""), names).await.unwrap_err().kind, ErrorKind::Forbidden);
    for (token, wanted) in [("p3", "p2"), ("p1", "../admin"), ("p1", ""), ("", "p2")] {
        assert!(own.at_project(token, wanted).is_none(), "{token} {wanted}");
    }
}

#[tokio::test]
async fn a_neutron_without_paging_gives_everything_once() {
    let fake = Fake::plain(|_, _| {
        json_reply(200, &json!({"ports": (0..ITEMS).map(|id| json!({"id": id})).collect::<Vec<_>>()}))
    })
    .await;
    let (ids, listed) = listed(&fake, "network", Request::new("ports"), "ports").await.unwrap();
    assert_eq!((ids, listed.pages), (all(), 1));
}

#[tokio::test]
async fn paging_without_end_is_noticed() {
    let link = |query: &str| json!({"servers": [{"id": 1}], "servers_links": [{"rel": "next", "href": format!("http://x/?{query}")}]});
    let same = Fake::plain(move |_, _| json_reply(200, &link("limit=5&marker=1"))).await;
    let error = listed(&same, "compute", Request::new("servers"), "servers").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Paging);
    assert_eq!(same.requests("/v2.1").len(), 2);

    let ever = Fake::plain(move |fake, _| json_reply(200, &link(&format!("marker={}", fake.requests("").len())))).await;
    let error = listed(&ever, "compute", Request::new("servers"), "servers").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Paging);
    assert!(error.detail.contains("50 pages (pages_max)"), "{error}");

    // An empty page ends a list, whatever it links to.
    let stuck = Fake::plain(|_, _| json_reply(200, &json!({"stacks": []}))).await;
    assert_eq!(listed(&stuck, "orchestration", Request::new("stacks"), "stacks").await.unwrap().1.pages, 1);
}

#[tokio::test]
async fn an_odd_item_is_left_out_and_reported() {
    let fake = Fake::plain(|_, seen| {
        let (mut items, next) = page(seen);
        if seen.param("marker") == Some("9") {
            items[2] = json!({"id": "odd-one", "name": "x"});
        }
        let links = next.map(|next| json!([{"rel": "next", "href": format!("?{next}")}]));
        json_reply(200, &json!({"servers": items, "servers_links": links}))
    })
    .await;
    let (ids, listed) = listed(&fake, "compute", Request::new("servers"), "servers").await.unwrap();
    assert_eq!(ids.len(), ITEMS - 1);
    assert_eq!((listed.items, listed.pages, listed.rejected.len()), (ITEMS - 1, 5, 1));
    let (reason, detail) = &listed.rejected[0];
    assert_eq!(*reason, "decode");
    assert!(detail.contains("odd-one") && detail.contains("expected u32"), "{detail}");
}

#[tokio::test]
async fn a_broken_page_is_an_error_of_the_list() {
    fn broken(body: &'static str) -> impl Fn(&Fake, &Seen) -> Reply {
        move |_, _| reply(200, body)
    }
    for (body, part) in [
        (r#"{"servers": [{"id": 1}, {"id""#, "truncated JSON"),
        ("<html>Log in</html>", "is http://"),
        (r#"{"server": []}"#, "no `servers`"),
    ] {
        let fake = Fake::plain(broken(body)).await;
        let error = listed(&fake, "compute", Request::new("servers"), "servers").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Decode);
        assert!(error.detail.contains(part), "{error}");
    }
    let null = Fake::plain(broken(r#"{"servers": null}"#)).await;
    assert_eq!(listed(&null, "compute", Request::new("servers"), "servers").await.unwrap().1.items, 0);
}

#[tokio::test]
async fn the_time_is_that_of_the_first_page() {
    let fake: Arc<Fake> = Fake::plain(|_, seen| {
        let (items, next) = page(seen);
        let links = next.map(|next| json!([{"rel": "next", "href": format!("?{next}")}]));
        let date = if seen.param("marker").is_none() {
            "Sat, 21 Nov 2026 20:45:30 GMT"
        } else {
            "Sat, 21 Nov 2026 20:59:59 GMT"
        };
        with_headers(json_reply(200, &json!({"servers": items, "servers_links": links})), &[("date", date)])
    })
    .await;
    let (_, listed) = listed(&fake, "compute", Request::new("servers"), "servers").await.unwrap();
    assert_eq!(listed.server_time.unwrap().to_string(), "2026-11-21T20:45:30Z");
}
