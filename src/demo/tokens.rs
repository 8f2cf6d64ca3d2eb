//! Logging in: checks credentials, issues tokens, ends them by time or at command.
//!
//! It checks what a client can get wrong (user, password, secret, scope, role), not what only an administrator
//! would set (trusts, federation, second factors).

use hashbrown::HashMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::world::Identity;
use super::world::seed::{Kind, mix, parse_id, uuid};
use crate::model::clock::Timestamp;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Unscoped,
    /// Index of the project.
    Project(usize),
    /// Index of the domain.
    Domain(usize),
    System,
}

/// What a token stands for.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Index of the user.
    pub(crate) user: usize,
    /// Role on the scope.
    pub(crate) role: &'static str,
    pub(crate) scope: Scope,
    pub(crate) method: &'static str,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) audit: u128,
}

impl Session {
    /// Whether it may read what only administrators may, in Nova and Placement.
    pub(crate) fn admin(&self) -> bool {
        self.role == "admin" && matches!(self.scope, Scope::Project(_))
    }

    /// Whether it may list projects and users: of its domain, where it is scoped to one.
    pub(crate) fn reads_identity(&self) -> bool {
        self.role == "admin" || matches!(self.scope, Scope::System | Scope::Domain(_))
    }
}

/// Tokens in force, and what logging in needs to know.
pub(crate) struct Tokens {
    sessions: HashMap<String, Session>,
    issued: u64,
    seed: u64,
    password: SecretString,
    credential: (u128, SecretString),
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({} in force)", self.sessions.len())
    }
}

impl Tokens {
    pub(crate) fn new(seed: u64) -> Self {
        let secret = format!("{:032x}{:032x}", uuid(seed, Kind::Credential, 1), uuid(seed, Kind::Credential, 2));
        Self {
            sessions: HashMap::new(),
            issued: 0,
            seed,
            password: SecretString::from(format!("stackcast-demo-{seed}")),
            credential: (uuid(seed, Kind::Credential, 0), SecretString::from(secret)),
        }
    }

    /// Password of every user.
    pub(crate) fn password(&self) -> &SecretString {
        &self.password
    }

    /// Id and secret of the application credential of `admin`.
    pub(crate) fn credential(&self) -> (u128, &SecretString) {
        (self.credential.0, &self.credential.1)
    }

    /// The session of a token that has not ended.
    pub(crate) fn session(&self, token: &str, now: Timestamp) -> Option<&Session> {
        self.sessions.get(token).filter(|session| now < session.expires)
    }

    /// Ends all tokens; says how many there were.
    pub(crate) fn revoke_all(&mut self) -> usize {
        let count = self.sessions.len();
        self.sessions.clear();
        count
    }

    /// Ends one token.
    pub(crate) fn revoke(&mut self, token: &str) -> bool {
        self.sessions.remove(token).is_some()
    }

    /// Logs in with the body of `POST /v3/auth/tokens`; none when anything does not fit.
    pub(crate) fn login(
        &mut self,
        body: &[u8],
        identity: &Identity,
        now: Timestamp,
        life: u64,
    ) -> Option<(String, Session)> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let auth = body.get("auth")?;
        let (user, method, implied) = self.identify(auth.get("identity")?, identity, now)?;
        let scope = match (implied, auth.get("scope")) {
            (Some(_), Some(_)) => return None,
            (Some(scope), None) => scope,
            (None, asked) => scope(asked, identity)?,
        };
        let role = role(identity, user, scope)?;
        self.issued += 1;
        let session = Session {
            user,
            role,
            scope,
            method,
            issued: now,
            expires: now.plus(std::time::Duration::from_secs(life)),
            audit: uuid(self.seed, Kind::Audit, self.issued),
        };
        // Ended tokens are dropped now and then, so that a long run with short lives does not pile them up.
        if self.issued.is_multiple_of(256) {
            self.sessions.retain(|_, session| now < session.expires);
        }
        let token = token_text(self.seed, self.issued);
        self.sessions.insert(token.clone(), session.clone());
        Some((token, session))
    }

    /// The user, the method, and the scope where the method brings its own.
    fn identify(
        &self,
        asked: &Value,
        identity: &Identity,
        now: Timestamp,
    ) -> Option<(usize, &'static str, Option<Scope>)> {
        let method = asked.get("methods")?.as_array()?.first()?.as_str()?;
        match method {
            "password" => {
                let user = asked.get("password")?.get("user")?;
                let given = user.get("password")?.as_str()?;
                let found = find_user(user, identity)?;
                (given == self.password.expose_secret()).then_some((found, "password", None))
            }
            "token" => {
                let token = asked.get("token")?.get("id")?.as_str()?;
                self.session(token, now).map(|session| (session.user, "token", None))
            }
            "application_credential" => {
                let given = asked.get("application_credential")?;
                let by_id = given.get("id").and_then(Value::as_str).and_then(parse_id) == Some(self.credential.0);
                let by_name = given.get("name").and_then(Value::as_str) == Some("stackcast")
                    && given.get("user").and_then(|user| find_user(user, identity)) == Some(0);
                let secret = given.get("secret")?.as_str()?;
                ((by_id || by_name) && secret == self.credential.1.expose_secret()).then_some((
                    0,
                    "application_credential",
                    Some(Scope::Project(0)),
                ))
            }
            _ => None,
        }
    }
}

