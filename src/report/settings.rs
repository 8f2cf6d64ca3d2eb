//! Settings of reports, mail and notices.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::schedule::Schedule;

/// Reports for people, and small notices where no Alertmanager is: to a file, by mail, to Slack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// When a report is made (UTC): `daily 06:00`, `weekly mon 06:00`, `monthly 1 06:00`; unset, never.
    #[schemars(example = &"weekly mon 06:00")]
    pub schedule: Option<String>,
    /// File that the scheduled report is written to (.html, .txt or .json); each takes the place of the one before.
    #[schemars(example = &"/var/lib/stackcast/report.html")]
    pub file: Option<PathBuf>,
    /// Days from ordering hardware to its use: reports name the day by which to order. 0 leaves it out.
    pub lead_time_days: u32,
    /// Days that the report looks back, for what changed.
    pub days: u32,
    /// Address at which readers reach this stackcast; sections then link to their rows.
    #[schemars(example = &"https://stackcast.example.org")]
    pub link_url: Option<String>,
    /// The mail server, and whom to write to.
    pub mail: Mail,
    /// Slack, for notices.
    pub slack: Slack,
    /// Notices of state changes.
    pub notices: Notices,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            schedule: None,
            file: None,
            lead_time_days: 0,
            days: 7,
            link_url: None,
            mail: Mail::default(),
            slack: Slack::default(),
            notices: Notices::default(),
        }
    }
}

/// The mail server, and whom to write to. The password comes from `password_file` or EMAIL_PASSWORD, never from here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// Mail server, by the name in its certificate. SMTP_SERVER in the environment sets it too.
    #[schemars(example = &"smtp.example.org")]
    pub server: Option<String>,
    /// Its port [default: 587, 465 with tls, 25 with none]. SMTP_PORT in the environment sets it too.
    #[schemars(example = &587)]
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// User of the mail server. EMAIL_USER in the environment sets it too.
    #[schemars(example = &"stackcast@example.org")]
    pub username: Option<String>,
    /// File that holds the password; EMAIL_PASSWORD_FILE in the environment sets it too.
    #[schemars(example = &"/etc/stackcast/mail-password")]
    pub password_file: Option<PathBuf>,
    /// Sender [default: the user, if it is an address]. EMAIL_FROM in the environment sets it too.
    #[schemars(example = &"stackcast <stackcast@example.org>")]
    pub from: Option<String>,
    /// Whom reports and notices go to. EMAIL_TO in the environment sets it too.
    pub to: Vec<String>,
    /// Certificates (PEM) of the authorities to trust beside the system's.
    #[schemars(example = &"/etc/stackcast/ca.pem")]
    pub ca_file: Option<PathBuf>,
    /// Seconds that the mail server may take for each step.
    pub timeout_seconds: u64,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            server: None,
            port: None,
            tls: Tls::Auto,
            username: None,
            password_file: None,
            from: None,
            to: Vec::new(),
            ca_file: None,
            timeout_seconds: 30,
        }
    }
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// `tls` on port 465, else `starttls`.
    #[default]
    Auto,
    /// Begins plainly and insists on STARTTLS before anything is said.
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all: everybody on the way can read the report. A password is refused then.
    None,
}

impl Mail {
    /// Port and encryption, with `auto` decided.
    pub(super) fn connection(&self) -> (u16, Tls) {
        match (self.tls, self.port) {
            (Tls::Auto, Some(465)) => (465, Tls::Tls),
            (Tls::Auto | Tls::Starttls, port) => (port.unwrap_or(587), Tls::Starttls),
            (Tls::Tls, port) => (port.unwrap_or(465), Tls::Tls),
            (Tls::None, port) => (port.unwrap_or(25), Tls::None),
        }
    }

    /// The sender's address.
    pub(super) fn sender(&self) -> Option<&str> {
        self.from.as_deref().or_else(|| self.username.as_deref().filter(|user| user.contains('@')))
    }
}

/// Slack, for notices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Slack {
    /// File that holds the address of the incoming webhook; SLACK_WEBHOOK_URL in the environment holds the address itself.
    #[schemars(example = &"/etc/stackcast/slack-webhook")]
    pub webhook_url_file: Option<PathBuf>,
}

/// Notices of state changes, for installations without Alertmanager: what began, what is over, many in one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Notices {
    /// Whether notices are sent: by mail where `report.mail.to` is set, to Slack where its webhook is.
    pub enabled: bool,
    /// What is told: cloud (its collectors fail), risk (a place is at high or critical risk), anomaly.
    pub about: Vec<Topic>,
    /// Scopes whose risk is told; single hypervisors and projects are many, and full ones are no news.
    pub risk_scopes: Vec<String>,
    /// Minutes that something has to last before it is told.
    pub hold_minutes: u32,
    /// Minutes that it has to be gone before it is told to be over.
    pub quiet_minutes: u32,
    /// Minutes from one message to the next; what happens meanwhile comes with the next.
    pub interval_minutes: u32,
    /// Messages of one day at most.
    pub per_day: u32,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            enabled: false,
            about: Topic::ALL.to_vec(),
            risk_scopes: ["cloud", "az", "aggregate", "pool", "network", "host", "custom"].map(str::to_owned).to_vec(),
            hold_minutes: 10,
            quiet_minutes: 30,
            interval_minutes: 15,
            per_day: 24,
        }
    }
}

