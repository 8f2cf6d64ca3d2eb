//! The frame of every answer: when it was made, how old its facts are, whether it may be acted upon; and pages of rows.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::Now;
use super::asked::{Asked, LIMIT, OFFSET};
use super::problem::Problem;
use crate::model::clock::Timestamp;

/// A time of day, RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) Timestamp);

impl Moment {
    /// Seconds since 1970; none for infinity, which stands for never.
    pub(super) fn of_seconds(seconds: f64) -> Option<Self> {
        // Further than any calendar reaches is never, too.
        (seconds.abs() < 1e11).then(|| Self(Timestamp::from_millis((seconds * 1000.0) as i64)))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// A number that JSON can tell.
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// An answer in its frame.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answer<T> {
    /// When this answer was made.
    pub(super) generated_at: Moment,
    /// Age of the oldest facts that it rests on; null where there are none.
    pub(super) data_age_seconds: Option<f64>,
    /// Whether there is enough behind it to act upon.
    pub(super) ready: bool,
    #[serde(flatten)]
    pub(super) body: T,
}

/// Frames and writes an answer.
pub(super) fn write<T: Serialize>(
    now: &Now,
    oldest: Option<Timestamp>,
    ready: bool,
    body: T,
) -> Result<Vec<u8>, Problem> {
    let data_age_seconds = oldest.map(|oldest| now.age(oldest));
    let answer = Answer { generated_at: Moment(now.at), data_age_seconds, ready, body };
    serde_json::to_vec(&answer).map_err(|fault| Problem::internal(&fault))
}

/// Which rows of all these are.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Extent {
    /// Rows in all.
    pub(super) total: usize,
    /// Most rows of this answer.
    pub(super) limit: usize,
    /// Rows left out before.
    pub(super) offset: usize,
    /// The offset of the next rows; null at the end.
    pub(super) next_offset: Option<usize>,
}

impl Extent {
    /// What is asked for, of so many rows.
    pub(super) fn of(total: usize, asked: &Asked) -> Self {
        let (limit, offset) = (asked.count(&LIMIT), asked.count(&OFFSET));
        let next = offset.saturating_add(limit);
        Self { total, limit, offset, next_offset: (next < total).then_some(next) }
    }

    /// The rows within.
    pub(super) fn cut<T>(&self, rows: impl Iterator<Item = T>) -> Vec<T> {
        rows.skip(self.offset).take(self.limit).collect()
    }
}

/// Rows of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Page<T> {
    #[serde(flatten)]
    pub(super) extent: Extent,
    /// The rows.
    pub(super) items: Vec<T>,
}

impl<T> Page<T> {
    /// What is asked for of these rows.
    pub(super) fn of(rows: impl ExactSizeIterator<Item = T>, asked: &Asked) -> Self {
        let extent = Extent::of(rows.len(), asked);
        Self { items: extent.cut(rows), extent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        const KNOWN: &[super::super::asked::Parameter] = &[LIMIT, OFFSET];
        let page = |query: &str| Page::of(0..5, &Asked::read(KNOWN, query).unwrap());
        let first = page("limit=3");
        assert_eq!((first.items, first.extent.next_offset, first.extent.total), (vec![0, 1, 2], Some(3), 5));
        let second = page("limit=3&offset=3");
        assert_eq!((second.items, second.extent.next_offset), (vec![3, 4], None));
        assert!(page("offset=99").items.is_empty());
    }

    #[test]
    fn never_is_no_moment() {
        assert_eq!(Moment::of_seconds(f64::INFINITY), None);
        assert_eq!(Moment::of_seconds(f64::NAN), None);
        let text = serde_json::to_string(&Moment::of_seconds(1_795_305_600.9)).unwrap();
        assert_eq!(text, "\"2026-11-22T00:00:00Z\"");
    }
}
