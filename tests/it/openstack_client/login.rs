//! Logging in: bodies, single flight, renewal, back-off.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stackcast::model::clock::{Clock, Timestamp};
use stackcast::openstack::Settings;
use stackcast::openstack::client::{Cloud, Request};
use stackcast::openstack::clouds::{self, Sources};
use stackcast::openstack::error::ErrorKind;
use tokio::net::TcpListener;

use super::fake::{Fake, PASSWORD, json_reply, quick};

async fn ok() -> Arc<Fake> {
    Fake::plain(|_, _| json_reply(200, &json!({}))).await
}

#[tokio::test]
async fn every_method_sends_the_right_body() {
    let fake = ok().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clouds.yaml");
    let password = |user: Value, scope: Value| {
        let mut auth = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
        if !scope.is_null() {
            auth["auth"]["scope"] = scope;
        }
        auth
    };
    let user = |domain: Value| json!({"name": "u", "domain": domain, "password": "pw"});
    let plain = || user(json!({"id": "default"}));
    let secret = |proof: Value| json!({"auth": {"identity": {"methods": ["application_credential"], "application_credential": proof}}});
    for (lines, expected) in [
        ("username: u, password: pw", password(plain(), Value::Null)),
        (
            "username: u, user_domain_name: ud, password: pw, project_name: p, project_domain_name: pd",
            password(user(json!({"name": "ud"})), json!({"project": {"name": "p", "domain": {"name": "pd"}}})),
        ),
        (
            "user_id: ui, password: pw, project_id: pi",
            password(json!({"id": "ui", "password": "pw"}), json!({"project": {"id": "pi"}})),
        ),
        ("username: u, password: pw, system_scope: all", password(plain(), json!({"system": {"all": true}}))),
        ("username: u, password: pw, trust_id: ti", password(plain(), json!({"OS-TRUST:trust": {"id": "ti"}}))),
        (
            "username: u, user_domain_id: default, password: pw, domain_name: d",
            password(plain(), json!({"domain": {"name": "d"}})),
        ),
        (
            "token: tt, project_id: pi",
            json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "tt"}}, "scope": {"project": {"id": "pi"}}}}),
        ),
        (
            "application_credential_id: ai, application_credential_secret: as",
            secret(json!({"id": "ai", "secret": "as"})),
        ),
        (
            "application_credential_name: an, username: u, user_domain_id: ud, application_credential_secret: as",
            secret(json!({"name": "an", "user": {"name": "u", "domain": {"id": "ud"}}, "secret": "as"})),
        ),
    ] {
        std::fs::write(&file, format!("clouds:\n  c:\n    auth: {{auth_url: '{}', {lines}}}\n", fake.url)).unwrap();
        let sources = Sources { clouds_file: Some(file.clone()), ..Sources::default() };
        let config = clouds::select(&sources, "c").unwrap();
        Cloud::new(config, &quick(), Clock::system()).unwrap().session().await.unwrap();
        let sent: Value = serde_json::from_str(&fake.seen.lock().unwrap().pop().unwrap().body).unwrap();
        assert_eq!(sent, expected, "{lines}");
    }
}

#[tokio::test]
async fn what_the_session_says() {
    let fake = ok().await;
    let session = fake.cloud().session().await.unwrap();
    assert_eq!((session.project_id.as_deref(), session.user_id.as_str(), session.system), (Some("p1"), "u1", false));
    assert_eq!((&session.roles[..], &session.regions[..]), (&["admin".to_owned()][..], &["one".to_owned()][..]));
    assert!(session.services.contains(&("volumev3".into(), vec!["one".into()])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_make_one_login_and_one_renewal() {
    let fake = ok().await;
    fake.login_delay_ms.store(50, Ordering::SeqCst);
    let cloud = fake.cloud_with(&Settings { concurrency: 50, ..quick() });
    let all = |path: &'static str| {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let cloud = Arc::clone(&cloud);
                tokio::spawn(async move {
                    let compute = cloud.service(&["compute"], "one").await.unwrap();
                    compute.get(Request::new(path)).await.unwrap();
                })
            })
            .collect();
        async move {
            for task in tasks {
                task.await.unwrap();
            }
        }
    };
    all("first").await;
    assert_eq!(fake.logins(), 1);
    fake.revoke();
    all("second").await;
    assert_eq!(fake.logins(), 2);
    assert_eq!(cloud.telemetry().snapshot().logins, 2);
    let refused =
        fake.requests("/v2.1/second").iter().filter(|s| s.header("x-auth-token") == Some("planted-token-1")).count();
    assert!(refused > 1, "many must have met the 401, not {refused}");
}

