//! One request: headers, repeats, limits, and answers that are not what they should be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use stackcast::openstack::Settings;
use stackcast::openstack::client::Request;
use stackcast::openstack::error::{Error, ErrorKind};
use stackcast::openstack::microversion::Microversion;

use super::fake::{Fake, Reply, json_reply, quick, reply, with_headers};

/// Answers the n-th request (from 0) as told.
async fn nth(answer: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Arc<Fake> {
    let count = AtomicUsize::new(0);
    Fake::plain(move |_, _| answer(count.fetch_add(1, Ordering::SeqCst))).await
}

async fn get(fake: &Fake) -> Result<Value, Error> {
    fake.compute().await.get_json(Request::new("servers").query("name", "a b&c")).await
}

fn busy(status: u16, headers: &[(&str, &str)]) -> Reply {
    with_headers(json_reply(status, &json!({"overLimit": {"code": status, "message": "slow down"}})), headers)
}

#[tokio::test]
async fn what_is_sent() {
    let fake = nth(|_| json_reply(200, &json!({}))).await;
    let cloud = fake.cloud();
    for (kind, version) in [("compute", (2, 87)), ("volumev3", (3, 59)), ("placement", (1, 39))] {
        let client = cloud.service(&[kind], "one").await.unwrap();
        let version = Microversion::new(version.0, version.1);
        client.get(Request::new("things/1").query("q", "a b&c").at(version)).await.unwrap();
    }
    let compute = cloud.service(&["compute"], "one").await.unwrap();
    compute.get(Request::new("/plain")).await.unwrap();
    let seen = &fake.requests("/v2.1/things")[0];
    assert_eq!((seen.path.as_str(), seen.param("q")), ("/v2.1/things/1", Some("a+b%26c")));
    assert_eq!(seen.header("openstack-api-version"), Some("compute 2.87"));
    assert_eq!(seen.header("x-openstack-nova-api-version"), Some("2.87"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(seen.header("accept-encoding"), None);
    assert!(seen.header("user-agent").unwrap().starts_with("stackcast/"));
    let seen = &fake.requests("/volume/v3/p1/things")[0];
    assert_eq!(seen.header("openstack-api-version"), Some("volume 3.59"));
    assert_eq!(seen.header("x-openstack-nova-api-version"), None);
    assert_eq!(fake.requests("/placement/things")[0].header("openstack-api-version"), Some("placement 1.39"));
    assert_eq!(fake.requests("/v2.1/plain")[0].header("openstack-api-version"), None);
    for path in ["../admin", "a/../../b", "a/%2e%2e/b"] {
        assert_eq!(compute.get(Request::new(path)).await.unwrap_err().kind, ErrorKind::Config);
    }
}

#[tokio::test]
async fn retry_after_in_seconds_and_as_a_date() {
    for headers in [
        &[("retry-after", "1")][..],
        &[("date", "Sat, 21 Nov 2026 20:45:30 GMT"), ("retry-after", "Sat, 21 Nov 2026 20:45:31 GMT")],
    ] {
        let fake = nth(move |n| if n == 0 { busy(429, headers) } else { json_reply(200, &json!({"ok": 1})) }).await;
        let started = Instant::now();
        assert_eq!(get(&fake).await.unwrap(), json!({"ok": 1}));
        assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_wait_longer_than_allowed_is_an_error_at_once() {
    let fake = nth(|_| busy(429, &[("retry-after", "3600")])).await;
    let started = Instant::now();
    let error = get(&fake).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(error.kind, ErrorKind::Throttled);
    assert!(error.detail.contains("slow down") && error.detail.contains("3600 s"), "{error}");
}

#[tokio::test]
async fn gateways_are_tried_again_and_faults_are_not() {
    for status in [502, 503, 504] {
        let fake = nth(move |n| if n < 2 { busy(status, &[]) } else { json_reply(200, &json!({})) }).await;
        let compute = fake.compute().await;
        compute.get(Request::new("x")).await.unwrap();
        let snapshot = compute.cloud().telemetry().snapshot();
        assert_eq!(
            snapshot.retries.iter().map(|(s, r, n)| (&**s, *r, *n)).collect::<Vec<_>>(),
            [("compute", "server", 2)]
        );
        let counted: Vec<_> = snapshot.requests.iter().filter(|(k, _)| &*k.service == "compute").collect();
        assert_eq!(
            counted.iter().map(|(k, n)| (k.code.to_string(), *n)).collect::<Vec<_>>(),
            [("200".to_owned(), 1), (status.to_string(), 2)]
        );
        assert_eq!(&*counted[0].0.region, "one");
    }
    let fake = nth(|_| busy(503, &[])).await;
    let error = get(&fake).await.unwrap_err();
    assert_eq!((error.kind, fake.requests("/v2.1").len()), (ErrorKind::Server, 3));
    assert_eq!(error.to_string(), "compute servers: status 503: slow down (after 3 attempts)");

    for (status, kind) in [
        (400, ErrorKind::Client),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
        (406, ErrorKind::Version),
        (410, ErrorKind::NotFound),
        (500, ErrorKind::Server),
    ] {
        let fake = nth(move |_| busy(status, &[])).await;
        assert_eq!(get(&fake).await.unwrap_err().kind, kind);
        assert_eq!(fake.requests("/v2.1").len(), 1, "{status} is not tried again");
    }
}

#[tokio::test]
async fn a_service_that_hangs_ends_at_the_deadline() {
    for trickle in [false, true] {
        let fake = Fake::start(move |_, _| async move {
            if !trickle {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            let drip = stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
            });
            reply(200, Body::from_stream(drip))
        })
        .await;
        let cloud = fake.cloud_with(&Settings { request_timeout_seconds: 1, ..quick() });
        let compute = cloud.service(&["compute"], "one").await.unwrap();
        let started = Instant::now();
        let error = compute.get(Request::new("servers")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        assert!(error.detail.contains("request_timeout_seconds"), "{error}");
        assert!(started.elapsed() < Duration::from_millis(1900), "a hanging service is not asked again");
    }
}

#[tokio::test]
async fn a_body_cut_off_is_asked_for_again() {
    let fake = nth(|n| {
        if n > 0 {
            return json_reply(200, &json!({"ok": 1}));
        }
        let pieces = [Ok(Bytes::from_static(b"{\"ok\":")), Err(std::io::Error::other("cut"))];
        with_headers(reply(200, Body::from_stream(stream::iter(pieces))), &[("content-length", "100")])
    })
    .await;
    assert_eq!(get(&fake).await.unwrap(), json!({"ok": 1}));
    let fake =
        nth(|_| reply(200, Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))])))).await;
    let error = get(&fake).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Connect);
    assert!(error.detail.contains("after 3 attempts"), "{error}");
}

