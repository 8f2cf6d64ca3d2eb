//! `stackcast check`: what works and what does not, with what to do about it.
//!
//! Exit code 0 when everything works, 1 when a collector is blind or fails, 2 when the configuration or a login
//! cannot be used. It asks only what the collectors ask; it changes nothing.

mod remedy;
mod report;

use std::process::ExitCode;

use super::failure::{FAILED, Failure, UNUSABLE};
use super::flags::Flags;
use super::once::Patience;
use crate::app::{self, CloudCheck};
use crate::collect::health::{CollectorState, Visibility};
use crate::expose::Format;
use crate::model::part::Origin;

/// Flags of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckFlags {
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    flags: Flags,
}

/// How one collector did.
#[derive(Clone, Debug)]
struct Row {
    origin: Origin,
    service: &'static str,
    collector: &'static str,
    state: CollectorState,
}

/// A collector's outcome, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    /// It works, but the credentials do not see everything.
    Blind(Visibility),
    Failed,
    /// It did not finish within the patience.
    Unfinished,
}

impl Row {
    fn verdict(&self) -> Verdict {
        match (self.state.success, self.state.visibility) {
            (Some(true), Visibility::All) => Verdict::Ok,
            // A refusal is blindness: the service works, the credentials may not ask.
            (Some(true), blind) | (Some(false), blind @ Visibility::None) => Verdict::Blind(blind),
            (Some(false), _) => Verdict::Failed,
            (None, _) => Verdict::Unfinished,
        }
    }
}

pub(super) fn run(flags: &CheckFlags) -> Result<ExitCode, Failure> {
    let loaded = super::start(&flags.flags)?;
    let work = app::collect_once(&loaded.settings, flags.patience.duration(), Format::Text);
    let collected = super::block_on(work)??;
    let rows: Vec<Row> = collected
        .health
        .entries()
        .iter()
        .map(|entry| Row {
            origin: entry.origin.clone(),
            service: entry.service,
            collector: entry.collector,
            state: entry.state(),
        })
        .collect();
    let text = report::render(&loaded, &collected.clouds, &rows, collected.store.load().samples());
    super::output::write(&text)?;
    Ok(ExitCode::from(code(&collected.clouds, &rows)))
}

fn code(clouds: &[CloudCheck], rows: &[Row]) -> u8 {
    if clouds.iter().any(|cloud| cloud.session.is_err()) {
        UNUSABLE
    } else if rows.iter().any(|row| row.verdict() != Verdict::Ok) {
        FAILED
    } else {
        0
    }
}
