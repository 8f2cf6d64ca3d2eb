//! The rows of single ports: those that changed since the last run are spelled, all others are taken over as they are.
//!
//! Neutron tells of all ports each time and not which have changed, so a digest of each row is kept. What a port's
//! labels are is the business of `network.ports`.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::ports::PORT;
use crate::model::id::Id;
use crate::model::part::{Family, Part, PartBuilder};

/// Labels of a row.
const WIDTH: usize = 9;

/// What was printed: ports with digests of their rows, by id.
#[derive(Debug, Default)]
pub(super) struct Printed(Vec<(Id, u64)>);

impl Printed {
    fn new(mut rows: Vec<(Id, u64)>) -> Self {
        rows.sort_unstable();
        // One that is listed twice, because ports went while the pages were read, counts once. If it changed in between
        // there is no telling which of its rows was printed, so it is spelled again next time.
        rows.dedup_by(|next, kept| {
            if next.0 == kept.0 && next.1 != kept.1 {
                kept.1 = 0;
            }
            next.0 == kept.0
        });
        rows.shrink_to_fit();
        Self(rows)
    }

    fn digest(&self, id: &Id) -> Option<u64> {
        let found = self.0.binary_search_by(|(known, _)| known.cmp(id)).ok()?;
        self.0.get(found).map(|(_, digest)| *digest)
    }
}

/// A row that is to be spelled anew: its label values in one piece.
struct Line {
    text: Box<str>,
    ends: [u32; WIDTH],
}

impl Line {
    /// None beyond 4 GiB.
    fn new(labels: [&str; WIDTH]) -> Option<Self> {
        let mut ends = [0; WIDTH];
        let mut end = 0u32;
        for (place, label) in ends.iter_mut().zip(labels) {
            end = end.checked_add(u32::try_from(label.len()).ok()?)?;
            *place = end;
        }
        Some(Self { text: labels.concat().into_boxed_str(), ends })
    }

    fn labels(&self) -> [&str; WIDTH] {
        let mut start = 0;
        self.ends.map(|end| {
            let label = self.text.get(start..end as usize).unwrap_or("");
            start = end as usize;
            label
        })
    }

    fn id(&self) -> &str {
        self.text.get(..self.ends.first().map_or(0, |end| *end as usize)).unwrap_or("")
    }
}

/// Rows of a run.
pub(super) struct Rows<'a> {
    /// What was printed, and where, if it can be gone on from.
    earlier: Option<(Arc<Printed>, &'a Family)>,
    seen: Vec<(Id, u64)>,
    fresh: Vec<Line>,
}

impl<'a> Rows<'a> {
    /// Rows behind those of an earlier part, which is the one that `printed` is about.
    pub(super) fn after(printed: Arc<Printed>, earlier: Option<&'a Part>) -> Self {
        let family = earlier.and_then(|part| part.in_order(&PORT.descriptor));
        Self { seen: Vec::with_capacity(printed.0.len()), earlier: family.map(|f| (printed, f)), fresh: Vec::new() }
    }

    /// Adds a port, whose id is its first label.
    pub(super) fn add(&mut self, labels: [&str; WIDTH]) {
        let [id, ..] = labels;
        let id = Id::new(id);
        let mut hasher = DefaultHasher::new();
        labels.hash(&mut hasher);
        let digest = hasher.finish();
        let same = self.earlier.as_ref().is_some_and(|(printed, _)| printed.digest(&id) == Some(digest));
        self.seen.push((id, digest));
        if !same && let Some(line) = Line::new(labels) {
            self.fresh.push(line);
        }
    }

    /// Adds all rows to the part; returns what is printed now.
    pub(super) fn finish(mut self, part: &mut PartBuilder) -> Arc<Printed> {
        let printed = Printed::new(self.seen);
        // By id, which is what makes the family one that the next run can go on from.
        self.fresh.sort_by(|a, b| a.id().cmp(b.id()));
        // Of a port that is there twice the last one.
        self.fresh.dedup_by(|next, kept| {
            let same = next.id() == kept.id();
            if same {
                std::mem::swap(next, kept);
            }
            same
        });
        for line in &self.fresh {
            part.put(&PORT, line.labels(), 1.0);
        }
        if let Some((earlier, family)) = self.earlier {
            let gone = earlier.0.iter().filter(|(id, _)| printed.digest(id).is_none());
            let gone: Vec<String> = gone.map(|(id, _)| id.to_string()).collect();
            let stale: BTreeSet<&str> =
                gone.iter().map(String::as_str).chain(self.fresh.iter().map(Line::id)).collect();
            part.amend(family, &stale);
        }
        Arc::new(printed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::collect::sealed::{rows, seal};

    /// Ports by number, with something that changes.
    type Ports = BTreeMap<u8, u8>;

    fn labels<R>(port: u8, status: u8, then: impl FnOnce([&str; WIDTH]) -> R) -> R {
        let id = format!("{:08x}-38a2-4204-82bc-c0aa8aeb8ff7", u32::from(port).wrapping_mul(2_654_435_761));
        let status = status.to_string();
        then([&id, "n", "fa:16:3e:00:00:01", "compute:a", "d", &status, "ovs", "true", "10.0.0.1"])
    }

    fn run(ports: &Ports, printed: Arc<Printed>, earlier: Option<&Part>) -> (Part, Arc<Printed>, usize) {
        let mut all = Rows::after(printed, earlier);
        for (port, status) in ports {
            labels(*port, *status, |labels| all.add(labels));
        }
        let (spelled, mut part) = (all.fresh.len(), PartBuilder::new());
        let printed = all.finish(&mut part);
        (seal(part), printed, spelled)
    }

    proptest! {
        #[test]
        fn rows_after_changes_are_those_made_anew(
            before in proptest::collection::btree_map(0..40u8, 0..3u8, 1..40),
            now in proptest::collection::btree_map(0..40u8, 0..3u8, 0..40),
        ) {
            let (first, printed, spelled) = run(&before, Arc::default(), None);
            prop_assert_eq!(spelled, before.len());
            let (second, _, spelled) = run(&now, printed, Some(&first));
            let changed = now.iter().filter(|(port, status)| before.get(port) != Some(status)).count();
            prop_assert_eq!(spelled, changed);
            let (anew, ..) = run(&now, Arc::default(), None);
            prop_assert_eq!(rows(&second, &PORT), rows(&anew, &PORT));
        }
    }

    #[test]
    fn a_port_that_two_pages_hold_is_there_once() {
        let ports: Ports = [(1, 0), (2, 0)].into();
        let (first, printed, _) = run(&ports, Arc::default(), None);
        let mut all = Rows::after(printed, Some(&first));
        for (port, status) in [(1, 0), (1, 1), (2, 0), (2, 0)] {
            labels(port, status, |labels| all.add(labels));
        }
        let mut part = PartBuilder::new();
        let printed = all.finish(&mut part);
        let part = seal(part);
        assert_eq!((rows(&part, &PORT).len(), printed.0.len()), (2, 2));
        let (_, _, spelled) = run(&[(1, 1), (2, 0)].into(), printed, Some(&part));
        assert_eq!(spelled, 1, "the one that changed while it was read");
    }
}
