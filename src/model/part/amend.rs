//! Families that are made of an earlier one and of what has changed since.
//!
//! A collector of 50,000 rows of which fifty are new would spell, hash and compare all of them again. Here it puts the
//! fifty; the text, the digests and the order of all others are copied in long runs. What is new is for it to know.

use std::collections::BTreeSet;
use std::ops::Range;

use super::family::{Family, Values};
use super::{Part, PartBuilder};
use crate::model::metric::Descriptor;

impl Part {
    /// The family of a row, if it can be amended: sorted by its labels, none cut off, and no histogram.
    pub fn in_order(&self, row: &Descriptor) -> Option<&Family> {
        // The very row: one that lacks labels, or has more of them, is another.
        let family = self.families.iter().find(|family| std::ptr::eq(family.descriptor(), row))?;
        let numbers = matches!(family.values, Values::Numbers(_));
        let sorted = family.digests.len() == family.len();
        (numbers && sorted && !row.labels.is_empty()).then_some(family)
    }
}

impl PartBuilder {
    /// Adds the samples of a family that is [`in order`](Part::in_order), but for those whose first label value is
    /// `stale`. What the builder has of that metric already is what there is of the stale ones now, sorted as well.
    pub fn amend(&mut self, earlier: &Family, stale: &BTreeSet<&str>) {
        let family = self.family(earlier.row.clone(), false);
        let fresh = std::mem::replace(family, Family::new(earlier.row.clone(), false));
        family.merge(earlier, &fresh, stale);
    }
}

impl Family {
    fn merge(&mut self, earlier: &Self, fresh: &Self, stale: &BTreeSet<&str>) {
        self.text.reserve_exact(earlier.text.len() + fresh.text.len());
        self.ends.reserve_exact(earlier.ends.len() + fresh.ends.len());
        self.digests.reserve_exact(earlier.len() + fresh.len());
        if let Values::Numbers(values) = &mut self.values {
            values.reserve_exact(earlier.len() + fresh.len());
        }
        let (mut kept, mut put) = (0, 0);
        for key in stale {
            let before = earlier.first_where(kept, |label| label >= *key);
            self.copy(earlier, kept..before);
            kept = earlier.first_where(before, |label| label > *key);
            let end = put + (put..fresh.len()).take_while(|row| fresh.key(*row) == *key).count();
            self.copy(fresh, put..end);
            put = end;
        }
        self.copy(earlier, kept..earlier.len());
        self.copy(fresh, put..fresh.len());
        // Sealing looks for itself where rows were put that are not sorted, or not stale.
        if put < fresh.len() || !fresh.ascends() {
            self.digests.clear();
        }
    }

    /// The first row from `start` on whose first label passes; those that do not are in front of all that do.
    fn first_where(&self, start: usize, passes: impl Fn(&str) -> bool) -> usize {
        let (mut low, mut high) = (start, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if passes(self.key(middle)) { high = middle } else { low = middle + 1 }
        }
        low
    }

    fn key(&self, row: usize) -> &str {
        self.label(row * self.row.labels.len())
    }

