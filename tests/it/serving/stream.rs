//! The status as server-sent events and through a WebSocket: what is told, who is turned away, and the end.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Running, filled, header, hooks, settings, status_of};

const PATIENCE: Duration = Duration::from_secs(10);

/// Reads until `enough` says so of what has come.
async fn read_until(stream: &mut TcpStream, mut enough: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut found = Vec::new();
    while !enough(&found) {
        let mut chunk = [0; 16_384];
        let read = timeout(PATIENCE, stream.read(&mut chunk)).await.expect("in time").unwrap();
        assert!(read > 0, "closed after {}", String::from_utf8_lossy(&found));
        found.extend_from_slice(&chunk[..read]);
    }
    found
}

async fn listen(server: &Running, path: &str) -> TcpStream {
    let mut stream = server.connect().await;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

/// A listener by WebSocket, with the head of the answer.
async fn socket(server: &Running, headers: &str) -> (TcpStream, String) {
    let mut stream = server.connect().await;
    let head = format!(
        "GET /ws?interval=1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.expect("in time").unwrap());
    }
    (stream, String::from_utf8(head).unwrap())
}

/// One frame: its kind and what is in it. A server's frames are not masked.
async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let read = async {
        let kind = stream.read_u8().await.unwrap() & 0x0f;
        let length = match stream.read_u8().await.unwrap() {
            126 => usize::from(stream.read_u16().await.unwrap()),
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.unwrap();
        (kind, payload)
    };
    timeout(PATIENCE, read).await.expect("in time")
}

#[tokio::test]
async fn events_come_again_and_again_and_end_with_the_server() {
    let mut server = Running::start(&settings(), hooks(filled(1))).await;
    let mut stream = listen(&server, "/api/v1/stream?interval=1").await;
    let twice = |found: &[u8]| String::from_utf8_lossy(found).matches("\n\n").count() >= 2;
    let found = String::from_utf8(read_until(&mut stream, twice).await).unwrap();
    assert_eq!((status_of(&found), header(&found, "content-type")), ("200", Some("text/event-stream")));
    let data: Vec<&str> = found.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let status: Json = serde_json::from_str(data[0]).unwrap();
    assert!(status["collectors"].is_array() && status["alerts"]["items"].is_array(), "{status}");
    assert_eq!(found.matches("event: status\n").count(), 2);
    server.shutdown.cancel();
    timeout(PATIENCE, &mut server.task).await.expect("does not wait for listeners").unwrap().unwrap();
}

#[tokio::test]
async fn a_socket_tells_the_status_and_says_goodbye() {
    let server = Running::start(&settings(), hooks(filled(1))).await;
    let (mut stream, head) = socket(&server, "").await;
    assert_eq!(
        (status_of(&head), header(&head, "sec-websocket-accept")),
        ("101", Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    );
    let mut statuses = 0;
    while statuses < 2 {
        match frame(&mut stream).await {
            (1, text) => {
                let status: Json = serde_json::from_slice(&text).unwrap();
                assert!(status["process"].is_object());
                statuses += 1;
            }
            (9, _) => {}
            other => panic!("{other:?}"),
        }
    }
    server.shutdown.cancel();
    loop {
        if let (8, reason) = frame(&mut stream).await {
            assert_eq!(&reason[..2], 1001_u16.to_be_bytes(), "going away");
            break;
        }
    }
}

#[tokio::test]
async fn pages_of_other_sites_and_plain_requests_are_turned_away() {
    let server = Running::start(&settings(), hooks(filled(1))).await;
    let (_, foreign) = socket(&server, "Origin: http://evil.example\r\n").await;
    assert_eq!(status_of(&foreign), "403");
    let (_, own) = socket(&server, "Origin: http://localhost\r\n").await;
    assert_eq!(status_of(&own), "101");
    assert!(["400", "426"].contains(&status_of(&server.get("/ws", "").await)));
    assert_eq!(status_of(&server.get("/api/v1/stream?interval=0", "").await), "400");
    assert_eq!(status_of(&server.get("/api/v1/stream?every=1", "").await), "400");
}

#[tokio::test]
async fn there_is_an_end_of_listeners() {
    let server = Running::start(&settings(), hooks(filled(1))).await;
    let mut listeners = Vec::new();
    for _ in 0..64 {
        let mut stream = listen(&server, "/api/v1/stream?interval=3600").await;
        read_until(&mut stream, |found| String::from_utf8_lossy(found).contains("data: ")).await;
        listeners.push(stream);
    }
    let refused = server.get("/api/v1/stream", "").await;
    assert_eq!((status_of(&refused), header(&refused, "retry-after")), ("503", Some("30")));
    assert_eq!(status_of(&server.get("/api/status", "").await), "200", "others are answered all the same");
    drop(listeners);
}
