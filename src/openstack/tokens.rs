//! The life of a cloud's token: fetched once for all (single flight), renewed ahead of its expiry and when a
//! service refuses it, and not asked for again and again when Keystone says no: that locks accounts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::Settings;
use super::auth::{self, Token};
use super::backoff::Backoff;
use super::clouds::CloudConfig;
use super::error::{Error, ErrorKind};
use super::http::{Http, Target};
use super::telemetry::Telemetry;
use crate::model::clock::{Clock, Timestamp};

/// A wrong password: from 5 s to 5 min between attempts.
const REFUSED: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// A Keystone that is down: from 1 s to 1 min.
const DOWN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// No token is taken to live shorter, lest a clock gone wrong makes every request a login.
const LIFETIME_MIN: Duration = Duration::from_secs(30);

/// The token of one cloud.
#[derive(Debug)]
pub(super) struct Tokens {
    config: CloudConfig,
    clock: Clock,
    renewal: Duration,
    http: Arc<Http>,
    telemetry: Arc<Telemetry>,
    target: Target,
    held: Mutex<Option<Held>>,
    /// Whoever holds the gate logs in; everybody else waits for it, or goes on with the old token.
    gate: Arc<AsyncMutex<Failures>>,
}

/// A token with its place in the order of tokens.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) token: Arc<Token>,
    /// Counts up with each login: what tells a refused token from its successor.
    pub(super) generation: u64,
    renew_at: Timestamp,
    ends_at: Timestamp,
}

#[derive(Debug, Default)]
struct Failures {
    refused: Option<(Backoff, Error)>,
    generation: u64,
}

impl Tokens {
    pub(super) fn new(
        config: CloudConfig,
        settings: &Settings,
        clock: Clock,
        http: Arc<Http>,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, Error> {
        let url = format!("{}/{}", auth::keystone_root(&config.auth_url), auth::PATH);
        let target = Target {
            cloud: config.name.as_str().into(),
            service: "identity".into(),
            region: "".into(),
            path: auth::PATH.into(),
            url: reqwest::Url::parse(&url)
                .map_err(|_| Error::new(ErrorKind::Config, "identity", auth::PATH, "auth_url is no URL"))?,
            headers: Vec::new(),
        };
        let renewal = Duration::from_secs(settings.token_renewal_seconds);
        let (held, gate) = (Mutex::default(), Arc::default());
        Ok(Self { config, clock, renewal, http, telemetry, target, held, gate })
    }

    /// A token that is good as far as we know. `refused` is the generation of one that a service refused.
    pub(super) async fn get(self: &Arc<Self>, refused: Option<u64>) -> Result<Held, Error> {
        let now = self.clock.now();
        if let Some(held) = self.held().filter(|held| Some(held.generation) != refused && now < held.ends_at) {
            if now >= held.renew_at
                && let Ok(gate) = Arc::clone(&self.gate).try_lock_owned()
            {
                // Still good: renewed in the background while requests go on.
                let (this, replaced) = (Arc::clone(self), Some(held.generation));
                drop(tokio::spawn(async move { this.login(gate, replaced).await }));
            }
            return Ok(held);
        }
        let replaced = refused.or_else(|| self.held().map(|held| held.generation));
        let gate = Arc::clone(&self.gate).lock_owned().await;
        // A task of its own: a caller that gives up does not end the login that others wait for.
        let this = Arc::clone(self);
        match tokio::spawn(async move { this.login(gate, replaced).await }).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.fault(ErrorKind::Auth, "the login was broken off".into())),
        }
    }

    /// Forgets the token; the next request logs in.
    pub(super) fn invalidate(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs in, unless somebody did while we waited for the gate or the last failure is too fresh.
    async fn login(&self, mut gate: OwnedMutexGuard<Failures>, replaced: Option<u64>) -> Result<Held, Error> {
        if let Some(held) = self.held().filter(|held| Some(held.generation) != replaced) {
            return Ok(held);
        }
        if let Some((backoff, error)) = &gate.refused
            && let Some(left) = backoff.left()
        {
            let mut error = error.clone();
            error.detail = format!("{} (not tried again for {} s)", error.detail, left.as_secs() + 1);
            return Err(error);
        }
        match self.fetch().await {
            Ok(token) => {
                gate.refused = None;
                gate.generation += 1;
                let held = self.hold(Arc::new(token), gate.generation);
                Ok(held)
            }
            Err(error) => {
                let (first, longest) = if error.kind == ErrorKind::Auth { REFUSED } else { DOWN };
                let before = gate.refused.take().filter(|(_, before)| before.kind == error.kind);
                let mut backoff = before.map_or_else(|| Backoff::new(first, longest), |(backoff, _)| backoff);
                backoff.fail();
                gate.refused = Some((backoff, error.clone()));
                tracing::warn!(cloud = %self.config.name, kind = error.kind.label(), detail = %error.detail, "login failed");
                Err(error)
            }
        }
    }

    fn hold(&self, token: Arc<Token>, generation: u64) -> Held {
        let now = self.clock.now();
        let lifetime = token.lifetime.max(LIFETIME_MIN);
        // Half its life at most: a long lead on a short-lived token would renew without end.
        let ahead = self.renewal.min(lifetime / 2);
        let ends_at = now.plus(lifetime);
        let held = Held { token, generation, renew_at: ends_at.minus(ahead), ends_at };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held.clone());
        self.telemetry.login(held.token.session.expires);
        held
    }

    async fn fetch(&self) -> Result<Token, Error> {
        let body = auth::body(&self.config).to_string();
        let secret = secret_of(&self.config);
        let post = || self.http.post(&self.target.url, body.clone());
        let answer = self.http.exchange(&self.target, &self.telemetry, secret, post).await?;
        match answer.status {
            200..=299 => auth::read(&answer, self.clock.now()).map_err(|e| self.fault(ErrorKind::Decode, e)),
            401 => Err(self.fault(
                ErrorKind::Auth,
                format!(
                    "login refused by {}: {}; check user, password or secret, project and their domains",
                    self.config.auth_url,
                    answer.message(secret)
                ),
            )),
            404 => Err(self.fault(
                ErrorKind::Auth,
                format!("there is no Keystone v3 at {}; check auth_url", self.config.auth_url),
            )),
            _ => Err(answer.error(&self.target, secret)),
        }
    }

    fn fault(&self, kind: ErrorKind, detail: String) -> Error {
        Error::new(kind, "identity", auth::PATH, detail)
    }
}

/// What must not come back out in a message, even if Keystone should quote it.
fn secret_of(config: &CloudConfig) -> &str {
    use secrecy::ExposeSecret;

    use super::clouds::Credentials;
    match &config.credentials {
        Credentials::Password { password: secret, .. }
        | Credentials::Token(secret)
        | Credentials::ApplicationCredential { secret, .. } => secret.expose_secret(),
    }
}