fn find_user(asked: &Value, identity: &Identity) -> Option<usize> {
    if let Some(id) = asked.get("id").and_then(Value::as_str) {
        let id = parse_id(id)?;
        return identity.users.iter().position(|user| user.id == id);
    }
    let (name, domain) = (asked.get("name")?.as_str()?, find_domain(asked.get("domain")?, identity)?);
    identity.users.iter().position(|user| user.name == name && user.domain == domain)
}

fn find_domain(asked: &Value, identity: &Identity) -> Option<usize> {
    let text = |key| asked.get(key).and_then(Value::as_str);
    identity
        .domains
        .iter()
        .position(|domain| Some(domain.id.as_str()) == text("id") || Some(domain.name) == text("name"))
}

fn scope(asked: Option<&Value>, identity: &Identity) -> Option<Scope> {
    let Some(asked) = asked.filter(|asked| asked.as_str() != Some("unscoped")) else { return Some(Scope::Unscoped) };
    if let Some(project) = asked.get("project") {
        if let Some(id) = project.get("id").and_then(Value::as_str) {
            return identity.project(parse_id(id)?).map(|(at, _)| Scope::Project(at));
        }
        let (name, domain) = (project.get("name")?.as_str()?, find_domain(project.get("domain")?, identity)?);
        let found = identity.projects.iter().position(|project| project.name == name && project.domain == domain);
        return found.map(Scope::Project);
    }
    if let Some(domain) = asked.get("domain") {
        return find_domain(domain, identity).map(Scope::Domain);
    }
    (asked.get("system")?.get("all")?.as_bool() == Some(true)).then_some(Scope::System)
}

/// The role of a user on a scope: administrators everywhere, others on `admin` and their own projects.
fn role(identity: &Identity, user: usize, scope: Scope) -> Option<&'static str> {
    let holder = identity.users.get(user)?;
    match scope {
        _ if holder.role == "admin" => Some("admin"),
        Scope::Unscoped => Some(holder.role),
        Scope::Project(0) | Scope::System | Scope::Domain(_) => (holder.role == "reader").then_some("reader"),
        Scope::Project(at) => (identity.projects.get(at)?.owner == holder.id).then_some(holder.role),
    }
}

/// As long and as odd as a Fernet token.
fn token_text(seed: u64, number: u64) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::from("gAAAAAB");
    let first = mix(mix(seed, 0x70_6b_65_6e), number);
    for place in 0..176u64 {
        let at = (mix(first, place) % 64) as usize;
        text.push(ALPHABET.get(at).map_or('A', |byte| char::from(*byte)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(name: &str, password: &str, scope: &str) -> Vec<u8> {
        format!(
            r#"{{"auth": {{"identity": {{"methods": ["password"], "password": {{"user": {{"name": "{name}",
            "domain": {{"name": "Default"}}, "password": "{password}"}}}}}}{scope}}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn passwords_scopes_and_ends() {
        let identity = Identity::new(1, 3);
        let mut tokens = Tokens::new(1);
        let at = Timestamp::from_seconds(1000);
        let project = r#", "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}"#;
        assert!(tokens.login(&body("admin", "wrong", project), &identity, at, 60).is_none());
        assert!(tokens.login(b"{}", &identity, at, 60).is_none());
        let good = tokens.password().expose_secret().to_owned();
        let (token, session) = tokens.login(&body("admin", &good, project), &identity, at, 60).unwrap();
        assert!(session.admin());
        assert!(tokens.session(&token, Timestamp::from_seconds(1059)).is_some());
        assert!(tokens.session(&token, Timestamp::from_seconds(1060)).is_none());
        let (_, reader) = tokens.login(&body("monitoring", &good, project), &identity, at, 60).unwrap();
        assert_eq!((reader.role, reader.admin()), ("reader", false));
        let foreign = format!(r#", "scope": {{"project": {{"id": "{:032x}"}}}}"#, identity.projects[2].id);
        assert!(tokens.login(&body("monitoring", &good, &foreign), &identity, at, 60).is_none());
        assert_eq!(tokens.revoke_all(), 2);
        assert!(tokens.session(&token, at).is_none());
        assert!(!format!("{tokens:?}").contains(&good));
    }
}
