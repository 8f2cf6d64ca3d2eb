//! A plain HTTP client and the raw socket it is compared with: no library on either side of the baseline.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

/// The whole answer (head and body) to one GET of /metrics.
pub fn get(address: SocketAddr, encoding: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("connection");
    let mut answer = Vec::new();
    exchange(&mut stream, encoding, &mut answer);
    answer
}

/// Serves these bytes to every request, from a thread of its own.
pub fn raw_server(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let address = listener.local_addr().expect("address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut buffer) = (stream.expect("connection"), [0; 4096]);
            stream.set_nodelay(true).expect("nodelay");
            while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
                if stream.write_all(&answer).is_err() {
                    break;
                }
            }
        }
    });
    address
}

/// Milliseconds of `count` requests to each address, in turns on a connection each.
pub fn turns(addresses: &[SocketAddr], encoding: &str, count: usize) -> Vec<Vec<f64>> {
    let mut streams: Vec<_> = addresses.iter().map(|a| TcpStream::connect(a).expect("connection")).collect();
    let mut times = vec![Vec::with_capacity(count); addresses.len()];
    let mut answer = Vec::new();
    for _ in 0..count {
        for (stream, times) in streams.iter_mut().zip(&mut times) {
            let started = Instant::now();
            exchange(stream, encoding, &mut answer);
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    times
}

/// Nearest-rank percentile.
pub fn percentile(times: &[f64], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]
}

fn exchange(stream: &mut TcpStream, encoding: &str, answer: &mut Vec<u8>) {
    // In one piece: the raw socket answers whatever it reads.
    let request = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {encoding}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("request");
    answer.clear();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = stream.read(&mut buffer).expect("answer");
        assert!(read > 0, "connection closed in the middle of an answer");
        answer.extend_from_slice(&buffer[..read]);
        if complete(answer) {
            return;
        }
    }
}

fn complete(answer: &[u8]) -> bool {
    let head_end = answer.windows(4).take(4096).position(|window| window == b"\r\n\r\n");
    let Some(head_end) = head_end else { return false };
    let head = String::from_utf8_lossy(&answer[..head_end]).to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("length");
    answer.len() >= head_end + 4 + length.trim().parse::<usize>().expect("number")
}
