//! The metrics page: the cached groups' pieces, then the live piece, then the format's end mark.
//!
//! A scrape renders what has changed since the last one, or nothing where [`Exposition::keep_warm`] does: then it gets the
//! page before while that one is rendered anew, for a moment ([`OUTDATED_AT_MOST`]). All rendering is on blocking threads;
//! the async runtime only hands out bytes.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;

use crate::model::part::{Dropped, Part, PartKey};
use crate::model::snapshot::{Snapshot, SnapshotStore};

use super::Naming;
use super::group::{Group, Rendered, render_last};
use super::names::{Scheme, View};
use super::negotiate::{Encoding, Format, VARIANTS, Variant};
use super::output::{Pieces, join};
use super::plan::Plan;
use super::telemetry::Telemetry;

/// Self metrics, gathered at each scrape.
pub type Live = Arc<dyn Fn() -> Vec<Part> + Send + Sync>;

/// A variant is kept rendered until it was not asked for at this many of its usual intervals,
const KEPT_INTERVALS: u32 = 3;
/// but no shorter (one look by hand should not hold a page in memory for long)
const KEPT_AT_LEAST: Duration = Duration::from_secs(60);
/// and no longer than this.
const KEPT_AT_MOST: Duration = Duration::from_secs(600);
/// Changes within this time are rendered together.
const SETTLE: Duration = Duration::from_millis(100);
/// While the page is being rendered anew, the one before is answered with: no reader waits behind a collector. Not for
/// longer after a change than this, and not where it lacks a part: what is live says that this one is there.
const OUTDATED_AT_MOST: Duration = Duration::from_secs(1);
/// How often variants that nobody asks for are looked for.
const TIDY: Duration = Duration::from_secs(60);

/// The metrics page of a snapshot store.
pub struct Exposition {
    store: Arc<SnapshotStore>,
    view: View,
    live: Live,
    layout: ArcSwap<Layout>,
    planning: Mutex<()>,
    tally: Mutex<Tally>,
    variants: [Demand; VARIANTS],
    /// Somebody renders what is asked for as soon as it changes.
    keeping: AtomicBool,
    /// Of the earliest change that is not rendered yet: milliseconds since the start, plus one; 0 is none.
    changed: AtomicU64,
    start: Instant,
    telemetry: Arc<Telemetry>,
}

/// When a variant was last asked for, and who may have it rendered.
#[derive(Debug, Default)]
struct Demand {
    /// Milliseconds since the start, plus one; 0 is never.
    asked: AtomicU64,
    /// Milliseconds between two times it was asked for; of several readers, the longer ones count.
    interval: AtomicU64,
    /// What was rendered last.
    latest: ArcSwapOption<Warm>,
    gate: tokio::sync::Mutex<()>,
}

/// The groups of one snapshot.
#[derive(Debug)]
struct Layout {
    /// Told apart by its address; what it holds is let go of when the next one comes, not when a page is asked for.
    snapshot: Weak<Snapshot>,
    groups: Vec<Arc<Group>>,
    scope: Arc<Scope>,
}

/// What the groups say together, without their samples.
#[derive(Debug)]
struct Scope {
    /// Of their parts, in the snapshot's order.
    keys: Vec<PartKey>,
    scheme: Scheme,
    /// Families that they print.
    taken: HashSet<String>,
}

/// Says that somebody renders, as long as it lives.
struct Keeping<'a>(&'a AtomicBool);

impl<'a> Keeping<'a> {
    fn begin(keeping: &'a AtomicBool) -> Self {
        keeping.store(true, Ordering::Relaxed);
        Self(keeping)
    }
}

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The groups' bytes.
#[derive(Clone, Debug)]
struct Warm {
    scope: Arc<Scope>,
    groups: Vec<Arc<Rendered>>,
}

