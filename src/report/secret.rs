//! Secrets of mail and Slack: from a file, or from the environment; read anew for every message, so that a new
//! password needs no restart.

use std::path::Path;

use secrecy::SecretString;

use super::error::ReportError;
use super::settings::{Mail, Slack};

/// Bytes of a file that holds a secret or certificates.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where secrets come from when no file is named.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    email_password: Option<SecretString>,
    slack_webhook_url: Option<SecretString>,
}

impl Secrets {
    /// `EMAIL_PASSWORD` and `SLACK_WEBHOOK_URL` of this process.
    pub fn of_process() -> Self {
        let secret = |name| std::env::var(name).ok().filter(|text| !text.is_empty()).map(SecretString::from);
        Self { email_password: secret("EMAIL_PASSWORD"), slack_webhook_url: secret("SLACK_WEBHOOK_URL") }
    }

    /// The password of the mail server.
    pub(super) fn password(&self, mail: &Mail) -> Result<Option<SecretString>, ReportError> {
        match &mail.password_file {
            Some(path) => secret("mail.password_file", path).map(Some),
            None => Ok(self.email_password.clone()),
        }
    }

    /// The address of Slack's webhook.
    pub(super) fn webhook(&self, slack: &Slack) -> Result<Option<SecretString>, ReportError> {
        match &slack.webhook_url_file {
            Some(path) => secret("slack.webhook_url_file", path).map(Some),
            None => Ok(self.slack_webhook_url.clone()),
        }
    }
}

/// A secret in a file, without the end of its last line.
pub(super) fn secret(key: &'static str, path: &Path) -> Result<SecretString, ReportError> {
    let text = read(key, path)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(ReportError::Settings(key, format!("names {}, which is empty", path.display())));
    }
    Ok(SecretString::from(text.to_owned()))
}

/// A small file.
pub(super) fn read(key: &'static str, path: &Path) -> Result<String, ReportError> {
    let failed = |source| ReportError::Read { key, path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(ReportError::Settings(key, format!("names {}, which is too large", path.display())));
    }
    std::fs::read_to_string(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_file_wins_and_no_secret_shows() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        std::fs::write(&file, "from file\r\n").unwrap();
        let secrets = Secrets { email_password: Some("hunter2".to_owned().into()), ..Secrets::default() };
        let mut mail = Mail::default();
        assert_eq!(secrets.password(&mail).unwrap().unwrap().expose_secret(), "hunter2");
        mail.password_file = Some(file.clone());
        assert_eq!(secrets.password(&mail).unwrap().unwrap().expose_secret(), "from file");
        assert!(!format!("{secrets:?}").contains("hunter2"));
        std::fs::write(&file, "\n").unwrap();
        let fault = secrets.password(&mail).unwrap_err().to_string();
        assert!(fault.contains("mail.password_file") && fault.contains("empty"), "{fault}");
        mail.password_file = Some("/nonexistent".into());
        assert!(secrets.password(&mail).is_err(), "a file that is named is not passed over");
    }
}
