//! How each collector is doing: what the runner and the collectors note, and what `own` exports.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::clock::Timestamp;
use crate::model::part::Origin;
use crate::openstack::error::ErrorKind;

/// What the credentials let a collector see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everything.
    All,
    /// The credentials' own domain only.
    Domain,
    /// The credentials' own project only.
    Project,
    /// Nothing.
    None,
}

impl Visibility {
    /// The label value.
    pub fn label(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Domain => "domain",
            Self::Project => "project",
            Self::None => "none",
        }
    }
}

/// What a collector says about its present run, beside its part.
#[derive(Debug, Default)]
pub struct Report(Mutex<ReportInner>);

#[derive(Debug, Default)]
struct ReportInner {
    items: usize,
    visibility: Option<Visibility>,
    rejected: BTreeMap<&'static str, u64>,
    logged: HashSet<&'static str>,
    collector: &'static str,
}

impl Report {
    /// For one collector; lives as long as it.
    pub fn new(collector: &'static str) -> Self {
        Self(Mutex::new(ReportInner { collector, ..ReportInner::default() }))
    }

    /// Counts objects read in this run.
    pub fn add_items(&self, items: usize) {
        lock(&self.0).items += items;
    }

    /// Says what the credentials let it see (default: everything).
    pub fn set_visibility(&self, visibility: Visibility) {
        lock(&self.0).visibility = Some(visibility);
    }

    /// Counts an object that was left out, and logs the first of each reason.
    pub fn reject(&self, reason: &'static str, detail: &str) {
        let mut inner = lock(&self.0);
        *inner.rejected.entry(reason).or_default() += 1;
        if inner.logged.insert(reason) {
            tracing::warn!(collector = inner.collector, reason, detail, "item left out; further ones are only counted");
        }
    }

    /// Ends a run: items and visibility of it, and what was rejected so far in all runs.
    pub fn finish(&self) -> (usize, Visibility, BTreeMap<&'static str, u64>) {
        let mut inner = lock(&self.0);
        let items = std::mem::take(&mut inner.items);
        let visibility = inner.visibility.take().unwrap_or(Visibility::All);
        (items, visibility, inner.rejected.clone())
    }
}

/// State of one collector in one region (or of the host).
#[derive(Clone, Debug)]
pub struct CollectorState {
    /// Whether the last run succeeded; none before the first one has ended.
    pub success: Option<bool>,
    /// How long the last run took.
    pub duration: Duration,
    /// End of the last run that succeeded.
    pub last_success: Option<Timestamp>,
    /// Objects read in the last run that succeeded.
    pub items: usize,
    /// What the credentials let it see.
    pub visibility: Visibility,
    /// Failed runs by kind, since the start.
    pub errors: BTreeMap<&'static str, u64>,
    /// Objects left out by reason, since the start.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Kind of the last run's error.
    pub last_error: Option<ErrorKind>,
    /// The last run's error in words, for `check`, API and log.
    pub last_error_text: Option<String>,
    /// Whether its part was withdrawn because it had become too old.
    pub withheld: bool,
}

/// One collector's entry in the [`Health`] register.
#[derive(Debug)]
pub struct CollectorHealth {
    /// Region of a cloud, or local.
    pub origin: Origin,
    /// Service, e.g. `compute`; `host` for the host.
    pub service: &'static str,
    /// Collector, e.g. `compute.servers`.
    pub collector: &'static str,
    /// Whether its failure alone makes the service's `_up` 0 (those at the service's quickest pace).
    pub core: bool,
    state: Mutex<CollectorState>,
}

impl CollectorHealth {
    /// Whether the last run failed for another reason than missing rights: a right that was never
    /// given is blindness, not an outage.
    pub fn failing(&self) -> bool {
        let state = lock(&self.state);
        state.success == Some(false) && state.last_error != Some(ErrorKind::Forbidden)
    }

    /// The present state.
    pub fn state(&self) -> CollectorState {
        lock(&self.state).clone()
    }

    /// Notes a run that succeeded.
    pub fn succeeded(
        &self,
        at: Timestamp,
        duration: Duration,
        items: usize,
        visibility: Visibility,
        rejected: BTreeMap<&'static str, u64>,
    ) {
        let mut state = lock(&self.state);
        state.success = Some(true);
        state.duration = duration;
        state.last_success = Some(at);
        state.items = items;
        state.visibility = visibility;
        state.rejected = rejected;
        state.last_error = None;
        state.last_error_text = None;
        state.withheld = false;
    }

    /// Notes that its part was withdrawn.
    pub fn withheld(&self) {
        lock(&self.state).withheld = true;
    }

    /// Notes a run that failed.
    pub fn failed(&self, duration: Duration, kind: &'static str, error: Option<ErrorKind>, text: String) {
        let mut state = lock(&self.state);
        state.success = Some(false);
        state.duration = duration;
        *state.errors.entry(kind).or_default() += 1;
        state.last_error = error;
        state.last_error_text = Some(text);
        if error == Some(ErrorKind::Forbidden) {
            state.visibility = Visibility::None;
        }
    }
}

/// Every collector's state, in order of registration.
#[derive(Debug, Default)]
pub struct Health(Mutex<Vec<Arc<CollectorHealth>>>);

impl Health {
    /// Adds a collector.
    pub fn register(
        &self,
        origin: Origin,
        service: &'static str,
        collector: &'static str,
        core: bool,
    ) -> Arc<CollectorHealth> {
        let entry = Arc::new(CollectorHealth {
            origin,
            service,
            collector,
            core,
            state: Mutex::new(CollectorState {
                success: None,
                duration: Duration::ZERO,
                last_success: None,
                items: 0,
                visibility: Visibility::All,
                errors: BTreeMap::new(),
                rejected: BTreeMap::new(),
                last_error: None,
                last_error_text: None,
                withheld: false,
            }),
        });
        lock(&self.0).push(Arc::clone(&entry));
        entry
    }

    /// Removes entries, e.g. of a service that left the catalog.
    pub fn forget(&self, gone: impl Fn(&CollectorHealth) -> bool) {
        lock(&self.0).retain(|entry| !gone(entry));
    }

    /// Every entry.
    pub fn entries(&self) -> Vec<Arc<CollectorHealth>> {
        lock(&self.0).clone()
    }
}

/// A holder that panicked left counters whole, so poison is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
