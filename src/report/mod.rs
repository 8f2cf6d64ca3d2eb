//! Reports for people, and small notices where no Alertmanager is.
//!
//! ```text
//!  API (in process, or of a running stackcast) ─► ask ─┬─► sections ─► Document ─► html | text | json ─┬─► file
//!                                                      │                                              └─► mail
//!                                                      └─► notice: watch ─► ledger (hold, quiet, rate) ─► mail, Slack
//! ```
//! Nothing is computed here that the API does not tell: sections select and word it. A report is the same whether the
//! server makes it on its schedule or `stackcast report` asks for it from afar. How the API is reached from within, and
//! when the courier looks, is left to `app`.

mod ask;
mod courier;
mod document;
mod error;
mod figures;
mod html;
mod mail;
mod notice;
mod remote;
mod schedule;
mod secret;
mod sections;
mod settings;
mod slack;
mod telemetry;
mod text;

use std::path::Path;
use std::time::Duration;

pub use ask::{Answers, AskError};
pub use courier::Courier;
pub use document::Document;
pub use error::ReportError;
pub use mail::Mailer;
pub use remote::{Login, Remote};
pub use secret::Secrets;
pub use settings::{Mail, Notices, Settings, Slack, Tls, Topic};

use crate::model::clock::Timestamp;
use crate::model::day::Day;
use crate::model::metric::Descriptor;
use document::Tone;
use sections::Desk;

/// Form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For a browser, and the same as in mails.
    Html,
    /// For a terminal.
    Text,
    /// For programs.
    Json,
}

impl Form {
    /// The form that the ending of a file asks for: .html, .htm, .json, else text.
    pub fn of_file(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("html" | "htm") => Self::Html,
            Some("json") => Self::Json,
            _ => Self::Text,
        }
    }
}

/// Makes a report of what the API tells now. Sections that cannot be told say why.
pub async fn compose(answers: &dyn Answers, settings: &Settings, from: &str, at: Timestamp) -> Document {
    let several = clouds(answers).await > 1;
    let since = Day::of(at.minus(Duration::from_secs(86_400) * settings.days)).to_string();
    let desk = Desk { answers, several, lead_time_days: settings.lead_time_days, since };
    let mut sections = sections::all(&desk).await;
    let facts: Vec<_> = sections.iter_mut().filter_map(|section| section.fact.take()).collect();
    // The first of the most serious facts is the story.
    let worst = facts.iter().rev().max_by_key(|fact| fact.tone);
    let story = match worst {
        Some(fact) if fact.tone >= Tone::Warning => format!("{}: {}", fact.label.to_lowercase(), fact.value),
        Some(_) => "nothing urgent".to_owned(),
        None => "nothing is known yet".to_owned(),
    };
    Document {
        title: "Capacity report".to_owned(),
        subject: format!("[stackcast] {}", document::clean(&story)),
        about: document::clean(&format!("{from} · {} UTC", figures::minute(&at.to_string()))),
        facts,
        sections,
    }
}

/// How many regions of clouds are told of; 1 where that is not known.
async fn clouds(answers: &dyn Answers) -> usize {
    #[derive(serde::Deserialize)]
    struct Status {
        clouds: Vec<Cloud>,
    }
    #[derive(serde::Deserialize)]
    struct Cloud {
        region: String,
    }
    let status = ask::get::<Status>(answers, "/api/status").await;
    status.map_or(1, |status| status.body.clouds.iter().map(|cloud| cloud.region.split(", ").count()).sum())
}

impl Document {
    /// The report in a form; links lead below `link_url`.
    pub fn print(&self, form: Form, link_url: Option<&str>) -> String {
        match form {
            Form::Html => html::page(self, link_url),
            Form::Text => text::page(self),
            Form::Json => serde_json::to_string_pretty(self).unwrap_or_default() + "\n",
        }
    }
}

/// Rows of this stage, for the reference.
pub fn tables() -> Vec<&'static [&'static Descriptor]> {
    vec![telemetry::METRICS]
}

#[cfg(test)]
mod tests;
