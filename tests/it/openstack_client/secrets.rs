//! No secret in log, errors or debug output, however much is logged.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use stackcast::openstack::client::Request;
use tracing_subscriber::fmt::MakeWriter;

use super::fake::{Fake, PASSWORD, json_reply, reply};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_leaves_the_client() {
    let log = Log::default();
    // For all threads, and with the `log` records of the libraries below us: everything there is.
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(log.clone()).init();
    let fake = Fake::plain(|_, seen| match seen.path.as_str() {
        "/v2.1/echo" => {
            let token = seen.header("x-auth-token").unwrap();
            json_reply(400, &json!({"badRequest": {"message": format!("you sent {token} to me")}}))
        }
        "/v2.1/plain-echo" => reply(500, seen.header("x-auth-token").unwrap().to_owned()),
        _ => json_reply(200, &json!({"servers": []})),
    })
    .await;
    let cloud = fake.cloud();
    let compute = cloud.service(&["compute"], "one").await.unwrap();
    let mut said = vec![format!("{cloud:?} {compute:?} {:?}", cloud.session().await.unwrap())];
    compute
        .list(Request::new("servers").query("key", "planted-query"), "servers", |_: serde_json::Value| ())
        .await
        .unwrap();
    for path in ["echo", "plain-echo"] {
        let error = compute.get(Request::new(path)).await.unwrap_err();
        said.push(format!("{error} {error:?}"));
    }
    cloud.invalidate();
    fake.login_status.store(401, std::sync::atomic::Ordering::SeqCst);
    let error = cloud.session().await.unwrap_err();
    said.push(format!("{error} {error:?}"));
    said.push(String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned());
    let log = said.last().unwrap();
    for field in ["request", "cloud=test", "service=compute", "path=servers", "status=", "elapsed_ms", "TRACE"] {
        assert!(log.contains(field), "the log has no {field}");
    }
    for text in &said {
        for line in text.lines() {
            assert!(!line.contains("planted-token") && !line.contains(PASSWORD), "{line}");
            assert!(!(line.contains("stackcast") && line.contains("planted-query")), "{line}");
        }
    }
}
