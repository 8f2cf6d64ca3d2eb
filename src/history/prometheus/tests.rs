//! Against a server of our own making, for what a healthy store does not do: be busy, away, partial, or something else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::history::settings::Header;
use crate::history::testing::want;

/// Answers one request after another with these (status line and headers, body); hands out what was asked.
fn serve(answers: Vec<(&'static str, String)>) -> (Prometheus, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/prom/", listener.local_addr().unwrap());
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        for (head, body) in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                reader.read_line(&mut request).unwrap();
            }
            let length = request.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap();
            let mut form = vec![0; length];
            reader.read_exact(&mut form).unwrap();
            request.push_str(&String::from_utf8(form).unwrap());
            let answer =
                format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            if sender.send(request).is_err() {
                return;
            }
        }
    });
    (Prometheus { url: Some(url), ..Prometheus::default() }, asked)
}

fn matrix(series: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#)
}

const ONE: &str = r#"{"metric":{"entity":"n1","cloud":"c","region":"r"},"values":[[99.999,"1"],[199.999,"3"]]}"#;

async fn ask(settings: &Prometheus) -> Result<Answer, HistoryError> {
    PrometheusHistory::new(settings).unwrap().read(&want("load", 0, 200, 100)).await
}

#[tokio::test]
async fn a_busy_store_is_asked_again_and_headers_are_sent() {
    let busy = ("429 Too Many Requests\r\nretry-after: 0", String::new());
    let (mut settings, asked) = serve(vec![busy, ("503 Service Unavailable", String::new()), ("200 OK", matrix(ONE))]);
    settings.tenant = Some("team-a".to_owned());
    settings.headers.insert("X-Other".to_owned(), Header("b".to_owned()));
    let answer = ask(&settings).await.unwrap();
    assert_eq!(answer.stretches[0].values, [1.0, 3.0]);
    let request = asked.iter().last().unwrap();
    assert!(request.starts_with("POST /prom/api/v1/query_range "), "{request}");
    assert!(request.contains("x-scope-orgid: team-a") && request.contains("x-other: b"), "{request}");
    assert!(request.ends_with("query=load&start=99.999&end=199.999&step=100.000&nocache=1"), "{request}");
}

#[tokio::test]
async fn what_is_left_out_is_said() {
    let twin = r#"{"metric":{"entity":"n1","cloud":"c","region":"r","job":"b"},"values":[[99.999,"7"]]}"#;
    let nameless = r#"{"metric":{"cloud":"c"},"values":[[99.999,"7"]]}"#;
    let (settings, _asked) = serve(vec![("200 OK", matrix(&[ONE, twin, nameless, "7"].join(",")))]);
    let answer = ask(&settings).await.unwrap();
    assert_eq!(answer.stretches.len(), 1);
    assert_eq!(answer.stretches[0].values, [1.0, 3.0], "the first of twins");
    let warnings = answer.warnings.join("\n");
    assert_eq!(answer.warnings.len(), 3, "{warnings}");
    assert!(warnings.contains("aggregate them in the query"), "{warnings}");
}

#[tokio::test]
async fn what_is_too_much_at_once_is_asked_for_in_halves() {
    let too_many = r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}"#;
    let halves = [
        r#"{"metric":{"entity":"n1"},"values":[[99.999,"1"]]}"#,
        r#"{"metric":{"entity":"n1"},"values":[[199.999,"3"]]}"#,
    ];
    let (settings, asked) = serve(vec![
        ("422 Unprocessable Entity", too_many.to_owned()),
        ("200 OK", matrix(halves[0])),
        ("200 OK", matrix(halves[1])),
    ]);
    let answer = ask(&settings).await.unwrap();
    assert_eq!(answer.stretches[0].values, [1.0, 3.0]);
    assert_eq!(asked.iter().count(), 3);
    // One point is as small as it gets.
    let (settings, _asked) = serve(vec![("422 Unprocessable Entity", too_many.to_owned()); 2]);
    assert!(ask(&settings).await.unwrap_err().to_string().contains("too many samples"));
}

#[tokio::test]
async fn something_else_at_the_address_is_told_from_a_fault() {
    let (settings, _asked) = serve(vec![("200 OK", "<html>".to_owned())]);
    let error = ask(&settings).await.unwrap_err().to_string();
    assert!(error.contains("end before /api/v1"), "{error}");
    let (settings, _asked) = serve(vec![("302 Found\r\nlocation: http://example.org/", String::new())]);
    let error = ask(&settings).await.unwrap_err().to_string();
    assert!(error.contains("redirects"), "{error}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = Prometheus { url: Some(format!("http://{closed}")), ..Prometheus::default() };
    let error = ask(&settings).await.unwrap_err();
    assert!(matches!(error, HistoryError::Prometheus(PrometheusError::Unreachable(_))), "{error}");
}
