//! One group of the page with its cache: rendered when first asked for, kept until a part changes; what is rendered
//! then takes over every segment that is still the same.
//!
//! Rendering blocks; callers are on a blocking thread. One at a time renders a variant, others wait
//! for its bytes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use crate::model::part::Part;

use super::names::Scheme;
use super::negotiate::{Format, VARIANTS, Variant};
use super::output::{Encoder, Piece, Pieces};
use super::plan::Plan;
use super::segment::{Segment, segments};
use super::{openmetrics, text};

/// A group as of one set of parts.
#[derive(Debug)]
pub(crate) struct Group {
    /// Its name in the parts' keys.
    pub(crate) name: &'static str,
    /// What it prints.
    pub(crate) plan: Arc<Plan>,
    parts: Vec<Arc<Part>>,
    cloud_labels: bool,
    /// Families it would print if no other group did: (key, whether another one does).
    claims: Vec<(String, bool)>,
    slots: [Slot; VARIANTS],
}

/// A variant's bytes.
#[derive(Debug, Default)]
struct Slot {
    rendered: ArcSwapOption<Rendered>,
    /// Of the group before this one, until this one is rendered.
    earlier: ArcSwapOption<Rendered>,
    rendering: Mutex<()>,
}

/// A group's bytes, whole and by segment; the bytes themselves are there once.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) pieces: Pieces,
    segments: HashMap<u64, Arc<Piece>>,
}

/// What it took to render.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Bytes of text made.
    pub(crate) text_bytes: u64,
    /// Time taken.
    pub(crate) took: Duration,
}

impl Group {
    /// Plans a group; `taken` are the families of groups before it, `earlier` is the same group before a part changed.
    pub(crate) fn new(
        name: &'static str,
        parts: Vec<Arc<Part>>,
        scheme: &Scheme,
        taken: &HashSet<String>,
        earlier: Option<&Self>,
    ) -> Self {
        let mut plan = Plan::new(parts.iter(), scheme);
        let claim = |key: &str| (key.to_owned(), taken.contains(key));
        let claims = plan.families.iter().map(|family| claim(family.key())).collect();
        plan.exclude(taken);
        let cloud_labels = scheme.cloud_labels();
        let slots: [Slot; VARIANTS] = Default::default();
        for (slot, earlier) in slots.iter().zip(earlier.iter().flat_map(|group| &group.slots)) {
            slot.earlier.store(earlier.rendered.load_full().or_else(|| earlier.earlier.load_full()));
        }
        Self { name, plan: Arc::new(plan), parts, cloud_labels, claims, slots }
    }

    /// Whether a group of these parts would print exactly the same.
    pub(crate) fn is_current(&self, parts: &[Arc<Part>], scheme: &Scheme, taken: &HashSet<String>) -> bool {
        self.cloud_labels == scheme.cloud_labels()
            && self.parts.len() == parts.len()
            && self.parts.iter().zip(parts).all(|(a, b)| Arc::ptr_eq(a, b))
            && self.claims.iter().all(|(key, lost)| taken.contains(key) == *lost)
    }

    /// The variant's bytes if they are there.
    pub(crate) fn ready(&self, variant: Variant) -> Option<Arc<Rendered>> {
        self.slot(variant).and_then(|slot| slot.rendered.load_full())
    }

    /// The variant's bytes, made now if need be; what that took when this call made them. Blocks.
    pub(crate) fn render(&self, variant: Variant) -> (Option<Arc<Rendered>>, Option<Effort>) {
        let Some(slot) = self.slot(variant) else { return (None, None) };
        let _one = slot.rendering.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rendered) = slot.rendered.load_full() {
            return (Some(rendered), None);
        }
        let start = Instant::now();
        let earlier = slot.earlier.swap(None);
        let Some((rendered, text_bytes)) = render(&self.plan, variant, earlier.as_deref()) else { return (None, None) };
        let rendered = Arc::new(rendered);
        slot.rendered.store(Some(Arc::clone(&rendered)));
        (Some(rendered), Some(Effort { text_bytes, took: start.elapsed() }))
    }

    /// Frees a variant that nobody asks for.
    pub(crate) fn forget(&self, variant: Variant) {
        if let Some(slot) = self.slot(variant) {
            slot.rendered.store(None);
            slot.earlier.store(None);
        }
    }

    fn slot(&self, variant: Variant) -> Option<&Slot> {
        self.slots.get(variant.index())
    }
}

/// Renders what `earlier` does not have; also the bytes of text made for it.
fn render(plan: &Arc<Plan>, variant: Variant, earlier: Option<&Rendered>) -> Option<(Rendered, u64)> {
    let segments = segments(plan);
    let mut rendered = Rendered { pieces: Pieces::default(), segments: HashMap::with_capacity(segments.len()) };
    let (mut encoder, mut text_bytes) = (Encoder::new(variant.encoding), 0);
    for segment in &segments {
        let piece = match earlier.and_then(|earlier| earlier.segments.get(&segment.key)) {
            Some(kept) => Arc::clone(kept),
            None => {
                let piece = encoder.piece(|buffer| write(plan, segment, variant.format, buffer))?;
                text_bytes += piece.text_bytes;
                Arc::new(piece)
            }
        };
        rendered.pieces.push(&piece);
        rendered.segments.insert(segment.key, piece);
    }
    Some((rendered, text_bytes))
}

/// Renders what is made anew for each page and ends it: nothing is kept.
pub(crate) fn render_last(plan: &Arc<Plan>, variant: Variant) -> Option<Pieces> {
    let (mut pieces, mut encoder) = (Pieces::default(), Encoder::new(variant.encoding));
    let all = |buffer: &mut Vec<u8>| {
        segments(plan).iter().for_each(|segment| write(plan, segment, variant.format, buffer));
        if variant.format == Format::OpenMetrics {
            openmetrics::write_end(buffer);
        }
    };
    pieces.push(&encoder.piece(all)?);
    Some(pieces)
}

fn write(plan: &Arc<Plan>, segment: &Segment, format: Format, buffer: &mut Vec<u8>) {
    match format {
        Format::Text => text::write(plan, segment, buffer),
        Format::OpenMetrics => openmetrics::write(plan, segment, buffer),
    }
}
