//! What all requests share: the regions' worlds, tokens, faults, statistics. The only holder of locks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use super::fault::Faults;
use super::service::Service;
use super::settings::Settings;
use super::stats::Stats;
use super::tokens::{Session, Tokens};
use super::world::{Identity, World};
use crate::model::clock::{Clock, Timestamp};

/// The whole simulated cloud.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) stats: Stats,
    /// `http://127.0.0.1:1234`.
    pub(crate) base: String,
    identity: Arc<Identity>,
    regions: Vec<RwLock<World>>,
    tokens: Mutex<Tokens>,
}

impl Cloud {
    /// Builds all regions as they stand now; takes seconds for very large clouds.
    pub(crate) fn new(settings: Settings, clock: Clock, base: String) -> Self {
        let identity = Arc::new(Identity::new(settings.seed, settings.projects));
        let start = clock.now();
        let world = |region| RwLock::new(World::new(&settings, region, Arc::clone(&identity), start));
        Self {
            regions: (0..settings.regions.len()).map(world).collect(),
            tokens: Mutex::new(Tokens::new(settings.seed)),
            faults: Faults::default(),
            stats: Stats::default(),
            identity,
            base,
            clock,
            settings,
        }
    }

    /// Moves a region's moment, whether or not something happens by then.
    pub(crate) fn advance(&self, region: usize, now: Timestamp) {
        if let Some(lock) = self.regions.get(region) {
            lock.write().unwrap_or_else(PoisonError::into_inner).advance(now);
        }
    }

    /// A region with all that happened by `now`; the first region if there is no such one.
    pub(crate) fn world(&self, region: usize, now: Timestamp) -> Option<RwLockReadGuard<'_, World>> {
        let lock = self.regions.get(region).or_else(|| self.regions.first())?;
        let world = lock.read().unwrap_or_else(PoisonError::into_inner);
        if !world.due(now) {
            return Some(world);
        }
        drop(world);
        lock.write().unwrap_or_else(PoisonError::into_inner).advance(now);
        Some(lock.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Path of a service in a region: `/compute`, or `/RegionTwo/compute` behind the first region.
    pub(crate) fn service_root(&self, service: &Service, region: usize) -> String {
        match self.settings.regions.get(region).filter(|_| region > 0 && !service.shared) {
            Some(name) => format!("/{name}/{}", service.base),
            None => format!("/{}", service.base),
        }
    }

    /// Address of the same.
    pub(crate) fn service_url(&self, service: &Service, region: usize) -> String {
        format!("{}{}", self.base, self.service_root(service, region))
    }

    /// Keystone's address, without the version.
    pub(crate) fn identity_url(&self) -> String {
        format!("{}/identity", self.base)
    }

    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn session(&self, token: &str, now: Timestamp) -> Option<Session> {
        self.tokens().session(token, now).cloned()
    }

    pub(crate) fn login(&self, body: &[u8], now: Timestamp) -> Option<(String, Session)> {
        self.tokens().login(body, &self.identity, now, self.settings.token_seconds)
    }

    pub(crate) fn revoke(&self, token: &str) -> bool {
        self.tokens().revoke(token)
    }
}
