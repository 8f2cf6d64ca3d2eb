//! Reports and notices as their readers get them: asked of a running server, sent to a mail server over TLS, and read
//! again by a reader that is not the writer's.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::process::Stackcast;
use crate::support::smtp::{Encryption, MailServer};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mailparse::{MailHeaderMap, ParsedMail, parse_mail};
use serde_json::{Value, json};
use stackcast::model::clock::{Clock, Timestamp};
use stackcast::report::{Answers, AskError, Courier, Mail, Notices, Secrets, Settings, Slack, Tls};

const PASSWORD: &str = "planted-m4il-p4ssword";

/// A small cloud without a past.
async fn demo() -> Stackcast {
    let flags = ["demo", "--history", "0", "--hypervisors", "4", "--instances", "30"];
    let mut stackcast = Stackcast::start(&flags, &[]);
    let ready = |page: &crate::support::exposition::Page| {
        let headroom = page.contains_key("stackcast_capacity_flavor_headroom_instances");
        if headroom { Ok(()) } else { Err("no headroom yet".to_owned()) }
    };
    stackcast.until(60, ready).await;
    stackcast
}

/// `stackcast report ARGUMENTS`, in an empty folder, with this environment and nothing of ours.
async fn report(arguments: Vec<String>, environment: Vec<(&'static str, String)>) -> Output {
    tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackcast"));
        command.arg("report").args(arguments).current_dir(folder.path()).env_clear().envs(environment);
        command.output().unwrap()
    })
    .await
    .unwrap()
}

