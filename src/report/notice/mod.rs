//! Notices: what is wrong now is looked at, and told when it begins and when it is over.

mod ledger;
mod watch;

pub(super) use ledger::{Ledger, Notice};
pub(super) use watch::look;

use super::document::{Cell, Document, Section, Tone, clean};
use super::settings::Topic;
use super::slack::escaped;

/// Problems that one message tells by name.
const TOLD_MAX: usize = 20;

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The same for the same problem.
    pub(super) key: String,
    pub(super) topic: Topic,
    /// A higher level is told anew.
    pub(super) level: u8,
    /// What is wrong, in a sentence.
    pub(super) text: String,
}

impl Topic {
    /// The name, as in labels and keys.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Risk => "risk",
            Self::Anomaly => "anomaly",
        }
    }
}

impl Notice {
    /// The story in one line.
    fn subject(&self) -> String {
        let first = self.began.first().or(self.over.first()).map_or("", |told| told.text.as_str());
        let counts = [(self.began.len(), "new"), (self.over.len(), "over")];
        let counts = counts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        clean(&format!("[stackcast] {counts}: {first}"))
    }

    /// As a mail.
    pub(super) fn document(&self, from: &str, at: &str) -> Document {
        let mut sections = Vec::new();
        for (title, told, tone) in [("New", &self.began, Tone::Warning), ("Over", &self.over, Tone::Good)] {
            let rows = told.iter().take(TOLD_MAX).map(|told| {
                vec![
                    Cell::toned(told.topic.name(), tone),
                    Cell::new(super::figures::minute(&told.since)),
                    Cell::new(&told.text),
                ]
            });
            let rows: Vec<_> = rows.collect();
            if !rows.is_empty() {
                let mut section = Section::new(title, "");
                section.table(&["About", "Since (UTC)", "What"], rows);
                if told.len() > TOLD_MAX {
                    section.note(format!("{} more.", told.len() - TOLD_MAX));
                }
                sections.push(section);
            }
        }
        Document {
            title: "Notice".to_owned(),
            subject: self.subject(),
            about: clean(&format!("{from} · {} UTC", super::figures::minute(at))),
            facts: Vec::new(),
            sections,
        }
    }

    /// In Slack's markup.
    pub(super) fn slack(&self) -> String {
        let mut lines = vec![format!("*{}*", escaped(&self.subject()))];
        for (mark, told) in [("New", &self.began), ("Over", &self.over)] {
            for told in told.iter().take(TOLD_MAX) {
                lines.push(format!(
                    "{mark}: {} (since {})",
                    escaped(&clean(&told.text)),
                    super::figures::minute(&told.since)
                ));
            }
            if told.len() > TOLD_MAX {
                lines.push(format!("{mark}: {} more", told.len() - TOLD_MAX));
            }
        }
        lines.join("\n")
    }
}
