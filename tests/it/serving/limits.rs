//! Slow, idle, too many and foreign clients; and the end of the server.

use std::time::{Duration, Instant};

use stackcast::expose::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{Running, body, filled, hooks, settings, status_of};

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Reads one answer with a length from a connection that stays open.
async fn read_answer(stream: &mut tokio::net::TcpStream) -> String {
    let mut answer = Vec::new();
    loop {
        let mut chunk = [0; 65536];
        let read = timeout(Duration::from_secs(10), stream.read(&mut chunk)).await.expect("an answer").unwrap();
        assert!(read > 0, "closed after {} bytes", answer.len());
        answer.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let length = super::header(&text, "content-length").and_then(|length| length.parse::<usize>().ok());
        if length.is_some_and(|length| body(&text).len() >= length) {
            return text;
        }
    }
}

#[tokio::test]
async fn silent_and_slow_clients_are_cut_while_keep_alive_lasts() {
    let settings = Settings { header_timeout_seconds: 1, idle_timeout_seconds: 3, ..settings() };
    let server = Running::start(&settings, hooks(filled(1))).await;
    for start in ["", "P", "GET /metr", "PRI * HTTP/2.0\r\n"] {
        let begin = Instant::now();
        let mut stream = server.connect().await;
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.expect("cut");
        let took = begin.elapsed();
        assert!(took > Duration::from_millis(900) && took < Duration::from_secs(3), "{start:?}: {took:?}");
    }
    let mut stream = server.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    read_answer(&mut stream).await;
    // Longer than the time for a head, shorter than idling may last.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    let page = read_answer(&mut stream).await;
    assert!(page.contains("connections_refused_total{reason=\"timeout\"} 4\n"), "{page}");
    let begin = Instant::now();
    assert_eq!(timeout(Duration::from_secs(6), stream.read(&mut [0; 16])).await.expect("closed when idle").unwrap(), 0);
    assert!(begin.elapsed() > Duration::from_secs(2));
}

#[tokio::test]
async fn a_large_head_is_refused() {
    let server = Running::start(&settings(), hooks(filled(1))).await;
    let huge = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    assert_eq!(status_of(&server.raw(&huge).await), "431");
    let many: String = (0..150).map(|n| format!("X-{n}: y\r\n")).collect();
    assert_eq!(status_of(&server.get("/", &many).await), "431");
}

#[tokio::test]
async fn over_the_limit_connections_wait_their_turn() {
    let settings = Settings { connections_max: 1, ..settings() };
    let server = Running::start(&settings, hooks(filled(1))).await;
    let mut first = server.connect().await;
    first.write_all(GET.as_bytes()).await.unwrap();
    read_answer(&mut first).await;
    let mut second = server.connect().await;
    second.write_all(GET.as_bytes()).await.unwrap();
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(400), second.read(&mut byte)).await.is_err(), "answered over the limit");
    drop(first);
    assert_eq!(timeout(Duration::from_secs(5), second.read(&mut byte)).await.expect("its turn").unwrap(), 1);
}

#[tokio::test]
async fn strangers_get_nothing() {
    let settings = Settings { allow: vec!["192.0.2.0/24".into()], ..settings() };
    let server = Running::start(&settings, hooks(filled(1))).await;
    let mut stream = server.connect().await;
    let _ = stream.write_all(GET.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("closed");
    assert!(answer.is_empty());
    let settings = Settings { allow: vec!["127.0.0.0/8".into()], ..settings };
    let server = Running::start(&settings, hooks(filled(1))).await;
    assert_eq!(status_of(&server.get("/metrics", "").await), "200");
}

#[tokio::test]
async fn shutdown_finishes_a_running_answer_and_closes_idle_connections() {
    let mut server = Running::start(&settings(), hooks(filled(200_000))).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /-/ready HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    read_answer(&mut idle).await;
    // More than the socket buffers hold, and the client does not read yet.
    let mut busy = server.connect().await;
    busy.write_all(GET.as_bytes()).await.unwrap();
    let mut start = [0; 1024];
    busy.read_exact(&mut start).await.unwrap();
    server.shutdown.cancel();
    assert_eq!(timeout(Duration::from_secs(5), idle.read(&mut [0; 16])).await.expect("idle ones close").unwrap(), 0);
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err(), "the port is free");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!server.task.is_finished(), "waits for the answer");
    let mut rest = Vec::new();
    busy.read_to_end(&mut rest).await.unwrap();
    let answer = format!("{}{}", String::from_utf8_lossy(&start), String::from_utf8_lossy(&rest));
    assert_eq!(super::header(&answer, "content-length").unwrap(), body(&answer).len().to_string());
    timeout(Duration::from_secs(5), &mut server.task).await.expect("ends").unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever() {
    let settings = Settings { shutdown_grace_seconds: 1, ..settings() };
    let mut server = Running::start(&settings, hooks(filled(200_000))).await;
    let mut stuck = server.connect().await;
    stuck.write_all(GET.as_bytes()).await.unwrap();
    stuck.read_exact(&mut [0; 1024]).await.unwrap();
    let begin = Instant::now();
    server.shutdown.cancel();
    timeout(Duration::from_secs(5), &mut server.task).await.expect("ends").unwrap().unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(900));
}