fn words(text: &[&str]) -> Vec<String> {
    text.iter().map(|word| (*word).to_owned()).collect()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A configuration that trusts the mail server's certificate.
fn configuration(folder: &Path, server: &MailServer, tls: &str) -> String {
    let ca = folder.join("ca.pem");
    std::fs::write(&ca, &server.certificate).unwrap();
    let file = folder.join("stackcast.toml");
    let text = format!("[report.mail]\ntls = \"{tls}\"\nca_file = \"{}\"\ntimeout_seconds = 5\n", ca.display());
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn mail_environment(server: &MailServer) -> Vec<(&'static str, String)> {
    vec![
        ("SMTP_SERVER", "localhost".to_owned()),
        ("SMTP_PORT", server.port.to_string()),
        ("EMAIL_USER", "stackcast@acme.example".to_owned()),
        ("EMAIL_PASSWORD", PASSWORD.to_owned()),
        ("EMAIL_TO", "ops@acme.example, Böss <boss@acme.example>".to_owned()),
    ]
}

/// The two forms of a message.
fn forms(mail: &ParsedMail<'_>) -> (String, String) {
    assert_eq!(mail.ctype.mimetype, "multipart/alternative");
    let kinds: Vec<&str> = mail.subparts.iter().map(|part| part.ctype.mimetype.as_str()).collect();
    assert_eq!(kinds, ["text/plain", "text/html"], "the richest form is the last");
    assert!(mail.subparts.iter().all(|part| part.ctype.charset.eq_ignore_ascii_case("utf-8")));
    (mail.subparts[0].get_body().unwrap(), mail.subparts[1].get_body().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_a_running_server_arrives_by_mail() {
    let stackcast = demo().await;
    let url = format!("http://{}", stackcast.address);
    for (encryption, tls) in [(Encryption::Starttls, "starttls"), (Encryption::Tls, "tls")] {
        let server = MailServer::start(encryption, "localhost", Some(PASSWORD)).await;
        let folder = tempfile::tempdir().unwrap();
        let file = configuration(folder.path(), &server, tls);
        let sent = report(words(&["--url", &url, "--mail", "--config", &file]), mail_environment(&server)).await;
        assert!(sent.status.success(), "{}", said(&sent));
        assert_eq!(said(&sent), "", "nothing to say");
        let mails = server.mails();
        assert_eq!(mails.len(), 1);
        let mail = &mails[0];
        assert!(mail.encrypted, "{tls}");
        assert_eq!(mail.login, Some(("stackcast@acme.example".to_owned(), PASSWORD.to_owned())));
        assert_eq!(mail.to, ["ops@acme.example", "boss@acme.example"]);
        // Before TLS nothing is said but that it is wanted.
        let plain = server.plain();
        assert!(plain.iter().all(|line| line.starts_with("EHLO") || line == "STARTTLS"), "{plain:?}");
        assert_eq!(plain.is_empty(), encryption == Encryption::Tls);

        let read = parse_mail(&mail.data).unwrap();
        let header = |name: &str| read.headers.get_all_values(name);
        assert_eq!(header("From"), ["stackcast@acme.example"]);
        assert_eq!(header("To").concat(), "ops@acme.example, Böss <boss@acme.example>");
        assert!(header("Subject")[0].starts_with("[stackcast] "), "{:?}", header("Subject"));
        assert_eq!(header("Auto-Submitted"), ["auto-generated"]);
        assert_eq!(header("MIME-Version"), ["1.0"]);
        for name in ["Date", "Message-ID", "Content-Type"] {
            assert_eq!(header(name).len(), 1, "{name}");
        }
        assert!(header("Message-ID")[0].ends_with("@acme.example>"));
        mailparse::dateparse(&header("Date")[0]).unwrap();
        let (text, html) = forms(&read);
        for form in [&text, &html] {
            for told in ["Headroom", "m1.", "Data health", "succeed", &url] {
                assert!(form.contains(told), "{told} is missing in\n{form}");
            }
        }
        assert!(html.starts_with("<!DOCTYPE html>") && !html.contains("<script") && !html.contains("<svg"));
        assert!(!html.contains("src="), "nothing is loaded");
        assert!(text.contains(" · "), "what is not ASCII arrives");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_to_a_mail_server_that_is_not_the_one() {
    let good = MailServer::start(Encryption::Starttls, "localhost", Some(PASSWORD)).await;
    let other_name = MailServer::start(Encryption::Tls, "mail.elsewhere.example", Some(PASSWORD)).await;
    let plain = MailServer::start(Encryption::None, "localhost", Some(PASSWORD)).await;
    let strict = MailServer::start(Encryption::Starttls, "localhost", Some("another password")).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), "").unwrap();
    let untrusted = folder.path().join("untrusted.toml");
    std::fs::write(&untrusted, "[report.mail]\ntimeout_seconds = 5\n").unwrap();
    let untrusted = untrusted.to_str().unwrap().to_owned();
    let stackcast = demo().await;
    let url = format!("http://{}", stackcast.address);
    let trusted = |server: &MailServer, tls: &str, name: &str| {
        let inner = folder.path().join(name);
        std::fs::create_dir(&inner).unwrap();
        configuration(&inner, server, tls)
    };
    for (server, file, why) in [
        (&good, untrusted, "certificate"),
        (&other_name, trusted(&other_name, "tls", "a"), "certificate"),
        (&plain, trusted(&plain, "starttls", "b"), "STARTTLS"),
        (&strict, trusted(&strict, "starttls", "c"), "535"),
    ] {
        let refused = report(words(&["--url", &url, "--mail", "--config", &file]), mail_environment(server)).await;
        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("error: the mail server localhost:{} did not take the mail", server.port)),
            "{said}"
        );
        assert!(said.to_lowercase().contains(&why.to_lowercase()), "{why}: {said}");
        assert!(!said.contains(PASSWORD), "{said}");
        assert!(server.mails().is_empty());
        let login = server.plain().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL"));
        assert!(!login, "{:?}", server.plain());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_told_before_anything_is_asked() {
    for (arguments, environment, code, told) in [
        (words(&["--url", "127.0.0.1:9180"]), vec![], 2, "is no address"),
        (words(&["--url", "http://me:secret@127.0.0.1:1"]), vec![], 2, "--password-file"),
        (words(&["--url", "http://127.0.0.1:1"]), vec![], 1, "cannot be reached"),
        (words(&["--mail"]), vec![], 2, "SMTP_SERVER"),
        (
            words(&["--mail"]),
            vec![("SMTP_SERVER", "x".to_owned()), ("EMAIL_USER", "a@b.example".to_owned())],
            2,
            "EMAIL_TO",
        ),
        (words(&["--data", "/nonexistent"]), vec![], 1, "/nonexistent"),
    ] {
        let output = report(arguments.clone(), environment).await;
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(told) && !said.contains("secret@"), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_are_chosen_by_the_file() {
    let stackcast = demo().await;
    let url = format!("http://{}", stackcast.address);
    let folder = tempfile::tempdir().unwrap();
    for (name, begin) in [("a.html", "<!DOCTYPE html>"), ("a.txt", "CAPACITY REPORT"), ("a.json", "{")] {
        let file = folder.path().join(name);
        let made = report(words(&["--url", &url, "--out", file.to_str().unwrap()]), vec![]).await;
        assert!(made.status.success(), "{}", said(&made));
        assert!(std::fs::read_to_string(&file).unwrap().starts_with(begin), "{name}");
    }
    let printed = report(words(&["--url", &url, "--format", "json"]), vec![]).await;
    let read: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert!(read["sections"].as_array().unwrap().len() > 5);
}

/// An API that tells what a test wants.
#[derive(Default)]
struct Told(Mutex<Vec<Value>>);

impl Answers for Told {
    fn ask<'a>(&'a self, question: &'a str) -> BoxFuture<'a, Result<Vec<u8>, AskError>> {
        let rows = self.0.lock().unwrap().clone();
        let mut body = json!({"generated_at": "2026-11-22T06:00:00Z", "data_age_seconds": 1.0, "ready": true,
            "total": rows.len(), "limit": 1000, "offset": 0, "next_offset": null, "items": []});
        if question.starts_with("/api/analysis") && question.contains("scope=az") {
            body["items"] = Value::from(rows);
        }
        async move { Ok(body.to_string().into_bytes()) }.boxed()
    }
}

fn risk(name: &str) -> Value {
    json!({"cloud": "acme", "region": "R1", "scope": "az", "node": name, "overall_risk": "critical",
        "resources": [{"resource": "memory", "utilization_ratio": 0.97, "risk": "critical"}], "recommendations": []})
}

/// A webhook that keeps what is posted.
async fn slack() -> (String, Arc<Mutex<Vec<Value>>>) {
    let posted: Arc<Mutex<Vec<Value>>> = Arc::default();
    let copy = Arc::clone(&posted);
    let hook = move |body: String| {
        copy.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        async { "ok" }
    };
    let router = axum::Router::new().route("/services/T0/planted-webhook", axum::routing::post(hook));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/services/T0/planted-webhook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let service = hyper_util::service::TowerToHyperService::new(router);
        while let Ok((socket, _)) = listener.accept().await {
            let io = hyper_util::rt::TokioIo::new(socket);
            let executor = hyper_util::rt::TokioExecutor::new();
            let service = service.clone();
            tokio::spawn(async move {
                hyper_util::server::conn::auto::Builder::new(executor).serve_connection(io, service).await.ok();
            });
        }
    });
    (url, posted)
}

fn mail_settings(server: &MailServer) -> Mail {
    Mail {
        server: Some("localhost".to_owned()),
        port: Some(server.port),
        tls: Tls::None,
        from: Some("stackcast@acme.example".to_owned()),
        to: vec!["ops@acme.example".to_owned()],
        timeout_seconds: 5,
        ..Mail::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_tell_changes_once_by_mail_and_to_slack() {
    let server = MailServer::start(Encryption::None, "localhost", None).await;
    let (webhook, posted) = slack().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhook");
    std::fs::write(&file, &webhook).unwrap();
    let settings = Settings {
        mail: mail_settings(&server),
        slack: Slack { webhook_url_file: Some(file) },
        notices: Notices { enabled: true, ..Notices::default() },
        ..Settings::default()
    };
    let start = Timestamp::parse("2026-11-22T06:00:00Z").unwrap();
    let clock = Clock::manual(start);
    let answers = Arc::new(Told::default());
    let courier = || {
        let answers = Arc::clone(&answers) as Arc<dyn Answers>;
        Courier::new(answers, &settings, Secrets::default(), clock.clone(), "test".to_owned(), folder.path())
    };
    let mut running = courier();
    *answers.0.lock().unwrap() = vec![risk("nova"), risk("<edge> & co")];
    for minute in 0..200 {
        clock.set(start.plus(Duration::from_secs(60 * minute)));
        if minute == 60 {
            answers.0.lock().unwrap().clear();
        }
        if minute % 7 == 0 {
            // A restart forgets nothing and repeats nothing.
            running = courier();
        }
        running.look().await;
    }
    let mails = server.mails();
    assert_eq!((mails.len(), posted.lock().unwrap().len()), (2, 2), "begun once, over once, two places in one message");
    let subject = |at: usize| parse_mail(&mails[at].data).unwrap().headers.get_first_value("Subject").unwrap();
    assert_eq!(subject(0), "[stackcast] 2 new: zone <edge> & co (acme/R1): critical risk (memory 97 %)");
    assert!(subject(1).starts_with("[stackcast] 2 over: "), "{}", subject(1));
    let (text, html) = forms(&parse_mail(&mails[0].data).unwrap());
    assert!(text.contains("2026-11-22 06:00") && html.contains("&lt;edge&gt; &amp; co"), "{text}\n{html}");
    let slack = posted.lock().unwrap()[0]["text"].as_str().unwrap().to_owned();
    assert!(slack.contains("New: zone &lt;edge&gt; &amp; co") && !slack.contains("<edge>"), "{slack}");
    assert!(!format!("{running:?}").contains("planted-webhook"));
    assert!(!std::fs::read_to_string(folder.path().join("report.json")).unwrap().contains("planted-webhook"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_report_comes_once_and_is_made_up_for_after_a_failure_or_a_pause() {
    let server = MailServer::start(Encryption::None, "localhost", None).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let mut settings = Settings {
        schedule: Some("daily 06:00".to_owned()),
        file: Some(file.clone()),
        mail: mail_settings(&server),
        ..Settings::default()
    };
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let clock = Clock::manual(at("2026-11-22T05:00:00Z"));
    let courier = |settings: &Settings| {
        let answers = Arc::new(Told::default()) as Arc<dyn Answers>;
        Courier::new(answers, settings, Secrets::default(), clock.clone(), "test".to_owned(), folder.path())
    };
    let mut running = courier(&settings);
    for (now, mails) in [
        ("2026-11-22T05:00:00Z", 0),
        ("2026-11-22T05:59:59Z", 0),
        ("2026-11-22T06:00:10Z", 1),
        ("2026-11-22T06:00:40Z", 1),
        ("2026-11-23T05:59:00Z", 1),
        ("2026-11-23T06:01:00Z", 2),
    ] {
        clock.set(at(now));
        running.look().await;
        assert_eq!(server.mails().len(), mails, "{now}");
    }
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("<!DOCTYPE html>"));
    // It was down at six, and the mail server is not there when it comes back.
    let port = settings.mail.port;
    settings.mail.port = Some(1);
    clock.set(at("2026-11-24T09:00:00Z"));
    running = courier(&settings);
    running.look().await;
    assert_eq!(server.mails().len(), 2);
    settings.mail.port = port;
    running = courier(&settings);
    running.look().await;
    running.look().await;
    assert_eq!(server.mails().len(), 3, "made up for, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failure_it_is_tried_again_ever_more_slowly() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        schedule: Some("daily 06:00".to_owned()),
        file: Some(folder.path().join("not there/report.html")),
        ..Settings::default()
    };
    let start = Timestamp::parse("2026-11-22T05:59:00Z").unwrap();
    let clock = Clock::manual(start);
    let answers = Arc::new(Told::default()) as Arc<dyn Answers>;
    let mut courier =
        Courier::new(answers, &settings, Secrets::default(), clock.clone(), "test".to_owned(), folder.path());
    let mut tries = Vec::new();
    let mut before = 0.0;
    for minute in 0..300 {
        clock.set(start.plus(Duration::from_secs(60 * minute)));
        courier.look().await;
        let failed = failures(&courier);
        if failed > before {
            tries.push(minute);
        }
        before = failed;
    }
    assert_eq!(tries, [1, 2, 4, 8, 16, 32, 64, 124, 184, 244]);
}

/// How many reports did not reach their file, as the metrics page tells.
fn failures(courier: &Courier) -> f64 {
    let key = stackcast::model::part::PartKey {
        group: "report",
        origin: stackcast::model::part::Origin::LOCAL,
        source: "report".into(),
    };
    let (part, _) = courier.part().seal(key, Timestamp::from_seconds(0), 1000);
    let family = part.families.iter().find(|family| family.descriptor().name == "stackcast_messages_total");
    let failed = |sample: &stackcast::model::part::Sample| sample.labels().any(|label| label == "failed");
    family.and_then(|family| family.samples().find(failed)).map_or(0.0, |sample| sample.number())
}
