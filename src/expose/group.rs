//! One group of the page with its cache: rendered when first asked for, kept until a part changes.
//!
//! Rendering blocks; callers are on a blocking thread. One at a time renders a variant, others wait
//! for its bytes.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use crate::model::part::Part;

use super::names::Scheme;
use super::negotiate::{Encoding, Format, VARIANTS, Variant};
use super::output::{Output, Piece};
use super::plan::Plan;
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

#[derive(Debug, Default)]
struct Slot {
    piece: ArcSwapOption<Piece>,
    rendering: Mutex<()>,
}

impl Group {
    /// Plans a group; `taken` are the families of groups before it.
    pub(crate) fn new(name: &'static str, parts: Vec<Arc<Part>>, scheme: &Scheme, taken: &HashSet<String>) -> Self {
        let mut plan = Plan::new(parts.iter(), scheme);
        let claim = |key: &str| (key.to_owned(), taken.contains(key));
        let claims = plan.families.iter().map(|family| claim(family.key())).collect();
        plan.exclude(taken);
        let cloud_labels = scheme.cloud_labels();
        Self { name, plan: Arc::new(plan), parts, cloud_labels, claims, slots: Default::default() }
    }

    /// Whether a group of these parts would print exactly the same.
    pub(crate) fn is_current(&self, parts: &[Arc<Part>], scheme: &Scheme, taken: &HashSet<String>) -> bool {
        self.cloud_labels == scheme.cloud_labels()
            && self.parts.len() == parts.len()
            && self.parts.iter().zip(parts).all(|(a, b)| Arc::ptr_eq(a, b))
            && self.claims.iter().all(|(key, lost)| taken.contains(key) == *lost)
    }

    /// The variant's bytes if they are there.
    pub(crate) fn ready(&self, variant: Variant) -> Option<Arc<Piece>> {
        self.slot(variant).and_then(|slot| slot.piece.load_full())
    }

    /// The variant's bytes, made now if need be; the time it took when it was made by this call. Blocks.
    pub(crate) fn render(&self, variant: Variant) -> (Option<Arc<Piece>>, Option<Duration>) {
        let Some(slot) = self.slot(variant) else { return (None, None) };
        let _one = slot.rendering.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(piece) = slot.piece.load_full() {
            return (Some(piece), None);
        }
        let start = Instant::now();
        let plain = self.ready(Variant { encoding: Encoding::Identity, ..variant });
        let piece = match plain {
            Some(plain) if variant.encoding == Encoding::Gzip => compress(&plain),
            _ => render(&self.plan, variant, false),
        };
        let piece = piece.map(Arc::new);
        slot.piece.store(piece.clone());
        (piece, Some(start.elapsed()))
    }

    /// Frees a variant that nobody asks for.
    pub(crate) fn forget(&self, variant: Variant) {
        if let Some(slot) = self.slot(variant) {
            slot.piece.store(None);
        }
    }

    fn slot(&self, variant: Variant) -> Option<&Slot> {
        self.slots.get(variant.index())
    }
}

/// Renders a plan; `last` adds the format's end mark.
pub(crate) fn render(plan: &Arc<Plan>, variant: Variant, last: bool) -> Option<Piece> {
    let mut out = Output::new(variant.encoding);
    match variant.format {
        Format::Text => text::write(plan, &mut out),
        Format::OpenMetrics => {
            openmetrics::write(plan, &mut out);
            if last {
                openmetrics::write_end(&mut out);
            }
        }
    }
    out.finish()
}

/// Compresses text that is there already.
fn compress(plain: &Piece) -> Option<Piece> {
    let mut out = Output::new(Encoding::Gzip);
    for chunk in &plain.chunks {
        out.buffer().extend_from_slice(chunk);
        out.checkpoint();
    }
    out.finish()
}
