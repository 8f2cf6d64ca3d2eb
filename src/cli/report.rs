//! `stackcast report`: a report of a running stackcast, or of its data on disk, to a file or by mail.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::failure::Failure;
use super::flags::Flags;
use crate::app;
use crate::config::Settings;
use crate::model::clock::Clock;
use crate::report::{self, Document, Form, Mailer, Remote, ReportError, Secrets};

/// Flags of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = ENVIRONMENT)]
pub(super) struct ReportFlags {
    /// Address of the running stackcast
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9180", conflicts_with = "data")]
    url: String,
    /// Directory of a stackcast's data instead: forecasts, their quality and changes are told, the rest is unknown
    #[arg(long, visible_alias = "data-dir", value_name = "DIRECTORY")]
    data: Option<PathBuf>,
    /// File to write, `-` for standard output [default: `-`, unless the report is mailed]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Form of what is written [default: by the file's ending, else text]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Send it as report.mail says
    #[arg(long)]
    mail: bool,
    /// Whom to send it to, repeatable [default: report.mail.to]
    #[arg(long, value_name = "ADDRESS", requires = "mail")]
    to: Vec<String>,
    /// User of the running stackcast's basic authentication
    #[arg(long, value_name = "NAME", requires = "password_file")]
    username: Option<String>,
    /// File that holds its password
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Certificates (PEM) to trust beside the system's, for its address
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Configuration file [default: as for `serve`]
    #[arg(long, short, value_name = "FILE", env = "STACKCAST_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a browser, the same as in mails
    Html,
    /// For a terminal
    Text,
    /// For programs
    Json,
}

impl From<Format> for Form {
    fn from(format: Format) -> Self {
        match format {
            Format::Html => Self::Html,
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

const ENVIRONMENT: &str = "\
Environment, beside the configuration:
  SMTP_SERVER, SMTP_PORT    mail server; STARTTLS is insisted on, on port 465 TLS from the first byte
  EMAIL_USER                user there, and the sender unless EMAIL_FROM is set
  EMAIL_PASSWORD            its password; EMAIL_PASSWORD_FILE names a file instead
  EMAIL_TO                  whom to send to, with commas";

pub(super) fn run(flags: &ReportFlags) -> Result<ExitCode, Failure> {
    let mut settings = super::start(&Flags::of_file(flags.config.clone()))?.settings;
    if !flags.to.is_empty() {
        settings.report.mail.to.clone_from(&flags.to);
    }
    super::block_on(deliver(flags, &settings))??;
    Ok(ExitCode::SUCCESS)
}

async fn deliver(flags: &ReportFlags, settings: &Settings) -> Result<(), Failure> {
    // Before anything is asked: a mail that cannot be sent is told at once.
    let mailer = match flags.mail {
        true => Some(Mailer::new(&settings.report.mail, &Secrets::of_process())?),
        false => None,
    };
    let document = make(flags, settings).await?;
    let link = settings.report.link_url.as_deref();
    let standard = (!flags.mail).then(|| PathBuf::from("-"));
    if let Some(path) = flags.out.clone().or(standard) {
        let form = flags.format.map_or_else(|| Form::of_file(&path), Form::from);
        let text = document.print(form, link);
        if path == Path::new("-") {
            super::output::write(&text)?;
        } else {
            let failed = |error| Failure::new(format!("cannot write {}: {error}", path.display()));
            std::fs::write(&path, text).map_err(failed)?;
        }
    }
    if let Some(mailer) = mailer {
        mailer.send(&document, link, Clock::system().now()).await?;
    }
    Ok(())
}

async fn make(flags: &ReportFlags, settings: &Settings) -> Result<Document, Failure> {
    if let Some(directory) = &flags.data {
        return Ok(app::report_of_data(settings, directory).await?);
    }
    let login = report::Login {
        username: flags.username.clone(),
        password_file: flags.password_file.clone(),
        ca_file: flags.ca_file.clone(),
    };
    let remote = Remote::new(&flags.url, &login)?;
    remote.reach().await.map_err(|error| Failure {
        lines: vec![(error.to_string(), Some(HINT.to_owned()))],
        code: super::failure::FAILED,
    })?;
    Ok(report::compose(&remote, &settings.report, remote.name(), Clock::system().now()).await)
}

const HINT: &str = "name a running stackcast with --url, or its data with --data";

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let message = error.to_string();
        match error {
            ReportError::Settings(..) | ReportError::Read { .. } => {
                Self { lines: vec![(message, None)], code: super::failure::UNUSABLE }
            }
            _ => Self::new(message),
        }
    }
}
