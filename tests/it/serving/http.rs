//! Routes, methods, negotiation, and the clients that people really use.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stackcast::expose::{CloudStatus, ServeError, Server, Settings, Status};

use super::{Running, body, filled, header, hooks, settings, status_of};

#[tokio::test]
async fn the_metrics_page_in_both_formats_with_its_length() {
    let server = Running::start(&settings(), hooks(filled(3))).await;
    let classic = server.get("/metrics", "").await;
    assert_eq!(status_of(&classic), "200");
    assert_eq!(header(&classic, "content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(header(&classic, "vary"), Some("Accept, Accept-Encoding"));
    assert_eq!(header(&classic, "content-length").unwrap(), body(&classic).len().to_string());
    assert!(body(&classic).contains("host_cpu_seconds_total{mode=\"user\"} 1\n"));
    assert!(!body(&classic).contains("# EOF"));
    let openmetrics = server.get("/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n").await;
    assert!(header(&openmetrics, "content-type").unwrap().starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(body(&openmetrics).contains("# TYPE host_cpu_seconds counter\n"));
    assert!(body(&openmetrics).ends_with("# EOF\n"));
    assert!(body(&openmetrics).contains("stackcast_http_requests_total{handler=\"metrics\",code=\"200\"} 1.0\n"));
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let server = Running::start(&settings(), hooks(filled(3))).await;
    for path in ["/metrics", "/", "/-/ready"] {
        let get = server.get(path, "").await;
        let head = server.raw(&format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
        assert_eq!((status_of(&head), body(&head)), ("200", ""), "{path}");
        assert_eq!(header(&head, "content-type"), header(&get, "content-type"));
        let length = |answer| header(answer, "content-length").unwrap().parse::<usize>().unwrap();
        // The metrics page grows by its own counters between the two.
        assert!(length(&head) > 5 && length(&get) > 5 && (path == "/metrics" || length(&head) == length(&get)));
    }
}

#[tokio::test]
async fn methods_and_paths_that_are_not_there() {
    let server = Running::start(&settings(), hooks(filled(1))).await;
    for (path, method, allow) in [
        ("/metrics", "POST", "GET, HEAD"),
        ("/", "DELETE", "GET, HEAD"),
        ("/-/ready", "PUT", "GET, HEAD"),
        ("/-/reload", "GET", "POST, PUT"),
    ] {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let answer = server.raw(&request).await;
        assert_eq!((status_of(&answer), header(&answer, "allow")), ("405", Some(allow)), "{method} {path}");
    }
    assert_eq!(status_of(&server.get("/metrics/", "").await), "404");
    assert_eq!(status_of(&server.get("/nothing", "").await), "404");
    assert_eq!(status_of(&server.raw("nonsense\r\n\r\n").await), "400");
}

#[tokio::test]
async fn readiness_reload_and_landing_page() {
    let mut hooks = hooks(filled(1));
    let ready = Arc::new(AtomicBool::new(false));
    let (reads, reloads) = (Arc::clone(&ready), Arc::clone(&ready));
    hooks.status = Arc::new(move || {
        let cloud = CloudStatus { cloud: "prod".into(), region: "north".into(), up: true, detail: "7 services".into() };
        let waiting = Err("waiting for compute.servers".to_owned());
        Status {
            ready: if reads.load(Ordering::Relaxed) { Ok(()) } else { waiting },
            clouds: vec![cloud],
            hints: vec!["give the user the reader role".into()],
        }
    });
    hooks.reload = Arc::new(move || {
        let before = reloads.swap(true, Ordering::Relaxed);
        Box::pin(async move { if before { Err("clouds.yaml:3: unknown key".to_owned()) } else { Ok(()) } })
    });
    let server = Running::start(&settings(), hooks).await;
    assert_eq!(status_of(&server.get("/-/healthy", "").await), "200");
    let waiting = server.get("/-/ready", "").await;
    assert_eq!((status_of(&waiting), body(&waiting)), ("503", "not ready: waiting for compute.servers\n"));
    let post = "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n";
    let foreign = server.raw(&format!("{post}Sec-Fetch-Site: cross-site\r\n\r\n")).await;
    assert_eq!(status_of(&foreign), "403");
    assert_eq!(status_of(&server.raw(&format!("{post}\r\n")).await), "200");
    assert_eq!(status_of(&server.get("/-/ready", "").await), "200");
    let failed = server.raw(&format!("{post}\r\n")).await;
    assert_eq!(status_of(&failed), "500");
    assert!(body(&failed).contains("clouds.yaml:3"));
    let landing = server.get("/", "").await;
    for text in ["prod", "7 services", "reader role", "href=\"/metrics\""] {
        assert!(body(&landing).contains(text), "{landing}");
    }
    assert!(header(&landing, "content-security-policy").unwrap().starts_with("default-src 'none'"));
}

/// Debian's curl and Python decode the body and count the same samples as the plain page has.
#[tokio::test]
async fn curl_and_python_read_the_compressed_page() {
    let server = Running::start(&settings(), hooks(filled(5000))).await;
    let compressed = server.get("/metrics", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(header(&compressed, "content-encoding"), Some("gzip"));
    let url = server.url("/metrics");
    let python = format!(
        "import urllib.request,gzip,zlib\nr=urllib.request.Request('{url}',headers={{'Accept-Encoding':'gzip'}})\n\
         b=urllib.request.urlopen(r).read()\nd=zlib.decompressobj(31)\nt=d.decompress(b)\n\
         assert d.eof and not d.unused_data and gzip.decompress(b)==t\nprint(t.decode(),end='')"
    );
    let curl = vec!["curl", "-sS", "--compressed", &url];
    let mut read = 0;
    for command in [curl, vec!["python3", "-c", &python]] {
        let owned: Vec<String> = command.iter().map(|part| (*part).to_owned()).collect();
        let run =
            tokio::task::spawn_blocking(move || Command::new(&owned[0]).args(&owned[1..]).output()).await.unwrap();
        let Ok(output) = run else {
            say!("SKIPPED: {} is not installed", command[0]);
            continue;
        };
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(text.matches("openstack_nova_server_status{").count(), 5000, "{}", command[0]);
        read += 1;
    }
    say!("{read} clients read the compressed page");
}

#[tokio::test]
async fn what_cannot_be_served_is_said_with_the_remedy() {
    let first = Running::start(&settings(), hooks(filled(1))).await;
    let bind = |change: fn(&mut Settings), address: String| async move {
        let mut settings = Settings { listen_addresses: vec![address], ..Settings::default() };
        change(&mut settings);
        Server::bind(&settings, hooks(filled(1))).await.unwrap_err()
    };
    let taken = bind(|_| {}, first.address.to_string()).await;
    assert!(matches!(taken, ServeError::AddressInUse { .. }));
    let expected = "address in use; is another exporter running? choose another with --web.listen-address";
    assert_eq!(taken.to_string(), format!("cannot listen on {}: {expected}", first.address));
    let free = || "127.0.0.1:0".to_owned();
    for (error, text) in [
        (bind(|_| {}, "nowhere".to_owned()).await, "cannot listen on nowhere"),
        (bind(|s| s.allow = vec!["10.0.0/8".into()], free()).await, "`10.0.0/8` in the allow list"),
        (bind(|s| s.telemetry_path = "metrics".into(), free()).await, "has to begin with /"),
        (bind(|s| s.telemetry_path = "/-/ready".into(), free()).await, "is taken"),
        (bind(|s| s.telemetry_path = "/{x}".into(), free()).await, "letters, digits"),
        (bind(|s| s.naming.prefix = "my-cloud".into(), free()).await, "prefix `my-cloud`"),
        (bind(|s| s.web_config_file = Some("/nowhere/web.yml".into()), free()).await, "/nowhere/web.yml: No such file"),
    ] {
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn a_port_alone_is_every_interface() {
    let settings = Settings { listen_addresses: vec![":0".to_owned()], ..Settings::default() };
    let server = Server::bind(&settings, hooks(filled(1))).await.unwrap();
    assert!(server.addresses()[0].ip().is_unspecified());
}
