//! Brings reports and notices: looks whether one is due, makes it, and sends it. What was sent is kept in a file, so
//! that a restart neither repeats nor forgets anything.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ask::{Answers, get};
use super::error::ReportError;
use super::mail::Mailer;
use super::notice::{Ledger, Notice, look};
use super::schedule::Schedule;
use super::secret::Secrets;
use super::settings::Settings;
use super::telemetry::Telemetry;
use super::{Form, compose, slack};
use crate::model::clock::{Clock, Timestamp};
use crate::model::part::PartBuilder;

/// Name of the file in the data directory.
const FILE_NAME: &str = "report.json";
/// A report that could not be sent is tried again after so many seconds, then after twice as many, ...
const WAIT_FIRST_SECONDS: i64 = 60;
const WAIT_MAX_SECONDS: i64 = 3600;
/// After the start, a report waits so long for everything to be read once.
const READY_LIMIT_MILLIS: i64 = 30 * 60_000;

/// Brings reports and notices.
pub struct Courier {
    answers: Arc<dyn Answers>,
    settings: Settings,
    secrets: Secrets,
    schedule: Option<Schedule>,
    clock: Clock,
    /// Whose reports these are, for their readers.
    from: String,
    file: PathBuf,
    kept: Kept,
    started: Timestamp,
    /// When the report may be tried again, and how long after that, in seconds.
    again: Option<(i64, i64)>,
    telemetry: Telemetry,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").field("file", &self.file).field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// What outlives the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// The due moment of the last report that arrived, in milliseconds.
    reported: Option<i64>,
    notices: Ledger,
}

impl Courier {
    /// With what the last process kept in the data directory. A schedule that is new begins with its next moment.
    pub fn new(
        answers: Arc<dyn Answers>,
        settings: &Settings,
        secrets: Secrets,
        clock: Clock,
        from: String,
        data: &Path,
    ) -> Self {
        let file = data.join(FILE_NAME);
        let mut kept = restore(&file);
        let schedule = settings.schedule.as_deref().and_then(|text| Schedule::parse(text).ok());
        if let (Some(schedule), None) = (schedule, kept.reported) {
            kept.reported = Some(schedule.last(clock.now()).millis());
        }
        kept.notices.keep(&settings.notices.about);
        let (settings, telemetry) = (settings.clone(), Telemetry::default());
        let (started, again) = (clock.now(), None);
        let courier = Self { answers, settings, secrets, schedule, clock, from, file, kept, started, again, telemetry };
        courier.keep();
        courier
    }

    /// What is told of messages.
    pub fn part(&self) -> PartBuilder {
        self.telemetry.part()
    }

    /// Does what is due now.
    pub async fn look(&mut self) {
        let before = self.kept.clone();
        self.report_if_due().await;
        if self.settings.notices.enabled {
            self.notify_if_due().await;
        }
        if self.kept != before {
            self.keep();
        }
    }

    async fn report_if_due(&mut self) {
        let now = self.clock.now();
        let Some(due) = self.schedule.map(|schedule| schedule.last(now)) else { return };
        let waiting = self.again.is_some_and(|(at, _)| now.millis() < at);
        if self.kept.reported.is_some_and(|reported| reported >= due.millis()) || waiting {
            return;
        }
        let young = now.millis() - self.started.millis() < READY_LIMIT_MILLIS;
        if young && !self.is_ready().await {
            return;
        }
        match self.report(now).await {
            Ok(()) => {
                tracing::info!("report sent");
                (self.kept.reported, self.again) = (Some(due.millis()), None);
            }
            Err(error) => {
                let wait = self.again.map_or(WAIT_FIRST_SECONDS, |(_, wait)| (wait * 2).min(WAIT_MAX_SECONDS));
                tracing::error!(%error, again_in_s = wait, "the report does not reach anybody");
                self.again = Some((now.millis() + wait * 1000, wait));
            }
        }
    }

