//! Alertmanager's configuration: the one in the repository, with this site's server and addresses in place of the
//! examples, and without the parts that nothing is set for.
//!
//! The file in the repository is the only text; here are only the names of its parts and of its examples. Secrets go to
//! files of their own and never into the text.

use std::path::Path;

use secrecy::ExposeSecret;

use super::super::failure::Failure;
use super::environment::Environment;
use super::folder::Content;

const CONFIGURATION: &str = include_str!("../../../alertmanager/alertmanager.yml");
const MESSAGES: &str = include_str!("../../../alertmanager/templates/stackcast.tmpl");
const LINKS: &str = include_str!("../../../alertmanager/templates/links.tmpl");

const PASSWORD_FILE: &str = "secrets/email_password";
const WEBHOOK_FILE: &str = "secrets/slack_webhook_url";

/// What is to be written, and what could not be.
#[derive(Debug)]
pub(super) struct Rendered {
    /// Files by their path below the directory.
    pub(super) files: Vec<(&'static str, Content)>,
    /// Parts that are missing, each with the variable that would bring it.
    pub(super) left_out: Vec<String>,
}

/// A part of the configuration, between `>>> name` and `<<< name`, that is not there, and why.
struct Gap {
    part: &'static str,
    reason: String,
}

/// Renders for an Alertmanager that finds the files at `mounted_at`.
pub(super) fn render(environment: &Environment, mounted_at: &Path) -> Result<Rendered, Failure> {
    let mut gaps = Vec::new();
    let mut replaced = Vec::new();
    let password = mail(environment, &mut gaps, &mut replaced)?;
    let webhook = environment.secret("SLACK_WEBHOOK_URL")?;
    match &webhook {
        None => gaps.push(Gap { part: "slack", reason: "SLACK_WEBHOOK_URL is not set".into() }),
        Some(url) if !url.expose_secret().starts_with("http") => {
            return Err(Failure::usage("SLACK_WEBHOOK_URL is not a URL", "it begins with https://hooks.slack.com/"));
        }
        Some(_) => {}
    }
    for file in [PASSWORD_FILE, WEBHOOK_FILE] {
        replaced.push((quoted(&format!("/etc/alertmanager/{file}")), quoted(&mounted_at.join(file).to_string_lossy())));
    }
    let secret = |secret: Option<_>| secret.map_or(Content::Absent, Content::Secret);
    let files = vec![
        (PASSWORD_FILE, secret(password)),
        (WEBHOOK_FILE, secret(webhook)),
        ("templates/stackcast.tmpl", Content::Text(MESSAGES.to_owned())),
        ("templates/links.tmpl", Content::Text(links(environment)?)),
        // Last: whoever watches it finds the rest in place.
        ("alertmanager.yml", Content::Text(fill(&gaps, &replaced))),
    ];
    let left_out = gaps.iter().map(|gap| format!("{}: {}", gap.part, gap.reason)).collect();
    Ok(Rendered { files, left_out })
}

/// Mail's settings in place of the examples; the password, when there is a login.
fn mail(
    environment: &Environment,
    gaps: &mut Vec<Gap>,
    replaced: &mut Vec<(String, String)>,
) -> Result<Option<secrecy::SecretString>, Failure> {
    let user = environment.value("EMAIL_USER")?;
    let sender = environment.value("EMAIL_FROM")?.or(user.filter(|user| user.contains('@')));
    let (Some(server), Some(sender)) = (environment.value("SMTP_SERVER")?, sender) else {
        let missing = if sender.is_none() { "EMAIL_FROM (or an address as EMAIL_USER)" } else { "SMTP_SERVER" };
        gaps.push(Gap { part: "mail", reason: format!("{missing} is not set") });
        return Ok(None);
    };
    let port = environment.value("SMTP_PORT")?.unwrap_or("587");
    if !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(Failure::usage(format!("SMTP_PORT cannot be `{port}`"), "a number from 1 to 65535, mostly 587"));
    }
    replaced.push((quoted("smtp.example.org:587"), quoted(&format!("{server}:{port}"))));
    replaced.push((quoted("alerts@example.org"), quoted(sender)));
    let everybody = environment.value("EMAIL_TO")?.unwrap_or(sender);
    for (variable, example) in [("EMAIL_TO_PAGE", "page"), ("EMAIL_TO_TICKET", "ticket"), ("EMAIL_TO_DIGEST", "digest")]
    {
        let receivers = environment.value(variable)?.unwrap_or(everybody);
        replaced.push((quoted(&format!("{example}@example.org")), quoted(receivers)));
    }
    match environment.value("SMTP_REQUIRE_TLS")? {
        None | Some("true") => {}
        Some("false") => replaced.push(("smtp_require_tls: true".into(), "smtp_require_tls: false".into())),
        Some(_) => return Err(Failure::usage("SMTP_REQUIRE_TLS is neither true nor false", "leave it unset")),
    }
    let password = environment.secret("EMAIL_PASSWORD")?;
    let (Some(user), Some(password)) = (user, password) else {
        let missing = if user.is_none() { "EMAIL_USER" } else { "EMAIL_PASSWORD" };
        gaps.push(Gap { part: "mail-login", reason: format!("{missing} is not set") });
        return Ok(None);
    };
    replaced.push((quoted("stackcast@example.org"), quoted(user)));
    Ok(Some(password))
}

