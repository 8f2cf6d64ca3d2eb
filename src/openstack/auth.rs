//! Keystone's token request and answer: every method is one POST to `/v3/auth/tokens`, with another body.
//!
//! When to fetch a token is the business of [`super::tokens`].

use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::catalog::Catalog;
use super::client::Session;
use super::clouds::{AppCredential, CloudConfig, Credentials, Domain, Named, Scope};
use super::http::Answer;
use crate::model::clock::Timestamp;

/// The path below Keystone's v3 root.
pub(super) const PATH: &str = "auth/tokens";

/// A token and what came with it.
#[derive(Debug)]
pub(super) struct Token {
    /// Ready to be sent; marked sensitive, so that no debug output shows it.
    pub(super) header: HeaderValue,
    pub(super) session: std::sync::Arc<Session>,
    pub(super) catalog: Catalog,
    /// How long it is good for from now on. Counted from its issue by the server's clock, so that a wrong
    /// clock on our side neither keeps a dead token nor drops a good one.
    pub(super) lifetime: Duration,
}

/// The body of the request. Holds the secret in the clear: to be sent and dropped.
pub(super) fn body(config: &CloudConfig) -> Value {
    let identity = match &config.credentials {
        Credentials::Password { user, password } => {
            let mut user = named(user);
            put(&mut user, "password", password.expose_secret().into());
            json!({"methods": ["password"], "password": {"user": user}})
        }
        Credentials::Token(token) => json!({"methods": ["token"], "token": {"id": token.expose_secret()}}),
        Credentials::ApplicationCredential { credential, secret } => {
            let mut proof = match credential {
                AppCredential::Id(id) => json!({ "id": id }),
                AppCredential::Name { name, user } => json!({"name": name, "user": named(user)}),
            };
            put(&mut proof, "secret", secret.expose_secret().into());
            json!({"methods": ["application_credential"], "application_credential": proof})
        }
    };
    let mut auth = json!({ "identity": identity });
    match &config.scope {
        Scope::Unscoped => {}
        Scope::Project(project) => put(&mut auth, "scope", json!({"project": named(project)})),
        Scope::Domain(of) => put(&mut auth, "scope", json!({"domain": domain(of)})),
        Scope::System => put(&mut auth, "scope", json!({"system": {"all": true}})),
        Scope::Trust(id) => put(&mut auth, "scope", json!({"OS-TRUST:trust": {"id": id}})),
    }
    json!({ "auth": auth })
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(entries) = object {
        entries.insert(key.to_owned(), value);
    }
}

fn named(what: &Named) -> Value {
    match what {
        Named::Id(id) => json!({ "id": id }),
        Named::Name { name, domain: None } => json!({ "name": name }),
        Named::Name { name, domain: Some(of) } => json!({"name": name, "domain": domain(of)}),
    }
}

fn domain(domain: &Domain) -> Value {
    match domain {
        Domain::Id(id) => json!({ "id": id }),
        Domain::Name(name) => json!({ "name": name }),
    }
}

#[derive(Deserialize)]
struct Body {
    token: TokenBody,
}

#[derive(Deserialize)]
struct TokenBody {
    expires_at: String,
    issued_at: Option<String>,
    user: Reference,
    project: Option<Reference>,
    system: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    roles: Vec<Reference>,
    #[serde(default)]
    catalog: Catalog,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    id: String,
    name: Option<String>,
}

/// Reads Keystone's answer; an error says what is wrong with it.
pub(super) fn read(answer: &Answer, now: Timestamp) -> Result<Token, String> {
    let mut header = answer.headers.get("x-subject-token").cloned().ok_or("an answer without X-Subject-Token")?;
    header.set_sensitive(true);
    let Body { token } =
        serde_json::from_slice(&answer.body).map_err(|e| super::page::decode_fault(&answer.body, &e))?;
    let expires = Timestamp::parse(&token.expires_at).ok_or("a token whose expires_at is no time")?;
    let issued = token.issued_at.as_deref().and_then(Timestamp::parse).unwrap_or(now);
    let (project_id, project_name) = token.project.map_or((None, None), |p| (Some(p.id), p.name));
    let session = Session {
        expires,
        roles: token.roles.into_iter().filter_map(|role| role.name).collect(),
        project_id,
        project_name,
        user_id: token.user.id,
        system: token.system.is_some(),
        regions: token.catalog.regions(),
        services: token.catalog.services(),
    };
    Ok(Token { header, session: session.into(), catalog: token.catalog, lifetime: expires.since(issued) })
}

/// `auth_url` with Keystone's version: `/v3` is added when missing and replaces `/v2.0`.
pub(super) fn keystone_root(auth_url: &str) -> String {
    let base = auth_url.trim_end_matches('/');
    let base = base.strip_suffix("/auth/tokens").unwrap_or(base);
    match base.rsplit_once('/') {
        Some((_, "v3")) => base.to_owned(),
        Some((front, "v2.0")) => format!("{front}/v3"),
        _ => format!("{base}/v3"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_added_when_missing() {
        for url in ["http://k:5000", "http://k:5000/", "http://k:5000/v3", "http://k:5000/v3/", "http://k:5000/v2.0"] {
            assert_eq!(keystone_root(url), "http://k:5000/v3");
        }
        assert_eq!(keystone_root("https://c/identity"), "https://c/identity/v3");
        assert_eq!(keystone_root("https://c/identity/v3/auth/tokens"), "https://c/identity/v3");
    }

    #[test]
    fn recorded_tokens() {
        for (name, project, system, services) in [
            ("project-scope", Some("admin"), false, true),
            ("system-scope", None, true, true),
            ("domain-scope", None, false, true),
            ("unscoped", None, false, false),
        ] {
            let path = format!(
                "{}/tests/recordings/openstack_client/keystone-auth-tokens-{name}.json",
                env!("CARGO_MANIFEST_DIR")
            );
            let mut answer = Answer { status: 201, body: std::fs::read(path).unwrap().into(), ..Answer::default() };
            assert!(read(&answer, Timestamp::default()).unwrap_err().contains("X-Subject-Token"));
            answer.headers.insert("x-subject-token", "t".parse().unwrap());
            let token = read(&answer, Timestamp::default()).unwrap();
            let session = &token.session;
            assert_eq!((session.project_name.as_deref(), session.system), (project, system), "{name}");
            assert_eq!(session.services.iter().any(|(name, _)| name == "compute"), services, "{name}");
            assert!(token.lifetime >= Duration::from_secs(3600), "{name}: {:?}", token.lifetime);
        }
    }

    #[test]
    fn lifetime_is_by_the_server_s_clock_and_debug_hides_the_token() {
        let body = br#"{"token": {"methods": ["password"], "user": {"id": "u", "name": "n"},
            "issued_at": "2020-01-01T00:00:00.000000Z", "expires_at": "2020-01-01T04:00:00.000000Z",
            "system": {"all": true}, "roles": [{"id": "1", "name": "reader"}]}}"#;
        let mut answer = Answer { status: 201, body: body.to_vec().into(), ..Answer::default() };
        answer.headers.insert("x-subject-token", "gAAAAA-planted".parse().unwrap());
        let token = read(&answer, Timestamp::from_seconds(2_000_000_000)).unwrap();
        assert_eq!(token.lifetime, Duration::from_secs(4 * 3600));
        assert!(token.session.system && token.session.project_id.is_none());
        assert_eq!(token.session.roles, ["reader"]);
        assert!(!format!("{token:?}").contains("planted"));
    }
}
