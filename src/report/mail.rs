//! Mails: a message in two forms, text and HTML, over a connection that is encrypted unless it is said otherwise.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls as Encryption, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;

use super::document::{Document, clean};
use super::error::ReportError;
use super::secret::{Secrets, read};
use super::settings::{Mail, Tls};
use super::{Form, html};
use crate::model::clock::Timestamp;

/// Sends mails to whom the settings name.
#[derive(Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    /// Name and port of the mail server.
    server: String,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mailer {
    /// With what the settings say; secrets are read now.
    ///
    /// # Errors
    /// Something is missing, or a file cannot be read.
    pub fn new(mail: &Mail, secrets: &Secrets) -> Result<Self, ReportError> {
        let fault = |key, what: &str| ReportError::Settings(key, what.to_owned());
        let server = mail.server.as_deref();
        let server = server.ok_or_else(|| fault("mail.server", "is not set; SMTP_SERVER sets it, too"))?;
        let from = mail.sender().ok_or_else(|| fault("mail.from", "is not set; EMAIL_FROM sets it, too"))?;
        let from = from.parse().map_err(|_| fault("mail.from", "is no mail address"))?;
        let to: Result<Vec<Mailbox>, _> = mail.to.iter().map(|to| to.parse()).collect();
        let to = to.map_err(|_| fault("mail.to", "holds what is no mail address"))?;
        if to.is_empty() {
            return Err(fault("mail.to", "names nobody; EMAIL_TO sets it, too"));
        }
        let (port, tls) = mail.connection();
        let timeout = Duration::from_secs(mail.timeout_seconds.max(1));
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server)
            .port(port)
            .timeout(Some(timeout))
            .tls(encryption(mail, server, tls)?);
        let password = secrets.password(mail)?;
        match (&mail.username, password) {
            (Some(user), Some(password)) if tls != Tls::None => {
                builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
            }
            (Some(_), Some(_)) => return Err(fault("mail.tls", "`none` would show the password to everybody")),
            (Some(_), None) => {
                return Err(fault(
                    "mail.username",
                    "is set, but no password: set EMAIL_PASSWORD or mail.password_file",
                ));
            }
            (None, _) => {}
        }
        Ok(Self { transport: builder.build(), server: format!("{server}:{port}"), from, to })
    }

    /// Sends a report.
    ///
    /// # Errors
    /// The server cannot be reached, or does not take it.
    pub async fn send(&self, document: &Document, link_url: Option<&str>, at: Timestamp) -> Result<(), ReportError> {
        let failed = |fault: String| ReportError::Mail { server: self.server.clone(), fault };
        let message = self.message(document, link_url, at).map_err(|error| failed(error.to_string()))?;
        self.transport.send(message).await.map_err(|error| failed(words(&error)))?;
        Ok(())
    }

    fn message(
        &self,
        document: &Document,
        link_url: Option<&str>,
        at: Timestamp,
    ) -> Result<Message, lettre::error::Error> {
        let date: SystemTime = UNIX_EPOCH + at.since(Timestamp::from_millis(0));
        let id = format!("<{:016x}.{:x}@{}>", fastrand::u64(..), at.millis(), self.from.email.domain());
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(clean(&document.subject))
            .date(date)
            .message_id(Some(id))
            .header(AutoSubmitted("auto-generated".to_owned()));
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        let text = SinglePart::plain(document.print(Form::Text, link_url));
        builder.multipart(
            MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(html::page(document, link_url))),
        )
    }
}

/// How the connection is encrypted. Certificates are checked against the server's name always.
fn encryption(mail: &Mail, server: &str, tls: Tls) -> Result<Encryption, ReportError> {
    if tls == Tls::None {
        return Ok(Encryption::None);
    }
    let fault = |key, error: &dyn std::fmt::Display| ReportError::Settings(key, error.to_string());
    let mut parameters = TlsParameters::builder(server.to_owned());
    if let Some(path) = &mail.ca_file {
        let pem = read("mail.ca_file", path)?;
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|error| fault("mail.ca_file", &error))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters = parameters.build_rustls().map_err(|error| fault("mail.server", &error))?;
    // Never opportunistic: who is in between could strip STARTTLS away.
    Ok(if tls == Tls::Tls { Encryption::Wrapper(parameters) } else { Encryption::Required(parameters) })
}

/// An error with its causes, in one line.
fn words(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text.push_str(&format!(": {next_text}"));
        }
        cause = next.source();
    }
    // Nested errors of one kind say it each.
    clean(text.trim_start_matches("Connection error: "))
}

/// Tells vacation notices and the like not to answer (RFC 3834).
#[derive(Clone, Debug)]
struct AutoSubmitted(String);

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}
