use super::*;
use proptest::prelude::*;

#[derive(Debug, Deserialize, PartialEq)]
struct Item {
    id: String,
    size: u32,
}

type Rejected = Vec<(&'static str, String)>;

fn read(body: &str) -> (Result<Page, String>, Vec<Item>, Rejected) {
    let (mut items, mut rejected) = (Vec::new(), Vec::new());
    let page = read_page(body.as_bytes(), "items", &mut rejected, &mut |item| items.push(item));
    (page.map_err(|e| decode_fault(body.as_bytes(), &e)), items, rejected)
}

#[test]
fn links_of_every_service() {
    for (rest, expected) in [
        ("", None),
        (
            r#", "items_links": [{"rel": "previous", "href": "p"}, {"rel": "next", "href": "http://x/y?marker=1"}]"#,
            Some("http://x/y?marker=1"),
        ),
        (r#", "item_links": [{"href": "/v2?marker=2", "rel": "next"}]"#, Some("/v2?marker=2")),
        (r#", "next": "/v2/images?marker=3", "first": "/v2/images", "schema": "x""#, Some("/v2/images?marker=3")),
        (r#", "links": {"next": null, "self": "http://x", "previous": null}"#, None),
        (r#", "links": {"next": "http://x?marker=4", "self": "http://x"}"#, Some("http://x?marker=4")),
        (r#", "links": [{"rel": "self", "href": "http://x"}]"#, None),
        (r#", "next": null, "items_links": 7"#, None),
        (r#", "next": """#, None),
    ] {
        let (page, items, rejected) = read(&format!(r#"{{"items": [{{"id": "a", "size": 1}}]{rest}}}"#));
        assert_eq!(page.unwrap().next.as_deref(), expected, "{rest}");
        assert_eq!((items.len(), rejected.len()), (1, 0));
    }
}

#[test]
fn an_odd_item_costs_itself_only() {
    let (page, items, rejected) = read(
        r#"{"items": [{"id": "a", "size": 1}, {"id": "odd", "size": "big"}, {"uuid": 7}, 3, {"id": "b", "size": 2, "x": [1]}],
            "next": "n"}"#,
    );
    let page = page.unwrap();
    assert_eq!((page.items, page.rejected, page.next.as_deref()), (5, 3, Some("n")));
    assert_eq!(items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(rejected.len(), 3);
    assert!(rejected[0].0 == "decode" && rejected[0].1.contains("odd") && rejected[0].1.contains("expected u32"));
    assert!(rejected[1].1.contains(" 7: ") && rejected[2].1.contains("without id"));
}

#[test]
fn what_is_no_list_is_an_error_that_says_so() {
    for (body, expected) in [
        (r#"{"items": null}"#, Ok(0)),
        (r#"{"items": []}"#, Ok(0)),
        (r#"{"things": []}"#, Err("no `items`")),
        (r#"{"items": {}}"#, Err("another form")),
        (r#"{"items": [{"id": "a", "si"#, Err("truncated JSON")),
        (r#"{"items": []} trailing"#, Err("not JSON")),
        ("<!DOCTYPE html><html>", Err("HTML instead of JSON")),
        ("", Err("empty answer")),
        ("[]", Err("another form")),
    ] {
        match (read(body).0, expected) {
            (Ok(page), Ok(items)) => assert_eq!(page.items, items),
            (Err(error), Err(part)) => assert!(error.contains(part), "{body}: {error}"),
            (found, _) => panic!("{body}: {found:?}"),
        }
    }
}

#[test]
fn a_list_without_an_object_around_it() {
    let mut items: Vec<Item> = Vec::new();
    let body = br#"[{"id": "a", "size": 1}, {"id": "b", "size": 2}]"#;
    let page = read_page(body, "", &mut Rejected::new(), &mut |item| items.push(item)).unwrap();
    assert_eq!((page, items.len()), (Page { items: 2, ..Page::default() }, 2));
    assert_eq!(last_id(body, "").as_deref(), Some("b"));
    assert!(read_page(br#"{"items": []}"#, "", &mut Rejected::new(), &mut |item| items.push(item)).is_err());
}

#[test]
fn paths_that_take_a_limit() {
    for (service, path, expected) in [
        ("compute", "servers/detail", Style::Linked),
        ("compute", "os-services", Style::Unlimited),
        ("volumev3", "scheduler-stats/get_pools", Style::Unlimited),
        ("sharev2", "shares/detail", Style::Offset),
        ("sharev2", "services", Style::Unlimited),
        ("volumev3", "volumes/detail", Style::Linked),
        ("placement", "resource_providers", Style::Unlimited),
        ("identity", "projects", Style::Unlimited),
        ("network", "ports", Style::Linked),
        ("orchestration", "stacks", Style::Marked),
        ("metric", "metric", Style::Walked),
        ("metric", "status", Style::Unlimited),
        ("unheard-of", "things", Style::Unlimited),
    ] {
        assert_eq!(style(service, path), expected, "{service} {path}");
    }
}

fn first(url: &str) -> Target {
    Target {
        cloud: "".into(),
        service: "".into(),
        region: "".into(),
        path: "".into(),
        url: reqwest::Url::parse(url).unwrap(),
        headers: Vec::new(),
    }
}

#[test]
fn the_next_page_stays_on_the_endpoint() {
    let first = first("https://cloud/compute/v2.1/servers/detail?all_tenants=1&limit=5&name=a%20b");
    for link in [
        "http://10.0.0.1:8774/v2.1/servers/detail?limit=5&marker=m%2F1",
        "/x?limit=5&marker=m%2F1",
        "?limit=5&marker=m%2F1",
    ] {
        let page = Page { items: 5, next: Some(link.into()), rejected: 0 };
        let next = next(&first, &page, Style::Linked, Some(5), || None).unwrap();
        assert_eq!(
            next.url.as_str(),
            "https://cloud/compute/v2.1/servers/detail?limit=5&marker=m%2F1&all_tenants=1&name=a+b"
        );
    }
    let full = Page { items: 5, ..Page::default() };
    assert!(next(&first, &full, Style::Linked, Some(5), || Some("m".into())).is_none());
    let marked = next(&first, &full, Style::Marked, Some(5), || Some("m".into())).unwrap();
    assert!(marked.url.as_str().ends_with("?all_tenants=1&limit=5&name=a+b&marker=m"), "{}", marked.url);
    assert!(next(&first, &full, Style::Marked, Some(6), || Some("m".into())).is_none());
    assert!(next(&first, &full, Style::Walked, Some(5), || Some("m".into())).is_some());
}

proptest! {
    #[test]
    fn both_ways_of_reading_agree(sizes in proptest::collection::vec(prop_oneof![any::<u32>().prop_map(Some), Just(None)], 0..20)) {
        let items: Vec<_> = sizes.iter().enumerate().map(|(n, size)| serde_json::json!({"id": n.to_string(), "size": size})).collect();
        let (page, found, rejected) = read(&serde_json::json!({"items": items}).to_string());
        prop_assert_eq!(page.unwrap().items, sizes.len());
        prop_assert_eq!(found.len(), sizes.iter().flatten().count());
        prop_assert_eq!(rejected.len(), sizes.len() - found.len());
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in "[\\[\\]{}\":,a-z0-9 \\\\]{0,80}") {
        let _ = read(&text);
    }
}