#[tokio::test]
async fn renewal_ahead_of_expiry_happens_beside_the_requests() {
    let fake = ok().await;
    let start = Clock::system().now();
    let clock = Clock::manual(start);
    let cloud = Cloud::new(fake.config(), &quick(), clock.clone()).unwrap();
    let compute = cloud.service(&["compute"], "one").await.unwrap();
    clock.set(start.plus(Duration::from_secs(3200)));
    compute.get(Request::new("early")).await.unwrap();
    assert_eq!(fake.logins(), 1);

    fake.login_delay_ms.store(200, Ordering::SeqCst);
    clock.set(start.plus(Duration::from_secs(3400)));
    let asked = Instant::now();
    compute.get(Request::new("due")).await.unwrap();
    assert!(asked.elapsed() < Duration::from_millis(150), "the old token serves while the new one is fetched");
    assert_eq!(fake.requests("/v2.1/due")[0].header("x-auth-token"), Some("planted-token-1"));
    tokio::time::sleep(Duration::from_millis(400)).await;
    compute.get(Request::new("after")).await.unwrap();
    assert_eq!(fake.requests("/v2.1/after")[0].header("x-auth-token"), Some("planted-token-2"));

    clock.set(start.plus(Duration::from_secs(3400 + 3601)));
    compute.get(Request::new("expired")).await.unwrap();
    assert_eq!(fake.requests("/v2.1/expired")[0].header("x-auth-token"), Some("planted-token-3"));
    assert_eq!(fake.logins(), 3);
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_the_old_token_in_use() {
    let fake = ok().await;
    let start = Clock::system().now();
    let clock = Clock::manual(start);
    let cloud = Cloud::new(fake.config(), &quick(), clock.clone()).unwrap();
    let compute = cloud.service(&["compute"], "one").await.unwrap();
    fake.login_status.store(500, Ordering::SeqCst);
    clock.set(start.plus(Duration::from_secs(3400)));
    for _ in 0..5 {
        compute.get(Request::new("x")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(fake.logins(), 2, "a Keystone in trouble is not asked again at once");
}

#[tokio::test]
async fn a_short_lived_token_is_not_renewed_without_end() {
    let fake = ok().await;
    fake.token_seconds.store(120, Ordering::SeqCst);
    let compute = fake.compute().await;
    for _ in 0..5 {
        compute.get(Request::new("x")).await.unwrap();
    }
    assert_eq!(fake.logins(), 1);
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_again_at_once() {
    let fake = ok().await;
    fake.login_status.store(401, Ordering::SeqCst);
    let cloud = fake.cloud();
    let first = cloud.session().await.unwrap_err();
    assert_eq!(first.kind, ErrorKind::Auth);
    assert!(first.to_string().contains("check user, password"), "{first}");
    assert!(!first.to_string().contains(PASSWORD), "even if Keystone quotes it: {first}");
    for _ in 0..20 {
        let again = cloud.service(&["compute"], "one").await.unwrap_err();
        assert_eq!(again.kind, ErrorKind::Auth);
        assert!(again.to_string().contains("not tried again for 5 s"), "{again}");
    }
    assert_eq!(fake.logins(), 1);
    assert_eq!(cloud.telemetry().snapshot().logins, 0);
}

#[tokio::test]
async fn keystone_down_and_up_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut config = ok().await.config();
    config.auth_url = format!("http://{address}/v3/");
    let cloud = Cloud::new(config, &Settings { retries: 0, ..quick() }, Clock::system()).unwrap();
    let down = cloud.session().await.unwrap_err();
    assert_eq!((down.kind, down.service.as_str()), (ErrorKind::Connect, "identity"));
    assert!(down.to_string().contains("refused"), "the cause is shown: {down}");

    let fake =
        Fake::serve(TcpListener::bind(address).await.unwrap(), None, |_, _| async { json_reply(200, &json!({})) });
    assert!(cloud.session().await.unwrap_err().to_string().contains("not tried again for 1 s"));
    assert_eq!(fake.logins(), 0);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    cloud.session().await.unwrap();
    assert_eq!(fake.logins(), 1);
    let codes: Vec<_> = cloud.telemetry().snapshot().requests.iter().map(|(k, n)| (k.code.to_string(), *n)).collect();
    assert_eq!(codes, [("201".to_owned(), 1), ("connect".to_owned(), 1)]);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_end_the_login() {
    let fake = ok().await;
    fake.login_delay_ms.store(300, Ordering::SeqCst);
    let cloud = fake.cloud();
    assert!(tokio::time::timeout(Duration::from_millis(50), cloud.session()).await.is_err());
    cloud.session().await.unwrap();
    assert_eq!(fake.logins(), 1);
}

#[tokio::test]
async fn a_service_that_refuses_every_token_causes_no_storm_of_logins() {
    let fake = Fake::plain(|_, seen| match seen.path.as_str() {
        "/v2.1/good" => json_reply(200, &json!({})),
        _ => json_reply(401, &json!({"error": {"message": "never"}})),
    })
    .await;
    let cloud = fake.cloud();
    let placement = cloud.service(&["placement"], "one").await.unwrap();
    for _ in 0..10 {
        let error = placement.get(Request::new("x")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Auth);
    }
    assert_eq!(fake.logins(), 2);
    // Another service is not made to suffer.
    let compute = cloud.service(&["compute"], "one").await.unwrap();
    fake.revoke();
    compute.get(Request::new("good")).await.unwrap();
    assert_eq!(fake.logins(), 3);
}

#[tokio::test]
async fn invalidate_makes_the_next_request_log_in() {
    let fake = ok().await;
    let compute = fake.compute().await;
    compute.cloud().invalidate();
    compute.get(Request::new("x")).await.unwrap();
    assert_eq!(fake.logins(), 2);
    assert!(compute.cloud().telemetry().snapshot().token_expires > Some(Timestamp::default()));
}

#[tokio::test]
async fn a_catalog_without_the_service_says_what_it_has() {
    let fake = ok().await;
    let cloud = fake.cloud();
    let error = cloud.service(&["dns"], "one").await.unwrap_err();
    assert_eq!((error.kind, error.service.as_str()), (ErrorKind::Catalog, "dns"));
    assert!(error.detail.contains("placement"), "{error}");
    assert!(cloud.service(&["compute"], "two").await.unwrap_err().detail.contains("public in one"));
    let volume = cloud.service(&["block-storage"], "one").await.unwrap();
    assert_eq!((volume.service_type(), volume.region()), ("volumev3", "one"));
    assert_eq!(volume.endpoint_url(), format!("{}/volume/v3/p1", fake.url));
    assert_eq!(cloud.regions().await.unwrap(), ["one"]);
}