#[derive(Debug, Default)]
struct Tally {
    groups: BTreeMap<&'static str, GroupStats>,
    dropped: BTreeMap<(String, &'static str), u64>,
    logged: HashSet<(String, &'static str)>,
}

/// What rendering a group has cost so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupStats {
    /// Times rendered or compressed, all variants.
    pub renders: u64,
    /// Bytes of text made, before compression.
    pub bytes: u64,
    /// Time taken.
    pub duration: Duration,
}

/// The group name under which the live piece is accounted.
const LIVE: &str = "live";

/// A page, ready to be sent.
#[derive(Clone, Debug)]
pub struct Page {
    /// The body, in order.
    pub pieces: Vec<Bytes>,
    /// The `Content-Type` header.
    pub content_type: &'static str,
    /// Content encoding of the body.
    pub encoding: Encoding,
}

impl Page {
    /// Length of the body in bytes.
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }
}

impl std::fmt::Debug for Exposition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exposition").field("view", &self.view).finish_non_exhaustive()
    }
}

impl Exposition {
    /// A page over `store`; `live` is asked at each scrape.
    pub fn new(store: Arc<SnapshotStore>, naming: Naming, live: Live) -> Arc<Self> {
        Self::of(store, View::whole(naming), live)
    }

    /// A page of a part of `store`.
    pub fn of(store: Arc<SnapshotStore>, view: View, live: Live) -> Arc<Self> {
        let mut tally = Tally::default();
        let layout = Layout::new(&store.load(), &view, None, &mut tally);
        Arc::new(Self {
            store,
            view,
            live,
            layout: ArcSwap::from_pointee(layout),
            planning: Mutex::default(),
            tally: Mutex::new(tally),
            variants: Default::default(),
            keeping: AtomicBool::new(false),
            changed: AtomicU64::new(0),
            start: Instant::now(),
            telemetry: Arc::default(),
        })
    }

    /// The page as of now.
    pub async fn page(self: &Arc<Self>, format: Format, encoding: Encoding) -> Page {
        let variant = Variant { format, encoding };
        self.note_demand(variant);
        let Warm { scope, groups } = match self.latest(variant) {
            Some(warm) => warm,
            None => self.warm(variant).await,
        };
        let this = Arc::clone(self);
        let live = tokio::task::spawn_blocking(move || this.render_live(&scope, variant)).await;
        let live = live.unwrap_or_else(|error| {
            tracing::error!(%error, "the self metrics could not be rendered");
            None
        });
        let pieces = join(groups.iter().map(|group| &group.pieces).chain(&live), encoding);
        Page { pieces, content_type: format.content_type(), encoding }
    }

    /// Renders what is asked for as soon as the snapshot changes, so that a scrape finds it done. Never ends.
    pub async fn keep_warm(self: Arc<Self>) {
        let mut changes = self.store.subscribe();
        let _keeping = Keeping::begin(&self.keeping);
        loop {
            for variant in Variant::ALL {
                if self.is_wanted(variant) {
                    self.warm(variant).await;
                } else {
                    self.forget(variant);
                }
            }
            self.changed.store(0, Ordering::Relaxed);
            match tokio::time::timeout(TIDY, changes.changed()).await {
                Ok(Ok(())) => {
                    self.changed.store(self.now(), Ordering::Relaxed);
                    tokio::time::sleep(SETTLE).await;
                }
                Ok(Err(_)) => return,
                Err(_) => {}
            }
            changes.mark_unchanged();
        }
    }

