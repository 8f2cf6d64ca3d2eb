//! Slack's incoming webhook. Its address is a secret: no error and no log holds it.

use std::time::Duration;

use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};

use super::error::ReportError;

/// How long Slack may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Posts a text in Slack's own markup.
pub(super) async fn post(webhook: &SecretString, text: &str) -> Result<(), ReportError> {
    let url = Url::parse(webhook.expose_secret()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| ReportError::Slack("its webhook is no address; it begins with https://".to_owned()))?;
    let client = Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
    // What is wrong, without the address that it is wrong with.
    let failed = |error: reqwest::Error| ReportError::Slack(error.without_url().to_string());
    let body = serde_json::json!({ "text": text }).to_string();
    let request = client.map_err(failed)?.post(url).header(reqwest::header::CONTENT_TYPE, "application/json");
    let response = request.body(body).send().await.map_err(failed)?;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(ReportError::Slack(format!("it answered {status}"))),
    }
}

/// What Slack would take for markup.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