/// The configuration without its gaps, each of which leaves a comment, and with values in place of examples.
fn fill(gaps: &[Gap], replaced: &[(String, String)]) -> String {
    let mut text = "# Written by `stackcast render alertmanager`: changes here are lost at its next run.\n".to_owned();
    let mut inside: Option<&Gap> = None;
    for line in CONFIGURATION.lines() {
        let mark = line.trim_start();
        if let Some(gap) = inside {
            if mark.strip_prefix("# <<< ") == Some(gap.part) {
                inside = None;
            }
            continue;
        }
        if let Some(part) = mark.strip_prefix("# >>> ") {
            inside = gaps.iter().find(|gap| gap.part == part);
            if let Some(gap) = inside {
                let indent = line.len() - mark.len();
                text.push_str(&format!("{:indent$}# {} left out: {}\n", "", gap.part, gap.reason));
            }
            continue;
        }
        if mark.starts_with("# <<< ") {
            continue;
        }
        // One example a line at most: a value that looks like another example is not replaced again.
        match replaced.iter().find(|(example, _)| line.contains(example.as_str())) {
            Some((example, value)) => text.push_str(&line.replace(example, value)),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The links' templates: with a base, real links.
fn links(environment: &Environment) -> Result<String, Failure> {
    let Some(base) = environment.value("RUNBOOKS_URL")? else { return Ok(LINKS.to_owned()) };
    if !base.starts_with("http") || base.contains(['"', '<', '>', ' ']) {
        return Err(Failure::usage(format!("RUNBOOKS_URL cannot be `{base}`"), "an http or https address"));
    }
    // Alerts name docs/runbooks.md#anchor; the base is the address of the folder that `docs` is in.
    let url = format!("{}/{{{{ .Annotations.runbook_url }}}}", base.trim_end_matches('/'));
    Ok(format!(
        "{{{{ define \"stackcast.runbook.text\" }}}}{url}{{{{ end }}}}\n\
         {{{{ define \"stackcast.runbook.html\" }}}}<a href=\"{url}\">{{{{ .Annotations.runbook_url }}}}</a>{{{{ end }}}}\n\
         {{{{ define \"stackcast.runbook.slack\" }}}}<{url}|runbook>{{{{ end }}}}\n"
    ))
}

/// A YAML scalar in double quotes; JSON's strings are YAML's, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 7] = [
        ("SMTP_SERVER", "mx.acme.example"),
        ("SMTP_PORT", "465"),
        ("EMAIL_USER", "robot@acme.example"),
        ("EMAIL_PASSWORD", "hunter2"),
        ("EMAIL_TO", "ops@acme.example"),
        ("EMAIL_TO_PAGE", "oncall@acme.example, boss@acme.example"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.example/T0/secret"),
    ];

    fn rendered(variables: &[(&str, &str)]) -> (String, Rendered) {
        let rendered = render(&Environment::of(variables), Path::new("/etc/am")).unwrap();
        let Some((_, Content::Text(text))) = rendered.files.last() else { panic!("no configuration") };
        (text.clone(), rendered)
    }

    fn read(text: &str) -> serde_json::Value {
        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn what_is_set_takes_the_place_of_the_examples_and_secrets_stay_out() {
        let (text, rendered) = rendered(&ALL);
        let tree = read(&text);
        assert_eq!(tree["global"]["smtp_smarthost"], "mx.acme.example:465");
        assert_eq!(tree["global"]["smtp_from"], "robot@acme.example");
        assert_eq!(tree["global"]["smtp_auth_username"], "robot@acme.example");
        assert_eq!(tree["global"]["smtp_auth_password_file"], "/etc/am/secrets/email_password");
        assert_eq!(tree["global"]["slack_api_url_file"], "/etc/am/secrets/slack_webhook_url");
        let to = |at: usize| tree["receivers"][at]["email_configs"][0]["to"].as_str().unwrap().to_owned();
        assert_eq!(to(0), "oncall@acme.example, boss@acme.example");
        assert_eq!((to(1), to(2)), ("ops@acme.example".into(), "ops@acme.example".into()));
        assert!(rendered.left_out.is_empty() && !text.contains("example.org"), "{text}");
        let everything = format!("{text}{rendered:?}");
        assert!(!everything.contains("hunter2") && !everything.contains("T0/secret"));
    }

    #[test]
    fn whatever_is_missing_the_file_is_sound_and_says_so() {
        for without in 0..=ALL.len() {
            let mut some = ALL.to_vec();
            if without < ALL.len() {
                some.remove(without);
            } else {
                some.clear();
            }
            let (text, rendered) = rendered(&some);
            let tree = read(&text);
            assert_eq!(tree["receivers"].as_array().unwrap().len(), 4, "{some:?}");
            let mail = tree["receivers"][0]["email_configs"].is_array();
            assert_eq!(mail, tree["global"]["smtp_smarthost"].is_string(), "{some:?}");
            let marked = text.lines().any(|line| line.trim_start().starts_with("# >>> "));
            assert!(!marked && !text.contains("example.org"), "{text}");
            for reason in &rendered.left_out {
                assert!(text.contains(reason.split_once(": ").unwrap().1), "{reason}");
            }
        }
        let (text, rendered) = rendered(&[]);
        assert_eq!(rendered.left_out.len(), 2);
        assert!(text.contains("slack left out: SLACK_WEBHOOK_URL is not set"), "{text}");
    }

    #[test]
    fn values_cannot_break_out_of_their_place() {
        let (text, _) = rendered(&[("SMTP_SERVER", "mx\", x: \"y"), ("EMAIL_FROM", "o'b\\@acme.example")]);
        let tree = read(&text);
        assert_eq!(tree["global"]["smtp_smarthost"], "mx\", x: \"y:587");
        assert_eq!(tree["global"]["smtp_from"], "o'b\\@acme.example");
    }

    #[test]
    fn what_cannot_be_right_is_refused_without_telling_secrets() {
        let refused = |name: &str, value: &str| {
            let mut variables = ALL.to_vec();
            variables.retain(|(known, _)| *known != name);
            variables.push((name, value));
            format!("{:?}", render(&Environment::of(&variables), Path::new("/")).unwrap_err())
        };
        assert!(refused("SMTP_PORT", "many").contains("SMTP_PORT"));
        assert!(refused("SMTP_REQUIRE_TLS", "perhaps").contains("SMTP_REQUIRE_TLS"));
        assert!(refused("RUNBOOKS_URL", "docs").contains("RUNBOOKS_URL"));
        assert!(!refused("SLACK_WEBHOOK_URL", "T0-secret").contains("T0-secret"));
    }
}
