//! Settings of the history: which store, and how a Prometheus-compatible one is reached.
//!
//! Where the embedded store lies and how long raw readings are kept are settings of the data directory (`data.*`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where weeks of readings come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Days that hourly roll-ups (mean and maximum) are kept by the embedded store.
    pub rollup_days: u32,
    /// A Prometheus-compatible store (Prometheus, Thanos, Mimir, VictoriaMetrics) instead of the embedded one.
    pub prometheus: Prometheus,
    /// The Prometheus-compatible store that the signals of your own (`[signals]`) are asked of, if it is not
    /// history.prometheus.
    pub signals: Prometheus,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rollup_days: 400, prometheus: Prometheus::default(), signals: Prometheus::default() }
    }
}

impl Settings {
    /// The store that the user's own signals are asked of, where there is one.
    pub fn of_signals(&self) -> Option<&Prometheus> {
        [&self.signals, &self.prometheus].into_iter().find(|store| store.url.is_some())
    }
}

/// How a Prometheus-compatible store is asked. Secrets are read from files only, anew for every question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Prometheus {
    /// Address up to, and without, `/api/v1`. Unset: the embedded store.
    #[schemars(example = &"http://127.0.0.1:9090")]
    pub url: Option<String>,
    /// User of basic authentication.
    #[schemars(example = &"stackcast")]
    pub username: Option<String>,
    /// File that holds the password of basic authentication.
    #[schemars(example = &"/etc/stackcast/prometheus-password")]
    pub password_file: Option<PathBuf>,
    /// File that holds a bearer token.
    #[schemars(example = &"/etc/stackcast/prometheus-token")]
    pub bearer_token_file: Option<PathBuf>,
    /// Tenant, sent as X-Scope-OrgID (Mimir, Cortex, Thanos).
    #[schemars(example = &"openstack")]
    pub tenant: Option<String>,
    /// Further headers, by name. Not for secrets: they are shown where settings are shown.
    pub headers: BTreeMap<String, Header>,
    /// Certificates (PEM) of the authorities to trust beside the system's.
    #[schemars(example = &"/etc/stackcast/ca.pem")]
    pub ca_file: Option<PathBuf>,
    /// Client certificate (PEM).
    #[schemars(example = &"/etc/stackcast/client.pem")]
    pub cert_file: Option<PathBuf>,
    /// Private key of the client certificate (PEM).
    #[schemars(example = &"/etc/stackcast/client.key")]
    pub key_file: Option<PathBuf>,
    /// Whether the server's certificate is checked.
    pub verify: bool,
    /// Seconds that one request may take.
    pub timeout_seconds: u64,
    /// Distance in seconds of the readings that a coarser point is the mean of; the store's scrape interval or more.
    pub resolution_seconds: u64,
    /// Bytes of one answer; a question with a larger one is asked in smaller pieces.
    pub response_bytes_max: usize,
}

/// Value of a header, sent as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Header(pub String);

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            url: None,
            username: None,
            password_file: None,
            bearer_token_file: None,
            tenant: None,
            headers: BTreeMap::new(),
            ca_file: None,
            cert_file: None,
            key_file: None,
            verify: true,
            timeout_seconds: 60,
            resolution_seconds: 300,
            response_bytes_max: 64 * 1024 * 1024,
        }
    }
}

impl Prometheus {
    /// What is wrong with the values: key below `history.prometheus`, and why.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut unless = |fine: bool, key, message: &str| {
            if !fine {
                faults.push((key, message.to_owned()));
            }
        };
        if let Some(text) = &self.url {
            let url = reqwest::Url::parse(text).ok();
            let web = url.as_ref().is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            unless(web, "url", "is no address; expected a form like https://prometheus.example:9090");
            let open = url.as_ref().is_none_or(|url| url.username().is_empty() && url.password().is_none());
            unless(open, "url", "holds a user or password; use username and password_file");
            let bare = url.as_ref().is_none_or(|url| url.query().is_none() && url.fragment().is_none());
            unless(bare, "url", "holds a query or fragment; give the address only");
        }
        unless(self.username.is_some() == self.password_file.is_some(), "username", "goes with password_file");
        unless(
            self.bearer_token_file.is_none() || self.username.is_none(),
            "bearer_token_file",
            "stands beside username; choose one kind of authentication",
        );
        unless(self.key_file.is_none() || self.cert_file.is_some(), "key_file", "goes with cert_file");
        for name in self.headers.keys() {
            let secret =
                ["authorization", "cookie", "proxy-authorization"].contains(&name.to_ascii_lowercase().as_str());
            unless(!secret, "headers", "holds a header for secrets; use password_file or bearer_token_file");
            let fine = reqwest::header::HeaderName::try_from(name.as_str()).is_ok();
            unless(fine, "headers", "holds a name that no header can have");
        }
        let values = self.headers.values().map(|header| &header.0).chain(&self.tenant);
        for value in values {
            let fine = reqwest::header::HeaderValue::try_from(value.as_str()).is_ok();
            unless(fine, "headers", "or tenant holds a value that no header can have");
        }
        unless((1..=3600).contains(&self.timeout_seconds), "timeout_seconds", "lies outside 1 to 3600");
        unless((1..=86_400).contains(&self.resolution_seconds), "resolution_seconds", "lies outside 1 to 86400");
        unless(self.response_bytes_max >= 65_536, "response_bytes_max", "lies below 65536");
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_told_and_quotes_nothing() {
        let wrong = Prometheus {
            url: Some("https://me:hunter2@host/?q=1".to_owned()),
            username: Some("me".to_owned()),
            bearer_token_file: Some("/t".into()),
            key_file: Some("/k".into()),
            headers: BTreeMap::from([
                ("Authorization".to_owned(), Header("hunter2".to_owned())),
                ("a b".to_owned(), Header::default()),
            ]),
            timeout_seconds: 0,
            ..Prometheus::default()
        };
        let keys: Vec<&str> = wrong.faults().iter().map(|(key, _)| *key).collect();
        assert_eq!(
            keys,
            ["url", "url", "username", "bearer_token_file", "key_file", "headers", "headers", "timeout_seconds"]
        );
        assert!(!format!("{:?}", wrong.faults()).contains("hunter2"));
        assert!(Prometheus::default().faults().is_empty());
        let no_address = Prometheus { url: Some("localhost:9090".to_owned()), ..Prometheus::default() };
        assert_eq!(no_address.faults().len(), 1);
    }
}
