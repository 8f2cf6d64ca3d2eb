//! `stackcast render`: files of the bundle that depend on where it runs, from the environment.
//!
//! What does not depend on it (rules, dashboards) is in the repository as it is.

mod alertmanager;
mod environment;
mod folder;

use std::path::PathBuf;
use std::process::ExitCode;

use super::failure::Failure;
use environment::Environment;

/// Flags of `render`.
#[derive(Debug, clap::Args)]
pub(super) struct RenderFlags {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Alertmanager's configuration, templates and secret files
    #[command(after_help = ENVIRONMENT)]
    Alertmanager(AlertmanagerFlags),
}

#[derive(Debug, clap::Args)]
struct AlertmanagerFlags {
    /// Directory to write to; made if it is not there
    #[arg(long, value_name = "DIRECTORY")]
    out: PathBuf,
    /// Where Alertmanager finds that directory, if elsewhere: in its container for example
    #[arg(long, value_name = "DIRECTORY")]
    mounted_at: Option<PathBuf>,
}

const ENVIRONMENT: &str = "\
Environment:
  SMTP_SERVER, SMTP_PORT          mail server; port 587 unless set
  SMTP_REQUIRE_TLS                false for a server without TLS
  EMAIL_USER, EMAIL_PASSWORD      login there
  EMAIL_FROM                      sender [default: EMAIL_USER]
  EMAIL_TO                        whom to tell [default: the sender]
  EMAIL_TO_PAGE, EMAIL_TO_TICKET, EMAIL_TO_DIGEST   by reaction [default: EMAIL_TO]
  SLACK_WEBHOOK_URL               Slack's incoming webhook
  RUNBOOKS_URL                    where docs/runbooks.md is served, for links to it

Secrets may also be files: EMAIL_PASSWORD_FILE, SLACK_WEBHOOK_URL_FILE. What is not set is left out.";

pub(super) fn run(flags: &RenderFlags) -> Result<ExitCode, Failure> {
    let What::Alertmanager(flags) = &flags.what;
    let environment = Environment::of_process();
    let mounted_at = match &flags.mounted_at {
        Some(path) => path.clone(),
        None => std::path::absolute(&flags.out)
            .map_err(|error| Failure::new(format!("cannot find {}: {error}", flags.out.display())))?,
    };
    let rendered = alertmanager::render(&environment, &mounted_at)?;
    folder::write(&flags.out, &rendered.files)?;
    let report: String = rendered.left_out.iter().map(|reason| format!("left out: {reason}\n")).collect();
    super::output::write(&report)?;
    Ok(ExitCode::SUCCESS)
}