    /// Whether everything has been read once.
    async fn is_ready(&self) -> bool {
        get::<serde::de::IgnoredAny>(&*self.answers, "/api/status").await.is_ok_and(|status| status.ready)
    }

    /// Makes a report, writes and sends it.
    async fn report(&self, now: Timestamp) -> Result<(), ReportError> {
        let document = compose(&*self.answers, &self.settings, &self.from, now).await;
        let link = self.settings.link_url.as_deref();
        if let Some(path) = &self.settings.file {
            let written = write(path, &document.print(Form::of_file(path), link));
            self.count("report", "file", &written);
            written?;
        }
        if !self.settings.mail.to.is_empty() {
            let sent = match Mailer::new(&self.settings.mail, &self.secrets) {
                Ok(mailer) => mailer.send(&document, link, now).await,
                Err(error) => Err(error),
            };
            self.count("report", "mail", &sent);
            sent?;
        }
        Ok(())
    }

    async fn notify_if_due(&mut self) {
        let settings = self.settings.notices.clone();
        let now = self.clock.now();
        for topic in &settings.about {
            let findings = look(&*self.answers, *topic, &settings).await;
            self.kept.notices.observe(*topic, findings, now);
        }
        if let Some(notice) = self.kept.notices.due(&settings, now) {
            let arrived = self.notify(&notice, now).await;
            self.kept.notices.tried(&notice, arrived, now);
        }
        self.telemetry.open(self.kept.notices.open());
    }

    /// Tells the log, and whom the settings name; whether anybody has it. Where nobody is named, the log has.
    async fn notify(&self, notice: &Notice, now: Timestamp) -> bool {
        let document = notice.document(&self.from, &now.to_string());
        tracing::warn!(problems = notice.len(), "{}", document.subject);
        let mut outcomes = Vec::new();
        if !self.settings.mail.to.is_empty() {
            let sent = match Mailer::new(&self.settings.mail, &self.secrets) {
                Ok(mailer) => mailer.send(&document, self.settings.link_url.as_deref(), now).await,
                Err(error) => Err(error),
            };
            outcomes.push(("mail", sent));
        }
        match self.secrets.webhook(&self.settings.slack) {
            Ok(None) => {}
            Ok(Some(webhook)) => outcomes.push(("slack", slack::post(&webhook, &notice.slack()).await)),
            Err(error) => outcomes.push(("slack", Err(error))),
        }
        let mut arrived = outcomes.is_empty();
        for (channel, outcome) in &outcomes {
            self.count("notice", channel, outcome);
            arrived |= outcome.is_ok();
            if let Err(error) = outcome {
                tracing::error!(%error, "a notice does not arrive");
            }
        }
        arrived
    }

    fn count(&self, kind: &'static str, channel: &'static str, outcome: &Result<(), ReportError>) {
        self.telemetry.count(kind, channel, outcome.is_ok().then(|| self.clock.now()));
    }

    fn keep(&self) {
        let text = serde_json::to_string(&self.kept).unwrap_or_default();
        if let Err(error) = write(&self.file, &text) {
            tracing::warn!(%error, "what was sent is not kept; it may be sent again after a restart");
        }
    }
}

/// What the last process kept; nothing, if that cannot be read.
fn restore(file: &Path) -> Kept {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Kept::default(),
        Err(error) => {
            tracing::warn!(%error, file = %file.display(), "what was sent before cannot be read");
            return Kept::default();
        }
    };
    serde_json::from_str(&text).unwrap_or_else(|error| {
        tracing::warn!(%error, file = %file.display(), "what was sent before cannot be read");
        Kept::default()
    })
}

/// Writes a file whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), ReportError> {
    let beside = path.with_extension(format!("{:08x}.new", fastrand::u32(..)));
    let failed = |source| ReportError::Write { path: path.to_owned(), source };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    let mut file = options.open(&beside).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let written = written.and_then(|()| std::fs::rename(&beside, path)).map_err(failed);
    if written.is_err() {
        // The fault above is the one to tell.
        let _ = std::fs::remove_file(&beside);
    }
    written
}
