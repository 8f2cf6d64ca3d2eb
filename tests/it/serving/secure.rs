//! TLS, client certificates, basic auth, extra headers, and changes of the files while running.

use std::fs::write;
use std::path::Path;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, Client, Identity, StatusCode, Version};
use stackcast::expose::Settings;
use tempfile::TempDir;

use super::{Running, filled, hooks, settings};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key for a name.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

struct Site {
    folder: TempDir,
    authority: Authority,
}

impl Site {
    fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap(), authority: Authority::new() };
        site.write_certificate(&site.authority);
        write(site.path("ca.pem"), site.authority.pem()).unwrap();
        site
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write_certificate(&self, authority: &Authority) {
        let (certificate, key) = authority.issue("localhost");
        write(self.path("cert.pem"), certificate).unwrap();
        write(self.path("key.pem"), key).unwrap();
    }

    fn settings(&self, yaml: &str) -> Settings {
        write(self.path("web.yml"), yaml).unwrap();
        Settings { web_config_file: Some(self.path("web.yml")), ..settings() }
    }

    async fn start(&self, yaml: &str) -> Running {
        Running::start(&self.settings(yaml), hooks(filled(5))).await
    }
}

fn client(authority: &Authority, identity: Option<(String, String)>) -> Client {
    let trusted = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let mut builder = Client::builder().no_proxy().tls_certs_only([trusted]).timeout(Duration::from_secs(10));
    if let Some((certificate, key)) = identity {
        builder = builder.identity(Identity::from_pem(format!("{certificate}{key}").as_bytes()).unwrap());
    }
    builder.build().unwrap()
}

fn https(server: &Running) -> String {
    format!("https://localhost:{}/metrics", server.address.port())
}

const TLS: &str = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n";

#[tokio::test]
async fn https_with_http2_and_without() {
    let site = Site::new();
    for (http, version) in [("", Version::HTTP_2), ("http_server_config:\n  http2: false\n", Version::HTTP_11)] {
        let server = site.start(&format!("{TLS}{http}")).await;
        let answer = client(&site.authority, None).get(https(&server)).send().await.unwrap();
        assert_eq!((answer.status(), answer.version()), (StatusCode::OK, version));
        let length = answer.headers()["content-length"].to_str().unwrap().parse::<usize>().unwrap();
        assert_eq!(answer.bytes().await.unwrap().len(), length);
        let head = client(&site.authority, None).head(https(&server)).send().await.unwrap();
        assert!(head.headers()["content-length"].to_str().unwrap().parse::<usize>().unwrap() > 100);
        assert!(server.get("/metrics", "").await.contains("use https://"), "plain HTTP is told so");
    }
}

#[tokio::test]
async fn client_certificates_by_policy() {
    let site = Site::new();
    let stranger = Authority::new();
    let ours = || Some(site.authority.issue("prometheus.example.org"));
    let theirs = || Some(stranger.issue("prometheus.example.org"));
    let ca = "  client_ca_file: ca.pem\n";
    let san = |name: &str| format!("{ca}  client_allowed_sans: [{name}]\n");
    for (policy, more, none, own, foreign) in [
        ("NoClientCert", String::new(), true, true, true),
        ("RequestClientCert", String::new(), true, true, true),
        ("RequireAnyClientCert", String::new(), false, true, true),
        ("VerifyClientCertIfGiven", ca.to_owned(), true, true, false),
        ("RequireAndVerifyClientCert", ca.to_owned(), false, true, false),
        ("RequireAndVerifyClientCert", san("prometheus.example.org"), false, true, false),
        ("RequireAndVerifyClientCert", san("grafana.example.org"), false, false, false),
    ] {
        let server = site.start(&format!("{TLS}  client_auth_type: {policy}\n{more}")).await;
        for (identity, expected) in [(None, none), (ours(), own), (theirs(), foreign)] {
            // rustls only shows an identity to authorities that the server names; a foreign one may stay hidden.
            let with = identity.is_some();
            let answer = client(&site.authority, identity).get(https(&server)).send().await;
            assert_eq!(answer.is_ok(), expected, "{policy} {more} with certificate: {with}");
        }
    }
}