    /// Appends rows of a family of the same row; nothing when the text would outgrow its 4 GiB.
    fn copy(&mut self, from: &Self, rows: Range<usize>) {
        let labels = rows.start * self.row.labels.len()..rows.end * self.row.labels.len();
        let (start, end) = (from.start(labels.start), from.start(labels.end));
        let base = self.text.len();
        let (Some(text), Some(ends)) = (from.text.get(start..end), from.ends.get(labels)) else { return };
        let (Values::Numbers(values), Values::Numbers(more)) = (&mut self.values, &from.values) else { return };
        if u32::try_from(base + text.len()).is_err() {
            return;
        }
        values.extend_from_slice(more.get(rows.clone()).unwrap_or(&[]));
        self.text.push_str(text);
        // Both fit, as their sum does.
        self.ends.extend(ends.iter().map(|end| (*end as usize - start + base) as u32));
        match from.digests.get(rows.clone()) {
            Some(digests) if from.digests.len() == from.len() => self.digests.extend_from_slice(digests),
            _ => self.digests.extend(rows.map(|row| from.label_digest(row))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::{Origin, PartKey};
    use super::*;
    use crate::model::clock::Timestamp;

    crate::metrics! {
        /// Things on hosts.
        THINGS = gauge "openstack_nova_amended_things" [host class], Count, "GET /things";
        /// Other things.
        OTHERS = gauge "openstack_nova_amended_others" [host], Count, "GET /things";
    }

    type Rows = BTreeMap<(String, String), u8>;

    fn put<'r>(builder: &mut PartBuilder, rows: impl Iterator<Item = (&'r (String, String), &'r u8)>) {
        for ((host, class), value) in rows {
            builder.put(&THINGS, [host, class], f64::from(*value));
        }
    }

    fn seal(builder: PartBuilder) -> Part {
        let key = PartKey { group: "test", origin: Origin::LOCAL, source: "test".into() };
        builder.seal(key, Timestamp::default(), 1000).0
    }

    fn whole(rows: &Rows) -> Part {
        let mut builder = PartBuilder::new();
        put(&mut builder, rows.iter());
        builder.put(&OTHERS, ["a"], 1.0);
        seal(builder)
    }

    fn shown(part: &Part) -> Vec<(Vec<String>, f64)> {
        let samples = part.families.iter().flat_map(|family| family.samples());
        samples.map(|sample| (sample.labels().map(str::to_owned).collect(), sample.number())).collect()
    }

    fn rows() -> impl Strategy<Value = Rows> {
        proptest::collection::btree_map(("[a-f]{1,2}", "[x-z]"), 0..3u8, 0..60)
    }

    proptest! {
        #[test]
        fn an_amended_family_is_the_one_made_anew(before in rows(), now in rows(), spared in "[a-f]{0,3}") {
            prop_assert_eq!(METRICS.len(), 2);
            // Hosts that are spared stay as they were; of the others some have changed and some have not.
            let is_spared = |host: &str| host.chars().next().is_some_and(|first| spared.contains(first));
            let of = |rows: &Rows, spared: bool| -> Rows {
                rows.iter().filter(|((host, _), _)| is_spared(host) == spared).map(|(k, v)| (k.clone(), *v)).collect()
            };
            let (mut now, fresh) = (of(&now, false), of(&now, false));
            now.extend(of(&before, true));
            let hosts: Vec<String> = before.keys().chain(now.keys()).map(|(host, _)| host.clone()).collect();
            let stale: BTreeSet<&str> = hosts.iter().map(String::as_str).filter(|host| !is_spared(host)).collect();

            let earlier = whole(&before);
            let Some(family) = earlier.in_order(&THINGS.descriptor) else {
                prop_assert!(before.is_empty());
                return Ok(());
            };
            let mut builder = PartBuilder::new();
            put(&mut builder, fresh.iter());
            builder.amend(family, &stale);
            builder.put(&OTHERS, ["a"], 1.0);
            let (amended, anew) = (seal(builder), whole(&now));
            if now.is_empty() {
                prop_assert!(amended.families[0].is_empty());
                return Ok(());
            }
            prop_assert_eq!(shown(&amended), shown(&anew));
            for (a, b) in amended.families.iter().zip(&anew.families) {
                prop_assert_eq!(a.spans(), b.spans());
                prop_assert_eq!(&a.digests, &b.digests);
            }
            prop_assert!(amended.in_order(&THINGS.descriptor).is_some());
        }
    }

    fn thing(builder: &mut PartBuilder, host: &str, class: &str, value: f64) {
        builder.put(&THINGS, [host, class], value);
    }

    #[test]
    fn what_is_put_out_of_order_is_not_lost_and_repetitions_are_dropped() {
        let mut builder = PartBuilder::new();
        ["a", "b", "c"].into_iter().for_each(|host| thing(&mut builder, host, "x", 1.0));
        let earlier = seal(builder);
        let mut builder = PartBuilder::new();
        thing(&mut builder, "b", "z", 2.0);
        thing(&mut builder, "b", "y", 3.0);
        thing(&mut builder, "a", "x", 4.0);
        builder.amend(earlier.in_order(&THINGS.descriptor).unwrap(), &["b"].into());
        let part = seal(builder);
        let values: Vec<f64> = part.families[0].samples().map(|sample| sample.number()).collect();
        assert_eq!(values, [1.0, 2.0, 3.0, 1.0], "the repeated a is the earlier one");
        assert!(part.in_order(&THINGS.descriptor).is_none());
    }

    #[test]
    fn only_what_is_sorted_and_has_all_its_labels_can_be_amended() {
        let mut builder = PartBuilder::new();
        thing(&mut builder, "b", "x", 1.0);
        thing(&mut builder, "a", "x", 1.0);
        assert!(seal(builder).in_order(&THINGS.descriptor).is_none());
        let mut builder = PartBuilder::new();
        thing(&mut builder, "a", "x", 1.0);
        builder.drop_labels(|_, label| label == "class");
        assert!(seal(builder).in_order(&THINGS.descriptor).is_none());
        let mut builder = PartBuilder::new();
        ["a", "b"].into_iter().for_each(|host| thing(&mut builder, host, "x", 1.0));
        let mut part = seal(builder);
        assert!(part.in_order(&THINGS.descriptor).is_some());
        part.truncate(1);
        assert!(part.in_order(&THINGS.descriptor).is_none(), "there is more than it shows");
    }
}