#[tokio::test]
async fn answers_that_are_not_the_json_expected() {
    for (body, part) in [
        (r#"{"servers": [{"id": "#, "truncated JSON"),
        ("<html><body>Welcome to nginx</body></html>", "HTML instead of JSON: is http://"),
        ("", "an empty answer"),
        ("7", "another form"),
    ] {
        let fake = Fake::plain(move |_, _| reply(200, body)).await;
        #[derive(Debug, serde::Deserialize)]
        struct Object {}
        let error = fake.compute().await.get_json::<Object>(Request::new("servers")).await.unwrap_err();
        assert_eq!((error.kind, error.path.as_str()), (ErrorKind::Decode, "servers"));
        assert!(error.detail.contains(part), "{error}");
    }
    let fake = Fake::plain(|_, _| with_headers(reply(200, "\u{1f}"), &[("content-encoding", "gzip")])).await;
    assert!(get(&fake).await.unwrap_err().detail.contains("compressed"));
}

#[tokio::test]
async fn a_giant_body_is_not_read_to_its_end() {
    const PIECES: usize = 1024;
    for length in [None, Some((PIECES << 20).to_string())] {
        let sent = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&sent);
        let fake = Fake::plain(move |_, _| {
            let (counter, piece) = (Arc::clone(&counter), Bytes::from(vec![b' '; 1 << 20]));
            let pieces = stream::iter((0..PIECES).map(move |_| {
                counter.fetch_add(1, Ordering::SeqCst);
                Ok::<_, std::io::Error>(piece.clone())
            }));
            let answer = reply(200, Body::from_stream(pieces));
            match &length {
                Some(length) => with_headers(answer, &[("content-length", length)]),
                None => answer,
            }
        })
        .await;
        let cloud = fake.cloud_with(&Settings { body_bytes_max: 4 << 20, request_timeout_seconds: 30, ..quick() });
        let compute = cloud.service(&["compute"], "one").await.unwrap();
        let error = compute.get(Request::new("servers")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
        assert!(error.detail.contains("body_bytes_max"), "{error}");
        let pieces = sent.load(Ordering::SeqCst);
        assert!(pieces < 64, "{pieces} MiB left the server");
    }
}

#[tokio::test]
async fn redirects_do_not_carry_the_token_away() {
    let other = Fake::plain(|_, _| json_reply(200, &json!({}))).await;
    let to = format!("{}/elsewhere", other.url);
    let fake = Fake::plain(move |_, seen| match seen.path.as_str() {
        "/v2.1/away" => with_headers(reply(302, ""), &[("location", &to)]),
        "/v2.1/near" => with_headers(reply(301, ""), &[("location", "/v2.1/there")]),
        "/v2.1/round" => with_headers(reply(301, ""), &[("location", "/v2.1/round")]),
        _ => json_reply(200, &json!({})),
    })
    .await;
    let compute = fake.compute().await;
    let error = compute.get(Request::new("away")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Client);
    assert!(error.detail.contains("not followed"), "{error}");
    assert!(other.seen.lock().unwrap().is_empty());
    compute.get(Request::new("near")).await.unwrap();
    assert_eq!(fake.requests("/v2.1/there").len(), 1);
    compute.get(Request::new("round")).await.unwrap_err();
}

#[tokio::test]
async fn microversions_are_asked_once_and_the_lesser_of_both_is_taken() {
    let fake = Fake::plain(|_, seen| match seen.path.as_str() {
        "/v2.1/" => json_reply(200, &json!({"version": {"id": "v2.1", "version": "2.79", "min_version": "2.1"}})),
        // A gateway that hides the version's own document.
        "/volume/" => json_reply(300, &json!({"versions": [{"id": "v3.0", "version": "3.71", "min_version": "3.0"}]})),
        "/placement/" => {
            json_reply(200, &json!({"versions": [{"id": "v1.0", "max_version": "1.39", "min_version": "1.10"}]}))
        }
        _ => json_reply(404, &json!({})),
    })
    .await;
    let cloud = fake.cloud();
    let at = |major, minor| Some(Microversion::new(major, minor));
    let (compute, volume) =
        (cloud.service(&["compute"], "one").await.unwrap(), cloud.service(&["volumev3"], "one").await.unwrap());
    let (placement, image) =
        (cloud.service(&["placement"], "one").await.unwrap(), cloud.service(&["image"], "one").await.unwrap());
    assert_eq!(compute.negotiate(Microversion::new(2, 87)).await.unwrap(), at(2, 79));
    assert_eq!(compute.negotiate(Microversion::new(2, 53)).await.unwrap(), at(2, 53));
    assert_eq!(volume.negotiate(Microversion::new(3, 59)).await.unwrap(), at(3, 59));
    assert_eq!(placement.negotiate(Microversion::new(1, 39)).await.unwrap(), at(1, 39));
    assert_eq!(placement.negotiate(Microversion::new(1, 9)).await.unwrap(), None);
    assert_eq!(image.negotiate(Microversion::new(2, 9)).await.unwrap(), None);
    assert_eq!(fake.requests("/image").len(), 0, "a service known to have none is not asked");
    let other = cloud.service(&["compute"], "one").await.unwrap();
    assert_eq!(other.microversions().await.unwrap(), Some((Microversion::new(2, 1), Microversion::new(2, 79))));
    assert_eq!(fake.requests("/v2.1/").len(), 1);
    assert_eq!(fake.requests("/volume/").len(), 2);
}

#[tokio::test]
async fn a_version_document_that_fails_is_an_error_and_is_asked_for_again() {
    let fake = nth(|n| {
        if n == 0 {
            reply(500, "")
        } else {
            json_reply(200, &json!({"version": {"id": "v2.1", "version": "2.1", "min_version": "2.1"}}))
        }
    })
    .await;
    let compute = fake.compute().await;
    assert_eq!(compute.microversions().await.unwrap_err().kind, ErrorKind::Server);
    assert!(compute.microversions().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_requests_in_flight_than_allowed() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (flying, peak) = (Arc::clone(&now), Arc::clone(&most));
    let fake = Fake::start(move |_, _| {
        let (flying, peak) = (Arc::clone(&flying), Arc::clone(&peak));
        async move {
            peak.fetch_max(flying.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            flying.fetch_sub(1, Ordering::SeqCst);
            json_reply(200, &json!({}))
        }
    })
    .await;
    let cloud = fake.cloud_with(&Settings { concurrency: 3, ..quick() });
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let cloud = Arc::clone(&cloud);
            tokio::spawn(async move {
                let compute = cloud.service(&["compute"], "one").await.unwrap();
                compute.get(Request::new("x")).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}
