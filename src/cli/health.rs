//! `stackcast health`: asks a running stackcast on this machine whether it is alive, or ready; for a container's HEALTHCHECK
//! and for probes that run a program. The answer is the exit code.
//!
//! Address, path and TLS are those of `serve`, from the same file, environment and flags. What it does not do is judge:
//! the server does.

use std::error::Error as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use reqwest::{Client, StatusCode};

use super::failure::{FAILED, Failure};
use super::flags::Flags;
use crate::expose::Settings;

/// Flags of `health`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 yes, 1 no or no answer (the reason is on standard error).
What `serve` was told by flags has to be told here, too; a file and the environment are read alike.
It has no certificate: where the server requires one of its clients, ask with a client of your own.")]
pub(super) struct HealthFlags {
    /// Ask whether every collector has run once, not only whether it is alive
    #[arg(long)]
    ready: bool,
    /// Seconds after which silence is a no
    #[arg(long, value_name = "SECONDS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    #[command(flatten)]
    flags: Flags,
}

pub(super) fn run(flags: &HealthFlags) -> Result<ExitCode, Failure> {
    // 2, a configuration that cannot be used elsewhere, is reserved by Docker.
    let unusable = |failure: Failure| Failure { code: FAILED, ..failure };
    let loaded = flags.flags.sources().load().map_err(|error| unusable(error.into()))?;
    let urls = urls(&loaded.settings.expose, if flags.ready { "/-/ready" } else { "/-/healthy" })?;
    super::block_on(ask(&urls, Duration::from_secs(flags.timeout), flags.ready))?.map(|()| ExitCode::SUCCESS)
}

/// Where the server that these settings describe can be asked: the first that answers counts.
fn urls(settings: &Settings, path: &str) -> Result<Vec<String>, Failure> {
    let scheme = match settings.serves_tls().map_err(|error| Failure::new(error.to_string()))? {
        true => "https",
        false => "http",
    };
    let listens = settings.listen_addresses.first().map_or("", String::as_str);
    Ok(reachable(listens).iter().map(|address| format!("{scheme}://{address}{path}")).collect())
}

/// Addresses at which a socket that listens there is reached from this machine.
fn reachable(listens: &str) -> Vec<String> {
    let Ok(address) = listens.parse::<SocketAddr>() else { return vec![listens.to_owned()] };
    let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    let hosts = match address.ip() {
        ip if !ip.is_unspecified() => vec![ip],
        IpAddr::V4(_) => vec![v4],
        // Where there is no IPv6, the server has taken every IPv4 interface in its place.
        IpAddr::V6(_) => vec![v6, v4],
    };
    hosts.into_iter().map(|host| SocketAddr::new(host, address.port()).to_string()).collect()
}

async fn ask(urls: &[String], timeout: Duration, ready: bool) -> Result<(), Failure> {
    // It asks itself, and says nothing that is secret: whose certificate it is does not matter.
    let client = Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).timeout(timeout).build();
    let client = client.map_err(|error| Failure::new(format!("cannot ask: {error}")))?;
    let mut said = Failure::new("expose.listen_addresses is empty");
    for url in urls {
        said = match client.get(url).send().await {
            Ok(answer) => {
                let status = answer.status();
                let words = answer.text().await.unwrap_or_default();
                return verdict(url, status, words.trim(), ready);
            }
            Err(error) => Failure::new(format!("no answer from {url}: {}", innermost(&error))),
        };
    }
    Err(said)
}

/// A login that is asked for is an answer of the living; whether they are ready, it hides.
fn verdict(url: &str, status: StatusCode, words: &str, ready: bool) -> Result<(), Failure> {
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::UNAUTHORIZED if !ready => Ok(()),
        StatusCode::UNAUTHORIZED => Err(Failure::new(format!(
            "{url} wants a login, which this command has not: ask it with a client that has one"
        ))),
        _ => Err(Failure::new(format!("{url} answers {}: {}", status.as_u16(), words))),
    }
}

/// What really happened: "connection refused" rather than "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "none in time".to_owned();
    }
    std::iter::successors(error.source(), |&cause| cause.source())
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_is_reached_by_loopback() {
        assert_eq!(reachable("0.0.0.0:9180"), ["127.0.0.1:9180"]);
        assert_eq!(reachable("[::]:9180"), ["[::1]:9180", "127.0.0.1:9180"]);
        assert_eq!(reachable("10.1.2.3:80"), ["10.1.2.3:80"]);
        assert_eq!(reachable("[fd00::1]:80"), ["[fd00::1]:80"]);
        assert_eq!(reachable("localhost:9180"), ["localhost:9180"]);
    }

    #[test]
    fn only_200_is_ready_and_a_login_is_alive() {
        let verdict = |status: u16, ready| super::verdict("u", StatusCode::from_u16(status).unwrap(), "why", ready);
        assert_eq!(verdict(200, true), Ok(()));
        assert_eq!(verdict(401, false), Ok(()));
        assert!(verdict(401, true).unwrap_err().lines[0].0.contains("login"));
        assert_eq!(verdict(503, true), Err(Failure::new("u answers 503: why")));
        assert!(verdict(403, false).is_err() && verdict(404, false).is_err());
    }
}
