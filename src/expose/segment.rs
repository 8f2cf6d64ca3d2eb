//! A group cut into segments: what is rendered, deflated and kept together.
//!
//! A segment is one span of a big family, or several small families. Its key says everything that its text depends on,
//! so that text kept under the same key is the same text. Makes no text itself.

use std::hash::{Hash, Hasher};
use std::ops::Range;

use crate::model::part::{SPAN_BYTES_MIN, Span, span_hasher};

use super::plan::{Block, Plan, PlannedFamily};

/// Consecutive rows of a plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segment {
    /// Equal for equal text, within this process and one format.
    pub(crate) key: u64,
    /// Its rows, in order.
    pub(crate) runs: Vec<Run>,
}

/// Rows of one block of one family.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The family's place in the plan.
    family: usize,
    /// The block's place in the family.
    block: usize,
    /// The rows' places in the block.
    pub(crate) rows: Range<usize>,
    /// Whether the family's HELP and TYPE lines are in front.
    pub(crate) head: bool,
}

impl Run {
    /// What it is a run of.
    pub(crate) fn of<'p>(&self, plan: &'p Plan) -> Option<(&'p PlannedFamily, &'p Block)> {
        let family = plan.families.get(self.family)?;
        Some((family, family.blocks.get(self.block)?))
    }
}

/// Cuts a plan. Segments end with a span or a family, at the first one that makes them big enough: behind each span of
/// a big family, so that what is in front of one moves no cut behind it.
pub(crate) fn segments(plan: &Plan) -> Vec<Segment> {
    let mut segments = Vec::new();
    let (mut open, mut bytes, mut state) = (Segment::default(), 0, span_hasher());
    for (family, planned) in plan.families.iter().enumerate() {
        let mut head = true;
        for (block, rows) in planned.blocks.iter().enumerate() {
            for span in rows.family().spans() {
                hash_span(planned, rows, span, head, &mut state);
                open.runs.push(Run { family, block, rows: span.rows.clone(), head });
                head = false;
                bytes += span.bytes;
                if bytes >= SPAN_BYTES_MIN {
                    open.key = std::mem::replace(&mut state, span_hasher()).finish();
                    segments.push(std::mem::take(&mut open));
                    bytes = 0;
                }
            }
        }
    }
    if !open.runs.is_empty() {
        open.key = state.finish();
        segments.push(open);
    }
    segments
}

fn hash_span(family: &PlannedFamily, block: &Block, span: &Span, head: bool, state: &mut impl Hasher) {
    family.name.hash(state);
    family.kind.hash(state);
    head.then_some(&family.help).hash(state);
    block.hash_around(&span.rows, state);
    span.hash.hash(state);
}
