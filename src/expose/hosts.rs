//! The names under which the server is called. A page of another site whose name was made to lead here (DNS rebinding)
//! sends that name as `Host`, and gets nothing.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// Names that are answered to.
#[derive(Clone, Debug)]
pub(crate) struct HostNames {
    names: BTreeSet<String>,
    checking: Checking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checking {
    /// Everything: the names were given.
    All,
    /// All but what was open before there were names: on loopback, without any given.
    Most,
    /// Nothing: who listens to the network without giving names may be called anything.
    Nothing,
}

impl HostNames {
    /// Of the names in the settings and the addresses that are listened on.
    pub(crate) fn new(names: &[String], listening: &[SocketAddr]) -> Self {
        let loopback = !listening.is_empty() && listening.iter().all(|address| address.ip().is_loopback());
        let checking = match names {
            [] if loopback => Checking::Most,
            [] => Checking::Nothing,
            _ => Checking::All,
        };
        Self { names: names.iter().map(|name| plain(name).to_ascii_lowercase()).collect(), checking }
    }

    /// Whether a request for this host is answered; `open` is what must not break for those who have given no names.
    pub(crate) fn admit(&self, host: Option<&str>, open: bool) -> bool {
        if self.checking == Checking::Nothing || (open && self.checking == Checking::Most) {
            return true;
        }
        // Browsers always send one.
        let Some(host) = host else { return true };
        let name = plain(host).to_ascii_lowercase();
        // Nobody can make an address lead elsewhere.
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        is_address || name == "localhost" || self.names.contains(&name)
    }
}

/// Without port and the dot of the root.
fn plain(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        // The colons of an IPv6 address are in brackets.
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str], listening: &str) -> HostNames {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        HostNames::new(&names, &[listening.parse().unwrap()])
    }

    #[test]
    fn on_loopback_only_own_names_are_answered_to() {
        let own = names(&[], "127.0.0.1:9180");
        for host in ["localhost:9180", "LOCALHOST", "127.0.0.1:9180", "[::1]:9180", "[::1]", "127.0.1.1", "10.0.0.1:1"]
        {
            assert!(own.admit(Some(host), false), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:9180", "127.0.0.1.evil.example", "[::1].evil.example", ""]
        {
            assert!(!own.admit(Some(host), false), "{host}");
            assert!(own.admit(Some(host), true), "{host}: what was open stays open");
        }
        assert!(own.admit(None, false));
    }

    #[test]
    fn given_names_count_everywhere_and_without_any_a_public_server_takes_all() {
        let given = names(&["Metrics.example.org"], "0.0.0.0:9180");
        assert!(given.admit(Some("metrics.example.org.:443"), true) && given.admit(Some("192.0.2.1:9180"), true));
        assert!(!given.admit(Some("evil.example"), true));
        assert!(names(&[], "0.0.0.0:9180").admit(Some("anything"), false));
    }
}
