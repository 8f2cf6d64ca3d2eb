//! How the program ends: SIGTERM is obeyed, whoever reads its log or does not.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

/// `stackcast ... 2>&1 | head` leaves a standard error that nobody reads: each line of the log then fails.
#[tokio::test]
async fn sigterm_ends_it_when_nobody_reads_its_log() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free.port()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_stackcast"))
        .args(["demo", "--history=0", "--hypervisors=2", "--instances=4"])
        .arg(format!("--web.listen-address={address}"))
        .env("STACKCAST_LOG__LEVEL", "debug")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let deadline = Instant::now() + Duration::from_secs(60);
    while tokio::net::TcpStream::connect(address).await.is_err() {
        assert!(child.try_wait().unwrap().is_none() && Instant::now() < deadline, "it never served");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    signal(child.id(), "-TERM");
    let deadline = Instant::now() + Duration::from_secs(60);
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("still there a minute after SIGTERM");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(ended.success(), "{ended}");
}