#[tokio::test]
async fn basic_auth_is_right_wrong_and_quick_the_second_time() {
    let site = Site::new();
    let hash = bcrypt::hash("s3cret:with colon", 10).unwrap();
    let server = site.start(&format!("basic_auth_users:\n  alice: {hash}\n")).await;
    let client = Client::builder().no_proxy().build().unwrap();
    let get = |user: &'static str, password: &'static str| {
        client.get(server.url("/metrics")).basic_auth(user, Some(password)).send()
    };
    assert_eq!(get("alice", "s3cret:with colon").await.unwrap().status(), StatusCode::OK);
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(get("alice", "s3cret:with colon").await.unwrap().status(), StatusCode::OK);
    }
    let quick = begin.elapsed() / 20;
    let begin = Instant::now();
    assert_eq!(get("alice", "wrong").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert!(quick * 3 < begin.elapsed(), "{quick:?} against {:?}", begin.elapsed());
    assert_eq!(get("bob", "s3cret:with colon").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    for path in ["/", "/-/ready", "/nothing"] {
        let answer = client.get(server.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
    }
}

#[tokio::test]
async fn extra_headers_are_on_every_answer() {
    let site = Site::new();
    let server = site.start("http_server_config:\n  headers:\n    X-Frame-Options: SAMEORIGIN\n").await;
    for path in ["/", "/metrics", "/nothing"] {
        let answer = server.get(path, "").await;
        assert_eq!(super::header(&answer, "x-frame-options"), Some("SAMEORIGIN"), "{path}");
    }
}

/// Asks again until the answer is as expected; the files are looked at once a second.
async fn eventually(what: &str, ask: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(8);
    while !ask().await {
        assert!(Instant::now() < end, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn changed_files_are_taken_over_while_running() {
    let site = Site::new();
    let server = site.start(TLS).await;
    let next = Authority::new();
    let ok = async |authority: &Authority| client(authority, None).get(https(&server)).send().await.is_ok();
    assert!(ok(&site.authority).await && !ok(&next).await);
    site.write_certificate(&next);
    eventually("the new certificate", async || ok(&next).await).await;
    assert!(!ok(&site.authority).await);
    // A broken file leaves the present state in force.
    write(site.path("key.pem"), "nonsense").unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(ok(&next).await);
    // So does one that would switch TLS off; users can be added.
    write(site.path("web.yml"), "").unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(ok(&next).await);
    site.write_certificate(&next);
    let hash = bcrypt::hash("pw", 4).unwrap();
    write(site.path("web.yml"), format!("{TLS}basic_auth_users:\n  alice: {hash}\n")).unwrap();
    eventually("the users", async || {
        let answer = client(&next, None).get(https(&server)).send().await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED)
    })
    .await;
}

#[tokio::test]
async fn a_reload_reads_the_web_configuration_and_says_what_is_wrong() {
    let site = Site::new();
    let server = site.start("http_server_config:\n  headers: {X-A: one}\n").await;
    write(site.path("web.yml"), "http_server_config:\n  header: {X-A: two}\n").unwrap();
    let reload = "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let answer = server.raw(reload).await;
    assert_eq!(super::status_of(&answer), "500");
    assert!(answer.contains("web.yml:2: unknown field `header`"), "{answer}");
    assert_eq!(super::header(&answer, "x-a"), Some("one"));
    write(site.path("web.yml"), "http_server_config:\n  headers: {X-A: three}\n").unwrap();
    assert_eq!(super::status_of(&server.raw(reload).await), "200");
    assert_eq!(super::header(&server.get("/", "").await, "x-a"), Some("three"));
    assert!(Path::new(&site.path("web.yml")).exists());
}

/// `stackcast health` with the settings of a server: exit code, and what it said.
async fn health(server: &Running, site: &Site, more: &[&str]) -> (i32, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stackcast"));
    command.arg("health").args(more).env_clear().current_dir(site.folder.path());
    command.env("STACKCAST_EXPOSE__LISTEN_ADDRESSES", server.address.to_string());
    if site.path("web.yml").exists() {
        command.env("STACKCAST_EXPOSE__WEB_CONFIG_FILE", site.path("web.yml"));
    }
    // Aside: the server answers on this thread.
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn health_asks_as_the_server_is_set() {
    let site = Site::new();
    let server = Running::start(&settings(), hooks(filled(5))).await;
    assert_eq!(health(&server, &site, &[]).await, (0, String::new()));
    assert_eq!(health(&server, &site, &["--ready"]).await, (0, String::new()));
    let mut waiting = hooks(filled(5));
    let not_yet =
        || stackcast::expose::Status { ready: Err("nova waits".to_owned()), clouds: Vec::new(), hints: Vec::new() };
    waiting.status = std::sync::Arc::new(not_yet);
    let server = Running::start(&settings(), waiting).await;
    assert_eq!(health(&server, &site, &[]).await.0, 0, "alive, though not ready");
    let (code, said) = health(&server, &site, &["--ready"]).await;
    assert!(code == 1 && said.contains("503: not ready: nova waits"), "{code} {said}");
    let hash = bcrypt::hash("x", 4).unwrap();
    for (web, ready) in [
        (TLS.to_owned(), 0),
        (format!("basic_auth_users:\n  alice: {hash}\n"), 1),
        (format!("{TLS}  client_auth_type: RequestClientCert\n"), 0),
    ] {
        let server = site.start(&web).await;
        assert_eq!(health(&server, &site, &[]).await, (0, String::new()), "{web}");
        let (code, said) = health(&server, &site, &["--ready"]).await;
        assert!(code == ready && (ready == 0 || said.contains("wants a login")), "{web}: {code} {said}");
    }
}

#[tokio::test]
async fn health_says_no_where_nobody_answers() {
    let site = Site::new();
    let server = Running::start(&settings(), hooks(filled(5))).await;
    let strict = site.start(&format!("{TLS}  client_auth_type: RequireAnyClientCert\n")).await;
    assert_eq!(health(&strict, &site, &[]).await.0, 1, "it has no certificate, and says so in its help");
    // Plain settings, and a server that speaks TLS only; then a port that nobody has.
    let tls = site.start(TLS).await;
    std::fs::remove_file(site.path("web.yml")).unwrap();
    assert_eq!(health(&tls, &site, &[]).await.0, 1);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, said) = health(&server, &site, &["--web.listen-address", &free]).await;
    assert!(code == 1 && said.contains(&free) && said.contains("refused"), "{said}");
    let (code, said) = health(&server, &site, &["--config", "none.toml"]).await;
    assert!(code == 1 && said.contains("none.toml"), "2 is reserved by Docker: {said}");
}
