//! One group of the page with its cache: rendered when first asked for, kept until a part changes; what is rendered
//! then takes over every segment that is still the same.
//!
//! Rendering blocks; callers are on a blocking thread. One at a time renders a variant, others wait
//! for its bytes.

use std::collections::{HashMap, HashSet};
use std::hash::Hasher;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use crate::model::part::{Part, span_hasher};

use super::names::Scheme;
use super::negotiate::{Encoding, Format, VARIANTS, Variant};
use super::output::{Encoded, Encoder, Piece, Pieces};
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
    /// What it was planned from.
    parts: Vec<Part>,
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

/// A group's bytes.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) pieces: Pieces,
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
        parts: &[Arc<Part>],
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
        let parts = parts.iter().map(|part| part.without_tables()).collect();
        Self { name, plan: Arc::new(plan), parts, cloud_labels, claims, slots }
    }

    /// Whether a group of these parts would print exactly the same.
    pub(crate) fn is_current(&self, parts: &[Arc<Part>], scheme: &Scheme, taken: &HashSet<String>) -> bool {
        self.cloud_labels == scheme.cloud_labels()
            && self.parts.len() == parts.len()
            && self.parts.iter().zip(parts).all(|(a, b)| a.prints_like(b))
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

/// Renders what `earlier` does not have; also the bytes of text made for it. Pieces that are the same are held in
/// common, and of others, what they have in common is copied.
fn render(plan: &Arc<Plan>, variant: Variant, earlier: Option<&Rendered>) -> Option<(Rendered, u64)> {
    let pieces = || earlier.into_iter().flat_map(|earlier| earlier.pieces.iter());
    let whole: HashMap<u64, &Arc<Piece>> = pieces().map(|piece| (piece.key, piece)).collect();
    let mut parts: Option<HashMap<u64, Encoded<'_>>> = None;
    let (mut encoder, mut text_bytes) = (Encoder::new(variant.encoding), 0);
    let (mut rendered, segments) = (Pieces::default(), segments(plan));
    for segments in segments.split_inclusive(|segment| segment.key.is_multiple_of(segments_per_piece(variant.encoding)))
    {
        let key = key_of(segments);
        if let Some(kept) = whole.get(&key) {
            rendered.push(Arc::clone(kept));
            continue;
        }
        let parts = parts.get_or_insert_with(|| pieces().flat_map(|piece| piece.parts()).collect());
        for segment in segments {
            match parts.get(&segment.key) {
                Some(encoded) => encoder.copy(segment.key, encoded),
                None => text_bytes += encoder.add(segment.key, |out| write(plan, segment, variant.format, out))?,
            }
        }
        rendered.push(Arc::new(encoder.piece(key)));
    }
    Some((Rendered { pieces: rendered }, text_bytes))
}

/// Segments in a piece, on average. A write to the socket should take some tens of kilobytes: a plain segment of 16 kB is
/// about that, of deflated ones it takes a few. Larger pieces are made anew more often, and the allocator, which packs
/// blocks of up to 64 kB well, wastes tens of megabytes on them. Where a piece ends is said by its last segment, so that
/// what is in front moves no end behind it.
fn segments_per_piece(encoding: Encoding) -> u64 {
    match encoding {
        Encoding::Identity => 1,
        Encoding::Gzip => 16,
    }
}

fn key_of(segments: &[Segment]) -> u64 {
    let mut state = span_hasher();
    segments.iter().for_each(|segment| state.write_u64(segment.key));
    state.finish()
}

/// Renders what is made anew for each page and ends it: nothing is kept.
pub(crate) fn render_last(plan: &Arc<Plan>, variant: Variant) -> Option<Pieces> {
    let mut encoder = Encoder::once(variant.encoding);
    let all = |buffer: &mut Vec<u8>| {
        segments(plan).iter().for_each(|segment| write(plan, segment, variant.format, buffer));
        if variant.format == Format::OpenMetrics {
            openmetrics::write_end(buffer);
        }
    };
    encoder.add(0, all)?;
    let mut pieces = Pieces::default();
    pieces.push(Arc::new(encoder.piece(0)));
    Some(pieces)
}

fn write(plan: &Arc<Plan>, segment: &Segment, format: Format, buffer: &mut Vec<u8>) {
    match format {
        Format::Text => text::write(plan, segment, buffer),
        Format::OpenMetrics => openmetrics::write(plan, segment, buffer),
    }
}
