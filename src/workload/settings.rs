//! Settings of workload records: whether they are made, sent, taken.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Records of how workloads change: what came, went and changed each day, without names and addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether changes are recorded, in `workload.db` in the data directory. Nothing leaves this machine by it.
    pub enabled: bool,
    /// Seconds between two comparisons of one kind of resource; no request to the cloud is made for it.
    pub interval_seconds: u64,
    /// Days that records are kept; the newest of each cloud and kind is kept whatever its age.
    pub retention_days: u32,
    /// Sending records to a collector.
    pub send: Send,
    /// Taking records of other installations.
    pub collector: Collector,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: false,
            interval_seconds: 900,
            retention_days: 14,
            send: Send::default(),
            collector: Collector::default(),
        }
    }
}

/// Sending records to a collector. HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment are heeded. Secrets are read
/// from files only, anew for every report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Send {
    /// Whether records may leave this machine. Nothing is sent without it.
    pub consent: bool,
    /// Address of the collector up to, and without, `/api/v1`.
    #[schemars(example = &"https://collector.example:9180")]
    pub url: Option<String>,
    /// Seconds between two reports, a tenth more or less by chance.
    pub interval_seconds: u64,
    /// Days that a record rests before it is sent: 1 sends a day once it is over, 0 what there is of today, again with
    /// each change.
    pub after_days: u32,
    /// Records of one request.
    pub batch_records: usize,
    /// Seconds that one request may take.
    pub timeout_seconds: u64,
    /// User of basic authentication.
    #[schemars(example = &"stackcast")]
    pub username: Option<String>,
    /// File that holds the password of basic authentication.
    #[schemars(example = &"/etc/stackcast/collector-password")]
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) of the authorities to trust beside the system's.
    #[schemars(example = &"/etc/stackcast/ca.pem")]
    pub ca_file: Option<PathBuf>,
}

impl Default for Send {
    fn default() -> Self {
        Self {
            consent: false,
            url: None,
            interval_seconds: 3600,
            after_days: 1,
            batch_records: 10,
            timeout_seconds: 60,
            username: None,
            password_file: None,
            ca_file: None,
        }
    }
}

/// Taking records of other installations: `POST /api/v1/oswl_stats`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Collector {
    /// Whether reports are taken. Passwords, TLS and the allow list of the web server hold for them too.
    pub enabled: bool,
    /// Bytes of one report.
    pub body_bytes_max: usize,
    /// Days that reported records are kept; the newest of each installation, cluster and kind is kept whatever its age.
    pub retention_days: u32,
}

impl Default for Collector {
    fn default() -> Self {
        Self { enabled: false, body_bytes_max: 32 * 1024 * 1024, retention_days: 400 }
    }
}

impl Settings {
    /// What is wrong with the values: key below `workload`, and why.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        const DAY: u64 = 86_400;
        let mut faults = Vec::new();
        let mut unless = |fine: bool, key, message: &str| {
            if !fine {
                faults.push((key, message.to_owned()));
            }
        };
        let send = &self.send;
        unless((1..=DAY).contains(&self.interval_seconds), "interval_seconds", "lies outside 1 to 86400");
        unless((1..=3650).contains(&self.retention_days), "retention_days", "lies outside 1 to 3650");
        unless((1..=7 * DAY).contains(&send.interval_seconds), "send.interval_seconds", "lies outside 1 to 604800");
        unless(send.after_days < self.retention_days.max(1), "send.after_days", "is not below workload.retention_days");
        unless((1..=1000).contains(&send.batch_records), "send.batch_records", "lies outside 1 to 1000");
        unless((1..=3600).contains(&send.timeout_seconds), "send.timeout_seconds", "lies outside 1 to 3600");
        unless(send.username.is_some() == send.password_file.is_some(), "send.username", "goes with password_file");
        unless(!send.consent || send.url.is_some(), "send.url", "is needed where send.consent is given");
        if let Some(text) = &send.url {
            let url = reqwest::Url::parse(text).ok();
            let web = url.as_ref().is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            unless(web, "send.url", "is no address; expected a form like https://collector.example:9180");
            let open = url.as_ref().is_none_or(|url| url.username().is_empty() && url.password().is_none());
            unless(open, "send.url", "holds a user or password; use username and password_file");
            let bare = url.as_ref().is_none_or(|url| url.query().is_none() && url.fragment().is_none());
            unless(bare, "send.url", "holds a query or fragment; give the address only");
        }
        let body = 65_536..=1_073_741_824;
        unless(
            body.contains(&self.collector.body_bytes_max),
            "collector.body_bytes_max",
            "lies outside 65536 to 1073741824",
        );
        let days = (1..=3650).contains(&self.collector.retention_days);
        unless(days, "collector.retention_days", "lies outside 1 to 3650");
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_on_by_default_and_what_cannot_work_is_told() {
        let settings = Settings::default();
        assert!(settings.faults().is_empty());
        assert!(!settings.enabled && !settings.send.consent && !settings.collector.enabled);
        let wrong = Settings {
            interval_seconds: 0,
            send: Send {
                consent: true,
                url: Some("https://me:hunter2@host".to_owned()),
                username: Some("me".to_owned()),
                after_days: 14,
                ..Send::default()
            },
            ..Settings::default()
        };
        let keys: Vec<&str> = wrong.faults().iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["interval_seconds", "send.after_days", "send.username", "send.url"]);
        assert!(!format!("{:?}", wrong.faults()).contains("hunter2"));
        let nowhere = Settings { send: Send { consent: true, ..Send::default() }, ..Settings::default() };
        assert_eq!(nowhere.faults()[0].0, "send.url");
    }
}