/// What notices are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// A cloud whose collectors fail.
    Cloud,
    /// A place at high or critical risk.
    Risk,
    /// A series that is unusual.
    Anomaly,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cloud, Self::Risk, Self::Anomaly];
}

impl Settings {
    /// Whether anything is to be done without being asked.
    pub fn is_active(&self) -> bool {
        self.schedule.is_some() || self.notices.enabled
    }

    /// What is wrong with the values: key below `report`, and why. Of mail, only what is needed is insisted on.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut unless = |fine: bool, key, message: String| {
            if !fine {
                faults.push((key, message));
            }
        };
        if let Some(text) = &self.schedule {
            let fault = Schedule::parse(text).err();
            unless(fault.is_none(), "schedule", fault.unwrap_or_default());
            let somewhere = self.file.is_some() || !self.mail.to.is_empty();
            unless(somewhere, "schedule", "leads nowhere; set report.mail.to or report.file".to_owned());
        }
        unless((1..=90).contains(&self.days), "days", format!("{} lies outside 1 to 90", self.days));
        unless(self.lead_time_days <= 730, "lead_time_days", "lies outside 0 to 730".to_owned());
        let web = |url: &str| reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        let link = self.link_url.as_deref().is_none_or(web);
        unless(link, "link_url", "is no address; expected a form like https://stackcast.example.org".to_owned());
        faults.extend(self.mail.faults());
        faults.extend(self.notices.faults());
        faults
    }
}

impl Mail {
    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut unless = |fine: bool, key, message: String| {
            if !fine {
                faults.push((key, message));
            }
        };
        unless(self.port != Some(0), "mail.port", "0 is no port; mostly 587 or 465".to_owned());
        unless((1..=600).contains(&self.timeout_seconds), "mail.timeout_seconds", "lies outside 1 to 600".to_owned());
        let address = |text: &str| text.parse::<lettre::message::Mailbox>().is_ok();
        for to in &self.to {
            unless(address(to), "mail.to", format!("`{to}` is no mail address"));
        }
        if let Some(from) = &self.from {
            unless(address(from), "mail.from", format!("`{from}` is no mail address"));
        }
        if self.tls == Tls::None {
            let open = self.username.is_some() || self.password_file.is_some();
            unless(!open, "mail.tls", "`none` would show the password to everybody on the way".to_owned());
        }
        if !self.to.is_empty() {
            unless(self.server.is_some(), "mail.server", "is needed where report.mail.to is set".to_owned());
            let message = "is needed where report.mail.to is set, or an address as report.mail.username";
            unless(self.sender().is_some(), "mail.from", message.to_owned());
        }
        faults
    }
}

impl Notices {
    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut within = |key, value: u32, least: u32, most: u32| {
            if !(least..=most).contains(&value) {
                faults.push((key, format!("{value} lies outside {least} to {most}")));
            }
        };
        within("notices.hold_minutes", self.hold_minutes, 0, 1440);
        within("notices.quiet_minutes", self.quiet_minutes, 0, 1440);
        within("notices.interval_minutes", self.interval_minutes, 1, 1440);
        within("notices.per_day", self.per_day, 1, 1000);
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_by_default_and_nothing_is_plain() {
        let settings = Settings::default();
        assert!(settings.faults().is_empty() && !settings.is_active());
        assert_eq!(settings.mail.connection(), (587, Tls::Starttls));
        let on = |port, tls| Mail { port: Some(port), tls, ..Mail::default() }.connection();
        assert_eq!(on(465, Tls::Auto), (465, Tls::Tls));
        assert_eq!(on(2525, Tls::Auto), (2525, Tls::Starttls));
        assert_eq!(on(465, Tls::Starttls), (465, Tls::Starttls));
        assert_eq!(Mail { tls: Tls::None, ..Mail::default() }.connection(), (25, Tls::None));
    }

    #[test]
    fn what_cannot_work_is_told_with_its_key() {
        let keys = |settings: &Settings| settings.faults().into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        let nowhere = Settings { schedule: Some("daily 06:00".to_owned()), ..Settings::default() };
        assert_eq!(keys(&nowhere), ["schedule"]);
        let mail = Mail { to: vec!["ops@acme.example".to_owned()], ..Mail::default() };
        assert_eq!(keys(&Settings { mail, ..Settings::default() }), ["mail.server", "mail.from"]);
        let mail = Mail { tls: Tls::None, username: Some("me".to_owned()), ..Mail::default() };
        assert_eq!(keys(&Settings { mail, ..Settings::default() }), ["mail.tls"]);
        let mail = Mail { to: vec!["nobody".to_owned()], from: Some("x".to_owned()), ..Mail::default() };
        assert_eq!(keys(&Settings { mail, ..Settings::default() }), ["mail.to", "mail.from", "mail.server"]);
        let notices = Notices { interval_minutes: 0, ..Notices::default() };
        assert_eq!(keys(&Settings { notices, ..Settings::default() }), ["notices.interval_minutes"]);
    }
}