    /// What rendering has cost so far, by group (`live` is the piece made at each scrape).
    pub fn stats(&self) -> BTreeMap<&'static str, GroupStats> {
        self.tally().groups.clone()
    }

    /// Samples left out of the page so far, by family and reason: `duplicate` (the label set is there already),
    /// `conflict` (another group prints the family), `name` (no parser would take the name).
    pub fn dropped(&self) -> Vec<(String, &'static str, u64)> {
        self.tally().dropped.iter().map(|((family, reason), samples)| (family.clone(), *reason, *samples)).collect()
    }

    /// The snapshot as of now, whatever of it the page shows.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.store.load()
    }

    /// The self metrics as of now.
    pub(crate) fn live_parts(&self) -> Vec<Part> {
        (self.live)()
    }

    /// Counters of the server in front of this page.
    pub(crate) fn telemetry(&self) -> &Arc<Telemetry> {
        &self.telemetry
    }

    /// What was rendered last, where it is as good as new.
    fn latest(&self, variant: Variant) -> Option<Warm> {
        let changed = Duration::from_millis(self.changed.load(Ordering::Relaxed));
        let outdated = !changed.is_zero() && self.start.elapsed() > changed + OUTDATED_AT_MOST;
        if outdated || !self.keeping.load(Ordering::Relaxed) {
            return None;
        }
        let latest = self.variants.get(variant.index())?.latest.load();
        latest.as_deref().filter(|warm| warm.scope.has_parts_of(&self.store.load(), &self.view)).cloned()
    }

    /// Milliseconds since the start, plus one: never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// The groups' pieces of a variant, rendered if need be.
    async fn warm(self: &Arc<Self>, variant: Variant) -> Warm {
        let empty = || Warm { scope: Arc::clone(&self.layout.load().scope), groups: Vec::new() };
        let Some(demand) = self.variants.get(variant.index()) else { return empty() };
        if let Some(rendered) = self.ready(variant) {
            return rendered;
        }
        let _gate = demand.gate.lock().await;
        if let Some(rendered) = self.ready(variant) {
            return rendered;
        }
        let this = Arc::clone(self);
        let rendered = tokio::task::spawn_blocking(move || this.render_groups(variant)).await;
        // After a defect there is none: it would be answered with for ever.
        demand.latest.store(rendered.as_ref().ok().map(|warm| Arc::new(warm.clone())));
        rendered.unwrap_or_else(|error| {
            tracing::error!(%error, "the page could not be rendered");
            empty()
        })
    }

    fn ready(&self, variant: Variant) -> Option<Warm> {
        let layout = self.layout.load_full();
        if !layout.is_of(&self.store.load()) {
            return None;
        }
        let groups = layout.groups.iter().map(|group| group.ready(variant)).collect::<Option<_>>()?;
        Some(Warm { scope: Arc::clone(&layout.scope), groups })
    }

    fn render_groups(&self, variant: Variant) -> Warm {
        let layout = self.current_layout();
        let mut groups = Vec::with_capacity(layout.groups.len());
        for group in &layout.groups {
            let (rendered, effort) = group.render(variant);
            if let Some(effort) = effort {
                self.tally().rendered(group.name, effort.text_bytes, effort.took);
            }
            groups.extend(rendered);
        }
        Warm { scope: Arc::clone(&layout.scope), groups }
    }

    fn current_layout(&self) -> Arc<Layout> {
        let _one = self.planning.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.layout.load_full();
        let snapshot = self.store.load();
        if old.is_of(&snapshot) {
            return old;
        }
        let mut tally = Tally::default();
        let layout = Arc::new(Layout::new(&snapshot, &self.view, Some(&old), &mut tally));
        self.tally().absorb(tally);
        self.layout.store(Arc::clone(&layout));
        layout
    }

    fn render_live(&self, scope: &Scope, variant: Variant) -> Option<Pieces> {
        let start = Instant::now();
        let mut parts = (self.live)();
        if !self.view.single_cloud {
            parts.push(self.telemetry.part(&self.stats()));
        }
        let parts: Vec<Arc<Part>> = parts.into_iter().map(|part| self.view.trim(part)).collect();
        let mut plan = Plan::new(parts.iter(), &scope.scheme);
        plan.exclude(&scope.taken);
        self.tally().note_dropped(&plan.dropped);
        let pieces = render_last(&Arc::new(plan), variant)?;
        self.tally().rendered(LIVE, pieces.text_bytes(), start.elapsed());
        Some(pieces)
    }

    fn note_demand(&self, variant: Variant) {
        if let Some(demand) = self.variants.get(variant.index()) {
            let now = self.now();
            let before = demand.asked.swap(now, Ordering::Relaxed);
            if before > 0 {
                let interval = demand.interval.load(Ordering::Relaxed);
                demand.interval.store(now.saturating_sub(before).max(interval / 2), Ordering::Relaxed);
            }
        }
    }

    fn is_wanted(&self, variant: Variant) -> bool {
        let Some(demand) = self.variants.get(variant.index()) else { return false };
        let asked = demand.asked.load(Ordering::Relaxed);
        let interval = Duration::from_millis(demand.interval.load(Ordering::Relaxed));
        let kept_for = interval.saturating_mul(KEPT_INTERVALS).clamp(KEPT_AT_LEAST, KEPT_AT_MOST);
        asked > 0 && self.start.elapsed() < Duration::from_millis(asked) + kept_for
    }

    fn forget(&self, variant: Variant) {
        if let Some(demand) = self.variants.get(variant.index()) {
            demand.latest.store(None);
        }
        for group in &self.layout.load().groups {
            group.forget(variant);
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layout {
    /// Groups the snapshot's parts; groups of `old` that would print the same are taken over with their cache.
    fn new(snapshot: &Arc<Snapshot>, view: &View, old: Option<&Self>, tally: &mut Tally) -> Self {
        let scheme = Scheme::of(view, snapshot);
        let mut by_group: BTreeMap<&'static str, Vec<Arc<Part>>> = BTreeMap::new();
        let mut keys = Vec::new();
        for part in snapshot.parts().filter(|part| view.shows(&part.key)) {
            keys.push(part.key.clone());
            by_group.entry(part.key.group).or_default().push(Arc::clone(part));
        }
        let (mut groups, mut taken) = (Vec::with_capacity(by_group.len()), HashSet::new());
        for (name, parts) in by_group {
            let kept = old.and_then(|old| old.groups.iter().find(|group| group.name == name));
            let group = match kept {
                Some(group) if group.is_current(&parts, &scheme, &taken) => Arc::clone(group),
                _ => {
                    let group = Group::new(name, &parts, &scheme, &taken, kept.map(|group| &**group));
                    tally.note_dropped(&group.plan.dropped);
                    Arc::new(group)
                }
            };
            taken.extend(group.plan.families.iter().map(|family| family.key().to_owned()));
            groups.push(group);
        }
        Self { snapshot: Arc::downgrade(snapshot), groups, scope: Arc::new(Scope { keys, scheme, taken }) }
    }

    fn is_of(&self, snapshot: &Arc<Snapshot>) -> bool {
        std::ptr::eq(self.snapshot.as_ptr(), Arc::as_ptr(snapshot))
    }
}

impl Scope {
    /// Whether exactly the slots are filled now that were then.
    fn has_parts_of(&self, snapshot: &Snapshot, view: &View) -> bool {
        snapshot.parts().map(|part| &part.key).filter(|key| view.shows(key)).eq(&self.keys)
    }
}

impl Tally {
    fn rendered(&mut self, group: &'static str, bytes: u64, took: Duration) {
        let stats = self.groups.entry(group).or_default();
        stats.renders += 1;
        stats.bytes += bytes;
        stats.duration += took;
    }

    fn note_dropped(&mut self, dropped: &[Dropped]) {
        for Dropped { family, reason, samples } in dropped {
            self.drop(family.clone().into_owned(), reason, *samples);
        }
    }

    fn absorb(&mut self, other: Self) {
        for ((family, reason), samples) in other.dropped {
            self.drop(family, reason, samples);
        }
    }

    fn drop(&mut self, family: String, reason: &'static str, samples: u64) {
        if self.logged.insert((family.clone(), reason)) {
            tracing::warn!(family, reason, samples, "samples left out of the page; further ones are only counted");
        }
        *self.dropped.entry((family, reason)).or_default() += samples;
    }
}
